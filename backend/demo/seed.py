"""Writing the demo hospital into a migrated database (演示数据装载), in seconds, as often as one likes.

The parts are written by ``backend.demo.tables``, an audit line per stage. Each stage is one transaction: a killed
seeding starts again at the first stage that is missing. Only missing rows and days are added; of what stands, only the
demo's passwords are changed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from backend.demo.accounts import load_accounts
from backend.demo.diagnoses import CODE_EDITION
from backend.demo.finding import FIRST_RULE, load_finding
from backend.demo.hospital import DEFAULT_SEED, SCHEDULED_DAYS, DemoHospital, make_hospital
from backend.demo.ids import DemoIds, place_id
from backend.demo.schedules import SHANGHAI
from backend.demo.tables import PAID_AT_HOSPITAL, Tables
from hospital_core.access.scheduling.days import minute_of
from hospital_core.access.scheduling.planning_commands import GenerateDay
from hospital_core.access.scheduling.service.generating import Naming, generate
from hospital_core.kernel.context import system_context
from hospital_core.kernel.run import write_audit
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.kernel.uow import AuditEntry, UnitOfWork

Progress = Callable[[str, int, int], object]
_LOCK = 5_214_361_808
_DAY_MADE = "SELECT EXISTS (SELECT 1 FROM schedule WHERE day = $1 AND template_id IS NOT NULL)"


@dataclass(frozen=True)
class Extent:
    """How much of the hospital is written: all of it, or less for a quick test (规模)."""

    days: int = SCHEDULED_DAYS
    patients_max: int | None = None


@dataclass
class SeedReport:
    """What a seeding did (装载结果): new rows per stage; all zero when everything stood already."""

    founded_on: date
    rows: dict[str, int] = field(default_factory=dict)
    days_added: int = 0


async def seed_hospital(
    app_url: str,
    keyring: KeyRing,
    password: str,
    *,
    seed: int = DEFAULT_SEED,
    extent: Extent = Extent(),
    progress: Progress | None = None,
) -> SeedReport:
    """Write what is missing of the demo hospital (装载演示医院); a second call only adds days and mends passwords.

    `password` is that of all demo log-ins. Days follow the hospital's own clock.
    Locks: a session advisory lock; a second seeding waits for the first.
    """
    connection = await asyncpg.connect(app_url, server_settings={"application_name": "hospital-seed"})
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        now: datetime = await connection.fetchval("SELECT hospital_now()")
        today = now.astimezone(SHANGHAI).date()
        founded = await founded_on(connection, seed)
        # Ages are counted from the day the demo was founded: made again later, its people would be others.
        hospital = await asyncio.to_thread(make_hospital, seed, start_date=founded or today)
        seeding = _Seeding(connection, hospital, keyring, extent, progress or (lambda *_: None))
        report = SeedReport(founded_on=hospital.start_date)
        for name, probe, load in seeding.stages():
            report.rows[name] = await seeding.stage(name, probe, load)
        report.rows["账号"] = await load_accounts(connection, hospital, seeding.ids, keyring, password)
        report.days_added = await seeding.days(today)
        return report
    finally:
        await connection.close()


async def founded_on(connection: asyncpg.Connection, seed: int) -> date | None:
    """The Shanghai day on which this seed's people were written, None when they were not yet."""
    first = DemoIds(seed)("patient", "P00001")
    created = await connection.fetchval("SELECT created_at FROM patient WHERE id = $1", first)
    return created.astimezone(SHANGHAI).date() if created else None


class _Seeding:
    """The stages and the days, each in a transaction of its own."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        hospital: DemoHospital,
        keyring: KeyRing,
        extent: Extent,
        progress: Progress,
    ) -> None:
        self.connection, self.hospital = connection, hospital
        self.tables = Tables(connection, hospital, keyring, extent.patients_max)
        self.extent, self.progress = extent, progress
        self.ids = DemoIds(hospital.seed)

    def stages(self) -> list[tuple[str, tuple[str, UUID], Callable[[], Awaitable[int]]]]:
        """Name, a row that stands when the stage is done, and what loads it; in the order of the foreign keys."""
        places, hospital, tables = self.hospital.organization, self.hospital, self.tables
        # Fees are appended from time to time: a demo of earlier days gets those it lacks.
        last_fee = [item.code for item in hospital.price_items if item.category == "registration"][-1]
        return [
            ("机构与地点", ("campus", self.ids("campus", places.campuses[0].code)), tables.organization),
            ("职工", ("staff_member", self.ids("staff", hospital.staff[0].staff_no)), tables.staff),
            ("价表", ("price_item", self.ids("price_item", last_fee)), tables.prices),
            ("诊断编码", ("code_edition", self.ids("edition", CODE_EDITION)), tables.diagnoses),
            ("患者", ("patient", self.ids("patient", hospital.patients[0].key)), tables.patients),
            ("检索与导诊", (FIRST_RULE[0], self.ids(*FIRST_RULE)), lambda: load_finding(tables.copy, self.ids)),
            ("排班模板", ("schedule_template", self.ids("template", hospital.templates[0].key)), tables.templates),
            ("检查预约", ("examination_item", self.ids("examination", hospital.examinations[0].price_item_code)),
             tables.examinations),
            ("预约规则", ("booking_rule", self.ids("rule", PAID_AT_HOSPITAL[0])), tables.rules),
        ]  # fmt: skip

    async def stage(self, name: str, probe: tuple[str, UUID], load: Callable[[], Awaitable[int]]) -> int:
        """One stage, unless it stands; returns how many rows are new."""
        table, row_id = probe
        if await self.connection.fetchval(f"SELECT true FROM {table} WHERE id = $1", row_id):
            self.progress(name, 1, 1)
            return 0
        self.progress(name, 0, 1)
        async with self.connection.transaction():
            rows = await load()
            await self._audit(name, rows)
        self.progress(name, 1, 1)
        return rows

    async def days(self, today: date) -> int:
        """The timetable of each day that has none yet, a transaction each; returns how many days are new."""
        added = 0
        for number in range(self.extent.days):
            self.progress("排班与号源", number, self.extent.days)
            day = today + timedelta(days=number)
            if await self.connection.fetchval(_DAY_MADE, day):
                continue
            async with self.connection.transaction():
                await self._audit("排班与号源", await self._day(day), day=day.isoformat())
            added += 1
        self.progress("排班与号源", self.extent.days, self.extent.days)
        return added

    async def _day(self, day: date) -> int:
        """One day by the hospital's own generation, as if at its midnight: what has begun is made as well."""
        uow = UnitOfWork(system_context(), self.connection, minute_of(day, 0))
        made = await generate(uow, GenerateDay(day=day), Naming(self._session_id, place_id))
        return made.sessions + made.places

    def _session_id(self, template_id: UUID, day: date) -> UUID:
        return self.ids("schedule", f"{template_id}:{day.isoformat()}")

    async def _audit(self, stage: str, rows: int, **more: str) -> None:
        now = await self.connection.fetchval("SELECT hospital_now()")
        detail = {"seed": self.hospital.seed, "stage": stage, "rows": rows, **more}
        await write_audit(self.connection, system_context(), [AuditEntry("demo.seed", detail=detail)], now)
