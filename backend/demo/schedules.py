"""Demo timetables (排班): which doctor sits when in which room, for any day, from the seed and the day alone."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Literal

from backend.demo.organization import ClinicRow, DemoOrganization, DemoRoom
from backend.demo.prices import ALL_DAY_CLINIC, registration_codes
from backend.demo.staff import DemoStaff

ServiceKind = Literal["general", "expert", "special", "emergency"]
Period = Literal["morning", "afternoon", "evening", "night", "day", "late"]

# A fixed offset instead of zoneinfo: China has kept no summer time since 1991, and a bare machine may lack tzdata.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

MINUTES_PER_PLACE: dict[ServiceKind, int] = {"general": 8, "expert": 15, "special": 30, "emergency": 6}
ALL_DAY_MINUTES_PER_PLACE = 6
LEAVE_SHARE = 0.04  # share of clinic sessions that fall out because the doctor is away (停诊)

# period → minutes after midnight
_HOURS: dict[Period, tuple[int, int]] = {
    "morning": (8 * 60, 12 * 60),
    "afternoon": (13 * 60 + 30, 17 * 60),
    "evening": (17 * 60 + 30, 20 * 60 + 30),
    "night": (0, 8 * 60),
    "day": (8 * 60, 16 * 60),
    "late": (16 * 60, 24 * 60),
}
_SHIFTS: tuple[Period, ...] = ("night", "day", "late")
_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class DemoSession:
    """One session (出诊单元): doctor, room, half-open time [start, end) in Asia/Shanghai, places and fee.

    `key` is unique for ever (room, day, period). Place n (from 0) begins at start + n × minutes_per_place.
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
    """What a timetable is made from; `sessions_for` answers for any day, past or future, in any order."""

    seed: int
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
    def _emergencies(self) -> set[str]:
        return {department.code for department in self.organization.departments if department.kind == "emergency"}

    @cached_property
    def _fees(self) -> dict[tuple[str, str], str]:
        return registration_codes()

    def sessions_for(self, day: date) -> tuple[DemoSession, ...]:
        """All sessions (出诊单元) that begin on `day`, Shanghai date; the same on every call for the same seed."""
        rng = random.Random(f"{self.seed}:{day.isoformat()}:sessions")
        sessions: list[DemoSession] = []
        for clinic in self.organization.clinics:
            if clinic.all_day:
                sessions += self._all_day(clinic, day)
            else:
                sessions += [session for session in self._clinic(clinic, day) if rng.random() >= LEAVE_SHARE]
        return tuple(sorted(sessions, key=lambda session: (session.start, session.key)))

    def _all_day(self, clinic: ClinicRow, day: date) -> Iterator[DemoSession]:
        """Three shifts of eight hours in every room; two teams take turns by the day: nobody works two days running."""
        rooms, doctors = self._rooms[clinic.code], self._doctors[clinic.code]
        size = len(_SHIFTS) * len(rooms)
        team = doctors[:size] if day.toordinal() % 2 else doctors[size : 2 * size]
        turn = day.toordinal() // 2
        for place, (shift, room) in enumerate((shift, room) for shift in _SHIFTS for room in rooms):
            yield self._session(clinic, day, shift, room, team[(place + turn) % size], "emergency")

    def _clinic(self, clinic: ClinicRow, day: date) -> Iterator[DemoSession]:
        """Weekdays follow a plan fixed by the weekday (专家出诊表); weekends and evenings take turns."""
        rooms, doctors = self._rooms[clinic.code], self._doctors[clinic.code]
        weekday, week = day.weekday(), day.toordinal() // 7
        if weekday < _SATURDAY:
            for half, period in enumerate[Period](("morning", "afternoon")):
                first = (weekday * 2 + half) * len(rooms) + weekday
                for position, room in enumerate(rooms):
                    doctor = doctors[(first + position) % len(doctors)]
                    kind = self._service_kind(clinic, doctor, afternoon=bool(half))
                    yield self._session(clinic, day, period, room, doctor, kind)
            if clinic.evening:
                juniors = [doctor for doctor in doctors if doctor.title in ("主治医师", "住院医师")]
                doctor = juniors[(weekday + week) % len(juniors)]
                yield self._session(clinic, day, "evening", rooms[0], doctor, "general")
            return
        # Saturday morning almost as on weekdays, Saturday afternoon and Sunday morning one room.
        open_rooms = rooms[: max(1, len(rooms) - 1)] if weekday == _SATURDAY else rooms[:1]
        for position, room in enumerate(open_rooms):
            doctor = doctors[(week * 2 + weekday + position) % len(doctors)]
            kind = self._service_kind(clinic, doctor, afternoon=False)
            yield self._session(clinic, day, "morning", room, doctor, kind)
        if weekday == _SATURDAY:
            doctor = doctors[(week + len(open_rooms)) % len(doctors)]
            yield self._session(clinic, day, "afternoon", rooms[0], doctor, self._service_kind(clinic, doctor, False))

    def _service_kind(self, clinic: ClinicRow, doctor: DemoStaff, afternoon: bool) -> ServiceKind:
        if doctor.title not in ("主任医师", "副主任医师"):
            return "general"
        # A special clinic (特需门诊) is what the head of a well-known department holds in the afternoon.
        return "special" if clinic.special and afternoon and doctor.title == "主任医师" else "expert"

    def _session(
        self, clinic: ClinicRow, day: date, period: Period, room: DemoRoom, doctor: DemoStaff, kind: ServiceKind
    ) -> DemoSession:
        title = doctor.title
        if clinic.all_day:
            emergency = clinic.code in self._emergencies
            kind, title = ("emergency", "") if emergency else ("general", ALL_DAY_CLINIC)
        minutes = ALL_DAY_MINUTES_PER_PLACE if clinic.all_day else MINUTES_PER_PLACE[kind]
        first, last = _HOURS[period]
        midnight = datetime.combine(day, time(), SHANGHAI)
        return DemoSession(
            key=f"{room.code}-{day:%Y%m%d}-{period}",
            campus_code=room.campus_code,
            department_code=clinic.code,
            staff_no=doctor.staff_no,
            room_code=room.code,
            waiting_area_code=room.waiting_area_code,
            period=period,
            start=midnight + timedelta(minutes=first),
            end=midnight + timedelta(minutes=last),
            service_kind=kind,
            places_count=(last - first) // minutes,
            minutes_per_place=minutes,
            price_item_code=self._fees[kind, title],
        )


def sessions_for(
    day: date, *, seed: int, organization: DemoOrganization, staff: Sequence[DemoStaff]
) -> tuple[DemoSession, ...]:
    """All sessions (出诊单元) of one day, independent of any range of days: so the days that are missing are made."""
    return Timetable(seed, organization, staff).sessions_for(day)
