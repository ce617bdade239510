"""The process supervisor of `hospital demo` and `hospital serve` (进程守护).

Starts children as their dependencies become ready, starts a dying child again, and stops all of them in the
reverse order. Every child has its own session, so Ctrl-C reaches only the supervisor; when the supervisor itself is
killed with -9 the kernel sends each child its death signal. No threads: see `backend.processes`.
"""

import asyncio
import errno
import logging
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from backend.processes import ChildProcess, ChildSpec, StartupRefused, last_lines

__all__ = ["ChildSpec", "StartupRefused", "Supervisor", "bind_listen_socket"]

log = logging.getLogger("hospital.supervisor")

_PAUSE_FIRST_S = 0.2
_PAUSE_MAX_S = 5.0
_HEALTHY_AFTER_S = 30.0
_START_ATTEMPTS = 5
_READY_POLL_S = 0.05
_TEE_POLL_S = 0.2
_CANCEL_AGAIN_S = 2.0

OnExit = Callable[[str, int], None]
Tee = Callable[[str, str], None]


class _Watched:
    """One child and what the supervisor knows of it."""

    def __init__(self, spec: ChildSpec, log_path: Path) -> None:
        self.spec = spec
        self.log_path = log_path
        self.process: ChildProcess | None = None
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.starts = 0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running

    async def stop_process(self) -> None:
        if self.process is not None:
            spec = self.spec
            await self.process.stop(spec.stop_signal, spec.stop_timeout_s, spec.last_signal)


