"""Writing the demo hospital into a migrated database (演示数据装载), in seconds, as often as one likes.

This is the one place of the house that writes tables without their services: 75,000 rows through one command each would
take a quarter of an hour. It may, because it runs with the app role only (grants, CHECKs, exclusion constraints and
triggers all hold), never in production, adds rows and changes none but demo passwords, and writes an audit line per
stage. Each stage is one transaction: a killed seeding starts again at the first stage that is missing.

Every id is a UUIDv5 of the seed and a code. All else in the database has UUIDv7: demo rows are told by their id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from backend.demo.accounts import PROFESSIONS, load_accounts
from backend.demo.diagnoses import CODE_EDITION, CODE_SYSTEM
from backend.demo.finding import FIRST_RULE, load_finding
from backend.demo.hospital import DEFAULT_SEED, SCHEDULED_DAYS, DemoHospital, make_hospital
from backend.demo.organization import DemoRoom, floor_name
from backend.demo.schedules import SHANGHAI, DemoTemplate
from backend.demo.sealing import sealed_document, sealed_phone
from hospital_core.access.scheduling.days import minute_of, period_of
from hospital_core.access.scheduling.planning_commands import GenerateDay
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service.generating import Naming, generate
from hospital_core.access.scheduling.states import RuleScope
from hospital_core.kernel.context import system_context
from hospital_core.kernel.numbers import NumberKind, number_text
from hospital_core.kernel.run import write_audit
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from hospital_core.registry.catalogue.states import FeeCategory

Progress = Callable[[str, int, int], object]
Row = tuple[object, ...]

# The database's sequence starts at 100,000,001: numbers below it are never issued, so the demo's stay the same.
_FIRST_PATIENT_NUMBER = 20_000_001
_PRICES_SINCE = datetime(2020, 1, 1, tzinfo=SHANGHAI)
_LOCK = 5_214_361_808
# A receipt (收费票据) knows fourteen categories; the demo's list is finer in one place.
_ON_RECEIPT: dict[str, str] = {"imaging": FeeCategory.EXAMINATION, "function_test": FeeCategory.EXAMINATION}

# Courses of treatment: one comes many times, and pays each time (康复、中医).
_PAID_AT_HOSPITAL = ("DH-KF", "DH-ZY")

_LOCATION = "id version campus_id department_id parent_id kind code name floor beds active"
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


class DemoIds:
    """The ids of one seed (确定性标识): ``ids("patient", "P00001")`` is the same on every machine."""

    def __init__(self, seed: int) -> None:
        self._namespace = uuid5(NAMESPACE_OID, f"smart-hospital-demo:{seed}")

    def __call__(self, kind: str, code: str) -> UUID:
        return uuid5(self._namespace, f"{kind}:{code}")


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
        today = await _today(connection)
        founded = await founded_on(connection, seed)
        # Ages are counted from the day the demo was founded: made again later, its people would be others.
        hospital = await asyncio.to_thread(make_hospital, seed, start_date=founded or today)
        loader = _Loader(connection, hospital, keyring, extent, progress or (lambda *_: None))
        report = SeedReport(founded_on=hospital.start_date)
        for name, probe, load in loader.stages():
            report.rows[name] = await loader.stage(name, probe, load)
        report.rows["账号"] = await load_accounts(connection, hospital, loader.ids, keyring, password)
        report.days_added = await loader.days(today)
        return report
    finally:
        await connection.close()


async def ensure_days(app_url: str, *, seed: int = DEFAULT_SEED, days: int = SCHEDULED_DAYS) -> int:
    """Make the timetables missing from today on (补排班); returns how many days. For a demo that runs for days."""
    connection = await asyncpg.connect(app_url, server_settings={"application_name": "hospital-seed"})
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        today = await _today(connection)
        hospital = await asyncio.to_thread(make_hospital, seed, start_date=today)
        loader = _Loader(connection, hospital, None, Extent(days=days), lambda *_: None)
        return await loader.days(today)
    finally:
        await connection.close()


async def founded_on(connection: asyncpg.Connection, seed: int) -> date | None:
    """The Shanghai day on which this seed's people were written, None when they were not yet."""
    first = DemoIds(seed)("patient", "P00001")
    created = await connection.fetchval("SELECT created_at FROM patient WHERE id = $1", first)
    return created.astimezone(SHANGHAI).date() if created else None


