"""One patient in front of a kiosk (自助签到): proves who they are, sees today's appointments, checks in."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field

from backend.api.kiosk.refusals import (
    CHECK_IN_WORDS,
    SIGN_IN_WORDS,
    AlreadyCheckedIn,
    ClinicStopped,
    FeeIsDue,
    KioskRefused,
    NotPaid,
    OnlineOnly,
    QrIsUsed,
    TooEarly,
    TooLate,
    kiosk_words,
)
from backend.http.problems import FieldsWrong
from backend.http.routing import Audience, Call, Owner, Routes
from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.queries import with_tickets
from hospital_core.access.queueing.service import check_in
from hospital_core.access.queueing.views import TicketView
from hospital_core.access.scheduling.queries import appointments_of_patient_today, bearer_of_qr
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.access.scheduling.views import AppointmentView, TicketBrief
from hospital_core.kernel.commands import Command, Done, Empty, Page, View
from hospital_core.kernel.errors import Unauthenticated
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.single_use import spend
from hospital_core.registry.devices.commands import OpenKioskSession
from hospital_core.registry.devices.errors import KioskSessionEnded
from hospital_core.registry.devices.service import close_kiosk_session, open_kiosk_session
from hospital_core.registry.devices.states import KioskProof

routes = Routes("kiosk", "/api/kiosk/v1", Audience.KIOSK_SESSION)

_QR_LIVES = timedelta(minutes=2)


class ShowProof(Command):
    """A card that was read, or the code that a phone shows: of an appointment, or its patient's (自助机身份核验)."""

    proof: KioskProof
    document_no: str | None = Field(default=None, max_length=40, repr=False)
    name: str | None = Field(default=None, max_length=200, repr=False)
    qr: str | None = Field(default=None, max_length=256, repr=False)


class SessionOpened(View):
    """A patient is signed in at the kiosk (自助会话); shown only masked."""

    session_token: str = Field(repr=False)
    expires_at: datetime
    patient_name_masked: str


class KioskAppointment(View):
    """One of today's appointments (今日预约); ``blocked_by`` says why it cannot be checked in now.

    Who is too early comes back at ``check_in_opens_at``.

    ``fee_due_fen``: what is to be paid first (到院缴费), which can be done here.
    """

    id: UUID
    starts_at: datetime
    department: str
    doctor: str
    title: str
    room: str
    campus: str
    number: int
    can_check_in: bool
    blocked_by: str | None
    check_in_opens_at: datetime
    fee_due_fen: int | None
    ticket: TicketBrief | None


@routes.post(
    "/sessions", view=SessionOpened, audience=Audience.KIOSK, owner=Owner.DEVICE, command=ShowProof,
    errors=(FieldsWrong, Unauthenticated, *SIGN_IN_WORDS),
)  # fmt: skip
async def open_session(call: Call[ShowProof]) -> SessionOpened:
    """Sign a patient in by card or code (开始自助会话); whoever stood there before is signed off."""
    with kiosk_words():
        proof = await _proof(call)
        opened = await run(call.ctx, open_kiosk_session, proof)
    return SessionOpened(
        session_token=opened.token, expires_at=opened.expires_at, patient_name_masked=opened.patient_name_masked
    )


@routes.post("/sessions/end", view=Done, owner=Owner.ACCOUNT, errors=(KioskSessionEnded,))
async def end_session(call: Call[Empty]) -> Done:
    """The patient leaves (结束自助会话)."""
    return await run(call.ctx, close_kiosk_session, call.command)


@routes.get(
    "/appointments", view=Page[KioskAppointment], owner=Owner.ACCOUNT, audit="scheduling.read_today",
    errors=(KioskSessionEnded,),
)  # fmt: skip
async def appointments(call: Call[Any]) -> Page[KioskAppointment]:
    """Today's appointments of the patient (今日预约)."""
    reading, patient_id = Reading(call.ctx), call.ctx.actor.patient_id
    assert patient_id is not None
    call.seen_patient = patient_id
    found = (await appointments_of_patient_today(reading, patient_id)).items
    now = await reading.fetch_value("SELECT hospital_now()")
    return Page(items=[_shown(appointment, now) for appointment in await with_tickets(reading, found)])


class CheckInHere(Command):
    """Join the queue of an appointment (签到); a kiosk gives no priority."""

    appointment_id: UUID


@routes.post(
    "/check-ins", view=TicketView, owner=Owner.PATIENT, command=CheckInHere, idempotent=True,
    errors=(KioskSessionEnded, *CHECK_IN_WORDS),
)  # fmt: skip
async def check_in_here(call: Call[CheckInHere]) -> TicketView:
    """Check in and get the ticket that is printed (签到取号)."""
    with kiosk_words():
        return await run(call.ctx, check_in, CheckIn(appointment_id=call.command.appointment_id))


async def _proof(call: Call[ShowProof]) -> OpenKioskSession:
    """The body as a proof: a card as it was read; a code only once, and only for the patient it names."""
    body = call.command
    if body.proof is KioskProof.ID_CARD:
        _required("document_no", body.document_no)
        return OpenKioskSession(proof_kind=body.proof, document_no=body.document_no, name=body.name or "")
    text = _required("qr", body.qr)
    if body.proof is KioskProof.IDENTITY_CODE:
        return OpenKioskSession(proof_kind=body.proof, identity_code=text)
    bearer = await bearer_of_qr(Reading(call.ctx), text)
    if not await spend("appointment-qr", text, _QR_LIVES):
        raise QrIsUsed()
    return OpenKioskSession(proof_kind=body.proof, patient_id=bearer.patient_id)


def _required(name: str, value: str | None) -> str:
    if not value:
        raise FieldsWrong(errors=[{"pointer": f"/{name}", "message": "必填"}])
    return value


def _shown(appointment: AppointmentView, now: datetime) -> KioskAppointment:
    values = {name: getattr(appointment, name) for name in KioskAppointment.model_fields if name not in _COMPUTED}
    if appointment.service_kind is ServiceKind.ONLINE:
        values["can_check_in"] = False
    reason = None if values["can_check_in"] else _reason(appointment, now)
    due_fen = appointment.fee_fen if appointment.fee_due else None
    return KioskAppointment(**values, blocked_by=reason.code if reason else None, fee_due_fen=due_fen)


_COMPUTED = {"blocked_by", "fee_due_fen"}


def _reason(appointment: AppointmentView, now: datetime) -> type[KioskRefused]:
    if appointment.ticket is not None or appointment.status == "checked-in":
        return AlreadyCheckedIn
    if appointment.status == "pending":
        return NotPaid
    if appointment.service_kind is ServiceKind.ONLINE:
        return OnlineOnly
    if appointment.stopped:
        return ClinicStopped
    if appointment.fee_due and appointment.check_in_opens_at <= now:
        return FeeIsDue
    return TooEarly if now < appointment.starts_at else TooLate
