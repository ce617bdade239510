"""One child process (子进程): started in its own session, watched and stopped without a thread.

The supervisor and the embedded engines both stand on this. asyncio's own subprocess support is not used because
Python 3.11 watches each child with a thread there, and a `preexec_fn` (needed for the death signal) is only safe
in a process without threads.
"""

import asyncio
import ctypes
import logging
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("hospital.processes")

_POLL_S = 0.02
_LOG_BYTES_MAX = 5 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


class StartupRefused(Exception):
    """Something could not start (启动失败); the message is one sentence for the operator, with its mend."""


@dataclass(frozen=True, slots=True)
class RunAs:
    """Who a child runs as (运行身份): another user, or a command in front that makes a user namespace."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()


OURSELVES = RunAs()


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How one supervised child is started, found ready and stopped (子进程说明).

    `argv` may be a callable, asked again at every start. `env` is the whole environment; None inherits ours.
    `ready` is asked until it answers True; OSError and TimeoutError mean "not yet". Without it, running is ready.
    A `once` child runs to its end, and is ready when it ended with 0. Stopping sends `stop_signal`, and
    `last_signal` after `stop_timeout_s`; `death_signal` comes from the kernel when the supervisor itself dies.
    """

    name: str
    argv: Sequence[str] | Callable[[], Sequence[str]]
    env: Mapping[str, str] | None = None
    pass_fds: tuple[int, ...] = ()
    restart: bool = True
    once: bool = False
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_timeout_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    last_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGTERM
    depends_on: tuple[str, ...] = ()
    run_as: RunAs = OURSELVES
    cwd: Path | None = None
    after_stop: Callable[[], None] | None = None

    @property
    def command(self) -> list[str]:
        """The command line of the next start (命令行)."""
        return list(self.argv() if callable(self.argv) else self.argv)


class ChildProcess:
    """A running child in its own session and process group (运行中的子进程)."""

    def __init__(self, popen: "subprocess.Popen[bytes]", sweep_group: bool) -> None:
        self._popen = popen
        self._sweep_group = sweep_group
        self._exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watcher: asyncio.Task[None] | None = None
        self._watch()

    @classmethod
    def spawn(cls, spec: ChildSpec, output: Path | None = None) -> "ChildProcess":
        """Start the child; its output is appended to the file `output` (启动子进程).

        Raises: OSError, subprocess.SubprocessError when the program cannot be executed.
        """
        sink = _open_log(output) if output else subprocess.DEVNULL
        try:
            popen = subprocess.Popen(
                [*spec.run_as.prefix, *spec.command],
                env=None if spec.env is None else dict(spec.env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                pass_fds=spec.pass_fds,
                cwd=spec.cwd,
                user=spec.run_as.uid,
                group=spec.run_as.gid,
                extra_groups=[] if spec.run_as.uid is not None else None,
                start_new_session=True,
                preexec_fn=_child_hook(spec.death_signal),  # noqa: PLW1509 — no threads, see above
            )
        finally:
            if sink != subprocess.DEVNULL:
                os.close(sink)
        # A child that may not be killed with -9 (PostgreSQL) ends its own helpers; others are swept after it.
        return cls(popen, sweep_group=spec.last_signal == signal.SIGKILL)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it (退出码)."""
        return self._exited.result() if self._exited.done() else None

    @property
    def is_running(self) -> bool:
        return not self._exited.done()

    async def wait(self) -> int:
        """Wait for its end (等待结束)."""
        return await asyncio.shield(self._exited)

    def send_signal(self, sig: signal.Signals) -> None:
        """Signal the child; SIGKILL goes to its whole group (发送信号)."""
        if self.is_running:
            with suppress(ProcessLookupError):
                (os.killpg if sig == signal.SIGKILL else os.kill)(self.pid, sig)

    async def stop(self, polite: signal.Signals, timeout_s: float, last: signal.Signals) -> int:
        """Ask politely, then send `last`; return the exit code (停止).

        Raises: TimeoutError when it outlives both, which is left to a person: nothing harsher is safe.
        """
        for sig in (polite, last):
            self.send_signal(sig)
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    return await self.wait()
            log.warning("process %d still runs %.0f s after %s", self.pid, timeout_s, sig.name)
        raise TimeoutError(f"Process {self.pid} did not stop after {polite.name} and {last.name}.")

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # macOS, old kernels, strict sandboxes
            self._watcher = loop.create_task(self._poll_until_exit())
            return

        def on_exit() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            self._reap()

        loop.add_reader(pidfd, on_exit)

    async def _poll_until_exit(self) -> None:
        while self._popen.poll() is None:  # noqa: ASYNC110 — nothing here could set an event
            await asyncio.sleep(_POLL_S)
        self._reap()

    def _reap(self) -> None:
        # Before the zombie is collected its number cannot belong to anybody else.
        if self._sweep_group:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        code = self._popen.wait()
        if not self._exited.done():
            self._exited.set_result(code)


def _child_hook(death_signal: signal.Signals) -> Callable[[], None]:
    """Build what runs between fork and exec, after setuid (a change of user clears the death signal)."""
    parent_pid = os.getpid()

    def hook() -> None:
        # `nohup` and background shells hand down an ignored SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent_pid:  # the parent died before the line above
                os._exit(1)

    return hook


def _open_log(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_BYTES_MAX:
            path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def last_lines(path: Path, count: int = 5) -> str:
    """The end of a log, for a message (日志末尾)."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-count:])


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on (空闲端口).

    From below the range the kernel gives to outgoing connections: a port that must still be free when a killed
    engine starts again may not be lent to a client in between.
    """
    for _ in range(200):
        port = random.randrange(15_000, 32_000)
        if port_is_free(port, host):
            return port
    raise StartupRefused(f"No free TCP port was found on {host}.")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now (端口是否空闲)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