async def _today(connection: asyncpg.Connection) -> date:
    now: datetime = await connection.fetchval("SELECT hospital_now()")
    return now.astimezone(SHANGHAI).date()


def _place_id(schedule_id: UUID, number: int) -> UUID:
    return uuid5(schedule_id, str(number))


class _Loader:
    def __init__(
        self,
        connection: asyncpg.Connection,
        hospital: DemoHospital,
        keyring: KeyRing | None,
        extent: Extent,
        progress: Progress,
    ) -> None:
        self.connection, self.hospital, self.keyring = connection, hospital, keyring
        self.extent, self.progress = extent, progress
        self.ids = DemoIds(hospital.seed)
        self.founded_at = datetime.combine(hospital.start_date, time(), SHANGHAI).astimezone(UTC)

    def stages(self) -> list[tuple[str, tuple[str, UUID], Callable[[], Awaitable[int]]]]:
        """Name, a row that stands when the stage is done, and what loads it; in the order of the foreign keys."""
        places, hospital = self.hospital.organization, self.hospital
        # Fees are appended from time to time: a demo of earlier days gets those it lacks.
        last_fee = [item.code for item in hospital.price_items if item.category == "registration"][-1]
        return [
            ("机构与地点", ("campus", self.ids("campus", places.campuses[0].code)), self._organization),
            ("职工", ("staff_member", self.ids("staff", hospital.staff[0].staff_no)), self._staff),
            ("价表", ("price_item", self.ids("price_item", last_fee)), self._prices),
            ("诊断编码", ("code_edition", self.ids("edition", CODE_EDITION)), self._diagnoses),
            ("患者", ("patient", self.ids("patient", hospital.patients[0].key)), self._patients),
            ("检索与导诊", (FIRST_RULE[0], self.ids(*FIRST_RULE)), lambda: load_finding(self._copy, self.ids)),
            ("排班模板", ("schedule_template", self.ids("template", hospital.templates[0].key)), self._templates),
            ("检查预约", ("examination_item", self.ids("examination", hospital.examinations[0].price_item_code)),
             self._examinations),
            ("预约规则", ("booking_rule", self.ids("rule", _PAID_AT_HOSPITAL[0])), self._rules),
        ]  # fmt: skip

    async def stage(self, name: str, probe: tuple[str, UUID], load: Callable[[], Awaitable[int]]) -> int:
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
        """The timetable of each day that has none yet, a transaction each."""
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

    async def _audit(self, stage: str, rows: int, **more: str) -> None:
        now = await self.connection.fetchval("SELECT hospital_now()")
        detail = {"seed": self.hospital.seed, "stage": stage, "rows": rows, **more}
        await write_audit(self.connection, system_context(), [AuditEntry("demo.seed", detail=detail)], now)

    async def _copy(self, table: str, columns: str, rows: Iterable[Row]) -> int:
        records = list(rows)
        await self.connection.copy_records_to_table(table, columns=columns.split(), records=records)
        return len(records)

    async def _organization(self) -> int:
        ids, places = self.ids, self.hospital.organization
        campuses = [
            (ids("campus", c.code), c.code, c.name, c.address, c.latitude, c.longitude, 300) for c in places.campuses
        ]
        departments = [
            (ids("department", d.code), 0, ids("campus", d.campus_code), d.code, d.name, d.name_pinyin,
             d.name_initials, d.kind, d.intro, d.number_only_on_screen, True)
            for d in places.departments
        ]  # fmt: skip
        rows = await self._copy("campus", "id code name address latitude longitude radius_m", campuses)
        rows += await self._copy(
            "department",
            "id version campus_id code name pinyin initials kind intro number_only_on_screen active",
            departments,
        )
        # Waiting areas first: rooms and windows point to them.
        return rows + await self._copy("location", _LOCATION, [*self._areas(), *self._places()])

    def _location(
        self, kind: str, code: str, name: str, campus: str, floor: str, *,
        department: str | None = None, parent: str | None = None, beds: int = 0,
    ) -> Row:  # fmt: skip
        return (
            self.ids("location", code), 0, self.ids("campus", campus),
            self.ids("department", department) if department else None,
            self.ids("location", parent) if parent else None,
            kind, code, name, floor, beds, True,
        )  # fmt: skip

    def _areas(self) -> Iterable[Row]:
        for campus in self.hospital.organization.campuses:
            yield self._location("lobby", f"{campus.code}-DT", f"{campus.name}门诊大厅", campus.code, "1层")
        for area in self.hospital.organization.waiting_areas:
            only = area.department_codes[0] if len(area.department_codes) == 1 else None
            floor = area.building + floor_name(area.floor)
            yield self._location("waiting_area", area.code, area.name, area.campus_code, floor, department=only)

    def _places(self) -> Iterable[Row]:
        places = self.hospital.organization
        area_of = {code: area.code for area in places.waiting_areas for code in area.department_codes}
        examined = {row.code for row in places.examinations}
        yield from (self._room(room) for room in places.rooms if room.department_code not in examined)
        for window in places.windows:
            waits = window.kind in ("pharmacy", "blood_collection")
            yield self._location(
                "window", window.code, window.name, window.campus_code, window.building + floor_name(window.floor),
                department=window.department_code, parent=area_of[window.department_code] if waits else None,
            )  # fmt: skip
        for ward in places.wards:
            yield self._location(
                "ward", ward.code, ward.name, ward.campus_code, ward.building + floor_name(ward.floor),
                department=ward.code, beds=ward.bed_count,
            )  # fmt: skip

    def _room(self, room: DemoRoom) -> Row:
        return self._location(
            "room", room.code, room.name, room.campus_code, room.building + floor_name(room.floor),
            department=room.department_code, parent=room.waiting_area_code,
        )  # fmt: skip

    async def _staff(self) -> int:
        ids = self.ids
        return await self._copy(
            "staff_member",
            "id version staff_no name pinyin initials title profession department_id specialty introduction active",
            [
                (ids("staff", s.staff_no), 0, s.staff_no, s.name, s.name_pinyin, s.name_initials, s.title,
                 PROFESSIONS[s.role].value, ids("department", s.department_code), s.specialty, s.intro, True)
                for s in self.hospital.staff
            ],
        )  # fmt: skip

    async def _prices(self) -> int:
        ids = self.ids
        standing = {row["id"] for row in await self.connection.fetch("SELECT id FROM price_item")}
        items = [item for item in self.hospital.price_items if ids("price_item", item.code) not in standing]
        rows = await self._copy(
            "price_item",
            "id version code name initials category unit active",
            [
                (ids("price_item", i.code), 0, i.code, f"{i.name} {i.specification}".strip(), i.name_initials,
                 _ON_RECEIPT.get(i.category, i.category), i.unit, True)
                for i in items
            ],
        )  # fmt: skip
        return rows + await self._copy(
            "price",
            "id item_id unit_price valid_from valid_until",
            [
                (ids("price", i.code), ids("price_item", i.code), Decimal(i.price_fen) / 100, _PRICES_SINCE, None)
                for i in items
            ],
        )  # fmt: skip

    async def _diagnoses(self) -> int:
        concepts = self.hospital.diagnoses
        digest = sha256("\n".join(f"{c.code} {c.name}" for c in concepts).encode()).hexdigest()
        edition = (self.ids("edition", CODE_EDITION), CODE_SYSTEM, CODE_EDITION, len(concepts), digest, self.founded_at)
        await self._copy("code_edition", "id system edition rows digest imported_at", [edition])
        return await self._copy(
            "concept",
            "id system edition code name initials active",
            [
                (self.ids("concept", c.code), CODE_SYSTEM, CODE_EDITION, c.code, c.name, c.name_initials, True)
                for c in concepts
            ],
        )

    async def _patients(self) -> int:
        assert self.keyring is not None
        ids, keyring, at = self.ids, self.keyring, self.founded_at
        people = self.hospital.patients[: self.extent.patients_max]
        files, documents, allergies = [], [], []
        for position, person in enumerate(people):
            patient_id = ids("patient", person.key)
            number = number_text(NumberKind.PATIENT, _FIRST_PATIENT_NUMBER + position)
            phone = sealed_phone(keyring, person.phone) if person.phone else (None, None)
            files.append(
                (patient_id, 0, number, person.name, person.name_pinyin, person.name_initials, person.sex,
                 person.birth_date, *phone, person.none_yet_reason is not None, person.none_yet_reason, at)
            )  # fmt: skip
            if person.document_no:
                kind, *value = sealed_document(keyring, person, self.hospital.start_date)
                documents.append((ids("identifier", person.key), 0, patient_id, kind, *value, "active", at))
            for allergy in person.allergies:
                key = ids("allergy", f"{person.key}:{allergy.substance}")
                allergies.append(
                    (key, 0, patient_id, allergy.substance, allergy.severity, allergy.reaction, "active", None, at)
                )
        await self._copy(
            "patient",
            "id version patient_no name pinyin initials sex birth_date phone_sealed phone_index temporary "
            "temporary_reason created_at",
            files,
        )
        await self._copy(
            "patient_identifier", "id version patient_id kind value_sealed value_index status created_at", documents
        )
        await self._copy(
            "patient_allergy",
            "id version patient_id substance severity reaction status recorded_by recorded_at",
            allergies,
        )
        return len(files) + len(documents) + len(allergies)

    async def _templates(self) -> int:
        return await self._copy_templates(self.hospital.templates)

    async def _rules(self) -> int:
        """Where one books now and pays when one comes (到院缴费)."""
        rows = [
            (self.ids("rule", code), 0, RuleCode.PAY_AT_HOSPITAL.value, RuleScope.DEPARTMENT.value,
             str(self.ids("department", code)), 1, self.founded_at)
            for code in _PAID_AT_HOSPITAL
        ]  # fmt: skip
        return await self._copy("booking_rule", "id version code scope scope_key value changed_at", rows)

    async def _examinations(self) -> int:
        """Rooms, what is done in them, and their weeks; a demo of earlier days gets them too."""
        ids, places = self.ids, self.hospital.organization
        examined = {row.code for row in places.examinations}
        rooms = [self._room(room) for room in places.rooms if room.department_code in examined]
        rows = await self._copy("location", _LOCATION, rooms)
        rows += await self._copy(
            "examination_item",
            "id version price_item_id department_id preparation lead_minutes active",
            [
                (ids("examination", e.price_item_code), 0, ids("price_item", e.price_item_code),
                 ids("department", e.department_code), e.preparation, e.lead_minutes, True)
                for e in self.hospital.examinations
            ],
        )  # fmt: skip
        return rows + await self._copy_templates(self.hospital.examination_templates)

    async def _copy_templates(self, templates: Iterable[DemoTemplate]) -> int:
        ids, templates = self.ids, tuple(templates)
        rows = await self._copy(
            "schedule_template",
            "id version department_id staff_id room_id service_kind weekday period starts_minute ends_minute places "
            "price_item_id sought_after works_on_holidays valid_from valid_until active",
            [
                (ids("template", t.key), 0, ids("department", t.department_code), ids("staff", t.staff_no),
                 ids("location", t.room_code), t.service_kind, t.weekday,
                 period_of(minute_of(_PRICES_SINCE.date(), t.starts_minute)).value, t.starts_minute, t.ends_minute,
                 t.places_count, ids("price_item", t.price_item_code), t.sought_after, t.works_on_holidays,
                 _PRICES_SINCE.date(), None, True)
                for t in templates
            ],
        )  # fmt: skip
        return rows + await self._copy(
            "template_pool",
            "id template_id pool places returns_minutes_before",
            [
                (ids("template_pool", f"{t.key}:{pool}"), ids("template", t.key), pool, places, returns)
                for t in templates
                for pool, places, returns in t.pools
            ],
        )

    def _session_id(self, template_id: UUID, day: date) -> UUID:
        return self.ids("schedule", f"{template_id}:{day.isoformat()}")

    async def _day(self, day: date) -> int:
        """One day by the hospital's own generation, as if at its midnight: what has begun is made as well."""
        uow = UnitOfWork(system_context(), self.connection, minute_of(day, 0))
        made = await generate(uow, GenerateDay(day=day), Naming(self._session_id, _place_id))
        return made.sessions + made.places
