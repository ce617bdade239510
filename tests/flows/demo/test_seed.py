"""The demo hospital in the database: the same for the same seed, made once, resumed after a kill, open every hour."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backend.demo import seed as seeding
from backend.demo.accounts import demo_logins
from backend.demo.hospital import SCHEDULED_DAYS, make_hospital
from backend.demo.now import DemoNow, current_session, demo_people
from backend.demo.schedules import SHANGHAI
from backend.demo.seed import Extent, founded_on, seed_hospital
from backend.demo.tables import Tables
from hospital_core.kernel.checkdigits import national_id_check
from hospital_core.kernel.numbers import NumberKind, is_valid_number
from hospital_core.registry.staff.passwords import matches
from hospital_core.registry.staff.permissions import needs_totp
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.engines import Engines
from tests.fixtures.keys import TEST_KEYS

SMALL = Extent(days=2, patients_max=40)
PASSWORD = "only-for-this-test-run"
Another = Callable[[], AbstractAsyncContextManager[Engines]]


class Direct:
    """A connection with the shape of a Reading."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.fetch, self.fetch_row, self.fetch_value = connection.fetch, connection.fetchrow, connection.fetchval


@pytest.fixture
async def sql(empty: Engines) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty.app)
    yield connection
    await connection.close()


async def _days_added(database: Engines, days: int) -> int:
    """How many of the coming days another start makes."""
    report = await seed_hospital(database.app, TEST_KEYS, PASSWORD, extent=Extent(days=days, patients_max=1))
    return report.days_added


