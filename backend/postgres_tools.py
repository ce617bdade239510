"""Running pg_dump and pg_restore (数据库工具): found by version, passwords in a file of mode 0600, no thread."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from backend.embedded.postgres import postgres_programs
from backend.processes import ChildProcess, ChildSpec, StartupRefused, last_lines

_POLL_S = 0.2
_VERSION = re.compile(r"\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)")


class ToolFailed(Exception):
    """One of PostgreSQL's programs is missing or ended badly (工具失败); the message says which and why."""


async def run_tool(
    tool: str, server_major: int, url: str, options: list[str], tick: Callable[[], object] | None = None
) -> None:
    """Run a program against the database that `url` names (运行工具); `tick` is called while it runs.

    Raises: ToolFailed.
    """
    program = await asyncio.to_thread(find_tool, tool, server_major)
    with tempfile.TemporaryDirectory(prefix="hospital-tool-") as folder:  # mode 0700
        arguments, env = _connection(url, Path(folder))
        output = Path(folder, "output.log")
        argv = [str(program), "--no-password", *arguments, *options]
        process = ChildProcess.spawn(ChildSpec(name=tool, argv=argv, env=env, cwd=Path("/")), output)
        try:
            while process.is_running:
                if tick is not None:
                    tick()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await process.wait()
        finally:
            await process.stop(signal.SIGTERM, 5.0, signal.SIGKILL)
        if process.exit_code != 0:
            raise ToolFailed(f"{tool} ended with exit code {process.exit_code}: {last_lines(output)}")


def find_tool(tool: str, server_major: int) -> Path:
    """The first of PATH's and the embedded wheel's programs that is not older than the server (查找工具).

    Raises: ToolFailed when both are missing or too old: pg_dump refuses a newer server.
    """
    candidates = [Path(found)] if (found := shutil.which(tool)) else []
    with suppress(StartupRefused):
        candidates.append(postgres_programs() / tool)
    for program in candidates:
        if _major_of(program) >= server_major:
            return program
    raise ToolFailed(f"No {tool} of PostgreSQL {server_major} or newer was found; install that PostgreSQL client.")


def _major_of(program: Path) -> int:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return 0
    match = _VERSION.search(done.stdout)
    return int(match[1]) if done.returncode == 0 and match else 0


def _connection(url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    host, port = query.get("host") or parts.hostname or "127.0.0.1", str(query.get("port") or parts.port or 5432)
    user, database = unquote(parts.username or ""), unquote(parts.path.lstrip("/"))
    # The file matches by what libpq was given; one line for this one server.
    password_file = folder / "pgpass"
    descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        fields = ("*" if host.startswith("/") else host, port, database, user, unquote(parts.password or ""))
        file.write(":".join(value.replace("\\", "\\\\").replace(":", "\\:") for value in fields) + "\n")
    # Nothing of PG* may leak in from the operator's shell; TLS is asked for in the URL.
    env = {"PATH": os.defpath, "LC_ALL": "C", "PGPASSFILE": str(password_file), "PGAPPNAME": "hospital-backup"}
    env |= {f"PG{key.upper()}": query[key] for key in ("sslmode", "sslrootcert") if key in query}
    return [f"--host={host}", f"--port={port}", f"--username={user}", f"--dbname={database}"], env
