"""The phone's first user has a past: made by the services, before anybody looks, wholly or not at all."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from backend.demo import past
from backend.demo.now import demo_person
from backend.demo.past import DOCUMENT, NAME, VISITS, live_through
from backend.demo.prepare import SEED
from backend.demo.seed import Extent, seed_hospital
from backend.demo.windows import open_windows
from hospital_core.access.scheduling.commands import BookAppointment
from hospital_core.access.scheduling.errors import OnlineFirstVisit
from hospital_core.access.scheduling.queries import my_appointments
from hospital_core.access.scheduling.service import book_appointment
from hospital_core.kernel.audit import seal, verify
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.access import make_person
from tests.fixtures.engines import Engines, connected_elsewhere, own_database
from tests.fixtures.finance import rows, value
from tests.fixtures.findings import money_findings
from tests.fixtures.keys import TEST_KEYS

APPID = "wxdemo0000000001"
AUDIT_KEY = b"a" * 32
SMALL = Extent(days=2, patients_max=5)
Hospital = Callable[[], AbstractAsyncContextManager[Engines]]

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture(scope="module")
async def seeded(engines: Engines, core: Engines) -> AsyncIterator[Engines]:
    """The demo hospital with nobody seen yet, made once."""
    async with own_database(engines) as own:
        await seed_hospital(own.app, TEST_KEYS, "only-for-this-test", extent=SMALL)
        yield own


@pytest.fixture
def hospital(engines: Engines, core: Engines, seeded: Engines) -> Hospital:
    """``async with hospital() as own``: a copy of it, to which this process is connected meanwhile."""
    return lambda: connected_elsewhere(engines, core, copy_of=seeded)


async def _live_through(own: Engines) -> int:
    return await live_through(own.owner, TEST_KEYS, APPID, SEED)


async def _holder() -> tuple[Any, Context]:
    """The first user's file, and their phone."""
    person = await demo_person(Reading(system_context()), TEST_KEYS, DOCUMENT)
    assert person is not None
    account_id = await value("SELECT account_id FROM account_link WHERE patient_id = $1", person.patient_id)
    return person, Context(Actor(ActorKind.ACCOUNT, account_id))


async def test_given_a_first_start_then_the_first_user_was_seen_paid_and_has_receipts(hospital: Hospital) -> None:
    async with hospital() as own:
        assert await _live_through(own) == len(VISITS)
        person, phone = await _holder()
        assert person.name == NAME
        seen = (await my_appointments(Reading(phone))).items
        assert [(one.status, one.payment_status) for one in seen] == [("fulfilled", "paid")] * len(VISITS)
        now = await value("SELECT hospital_now()")
        ago = [now - one.starts_at for one in seen]
        assert all(timedelta(days=visit.days_ago - 1) < at < timedelta(days=visit.days_ago + 8)
                   for at, visit in zip(ago, reversed(VISITS), strict=True))  # fmt: skip
        bills = await rows("SELECT status, total_fen FROM invoice WHERE patient_id = $1", person.patient_id)
        assert [bill["status"] for bill in bills] == ["balanced"] * 2 * len(VISITS)
        receipts = await rows("SELECT amount_fen, issued_at FROM receipt WHERE patient_id = $1", person.patient_id)
        assert sorted(one["amount_fen"] for one in receipts) == sorted(bill["total_fen"] for bill in bills)
        visits = await rows("SELECT status, ended_at FROM encounter WHERE patient_id = $1", person.patient_id)
        assert {one["status"] for one in visits} == {"completed"}
        assert max(one["ended_at"] for one in visits) < now - timedelta(days=2)
        assert await money_findings() == []


async def test_given_a_past_then_an_online_visit_can_be_booked_at_once_and_by_nobody_new(hospital: Hospital) -> None:
    async with hospital() as own:
        online = await value(
            "SELECT s.id FROM schedule s JOIN slot ON slot.schedule_id = s.id "
            "JOIN department d ON d.id = s.department_id WHERE d.code = 'BJ-BM' AND s.service_kind = 'online' "
            "AND slot.starts_at > hospital_now() AND slot.status = 'free' ORDER BY slot.starts_at LIMIT 1"
        )
        await _live_through(own)
        person, phone = await _holder()
        wish = BookAppointment(patient_id=person.patient_id, schedule_id=online)
        assert (await run(phone, book_appointment, wish)).status == "pending"
        stranger = await make_person()
        with pytest.raises(OnlineFirstVisit):
            await run(stranger.phone, book_appointment, wish.model_copy(update={"patient_id": stranger.patient_id}))


async def test_given_a_second_start_then_nothing_is_added_and_the_windows_open_as_ever(hospital: Hospital) -> None:
    async with hospital() as own:
        await _live_through(own)
        tables = ("appointment", "patient_account", "account_link", "invoice", "audit_row", "cash_drawer")
        before = [await value(f"SELECT count(*) FROM {table}") for table in tables]
        assert await _live_through(own) == 0
        assert [await value(f"SELECT count(*) FROM {table}") for table in tables] == before
        at_counters = await value("SELECT count(*) FROM staff_account WHERE roles && ARRAY['registrar', 'cashier']")
        assert await open_windows() == at_counters
        assert await value("SELECT count(*) FROM cashier_shift WHERE status = 'open'") == at_counters
        assert await money_findings() == []


async def test_given_a_preparation_that_dies_on_the_way_then_nothing_of_it_stays(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hospital() as own:

        async def dies(*_: Any) -> None:
            raise ConnectionError("killed here")

        with monkeypatch.context() as patched:
            patched.setattr(past, "close_shift", dies)
            with pytest.raises(ConnectionError):
                await _live_through(own)
        assert await value("SELECT offset_seconds FROM clock_offset") == 0
        assert await value("SELECT count(*) FROM patient_account") == 0
        assert await value("SELECT count(*) FROM appointment") == 0
        assert await _live_through(own) == len(VISITS)


async def test_given_a_past_then_the_audit_trail_is_sealed_in_order_and_takes_no_other_past(hospital: Hospital) -> None:
    async with hospital() as own:
        await _live_through(own)
        sealer, owner = await asyncpg.connect(own.sealer), await asyncpg.connect(own.owner)
        try:
            assert await seal(sealer, AUDIT_KEY, None) == await value("SELECT count(*) FROM audit_row")
            verdict = await verify(owner, AUDIT_KEY, None)
            assert (verdict.sound, verdict.unsealed_recent) == (True, 0)
        finally:
            await sealer.close()
            await owner.close()


async def test_given_a_trail_that_was_sealed_before_then_no_past_is_slipped_in(hospital: Hospital) -> None:
    async with hospital() as own:
        sealer = await asyncpg.connect(own.sealer)
        try:
            assert await seal(sealer, AUDIT_KEY, None) > 0
        finally:
            await sealer.close()
        assert await _live_through(own) == 0
        assert await value("SELECT count(*) FROM appointment") == 0
