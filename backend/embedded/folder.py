"""What the engines keep in the data folder besides their data: a lock and the secrets (数据目录的锁与密钥)."""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Self

from backend.processes import StartupRefused

FOLDER_MODE = 0o711
"""A data folder made by us can be passed through, but not listed: PostgreSQL may run as another user below it."""


class FolderLock:
    """Keeps a second launcher away from an engine's data (启动锁).

    The kernel drops the lock when the holder dies, however it dies; the file only tells who holds it.
    """

    def __init__(self, data_dir: Path, engine: str) -> None:
        self._data_dir = data_dir
        self._path = data_dir / f"{engine}.lock"
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or refuse naming the process that holds it (加锁). Raises: StartupRefused."""
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 32).decode() or "unknown"
            os.close(fd)
            raise StartupRefused(
                f"The data folder {self._data_dir} is in use by process {holder}; "
                "stop that one first or choose another folder with --data."
            ) from error
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd

    def release(self) -> None:
        """Give the lock back (解锁)."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class SecretFile:
    """`secrets.json` in the data folder (密钥文件): mode 0600, always replaced as a whole."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "secrets.json"

    def read(self) -> dict[str, str]:
        """All secrets; empty when there is no file yet (读取)."""
        try:
            loaded: dict[str, str] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StartupRefused(f"{self._path} is damaged; restore it from a backup.") from error
        return loaded

    def ensure(self, *names: str) -> dict[str, str]:
        """Return these secrets, making the missing ones at random (取得或生成)."""
        stored = self.read()
        missing = [name for name in names if name not in stored]
        if missing:
            stored |= {name: secrets.token_urlsafe(24) for name in missing}
            self._write(stored)
        return {name: stored[name] for name in names}

    def _write(self, values: dict[str, str]) -> None:
        fresh = self._path.with_name(f"secrets.json.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump(values, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
