"""Starting one engine without a supervisor (单独启动): tests, maintenance commands."""

import asyncio
import subprocess
from contextlib import suppress
from pathlib import Path

from backend.processes import ChildProcess, ChildSpec, StartupRefused, last_lines

_ATTEMPTS = 3
_POLL_S = 0.03


async def start_alone(spec: ChildSpec, log_path: Path) -> ChildProcess:
    """Start the child and wait until it is ready (启动并等待就绪); tried again when it dies at once.

    Raises: StartupRefused with the end of its log.
    """
    for _ in range(_ATTEMPTS):
        try:
            process = ChildProcess.spawn(spec, log_path)
        except (OSError, subprocess.SubprocessError) as error:
            raise StartupRefused(f"{spec.name} could not be executed: {error}.") from error
        try:
            async with asyncio.timeout(spec.ready_timeout_s):
                if await _is_ready_before_exit(spec, process):
                    return process
        except BaseException as error:
            await process.stop(spec.stop_signal, spec.stop_timeout_s, spec.last_signal)
            if isinstance(error, TimeoutError):
                raise StartupRefused(
                    f"{spec.name} was not ready within {spec.ready_timeout_s:.0f} s; see {log_path}."
                ) from error
            raise
    raise StartupRefused(f"{spec.name} did not start. The end of {log_path}:\n{last_lines(log_path)}")


async def _is_ready_before_exit(spec: ChildSpec, process: ChildProcess) -> bool:
    while process.is_running:
        with suppress(OSError, TimeoutError):
            if spec.ready is None or await spec.ready():
                return True
        await asyncio.sleep(_POLL_S)
    return False
