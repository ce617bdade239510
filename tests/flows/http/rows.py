"""What a row of the rights matrix says, who the callers are, and the things that the requests are about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hospital_core.kernel.ids import new_id

STAFF = ("doctor", "doctor_elsewhere", "nurse", "registrar", "cashier", "pharmacist", "technician", "manager",
         "system_admin", "security_admin", "audit_admin")  # fmt: skip
PHONES = ("owner", "other")
KIOSKS = ("kiosk", "kiosk_owner", "kiosk_other")
KIOSK_SESSIONS = ("kiosk_owner", "kiosk_other")
PARTIES = ("anonymous", *STAFF, *PHONES, *KIOSKS, "display")

DOCTORS = ("doctor", "doctor_elsewhere")
WINDOWS = ("registrar", "cashier")
DESK = (*DOCTORS, "nurse", "technician")
SCHEDULES = (*DOCTORS, "nurse", "registrar", "cashier", "manager", "system_admin")
PLANNERS = ("manager", "system_admin")
EXAMINATIONS = ("nurse", *WINDOWS, "technician")
CATALOGUE = (*DOCTORS, "registrar", "cashier", "pharmacist", "technician", "manager", "system_admin")


@dataclass(frozen=True)
class World:
    """The things that the requests are about: all belong to ``owner``, who is a patient of ``doctor``."""

    patient_id: UUID
    link_id: UUID
    spare_link_id: UUID
    account_id: UUID
    appointment_id: UUID  # booked, tomorrow
    arrived_id: UUID  # checked in, today
    ticket_id: UUID
    disruption_id: UUID  # of a stopped clinic, not answered
    entry_id: UUID  # waits in a line
    ban_id: UUID  # not begun
    schedule_id: UUID
    department_id: UUID
    doctor_id: UUID
    room_id: UUID
    day: str
    e_invoice_id: UUID  # of the owner's paid bill
    examination_id: UUID  # a paid charge of the owner, without a place


Body = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One route: ``may`` get one of ``ok``; ``instead`` are people of the right kind to whom the thing does not belong.

    ``inside`` are the parties of the route's audience. ``fresh``: the request ends the caller's session.
    """

    may: tuple[str, ...]
    inside: tuple[str, ...]
    ok: tuple[int, ...] = (200,)
    instead: dict[str, int] = field(default_factory=dict)
    path: Body | None = None
    query: Body | None = None
    body: Body | None = None
    fresh: bool = False

    def expected(self, party: str) -> tuple[int, ...]:
        """The statuses this party may get."""
        if party in self.instead:
            return (self.instead[party],)
        if party in self.may:
            return self.ok
        return (403,) if party in self.inside else (401,)


def everybody(*ok: int, **more: Any) -> Row:
    return Row(PARTIES, PARTIES, ok or (200,), **more)


def staff(*may: str, **more: Any) -> Row:
    return Row(may, STAFF, **more)


def phone(**more: Any) -> Row:
    return Row(PHONES, PHONES, **more)


def appointment(name: str = "appointment_id", **more: Any) -> Row:
    """Something of one appointment: the other phone may not even know that it exists."""
    return phone(instead={"other": 404}, path=lambda w: {"appointment_id": getattr(w, name)}, **more)


def examination(**more: Any) -> Row:
    """A paid examination of one patient: to the other phone it does not exist."""
    return phone(instead={"other": 404}, path=lambda w: {"charge_item_id": w.examination_id}, **more)


def examination_at_desk(**more: Any) -> Row:
    """The same at a desk; a room elsewhere does not know the patient."""
    return staff(*EXAMINATIONS, instead={"technician": 404}, path=lambda w: {"charge_item_id": w.examination_id},
                  **more)  # fmt: skip


def link(name: str, **more: Any) -> Row:
    return phone(instead={"other": 404}, path=lambda w: {"link_id": getattr(w, name)}, **more)


def patient(**more: Any) -> Row:
    """Something of one patient: to the other phone they do not exist."""
    return phone(instead={"other": 404}, path=lambda w: {"patient_id": w.patient_id}, **more)


def disruption(**more: Any) -> Row:
    """A changed clinic of one patient: to the other phone it does not exist."""
    return phone(instead={"other": 404}, path=lambda w: {"disruption_id": w.disruption_id}, **more)


def entry(**more: Any) -> Row:
    """Somebody's place in a line: to the other phone it does not exist."""
    return phone(instead={"other": 404}, path=lambda w: {"entry_id": w.entry_id}, **more)


def ticket(*may: str, **instead: int) -> Row:
    return staff(*may, ok=(200, 409), instead=instead, path=lambda w: {"ticket_id": w.ticket_id})


def allergy(*may: str, ok: tuple[int, ...] = (404,), body: Body | None = None) -> Row:
    """Something of one file: who may write there still must know the patient."""
    return staff(*may, ok=ok, instead={"doctor_elsewhere": 404}, body=body,
                  path=lambda w: {"patient_id": w.patient_id, "allergy_id": new_id()})  # fmt: skip


def nothing(name: str) -> Body:
    """An id that nobody has: who may ask gets 404."""
    return lambda w: {name: new_id()}


ELSEWHERE = {"doctor_elsewhere": 403, "technician": 403}