class Supervisor:
    """Keeps a set of children running until told to stop (守护一组子进程).

    Output of each child goes to `log_dir/<name>.log`; `tee(name, line)` also gets every line. `on_exit(name, pid)`
    is called after every death, so that what a process left behind (metrics files) can be marked.
    """

    def __init__(self, log_dir: Path, *, on_exit: OnExit | None = None, tee: Tee | None = None) -> None:
        self._log_dir = log_dir
        self._on_exit = on_exit
        self._tee = tee
        self._children: dict[str, _Watched] = {}
        self._stopping = asyncio.Event()
        self._failure: StartupRefused | None = None
        self._stop_task: asyncio.Task[None] | None = None
        self._followers: list[asyncio.Task[None]] = []

    def add(self, spec: ChildSpec) -> None:
        """Add a child; before `start` (登记子进程)."""
        if spec.name in self._children:
            raise ValueError(f"two children are named {spec.name}")
        self._children[spec.name] = _Watched(spec, self._log_dir / f"{spec.name}.log")

    def pids(self) -> dict[str, int]:
        """The process ids of the children that run now (进程号)."""
        return {name: c.process.pid for name, c in self._children.items() if c.process and c.process.is_running}

    def restarts(self) -> dict[str, int]:
        """How often each child was started again (重启次数)."""
        return {name: max(0, c.starts - 1) for name, c in self._children.items()}

    async def run(self, on_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start all, call `on_ready`, and keep them until SIGINT, SIGTERM or SIGHUP (运行到收到停止信号).

        Raises: StartupRefused when a child does not start; whatever `on_ready` raises. All children are gone then.
        """
        with self._handling_signals():
            try:
                await self.start()
                if on_ready is not None:
                    await self._unless_stopping(on_ready())
                await self._stopping.wait()
            finally:
                await self.stop()
        if self._failure is not None:
            raise self._failure

    async def start(self) -> None:
        """Start all children and return when all are ready, or when a stop was asked for (启动全部).

        Raises: StartupRefused, after everything was stopped again.
        """
        for name in self._start_order():
            child = self._children[name]
            if self._tee is not None:  # first, so that no line of the child is missed
                self._followers.append(asyncio.create_task(self._follow(child, _size(child.log_path), self._tee)))
            child.task = asyncio.create_task(self._keep_running(child), name=f"child {name}")
            child.task.add_done_callback(self._surface_bug)
        await self._unless_stopping(self._all_ready())
        if self._stopping.is_set():
            await self.stop()
        if self._failure is not None:
            raise self._failure

    def request_stop(self) -> None:
        """Ask `run` to end; returns at once (请求停止)."""
        self._stopping.set()

    async def stop(self) -> None:
        """Stop every child, dependents first; may be called often (停止全部)."""
        self._stopping.set()
        if self._stop_task is None:
            self._stop_task = asyncio.create_task(self._stop_all())
        await asyncio.shield(self._stop_task)

    # -- starting

    def _start_order(self) -> list[str]:
        graph = {name: child.spec.depends_on for name, child in self._children.items()}
        unknown = sorted({d for depends_on in graph.values() for d in depends_on} - graph.keys())
        if unknown:
            raise ValueError(f"children depend on unknown {', '.join(unknown)}")
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise ValueError(f"children depend on each other: {' → '.join(error.args[1])}") from error

    async def _all_ready(self) -> None:
        for child in self._children.values():
            await child.ready.wait()

    async def _unless_stopping(self, work: Awaitable[None]) -> None:
        """Await `work`, but drop it as soon as a stop is asked for."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            await _cancelled(task, stopping)

    async def _keep_running(self, child: _Watched) -> None:
        for name in child.spec.depends_on:
            await self._children[name].ready.wait()
        loop = asyncio.get_running_loop()
        pause_s = _PAUSE_FIRST_S
        while not self._stopping.is_set():
            started_at = loop.time()
            reason = await self._one_life(child)
            if self._stopping.is_set() or not reason:
                return
            if not child.ready.is_set() and (not child.spec.restart or child.starts >= _START_ATTEMPTS):
                self._fail(child, reason)
                return
            if not child.spec.restart:
                log.warning("%s %s; it is not started again", child.spec.name, reason)
                return
            if loop.time() - started_at >= _HEALTHY_AFTER_S:
                pause_s = _PAUSE_FIRST_S
            log.warning("%s %s; starting it again in %.1f s", child.spec.name, reason, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    async def _one_life(self, child: _Watched) -> str:
        """Run the child once; return why it ended, or nothing when it was meant to."""
        spec = child.spec
        child.starts += 1
        try:
            child.process = ChildProcess.spawn(spec, child.log_path)
        except (OSError, subprocess.SubprocessError, StartupRefused) as error:
            return f"could not be executed ({error})"
        process = child.process
        log.info("%s started, pid %d", spec.name, process.pid)
        problem = ""
        try:
            if not spec.once:
                problem = await self._until_ready(child, process)
            code = await process.wait()
        finally:
            if not process.is_running:
                self._report_exit(spec.name, process.pid)
        if spec.once and code == 0:
            child.ready.set()
            return ""
        return problem or _how_it_ended(code)

    async def _until_ready(self, child: _Watched, process: ChildProcess) -> str:
        """Wait until the child is ready or gone; stop it, and say why, when it never becomes ready."""
        ready = asyncio.create_task(_asked_until_true(child.spec.ready))
        exited = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ready, exited}, timeout=child.spec.ready_timeout_s, return_when="FIRST_COMPLETED")
            if ready.done() and (error := ready.exception()):
                problem = f"failed its readiness check ({type(error).__name__}: {error})"
            elif exited.done():
                return ""
            elif ready.done():
                child.ready.set()
                return ""
            else:
                problem = f"was not ready within {child.spec.ready_timeout_s:.0f} s"
        finally:
            await _cancelled(ready, exited)
        await child.stop_process()
        return problem

    def _fail(self, child: _Watched, reason: str) -> None:
        tail = last_lines(child.log_path)
        where = f" The end of {child.log_path}:\n{tail}" if tail else ""
        self._failure = StartupRefused(f"{child.spec.name} did not start: it {reason}.{where}")
        self._stopping.set()

    def _surface_bug(self, task: "asyncio.Task[None]") -> None:
        """A watching task may only end by return or cancel; anything else must stop the whole, not hang it."""
        if not task.cancelled() and (error := task.exception()):
            self._failure = StartupRefused(f"The supervisor lost a child ({task.get_name()}): {error}")
            self._stopping.set()

    def _report_exit(self, name: str, pid: int) -> None:
        if self._on_exit is None:
            return
        try:
            self._on_exit(name, pid)
        except Exception:
            log.exception("the on_exit hook failed for %s, pid %d", name, pid)

    # -- stopping

    async def _stop_all(self) -> None:
        results = await asyncio.gather(*(self._stop_child(c) for c in self._children.values()), return_exceptions=True)
        await asyncio.sleep(0)
        await _cancelled(*self._followers)
        for error in results:
            if isinstance(error, BaseException):
                log.error("stopping left something behind: %s", error)

    async def _stop_child(self, child: _Watched) -> None:
        for other in self._children.values():
            if child.spec.name in other.spec.depends_on:
                await other.stopped.wait()
        try:
            await child.stop_process()
            if child.task is not None:
                await _cancelled(child.task)
            if child.spec.after_stop is not None:
                child.spec.after_stop()
        finally:
            child.stopped.set()

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for sig in signals:
            loop.add_signal_handler(sig, self.request_stop)
        try:
            yield
        finally:
            for sig in signals:
                loop.remove_signal_handler(sig)

    async def _follow(self, child: _Watched, position: int, tee: Tee) -> None:
        """Hand each new line of the child's log to `tee`. A file, not a pipe: logging outlives the supervisor."""
        rest = b""
        try:
            while True:
                await asyncio.sleep(_TEE_POLL_S)
                position, rest = _tee_new_lines(child, tee, position, rest)
        finally:
            _tee_new_lines(child, tee, position, rest)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tee_new_lines(child: _Watched, tee: Tee, position: int, rest: bytes) -> tuple[int, bytes]:
    size = _size(child.log_path)
    if size == position:
        return position, rest
    with child.log_path.open("rb") as file:
        if size < position:  # rotated
            position, rest = 0, b""
        file.seek(position)
        *lines, rest = (rest + file.read()).split(b"\n")
        position = file.tell()
    for line in lines:
        tee(child.spec.name, line.decode(errors="replace"))
    return position, rest


async def _asked_until_true(ready: Callable[[], Awaitable[bool]] | None) -> None:
    while ready is not None:
        with suppress(OSError, TimeoutError):
            if await ready():
                return
        await asyncio.sleep(_READY_POLL_S)


async def _cancelled(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel the tasks and wait until they are gone; one that swallowed it (others' code may) is told again."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def bind_listen_socket(host: str, port: int, *, backlog: int = 1024) -> socket.socket:
    """Bind and listen once; hand `sock.fileno()` to the children as `pass_fds` (监听端口).

    Port 0 takes a free one. Raises: StartupRefused when the port is taken or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise StartupRefused(_why_no_port(error, host, port)) from error
    sock.setblocking(False)
    sock.set_inheritable(True)
    return sock


def _why_no_port(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is already in use; stop the other program or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} needs more rights; choose a port above 1023 with --port."
    return f"The server cannot listen on {host} port {port}: {error.strerror or error}."
