"""The demo hospital's tables (演示数据表): what ``seed`` writes at each of its stages.

This is the one place of the house that writes whole tables without their services: 75,000 rows through one command each
would take a quarter of an hour. It may, because it runs with the app role only (grants, CHECKs, exclusion constraints
and triggers all hold), never in production, and adds rows and changes none.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from hashlib import sha256

import asyncpg

from backend.demo.accounts import PROFESSIONS
from backend.demo.diagnoses import CODE_EDITION, CODE_SYSTEM
from backend.demo.hospital import DemoHospital
from backend.demo.ids import DemoIds
from backend.demo.organization import DemoRoom, floor_name
from backend.demo.schedules import SHANGHAI, DemoTemplate
from backend.demo.sealing import sealed_document, sealed_phone
from hospital_core.access.scheduling.days import minute_of, period_of
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.states import RuleScope
from hospital_core.kernel.numbers import NumberKind, number_text
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.registry.catalogue.states import FeeCategory

Row = tuple[object, ...]

# The database's sequence starts at 100,000,001: numbers below it are never issued, so the demo's stay the same.
_FIRST_PATIENT_NUMBER = 20_000_001
_PRICES_SINCE = datetime(2020, 1, 1, tzinfo=SHANGHAI)
# A receipt (收费票据) knows fourteen categories; the demo's list is finer in one place.
_ON_RECEIPT: dict[str, str] = {"imaging": FeeCategory.EXAMINATION, "function_test": FeeCategory.EXAMINATION}

# Courses of treatment: one comes many times, and pays each time (康复、中医).
PAID_AT_HOSPITAL = ("DH-KF", "DH-ZY")

_LOCATION = "id version campus_id department_id parent_id kind code name floor beds active"


class Tables:
    """Writes the hospital's parts, each as a whole, on one connection (整表装载)."""

    def __init__(
        self, connection: asyncpg.Connection, hospital: DemoHospital, keyring: KeyRing, patients_max: int | None
    ) -> None:
        self.connection, self.hospital, self.keyring = connection, hospital, keyring
        self.patients_max = patients_max
        self.ids = DemoIds(hospital.seed)
        self.founded_at = datetime.combine(hospital.start_date, time(), SHANGHAI).astimezone(UTC)

    async def copy(self, table: str, columns: str, rows: Iterable[Row]) -> int:
        """Write rows of a table by COPY; returns how many."""
        records = list(rows)
        await self.connection.copy_records_to_table(table, columns=columns.split(), records=records)
        return len(records)

    async def organization(self) -> int:
        """Campuses, departments and places (机构与地点)."""
        ids, places = self.ids, self.hospital.organization
        campuses = [
            (ids("campus", c.code), c.code, c.name, c.address, c.latitude, c.longitude, 300) for c in places.campuses
        ]
        departments = [
            (ids("department", d.code), 0, ids("campus", d.campus_code), d.code, d.name, d.name_pinyin,
             d.name_initials, d.kind, d.intro, d.number_only_on_screen, True)
            for d in places.departments
        ]  # fmt: skip
        rows = await self.copy("campus", "id code name address latitude longitude radius_m", campuses)
        rows += await self.copy(
            "department",
            "id version campus_id code name pinyin initials kind intro number_only_on_screen active",
            departments,
        )
        # Waiting areas first: rooms and windows point to them.
        return rows + await self.copy("location", _LOCATION, [*self._areas(), *self._places()])

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

    async def staff(self) -> int:
        """Everybody who works here (职工)."""
        ids = self.ids
        return await self.copy(
            "staff_member",
            "id version staff_no name pinyin initials title profession department_id specialty introduction active",
            [
                (ids("staff", s.staff_no), 0, s.staff_no, s.name, s.name_pinyin, s.name_initials, s.title,
                 PROFESSIONS[s.role].value, ids("department", s.department_code), s.specialty, s.intro, True)
                for s in self.hospital.staff
            ],
        )  # fmt: skip

    async def prices(self) -> int:
        """The price list (价表); a demo of earlier days gets what it lacks."""
        ids = self.ids
        standing = {row["id"] for row in await self.connection.fetch("SELECT id FROM price_item")}
        items = [item for item in self.hospital.price_items if ids("price_item", item.code) not in standing]
        rows = await self.copy(
            "price_item",
            "id version code name initials category unit active",
            [
                (ids("price_item", i.code), 0, i.code, f"{i.name} {i.specification}".strip(), i.name_initials,
                 _ON_RECEIPT.get(i.category, i.category), i.unit, True)
                for i in items
            ],
        )  # fmt: skip
        return rows + await self.copy(
            "price",
            "id item_id unit_price valid_from valid_until",
            [
                (ids("price", i.code), ids("price_item", i.code), Decimal(i.price_fen) / 100, _PRICES_SINCE, None)
                for i in items
            ],
        )  # fmt: skip

    async def diagnoses(self) -> int:
        """One edition of the diagnoses (诊断编码)."""
        concepts = self.hospital.diagnoses
        digest = sha256("\n".join(f"{c.code} {c.name}" for c in concepts).encode()).hexdigest()
        edition = (self.ids("edition", CODE_EDITION), CODE_SYSTEM, CODE_EDITION, len(concepts), digest, self.founded_at)
        await self.copy("code_edition", "id system edition rows digest imported_at", [edition])
        return await self.copy(
            "concept",
            "id system edition code name initials active",
            [
                (self.ids("concept", c.code), CODE_SYSTEM, CODE_EDITION, c.code, c.name, c.name_initials, True)
                for c in concepts
            ],
        )

    async def patients(self) -> int:
        """Files with their documents and allergies (患者)."""
        ids, keyring, at = self.ids, self.keyring, self.founded_at
        people = self.hospital.patients[: self.patients_max]
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
        await self.copy(
            "patient",
            "id version patient_no name pinyin initials sex birth_date phone_sealed phone_index temporary "
            "temporary_reason created_at",
            files,
        )
        await self.copy(
            "patient_identifier", "id version patient_id kind value_sealed value_index status created_at", documents
        )
        await self.copy(
            "patient_allergy",
            "id version patient_id substance severity reaction status recorded_by recorded_at",
            allergies,
        )
        return len(files) + len(documents) + len(allergies)

    async def templates(self) -> int:
        """The doctors' weeks (排班模板)."""
        return await self._copy_templates(self.hospital.templates)

    async def rules(self) -> int:
        """Where one books now and pays when one comes (到院缴费)."""
        rows = [
            (self.ids("rule", code), 0, RuleCode.PAY_AT_HOSPITAL.value, RuleScope.DEPARTMENT.value,
             str(self.ids("department", code)), 1, self.founded_at)
            for code in PAID_AT_HOSPITAL
        ]  # fmt: skip
        return await self.copy("booking_rule", "id version code scope scope_key value changed_at", rows)

    async def examinations(self) -> int:
        """Rooms, what is done in them, and their weeks; a demo of earlier days gets them too."""
        ids, places = self.ids, self.hospital.organization
        examined = {row.code for row in places.examinations}
        rooms = [self._room(room) for room in places.rooms if room.department_code in examined]
        rows = await self.copy("location", _LOCATION, rooms)
        rows += await self.copy(
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
        rows = await self.copy(
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
        return rows + await self.copy(
            "template_pool",
            "id template_id pool places returns_minutes_before",
            [
                (ids("template_pool", f"{t.key}:{pool}"), ids("template", t.key), pool, places, returns)
                for t in templates
                for pool, places, returns in t.pools
            ],
        )
