"""The supervisor, with small shell and Python children."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

import backend.processes
from backend.processes import ChildProcess
from backend.supervisor import ChildSpec, StartupRefused, Supervisor, bind_listen_socket

pytestmark = pytest.mark.asyncio(loop_scope="function")

SLEEP = ("sh", "-c", "exec sleep 60")


@asynccontextmanager
async def started(supervisor: Supervisor, *specs: ChildSpec) -> AsyncIterator[Supervisor]:
    for spec in specs:
        supervisor.add(spec)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return condition()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def file_exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return path.exists()

    return ready


async def test_children_start_after_and_stop_before_what_they_depend_on(tmp_path: Path) -> None:
    story = tmp_path / "story"
    script = 'trap "echo $0 stops >> {s}; exit" TERM; sleep 0.1; echo $0 ready >> {s}; touch {s}.$0; sleep 60 & wait'

    def spec(name: str, *depends_on: str) -> ChildSpec:
        argv = ("sh", "-c", script.format(s=story), name)
        return ChildSpec(name, argv, ready=file_exists(Path(f"{story}.{name}")), depends_on=depends_on)

    # Added the wrong way round on purpose.
    async with started(Supervisor(tmp_path), spec("web", "cache", "base"), spec("cache", "base"), spec("base")) as it:
        assert set(it.pids()) == {"web", "cache", "base"}
    ready, stops = ["base", "cache", "web"], ["web", "cache", "base"]
    assert story.read_text().split("\n")[:-1] == [f"{n} ready" for n in ready] + [f"{n} stops" for n in stops]
    assert it.pids() == {}


async def test_killed_child_is_started_again_and_reported(tmp_path: Path) -> None:
    exits: list[tuple[str, int]] = []
    supervisor = Supervisor(tmp_path, on_exit=lambda name, pid: exits.append((name, pid)))
    async with started(supervisor, ChildSpec("worker", SLEEP)):
        first = supervisor.pids()["worker"]
        os.kill(first, signal.SIGKILL)
        assert await until(lambda: supervisor.pids().get("worker", first) != first)
        second = supervisor.pids()["worker"]
        assert exits == [("worker", first)]
        assert supervisor.restarts() == {"worker": 1}
    assert exits == [("worker", first), ("worker", second)]
    assert not is_alive(second)


async def test_child_that_dies_before_it_is_ready_is_started_again_though_its_check_forgets_a_cancellation(
    tmp_path: Path,
) -> None:
    """The check's own answer and the child's death come at once, and some library keeps the answer only."""
    asked = asyncio.Event()

    async def ready() -> bool:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60 if not (tmp_path / "died").exists() else 0)
        return supervisor.restarts()["weak"] > 0

    script = f"test -e {tmp_path}/died && exec sleep 60; sleep 0.2; touch {tmp_path}/died; exit 1"
    supervisor = Supervisor(tmp_path)
    async with asyncio.timeout(10), started(supervisor, ChildSpec("weak", ("sh", "-c", script), ready=ready)) as it:
        assert asked.is_set()
        assert it.restarts() == {"weak": 1}


async def test_child_dying_again_and_again_waits_longer_each_time(tmp_path: Path) -> None:
    times = tmp_path / "times"
    child = ChildSpec("weak", ("sh", "-c", f"date +%s.%N >> {times}; sleep 0.05; exit 3"))
    async with started(Supervisor(tmp_path), child):
        assert await until(lambda: times.exists() and len(times.read_text().split()) >= 4)
    starts = [float(line) for line in times.read_text().split()]
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses[0] >= 0.2
    assert pauses[1] >= 0.4
    assert pauses[2] >= 0.8


async def test_child_that_never_starts_is_refused_with_the_end_of_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.add(ChildSpec("base", SLEEP))
    never = ("sh", "-c", "echo no such key; exit 4")
    supervisor.add(ChildSpec("web", never, restart=False, ready=file_exists(tmp_path / "never"), depends_on=("base",)))
    with pytest.raises(StartupRefused, match=r"(?s)web did not start: it ended with exit code 4\..*no such key"):
        await supervisor.start()
    assert supervisor.pids() == {}


async def test_program_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.add(ChildSpec("web", ("/no/such/program",), restart=False))
    with pytest.raises(StartupRefused, match="web did not start: it could not be executed"):
        await supervisor.start()


async def test_child_not_ready_in_time_is_stopped_and_refused(tmp_path: Path) -> None:
    pids: list[int] = []
    supervisor = Supervisor(tmp_path, on_exit=lambda _, pid: pids.append(pid))
    never = file_exists(tmp_path / "never")
    supervisor.add(ChildSpec("slow", SLEEP, restart=False, ready=never, ready_timeout_s=0.2))
    with pytest.raises(StartupRefused, match="slow did not start: it was not ready within 0 s"):
        await supervisor.start()
    assert len(pids) == 1
    assert not is_alive(pids[0])


async def test_readiness_check_with_a_bug_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    async def broken() -> bool:
        raise KeyError("port")

    supervisor = Supervisor(tmp_path)
    supervisor.add(ChildSpec("web", SLEEP, restart=False, ready=broken))
    with pytest.raises(StartupRefused, match=r"failed its readiness check \(KeyError: 'port'\)"):
        await supervisor.start()


async def test_once_child_runs_to_its_end_before_its_dependents(tmp_path: Path) -> None:
    done = tmp_path / "done"
    migrate = ChildSpec("migrate", ("sh", "-c", f"sleep 0.1; touch {done}"), once=True)
    web = ChildSpec("web", ("sh", "-c", f"test -e {done} && exec sleep 60"), restart=False, depends_on=("migrate",))
    async with started(Supervisor(tmp_path), migrate, web) as supervisor:
        await asyncio.sleep(0.1)
        assert set(supervisor.pids()) == {"web"}
        assert supervisor.restarts() == {"migrate": 0, "web": 0}


async def test_child_deaf_to_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    grandchild = tmp_path / "grandchild"
    deaf = f'trap "" TERM; sleep 60 & echo $! > {grandchild}.new; mv {grandchild}.new {grandchild}; wait; sleep 60'
    child = ChildSpec("deaf", ("sh", "-c", deaf), ready=file_exists(grandchild), stop_timeout_s=0.2)
    async with started(Supervisor(tmp_path), child) as supervisor:
        pids = {supervisor.pids()["deaf"], int(grandchild.read_text())}
        assert all(map(is_alive, pids))
    assert await until(lambda: not any(map(is_alive, pids)), 1)


async def test_orphans_of_a_killed_child_do_not_outlive_it(tmp_path: Path) -> None:
    grandchild = tmp_path / "grandchild"
    parent = f"sleep 60 & echo $! > {grandchild}.new; mv {grandchild}.new {grandchild}; wait"
    child = ChildSpec("parent", ("sh", "-c", parent), ready=file_exists(grandchild), restart=False)
    async with started(Supervisor(tmp_path), child) as supervisor:
        orphan = int(grandchild.read_text())
        os.kill(supervisor.pids()["parent"], signal.SIGKILL)
        assert await until(lambda: not is_alive(orphan))


async def test_child_that_may_not_be_killed_gets_only_its_own_signals(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    script = f'trap "echo INT >> {marks}" INT; trap "echo QUIT >> {marks}; exit" QUIT; touch {marks}; '
    script += "while true; do sleep 0.02; done"
    child = ChildSpec(
        "store",
        ("sh", "-c", script),
        ready=file_exists(marks),
        stop_signal=signal.SIGINT,
        last_signal=signal.SIGQUIT,
        stop_timeout_s=0.5,
    )
    # A run that was started in the background inherits SIGQUIT ignored, and a shell cannot trap what it inherits so.
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    try:
        async with started(Supervisor(tmp_path), child):
            pass
    finally:
        signal.signal(signal.SIGQUIT, before)
    assert marks.read_text().split() == ["INT", "QUIT"]


async def test_output_goes_to_the_log_and_line_by_line_to_the_tee(tmp_path: Path) -> None:
    lines: list[tuple[str, str]] = []
    (tmp_path / "talker.log").write_bytes(b"x" * (backend.processes._LOG_BYTES_MAX + 1))
    talker = ChildSpec("talker", ("sh", "-c", "echo 你好; echo error >&2; exec sleep 60"))
    async with started(Supervisor(tmp_path, tee=lambda name, line: lines.append((name, line))), talker):
        assert await until(lambda: len(lines) == 2)
    assert lines == [("talker", "你好"), ("talker", "error")]
    assert (tmp_path / "talker.log").read_text() == "你好\nerror\n"
    assert (tmp_path / "talker.log.1").exists()


async def test_run_ends_on_a_signal_after_telling_that_all_is_ready(tmp_path: Path) -> None:
    pids: dict[str, int] = {}
    supervisor = Supervisor(tmp_path)
    supervisor.add(ChildSpec("web", SLEEP))

    async def on_ready() -> None:
        pids.update(supervisor.pids())
        os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(supervisor.run(on_ready), 5)
    assert pids["web"] > 0
    assert not is_alive(pids["web"])


async def test_signal_while_starting_stops_at_once(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.add(ChildSpec("slow", SLEEP, ready=file_exists(tmp_path / "never")))
    asyncio.get_running_loop().call_later(0.2, supervisor.request_stop)
    await asyncio.wait_for(supervisor.run(), 5)
    assert supervisor.pids() == {}


@pytest.mark.parametrize(("depends_on", "words"), [("nobody", "unknown nobody"), ("b", "depend on each other")])
async def test_impossible_dependencies_are_a_programming_error(tmp_path: Path, depends_on: str, words: str) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.add(ChildSpec("a", SLEEP, depends_on=(depends_on,)))
    supervisor.add(ChildSpec("b", SLEEP, depends_on=("a",)))
    with pytest.raises(ValueError, match=words):
        await supervisor.start()


async def test_listening_socket_is_shared_by_children_and_survives_one(tmp_path: Path) -> None:
    answer = "import socket,os,sys\ns=socket.socket(fileno=int(sys.argv[1]))\ns.setblocking(True)\n"
    answer += "while True:\n c,_=s.accept(); c.sendall(str(os.getpid()).encode()); c.close()\n"
    with bind_listen_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        argv = (sys.executable, "-c", answer, str(listening.fileno()))
        specs = [ChildSpec(f"web{n}", argv, pass_fds=(listening.fileno(),)) for n in range(2)]

        async def ask() -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            pid = int(await reader.read())
            writer.close()
            return pid

        async with started(Supervisor(tmp_path), *specs) as supervisor:
            victim = await ask()
            os.kill(victim, signal.SIGKILL)
            assert await until(lambda: not is_alive(victim))  # until then it may still accept, and say nothing
            answered = {await asyncio.wait_for(ask(), 5) for _ in range(20)}
            assert victim not in answered
            assert answered <= set(supervisor.pids().values())


async def test_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartupRefused, match=f"Port {port} on 127.0.0.1 is already in use; stop the other program"):
            bind_listen_socket("127.0.0.1", port)


async def test_exit_is_seen_also_where_the_kernel_has_no_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = ChildProcess.spawn(ChildSpec("short", ("sh", "-c", "exit 7")))
    assert await asyncio.wait_for(process.wait(), 5) == 7
    assert not process.is_running
