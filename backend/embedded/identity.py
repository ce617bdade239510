"""Who PostgreSQL runs as when we are root (数据库运行身份): it refuses root, and we change no folder but our own."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from backend.processes import OURSELVES, RunAs, StartupRefused

_USERS = ("postgres", "nobody")
_NAMESPACE = ("-U", "--map-user=1000", "--map-group=1000")
_PROBE_S = 10


def identity_for(program: Path, samples: tuple[Path, ...], folder: Path) -> RunAs:
    """Choose the identity for `program` (选择身份), which must read `samples` and pass into `folder`.

    In this order: ourselves when we are not root; an existing unprivileged user who can reach everything; a user
    namespace, in which root's own files stay readable below a folder of mode 0700.
    Raises: StartupRefused when none of them works here.
    """
    if os.geteuid() != 0:
        return OURSELVES
    for user in _candidates(folder):
        run_as = RunAs(uid=user.pw_uid, gid=user.pw_gid)
        if _works(run_as, program, _reaching(samples, folder)):
            return run_as
    if unshare := shutil.which("unshare"):
        run_as = RunAs(prefix=(unshare, *_NAMESPACE))
        if _works(run_as, program, None):
            return run_as
    raise StartupRefused(
        f"PostgreSQL does not run as root, no unprivileged user can reach {program} and {folder}, and this machine "
        "allows no user namespaces; start as a normal user, or put the project and its data below a folder that "
        "others may pass through."
    )


def _candidates(folder: Path) -> Iterator[pwd.struct_passwd]:
    """The user who owns the data already, then well-known ones."""
    seen = {0}
    owners = [child.stat().st_uid for child in folder.iterdir()] if folder.exists() else []
    for lookup, key in [*((pwd.getpwuid, uid) for uid in owners), *((pwd.getpwnam, name) for name in _USERS)]:
        try:
            user = lookup(key)  # type: ignore[operator]
        except KeyError:
            continue
        if user.pw_uid not in seen:
            seen.add(user.pw_uid)
            yield user


def _reaching(samples: tuple[Path, ...], folder: Path) -> Callable[[], None]:
    def touch() -> None:  # runs in the child, after it changed its user
        for sample in samples:
            os.close(os.open(sample, os.O_RDONLY))
        os.chdir(folder)

    return touch


def _works(run_as: RunAs, program: Path, touch: Callable[[], None] | None) -> bool:
    try:
        done = subprocess.run(
            [*run_as.prefix, str(program), "--version"],
            cwd="/",
            user=run_as.uid,
            group=run_as.gid,
            extra_groups=[] if run_as.uid is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=touch,
            timeout=_PROBE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
