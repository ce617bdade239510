"""The whole demo under kill -9: visits go on, money and places stay right, and no process is left behind.

Fifty visits instead of twelve with ``HOSPITAL_FULL=1``. What happened is judged by SQL and by the simulator's own book,
never by the hospital's code.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.checker import INTENTS, PLACES, UNDRAINED, channel_findings
from tests.fixtures.findings import FINDINGS
from tests.fixtures.program import HOSPITAL, ROOT, DemoProgram, demo_program, left_of

GROUP = "demo_faults"

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

PATIENTS = 50 if os.environ.get("HOSPITAL_FULL") else 12
VISIT_S = 400
_DRAINED_S = 60

_BOOKED = "SELECT count(*) FROM appointment"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for the whole file: seeded once, started again and again."""
    return tmp_path_factory.mktemp("faults") / "demo"


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[DemoProgram]:
    """The first start; the second test ends it."""
    with demo_program(folder) as running:
        yield running


def test_given_visits_under_way_when_each_process_is_killed_then_nothing_is_lost_and_nothing_doubled(
    demo: DemoProgram,
) -> None:
    back: dict[str, float] = {}
    crowds: list[subprocess.Popen[bytes]] = []
    for name in ("postgres", "web", "worker", "redis"):
        if not crowds or crowds[-1].poll() is not None:  # a quick machine needs another crowd for the next kill
            crowds.append(_visits_under_way(demo))
        back[name] = demo.comes_back(name, demo.kill(name))
    for crowd in crowds:
        assert crowd.wait(VISIT_S) == 0, _told(demo)
    assert f"{PATIENTS} of {PATIENTS} visits ended well" in _told(demo)
    seen = len(crowds) * PATIENTS
    assert max(back.values()) < 30, back

    _until(lambda: demo.value(UNDRAINED) == 0, _DRAINED_S)
    assert demo.rows(PLACES) == []
    assert demo.rows(f"SELECT finding, id FROM ({FINDINGS}) AS f") == []
    assert demo.value("SELECT count(*) FROM appointment WHERE status = 'fulfilled'") >= seen
    _assert_money_as_the_simulator_says(demo)
    _assert_audit_chain_sound(demo)


def test_given_a_demo_when_every_scenario_is_played_then_each_proves_what_it_says(demo: DemoProgram) -> None:
    played = demo.run("visit", "--ready-file", str(demo.ready_file), "--scenario", "all", within_s=VISIT_S)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "6 of 6 scenarios proved" in played.stdout
    assert "✗" not in played.stdout
    assert demo.rows(PLACES) == []
    assert demo.rows(f"SELECT finding, id FROM ({FINDINGS}) AS f") == []


def test_given_a_scenario_that_is_not_known_then_it_is_said_in_a_sentence(demo: DemoProgram) -> None:
    played = demo.run("visit", "--ready-file", str(demo.ready_file), "--scenario", "earthquake")
    assert played.returncode != 0
    assert "rush, waitlist, stop-clinic" in played.stdout + played.stderr


def test_given_a_killed_child_then_it_is_started_again_and_after_ctrl_c_nothing_is_left(demo: DemoProgram) -> None:
    for name in ("wechat", "sms", "kiosk"):
        demo.comes_back(name, demo.kill(name))
    family = demo.family()
    assert len(family) > 8
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0
    assert left_of(family, 1) == set()
    assert not demo.ready_file.exists()


def test_given_a_second_start_beside_another_demo_when_that_is_killed_then_only_its_own_processes_end(
    demo: DemoProgram, folder: Path, tmp_path: Path
) -> None:
    assert demo.process.poll() is not None, "the first start was stopped"
    shutil.copytree(folder, tmp_path / "other", symlinks=True)
    with demo_program(folder) as demo, demo_program(tmp_path / "other") as other:
        fulfilled = "SELECT count(*) FROM appointment WHERE status = 'fulfilled'"
        assert demo.value(fulfilled) == other.value(fulfilled) >= PATIENTS, "the data of the first start"
        assert demo.facts["urls"]["api"] != other.facts["urls"]["api"]
        assert demo.is_ready()
        assert other.is_ready()
        family = other.family()
        other.process.kill()
        other.process.wait(10)
        assert left_of(family, 15) == set()
        assert demo.is_ready()
        assert all(demo.children().values())


def _visits_under_way(demo: DemoProgram) -> "subprocess.Popen[bytes]":
    """A crowd of patients, the first of whom have booked."""
    before = demo.value(_BOOKED)
    command = [HOSPITAL, "visit", "--ready-file", str(demo.ready_file), "--patients", str(PATIENTS)]
    with demo.folder.with_suffix(".visits").open("ab") as output:
        crowd = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    _until(lambda: demo.value(_BOOKED) > before or crowd.poll() is not None, 90)
    assert crowd.poll() is None, _told(demo)
    return crowd


def _told(demo: DemoProgram) -> str:
    return demo.folder.with_suffix(".visits").read_text()


def _until(holds: Any, within_s: float) -> None:
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, f"not within {within_s:.0f} s"
        time.sleep(0.2)


def _assert_money_as_the_simulator_says(demo: DemoProgram) -> None:
    """Every order that was paid is in our book once: applied to a booking that stands, or given back."""
    state = httpx.get(demo.facts["urls"]["wechat"] + "/_sim/state", timeout=20, trust_env=False).json()
    ours = demo.rows(INTENTS)
    assert sum(1 for order in state["orders"].values() if order["transaction_id"]) >= PATIENTS
    assert channel_findings(state, ours) == []
    bookings = "SELECT count(*) FROM appointment WHERE payment_status = 'paid' AND fee_fen > 0 AND channel = 'miniapp'"
    assert demo.value(bookings) == sum(1 for row in ours if row["applied"] and row["refunded_fen"] == 0)


def _assert_audit_chain_sound(demo: DemoProgram) -> None:
    unsealed = "SELECT count(*) FROM audit_row a LEFT JOIN audit_seal s ON s.audit_id = a.id WHERE s.audit_id IS NULL"
    _until(lambda: demo.value(unsealed) == 0, 40)
    checked = demo.run("check", "--audit")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    booked = demo.value("SELECT count(*) FROM appointment WHERE channel = 'miniapp'")
    audited = "SELECT count(*) FROM audit_row WHERE action = 'scheduling.book_appointment'"
    assert demo.value(audited) == booked
