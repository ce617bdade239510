"""Demo timetables (排班): which doctor sits when in which room, every week, from the seed alone.

A week of templates makes all days; the hospital's own generation turns them into sessions, holidays and all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Literal

from backend.demo.organization import ClinicRow, DemoOrganization, DemoRoom, ExaminationRow
from backend.demo.prices import ALL_DAY_CLINIC, registration_codes
from backend.demo.staff import DemoStaff

ServiceKind = Literal["general", "expert", "special", "disease", "night", "emergency", "examination", "online"]
Period = Literal["morning", "afternoon", "evening", "night", "day", "late"]

# A fixed offset instead of zoneinfo: China has kept no summer time since 1991, and a bare machine may lack tzdata.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

MINUTES_PER_PLACE: dict[ServiceKind, int] = {
    "general": 8, "expert": 15, "special": 30, "disease": 15, "night": 10, "emergency": 6, "online": 15,
}  # fmt: skip
ALL_DAY_MINUTES_PER_PLACE = 3  # 便民门诊: mostly prescriptions that go on
_DAY = 24 * 60

# period → minutes after midnight
_HOURS: dict[Period, tuple[int, int]] = {
    "morning": (8 * 60, 12 * 60),
    "afternoon": (13 * 60 + 30, 17 * 60),
    "evening": (17 * 60 + 30, 20 * 60 + 30),
    "night": (0, 8 * 60),
    "day": (8 * 60, 16 * 60),
    "late": (16 * 60, 24 * 60),
}
_SENIOR = ("主任医师", "副主任医师")
_SHIFTS: tuple[Period, ...] = ("night", "day", "late")
_WEDNESDAY, _SATURDAY, _SUNDAY = 3, 6, 7

# Of a sought-after clinic every tenth place is the window's, some are kept for those who cannot use a phone (适老化)
# and for referrals; unsold, they are everybody's a day or two before.
_QUOTAS: tuple[tuple[str, int, int], ...] = (("window", 10, _DAY), ("phone", 16, _DAY), ("referral", 8, 2 * _DAY))
_WITH_QUOTAS: tuple[ServiceKind, ...] = ("expert", "special", "disease")


@dataclass(frozen=True, slots=True)
class DemoTemplate:
    """A session that repeats every week (排班模板); `weekday` 1 = Monday, minutes after midnight in Asia/Shanghai.

    `key` is unique for ever (room, weekday, period). `pools` are channel, places, minutes before the session.
    """

    key: str
    campus_code: str
    department_code: str
    staff_no: str
    room_code: str
    waiting_area_code: str
    weekday: int
    period: Period
    starts_minute: int
    ends_minute: int
    service_kind: ServiceKind
    places_count: int
    minutes_per_place: int
    price_item_code: str
    sought_after: bool
    works_on_holidays: bool
    pools: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class DemoSession:
    """One session (出诊单元): doctor, room, half-open time [start, end) in Asia/Shanghai, places and fee.

    `key` is unique for ever (template, day). Place n (from 0) begins at start + n × minutes_per_place or a bit later.
    """

    key: str
    campus_code: str
    department_code: str
    staff_no: str
    room_code: str
    waiting_area_code: str
    period: Period
    start: datetime
    end: datetime
    service_kind: ServiceKind
    places_count: int
    minutes_per_place: int
    price_item_code: str


@dataclass(frozen=True)
class Timetable:
    """What the weekly templates are made from; `sessions_for` answers for any day, past or future, in any order."""

    organization: DemoOrganization
    staff: Sequence[DemoStaff]

    @cached_property
    def _rooms(self) -> dict[str, list[DemoRoom]]:
        rooms: dict[str, list[DemoRoom]] = defaultdict(list)
        for room in self.organization.rooms:
            rooms[room.department_code].append(room)
        return rooms

    @cached_property
    def _doctors(self) -> dict[str, list[DemoStaff]]:
        doctors: dict[str, list[DemoStaff]] = defaultdict(list)
        for member in self.staff:
            if member.role == "doctor":
                doctors[member.department_code].append(member)
        return doctors

    @cached_property
    def _technicians(self) -> dict[str, list[DemoStaff]]:
        technicians: dict[str, list[DemoStaff]] = defaultdict(list)
        for member in self.staff:
            if member.role == "technician":
                technicians[member.department_code].append(member)
        return technicians

    @cached_property
    def _emergencies(self) -> set[str]:
        return {department.code for department in self.organization.departments if department.kind == "emergency"}

    @cached_property
    def _fees(self) -> dict[tuple[str, str], str]:
        return registration_codes()

    @cached_property
    def templates(self) -> tuple[DemoTemplate, ...]:
        """Every doctor's week (排班模板)."""
        week = [
            template
            for weekday in range(1, 8)
            for clinic in self.organization.clinics
            for template in (self._all_day(clinic, weekday) if clinic.all_day else self._clinic(clinic, weekday))
        ]
        return tuple(sorted(week, key=_when))

    @cached_property
    def examination_templates(self) -> tuple[DemoTemplate, ...]:
        """The examination rooms' week (检查排班)."""
        week = [
            template
            for weekday in range(1, 8)
            for row in self.organization.examinations
            for template in self._examinations(row, weekday)
        ]
        return tuple(sorted(week, key=_when))

    def sessions_for(self, day: date) -> tuple[DemoSession, ...]:
        """Sessions (出诊单元) of `day`, Shanghai date, as its weekday has them when it is no holiday."""
        week = (*self.templates, *self.examination_templates)
        return tuple(_session(template, day) for template in week if template.weekday == day.isoweekday())

    def _all_day(self, clinic: ClinicRow, weekday: int) -> Iterator[DemoTemplate]:
        """Three shifts of eight hours in every room; two teams take turns by the day.

        Sunday's team works on Monday too, on the same shifts: sixteen hours lie between.
        """
        rooms, doctors = self._rooms[clinic.code], self._doctors[clinic.code]
        here = rooms[:-1] if clinic.online else rooms
        size = len(_SHIFTS) * len(here)
        kind: ServiceKind = "emergency" if clinic.code in self._emergencies else "general"
        yield from self._shifts(clinic, weekday, here, doctors[: 2 * size], kind)
        if clinic.online:
            yield from self._shifts(clinic, weekday, rooms[-1:], doctors[2 * size :], "online")

    def _shifts(
        self, clinic: ClinicRow, weekday: int, rooms: list[DemoRoom], doctors: list[DemoStaff], kind: ServiceKind
    ) -> Iterator[DemoTemplate]:
        size = len(_SHIFTS) * len(rooms)
        team = doctors[:size] if weekday % 2 else doctors[size : 2 * size]
        turn = 0 if weekday == _SUNDAY else (weekday - 1) // 2
        for place, (shift, room) in enumerate((shift, room) for shift in _SHIFTS for room in rooms):
            yield self._template(clinic, weekday, shift, room, team[(place + turn) % size], kind)

    def _clinic(self, clinic: ClinicRow, weekday: int) -> Iterator[DemoTemplate]:
        """Monday to Friday every room twice a day, and in some departments an evening; fewer at the weekend."""
        rooms, doctors = self._rooms[clinic.code], self._doctors[clinic.code]
        if weekday < _SATURDAY:
            for half, period in enumerate[Period](("morning", "afternoon")):
                first = ((weekday - 1) * 2 + half) * len(rooms) + weekday - 1
                for position, room in enumerate(rooms):
                    doctor = doctors[(first + position) % len(doctors)]
                    kind = self._service_kind(clinic, doctor, afternoon=bool(half))
                    last = position == len(rooms) - 1
                    if half and last and weekday == _WEDNESDAY and ("disease", clinic.code) in self._fees:
                        kind = "disease"
                    yield self._template(clinic, weekday, period, room, doctor, kind)
            if clinic.evening:
                juniors = [doctor for doctor in doctors if doctor.title in ("主治医师", "住院医师")]
                doctor = juniors[(weekday - 1) % len(juniors)]
                yield self._template(clinic, weekday, "evening", rooms[0], doctor, "night")
            if clinic.online:
                seniors = [doctor for doctor in doctors if doctor.title in _SENIOR]
                doctor = seniors[(weekday - 1) % len(seniors)]
                yield self._template(clinic, weekday, "evening", rooms[-1], doctor, "online")
            return
        # Saturday morning almost as on weekdays, Saturday afternoon and Sunday morning one room.
        open_rooms = rooms[: max(1, len(rooms) - 1)] if weekday == _SATURDAY else rooms[:1]
        for position, room in enumerate(open_rooms):
            doctor = doctors[(weekday - 1 + position) % len(doctors)]
            kind = self._service_kind(clinic, doctor, afternoon=False)
            yield self._template(clinic, weekday, "morning", room, doctor, kind)
        if weekday == _SATURDAY:
            doctor = doctors[len(open_rooms) % len(doctors)]
            kind = self._service_kind(clinic, doctor, afternoon=False)
            yield self._template(clinic, weekday, "afternoon", rooms[0], doctor, kind)

    def _service_kind(self, clinic: ClinicRow, doctor: DemoStaff, afternoon: bool) -> ServiceKind:
        if doctor.title not in _SENIOR:
            return "general"
        # A special clinic (特需门诊) is what the head of a well-known department holds in the afternoon.
        return "special" if clinic.special and afternoon and doctor.title == "主任医师" else "expert"

    def _examinations(self, row: ExaminationRow, weekday: int) -> Iterator[DemoTemplate]:
        """Each room with one technician; those who work until midnight take turns by the day, always the same shift."""
        rooms, team = self._rooms[row.code], self._technicians[row.code]
        periods: dict[str, tuple[Period, ...]] = {"A": ("day", "late")}
        if weekday < _SATURDAY:
            periods |= {"W": ("morning", "afternoon"), "M": ("morning",)}
        elif weekday == _SATURDAY:
            periods |= {"W": ("morning", "afternoon")}
        for half, period in enumerate(periods.get(row.hours, ())):
            for position, room in enumerate(rooms):
                turn = half * len(rooms) + position
                first = weekday % 2 * len(rooms) * 2 if row.hours == "A" else weekday
                yield self._examination(row, weekday, period, room, team[(first + turn) % len(team)])

    def _examination(
        self, row: ExaminationRow, weekday: int, period: Period, room: DemoRoom, technician: DemoStaff
    ) -> DemoTemplate:
        first, last = _HOURS[period]
        return DemoTemplate(
            key=f"{room.code}-{weekday}-{period}",
            campus_code=room.campus_code,
            department_code=row.code,
            staff_no=technician.staff_no,
            room_code=room.code,
            waiting_area_code=room.waiting_area_code,
            weekday=weekday,
            period=period,
            starts_minute=first,
            ends_minute=last,
            service_kind="examination",
            places_count=(last - first) // row.minutes,
            minutes_per_place=row.minutes,
            price_item_code=self._fees["examination", ""],
            sought_after=False,
            works_on_holidays=row.hours == "A",
            pools=(),
        )

    def _template(
        self, clinic: ClinicRow, weekday: int, period: Period, room: DemoRoom, doctor: DemoStaff, kind: ServiceKind
    ) -> DemoTemplate:
        minutes = ALL_DAY_MINUTES_PER_PLACE if clinic.all_day and kind == "general" else MINUTES_PER_PLACE[kind]
        first, last = _HOURS[period]
        places = (last - first) // minutes
        quotas = _QUOTAS if kind in _WITH_QUOTAS else ()
        return DemoTemplate(
            key=f"{room.code}-{weekday}-{period}",
            campus_code=room.campus_code,
            department_code=clinic.code,
            staff_no=doctor.staff_no,
            room_code=room.code,
            waiting_area_code=room.waiting_area_code,
            weekday=weekday,
            period=period,
            starts_minute=first,
            ends_minute=last,
            service_kind=kind,
            places_count=places,
            minutes_per_place=minutes,
            price_item_code=self._fee(clinic, doctor, kind),
            sought_after=clinic.special and doctor.title == "主任医师" and kind in ("expert", "special"),
            works_on_holidays=clinic.all_day,
            pools=tuple((pool, max(1, places // one_in), returns) for pool, one_in, returns in quotas),
        )

    def _fee(self, clinic: ClinicRow, doctor: DemoStaff, kind: ServiceKind) -> str:
        """The registration fee: by title, but one for everybody at night, all day, and for each disease clinic."""
        if kind == "online":
            return self._fees[kind, ""]
        if clinic.all_day:
            return self._fees[kind, "" if kind == "emergency" else ALL_DAY_CLINIC]
        return self._fees[kind, {"night": "", "disease": clinic.code}.get(kind, doctor.title)]


def _when(template: DemoTemplate) -> tuple[int, int, str]:
    return template.weekday, template.starts_minute, template.key


def _session(template: DemoTemplate, day: date) -> DemoSession:
    midnight = datetime.combine(day, time(), SHANGHAI)
    return DemoSession(
        key=f"{template.key}-{day:%Y%m%d}",
        campus_code=template.campus_code,
        department_code=template.department_code,
        staff_no=template.staff_no,
        room_code=template.room_code,
        waiting_area_code=template.waiting_area_code,
        period=template.period,
        start=midnight + timedelta(minutes=template.starts_minute),
        end=midnight + timedelta(minutes=template.ends_minute),
        service_kind=template.service_kind,
        places_count=template.places_count,
        minutes_per_place=template.minutes_per_place,
        price_item_code=template.price_item_code,
    )
