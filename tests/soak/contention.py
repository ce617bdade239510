"""Many people, few places (抢号): attempts by the thousand, and a count of what was sold too often or not at all."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.commands import BookAppointment, CancelAppointment
from hospital_core.access.scheduling.errors import SlotFull
from hospital_core.access.scheduling.service import book_appointment, cancel_appointment
from hospital_core.access.scheduling.service.rush import book_in_rush
from hospital_core.access.scheduling.views import AppointmentView, ScheduleView
from hospital_core.kernel.context import Context, IdempotencyKey
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.faults.checker import PLACES_OF
from tests.fixtures.access import Clinic, Person, make_clinic, make_session
from tests.fixtures.finance import rows

CLIENTS = 64
_GIVE_BACK_SHARE = 0.1

_CROWD = """
WITH who AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS w (patient_id, account_id, link_id)),
patient AS (
    INSERT INTO patient (id, version, patient_no, name, pinyin, initials, sex, temporary, created_at)
    SELECT patient_id, 0, 'K' || right(replace(patient_id::text, '-', ''), 14), '王小明', 'wangxiaoming', 'wxm', 'male',
           false, hospital_now() FROM who RETURNING id),
account AS (
    INSERT INTO patient_account (id, version, appid, openid, created_at)
    SELECT account_id, 0, 'wx-crowd', account_id::text, hospital_now() FROM who RETURNING id)
INSERT INTO account_link (id, version, account_id, patient_id, relation, place, status, linked_at, proven_at, proof)
SELECT link_id, 0, account_id, patient_id, 'self', 1, 'active', hospital_now(), hospital_now(), 'created_here'
FROM who, (SELECT count(*) FROM patient) AS p, (SELECT count(*) FROM account) AS a RETURNING id"""

_LIVE = """
SELECT schedule_id, count(*) AS live, count(DISTINCT slot_id) AS places FROM appointment
WHERE schedule_id = ANY($1) AND status IN ('pending', 'booked', 'checked-in', 'fulfilled') GROUP BY schedule_id"""


@dataclass(frozen=True)
class Tally:
    """What came of a contention. ``oversold`` counts places, ``undersold`` places that somebody still wanted."""

    attempts: int = 0
    sold: int = 0
    given_back: int = 0
    oversold: int = 0
    undersold: int = 0
    findings: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def is_right(self) -> bool:
        """Every place was sold once, and none was left over."""
        return not (self.oversold or self.undersold or self.findings)


async def make_crowd(count: int) -> list[Person]:
    """People with phones of their own, put into the tables directly; what they do is not."""
    ids = [(new_id(), new_id(), new_id()) for _ in range(count)]
    await rows(_CROWD, *map(list, zip(*ids, strict=True)))
    return [Person(patient, account, str(account)) for patient, account, _ in ids]


async def make_sessions(sizes: Sequence[int]) -> list[ScheduleView]:
    """Sessions of departments of their own, so that one person may want all of them."""
    made: list[ScheduleView] = []
    first: Clinic | None = None
    for places in sizes:
        clinic = await make_clinic()
        first = first or clinic
        clinic = replace(clinic, price_item_id=first.price_item_id)
        made.append(await make_session(clinic=clinic, places=places, hours=4, starts_in=timedelta(days=1)))
    return made


def phone_of(person: Person) -> Context:
    """The phone with a key of its own for each tap."""
    key = IdempotencyKey(str(new_id()), "POST /api/miniapp/v1/appointments", b"b".ljust(32))
    return replace(person.phone, idempotency=key)


class Contention:
    """Everybody wants a place of every session; ``together`` they go through the combiner, else each alone.

    With ``giving_back`` a tenth of the places come back at once; whoever was refused then asks once more at the end.
    ``refusals``: what counts as having got none; anything else is an error.
    """

    def __init__(
        self, people: Sequence[Person], sessions: Sequence[ScheduleView], *, together: bool,
        refusals: tuple[type[DomainError], ...] = (SlotFull,),
    ) -> None:  # fmt: skip
        self.people, self.sessions, self.together, self.refusals = people, sessions, together, refusals
        self.refused: dict[UUID, list[Person]] = {session.schedule_id: [] for session in sessions}
        self.sold = self.given_back = 0

    async def happen(self, *, giving_back: bool) -> Tally:
        """All attempts, by ``CLIENTS`` clients at once, then the count."""
        wishes = [(person, session.schedule_id) for session in self.sessions for person in self.people]
        random.shuffle(wishes)
        attempts, began = len(wishes), time.monotonic()
        await asyncio.gather(*(self._client(wishes, giving_back) for _ in range(CLIENTS)))
        if giving_back:
            attempts += await self._once_more()
        seconds = time.monotonic() - began
        return await self._counted(attempts, seconds)

    async def _client(self, wishes: list[tuple[Person, UUID]], giving_back: bool) -> None:
        while wishes:
            person, schedule_id = wishes.pop()
            held = await self._try(person, schedule_id)
            if held is None:
                self.refused[schedule_id].append(person)
            elif giving_back and random.random() < _GIVE_BACK_SHARE:
                await run(person.phone, cancel_appointment, CancelAppointment(appointment_id=held.id))
                self.given_back += 1

    async def _try(self, person: Person, schedule_id: UUID) -> AppointmentView | None:
        command = BookAppointment(patient_id=person.patient_id, schedule_id=schedule_id)
        try:
            if self.together:
                held = await book_in_rush(phone_of(person), command)
            else:
                held = await run(phone_of(person), book_appointment, command)
        except self.refusals:
            return None
        self.sold += 1
        return held

    async def _once_more(self) -> int:
        tried = 0
        for schedule_id, people in self.refused.items():
            while people:
                tried += 1
                if await self._try(people[-1], schedule_id) is None:
                    break
                people.pop()
        return tried

    async def _counted(self, attempts: int, seconds: float) -> Tally:
        ids = [session.schedule_id for session in self.sessions]
        live: dict[UUID, Any] = {row["schedule_id"]: row for row in await rows(_LIVE, ids)}
        over = under = 0
        for session in self.sessions:
            row = live.get(session.schedule_id, {"live": 0, "places": 0})
            over += row["live"] - row["places"]
            wanted = min(session.places, row["live"] + len(self.refused[session.schedule_id]))
            under += max(0, wanted - row["places"])
        found = await rows(PLACES_OF, ids)
        return Tally(attempts, self.sold, self.given_back, over, under, len(found), seconds)


async def contend(
    attempts: int, *, together: bool, giving_back: bool, sizes: Sequence[int],
    refusals: tuple[type[DomainError], ...] = (SlotFull,),
) -> Tally:  # fmt: skip
    """About so many attempts on fresh sessions of these sizes."""
    people = await make_crowd(max(1, attempts // len(sizes)))
    crowd = Contention(people, await make_sessions(sizes), together=together, refusals=refusals)
    return await crowd.happen(giving_back=giving_back)
