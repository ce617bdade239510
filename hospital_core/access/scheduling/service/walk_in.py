"""Registration at the window (现场挂号)."""

from hospital_core.access.scheduling.commands import RegisterWalkIn
from hospital_core.access.scheduling.queries import permitted_appointment, view_of
from hospital_core.access.scheduling.service.book import WINDOW, take_place
from hospital_core.access.scheduling.service.hold import announce_confirmed, confirm
from hospital_core.access.scheduling.service.pay import bill
from hospital_core.access.scheduling.service.taking import Wish
from hospital_core.access.scheduling.states import AppointmentStatus
from hospital_core.access.scheduling.views import WalkInView
from hospital_core.finance.payments.commands import TakeCash
from hospital_core.finance.payments.service import take_cash
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.staff.permissions import Permission, require


async def register_walk_in(uow: UnitOfWork, command: RegisterWalkIn) -> WalkInView:
    """Sell a place of a session that runs, or begins within two hours, for cash (现场挂号), emergency included.

    The lowest free number is sold, also one whose time has passed: nobody else can have it. Place, bill, cash and
    confirmation stand or fall together. Raises: Forbidden, SlotFull, SessionOver, SessionStopped, SessionNotOpen,
    AlreadyBooked, what ``take_cash`` raises. Emits: AppointmentConfirmed.
    """
    require(uow.ctx, Permission.WALK_IN_REGISTER)
    patient = await permitted_patient(uow, command.patient_id)
    taken = await take_place(uow, Wish(patient.patient_id, command.schedule_id), WINDOW)
    if taken["status"] == AppointmentStatus.BOOKED:
        await announce_confirmed(uow, taken)
    else:
        invoice_id = await bill(uow, await permitted_appointment(uow, taken["id"]))
        await take_cash(uow, TakeCash(invoice_id=invoice_id, tendered_fen=command.tendered_fen))
        await confirm(uow, taken["id"])
    uow.audited("appointment", taken["id"], patient_id=patient.patient_id)
    return WalkInView(
        appointment=view_of(await permitted_appointment(uow, taken["id"])),
        change_fen=command.tendered_fen - taken["fee_fen"],
    )