async def _contents(connection: asyncpg.Connection) -> dict[str, list[Any]]:
    """Everything that the seed alone decides; sealed values, hashes and TOTP secrets are fresh each time."""
    tables = {
        "campus": "*", "department": "*", "location": "*", "staff_member": "*", "price_item": "*", "price": "*",
        "concept": "*", "schedule_template": "*", "template_pool": "*", "schedule": "*", "slot": "*",
        "search_word": "*", "guide_rule": "*", "examination_item": "*",
        "patient_allergy": "*",
        "staff_account": "id, login, roles", "patient_identifier": "id, kind, value_index",
        "patient": "id, patient_no, name, sex, birth_date, phone_index, temporary, created_at",
    }  # fmt: skip
    return {
        table: [tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM {table} ORDER BY id")]
        for table, columns in tables.items()
    }


async def test_given_a_full_seeding_then_the_hospital_is_whole_open_at_every_hour_and_quick_to_make(
    empty: Engines, sql: asyncpg.Connection
) -> None:
    steps: list[tuple[str, int, int]] = []
    started = time.monotonic()
    report = await seed_hospital(empty.app, TEST_KEYS, PASSWORD, progress=lambda *step: steps.append(step))
    assert time.monotonic() - started < 90, "a few seconds on two idle cores"
    assert report.days_added == SCHEDULED_DAYS
    assert steps[-1] == ("排班与号源", SCHEDULED_DAYS, SCHEDULED_DAYS)

    counts = {
        table: await sql.fetchval(f"SELECT count(*) FROM {table}")
        for table in (
            "campus",
            "department",
            "staff_member",
            "staff_account",
            "price_item",
            "concept",
            "patient",
            "search_word",
            "guide_rule",
            "slot",
        )
    }
    assert counts["campus"] == 2
    assert counts["department"] >= 30
    assert counts["price_item"] >= 400
    assert counts["concept"] >= 300
    assert counts["patient"] >= 2000
    assert counts["search_word"] >= 200
    assert counts["guide_rule"] >= 120
    assert counts["staff_account"] == counts["staff_member"] >= 300
    assert counts["slot"] == await sql.fetchval("SELECT sum(places) FROM schedule") > 50_000
    assert await sql.fetchval("SELECT count(*) FROM location WHERE kind = 'lobby'") == 2
    assert await sql.fetchval("SELECT count(*) FROM location WHERE kind = 'room' AND parent_id IS NULL") == 0
    fees = "SELECT bool_and(s.fee_fen = p.unit_price * 100) FROM schedule s JOIN price p ON p.item_id = s.price_item_id"
    assert await sql.fetchval(fees) is True
    assert await sql.fetchval("SELECT count(*) FROM audit_row WHERE action = 'demo.seed'") == 9 + SCHEDULED_DAYS
    await _assert_bookable_at_every_hour(sql)
    await _assert_people(sql)


async def _assert_bookable_at_every_hour(sql: asyncpg.Connection) -> None:
    now: datetime = await sql.fetchval("SELECT hospital_now()")
    midnight = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    for hour in range(24 * (SCHEDULED_DAYS - 1)):
        at = midnight + timedelta(hours=hour, minutes=59)
        found = await current_session(Direct(sql), at)
        assert isinstance(found, DemoNow), at
        assert found.department_name == "24小时便民门诊"
        assert found.starts_at - timedelta(minutes=45) <= at < found.ends_at - timedelta(minutes=12)
        free = "SELECT count(*) FROM slot WHERE schedule_id = $1 AND starts_at >= $2"
        assert await sql.fetchval(free, found.schedule_id, at) >= 1, at


async def _assert_people(sql: asyncpg.Connection) -> None:
    people = await demo_people(Direct(sql), TEST_KEYS, at=datetime.now(UTC), count=100)
    assert len(people) == 100
    assert len({person.document_no for person in people}) == 100
    for person in people:
        assert person.document_no[:2] == "99", "an area that is never issued"
        assert national_id_check(person.document_no[:17]) == person.document_no[17]
        assert is_valid_number(NumberKind.PATIENT, person.patient_no)
    logins = {login.role: login for login in await demo_logins(sql, TEST_KEYS)}
    assert set(logins) == set(StaffRole) - {StaffRole.DOCTOR}
    assert logins["registrar"].login == "registrar"
    for role, login in logins.items():
        assert (login.totp_secret is not None) == needs_totp([StaffRole(role)])


async def test_given_one_seed_twice_then_two_databases_hold_the_same_hospital(
    empty: Engines, sql: asyncpg.Connection, another: Another
) -> None:
    await seed_hospital(empty.app, TEST_KEYS, PASSWORD, seed=7, extent=SMALL)
    async with another() as other:
        await seed_hospital(other.app, TEST_KEYS, PASSWORD, seed=7, extent=SMALL)
        connection = await asyncpg.connect(other.app)
        try:
            assert await _contents(sql) == await _contents(connection)
        finally:
            await connection.close()


async def test_given_a_second_seeding_then_nothing_is_added_and_a_new_password_is_taken(
    empty: Engines, sql: asyncpg.Connection
) -> None:
    await seed_hospital(empty.app, TEST_KEYS, PASSWORD, extent=SMALL)
    before = await _contents(sql)
    report = await seed_hospital(empty.app, TEST_KEYS, "another-password-1", extent=SMALL)
    assert (set(report.rows.values()), report.days_added) == ({0}, 0)
    assert await _contents(sql) == before
    for login in ("doctor7", "sysadmin"):
        kept = await sql.fetchval("SELECT password_hash FROM staff_account WHERE login = $1", login)
        assert await matches(kept, "another-password-1")


async def test_given_two_seedings_at_once_then_one_hospital_stands(empty: Engines, sql: asyncpg.Connection) -> None:
    reports = await asyncio.gather(
        *(seed_hospital(empty.app, TEST_KEYS, PASSWORD, extent=Extent(days=1, patients_max=5)) for _ in range(2))
    )
    assert sorted(report.days_added for report in reports) == [0, 1]
    assert await sql.fetchval("SELECT count(*) FROM patient") == 5


async def test_given_a_seeding_broken_off_at_any_stage_then_the_next_one_ends_with_the_whole_hospital(
    empty: Engines, sql: asyncpg.Connection, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Tables.copy

    for broken in ("department", "staff_member", "price", "concept", "patient_identifier", "template_pool"):

        async def copy(self: Any, table: str, columns: str, rows: Any, fails: str = broken) -> int:
            if table == fails:
                raise ConnectionError("killed here")
            return await original(self, table, columns, rows)

        monkeypatch.setattr(Tables, "copy", copy)
        with pytest.raises(ConnectionError):
            await seed_hospital(empty.app, TEST_KEYS, PASSWORD, seed=7, extent=SMALL)
    monkeypatch.setattr(Tables, "copy", original)
    await seed_hospital(empty.app, TEST_KEYS, PASSWORD, seed=7, extent=SMALL)
    async with another() as other:
        await seed_hospital(other.app, TEST_KEYS, PASSWORD, seed=7, extent=SMALL)
        connection = await asyncpg.connect(other.app)
        try:
            assert await _contents(sql) == await _contents(connection)
        finally:
            await connection.close()


async def test_given_a_start_three_days_later_then_only_the_missing_days_are_made_and_the_people_stay(
    empty: Engines, sql: asyncpg.Connection
) -> None:
    await seed_hospital(empty.app, TEST_KEYS, PASSWORD, extent=SMALL)
    people = await sql.fetch("SELECT id, name, birth_date FROM patient ORDER BY id")
    founded = await founded_on(sql, seeding.DEFAULT_SEED)
    owner = await asyncpg.connect(empty.owner)
    await owner.execute("UPDATE clock_offset SET offset_seconds = 3 * 86400")
    await owner.close()
    report = await seed_hospital(empty.app, TEST_KEYS, PASSWORD, extent=SMALL)
    assert (report.founded_on, report.days_added) == (founded, 2)
    assert await sql.fetch("SELECT id, name, birth_date FROM patient ORDER BY id") == people
    assert await _days_added(empty, 2) == 0
    assert await _days_added(empty, 3) == 1


async def test_given_a_changed_price_then_later_days_copy_the_new_fee(empty: Engines, sql: asyncpg.Connection) -> None:
    await seed_hospital(empty.app, TEST_KEYS, PASSWORD, extent=Extent(days=1, patients_max=1))
    item = await sql.fetchval("SELECT id FROM price_item WHERE name = '24小时便民门诊诊查费'")
    tomorrow = "date_trunc('day', hospital_now() + interval '8 hours') + interval '16 hours'"
    await sql.execute(f"UPDATE price SET valid_until = {tomorrow} WHERE item_id = $1", item)
    await sql.execute(
        "INSERT INTO price (id, item_id, unit_price, valid_from) "
        f"VALUES (gen_random_uuid(), $1, 18, {tomorrow})", item,
    )  # fmt: skip
    assert await _days_added(empty, 2) == 1
    fees = "SELECT array_agg(DISTINCT fee_fen) FROM schedule WHERE price_item_id = $1"
    assert await sql.fetchval(fees, item) == [1500, 1800]


async def test_given_a_session_made_by_hand_then_the_day_is_made_around_it(
    empty: Engines, sql: asyncpg.Connection
) -> None:
    await seed_hospital(empty.app, TEST_KEYS, PASSWORD, extent=Extent(days=1, patients_max=1))
    today = (await sql.fetchval("SELECT hospital_now()")).astimezone(SHANGHAI).date()
    planned = make_hospital(start_date=today).sessions_for(today + timedelta(days=1))
    taken = next(session for session in planned if session.department_code == "BJ-BM")
    await sql.execute(
        "INSERT INTO schedule (id, version, department_id, staff_id, room_id, service_kind, starts_at, ends_at, "
        "price_item_id, fee_fen, places, day, period, released_at, sought_after, status) "
        "SELECT gen_random_uuid(), 0, department_id, staff_id, room_id, service_kind, $1, $2, price_item_id, fee_fen, "
        "0, day, period, released_at, false, 'active' FROM schedule "
        "WHERE room_id = (SELECT id FROM location WHERE code = $3) LIMIT 1",
        taken.start, taken.end, taken.room_code,
    )  # fmt: skip
    assert await _days_added(empty, 2) == 1
    made = await sql.fetchval(
        "SELECT count(*) FROM schedule WHERE starts_at >= $1 AND substr(id::text, 15, 1) = '5'", planned[0].start
    )
    # The room is taken, and so is the doctor where he was to sit elsewhere at that time.
    assert len(planned) - 2 <= made < len(planned)
