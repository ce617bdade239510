"""The visit itself (就诊): each step moves the queue, the booking, the bill and the visit in one unit of work."""

from uuid import UUID

from hospital_core.access.examinations.service import begin_examinations, finish_examinations
from hospital_core.access.queueing.service import finish_serving, start_serving
from hospital_core.access.scheduling.service import SOURCE, fulfil
from hospital_core.chart.encounters.commands import ChargeVisit, FinishEncounter, StartEncounter
from hospital_core.chart.encounters.queries import encounter
from hospital_core.chart.encounters.states import ENCOUNTER, EncounterClass, EncounterStatus
from hospital_core.chart.encounters.views import EncounterView
from hospital_core.finance.billing.commands import Charge
from hospital_core.finance.billing.service import charge, perform
from hospital_core.finance.billing.views import ChargeItemView
from hospital_core.kernel.errors import Forbidden, StateConflict
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

CHARGED_BY_VISIT = "encounter"  # 来源：接诊医生直接记费

_PLAN = f"""
INSERT INTO encounter (id, version, visit_no, patient_id, department_id, appointment_id, encounter_class, status,
                       created_at)
SELECT t.encounter_id, 0, $2, t.patient_id, t.department_id, t.appointment_id,
       CASE WHEN d.kind = 'emergency' OR s.service_kind = 'emergency' THEN '{EncounterClass.EMERGENCY.value}'
            ELSE '{EncounterClass.AMBULATORY.value}' END, '{EncounterStatus.PLANNED.value}', $3
FROM queue_ticket t JOIN department d ON d.id = t.department_id
LEFT JOIN appointment a ON a.id = t.appointment_id LEFT JOIN schedule s ON s.id = a.schedule_id
WHERE t.id = $1 ON CONFLICT (id) DO NOTHING"""


async def plan_encounter(uow: UnitOfWork, ticket_id: UUID, encounter_id: UUID) -> None:
    """Open the visit of a ticket (建立就诊), once. Its id was minted with the booking."""
    if await uow.fetch_value("SELECT 1 FROM encounter WHERE id = $1", encounter_id) is None:
        await uow.execute(_PLAN, ticket_id, await next_number(uow, NumberKind.VISIT), uow.now)


async def start_encounter(uow: UnitOfWork, command: StartEncounter) -> EncounterView:
    """The called patient is in the room (开始接诊): ticket and visit start together; examinations are done from now on.

    Raises: NotFound, Forbidden, StateConflict, RoomAlreadyServing, ExaminationOver. Locks: the ticket, the visit.
    """
    ticket = await start_serving(uow, command.ticket_id)
    if ticket["appointment_id"] is not None:
        await begin_examinations(uow, ticket["appointment_id"])
    # The check-in's event may still be on its way.
    await plan_encounter(uow, ticket["id"], ticket["encounter_id"])
    await transition(
        uow, ENCOUNTER, "start", ticket["encounter_id"],
        staff_id=ticket["staff_id"], location_id=ticket["room_id"], started_at=uow.now,
    )  # fmt: skip
    uow.audited("encounter", ticket["encounter_id"], patient_id=ticket["patient_id"])
    return await encounter(uow, ticket["encounter_id"])


async def finish_encounter(uow: UnitOfWork, command: FinishEncounter) -> EncounterView:
    """The patient was seen (结束就诊): the ticket and the visit end, the booking is fulfilled, its fee earned.

    Raises: NotFound, Forbidden, StateConflict. Emits: TicketFinished. Locks: the ticket, the booking, the visit.
    """
    ticket = await finish_serving(uow, command.ticket_id)
    if ticket["appointment_id"] is not None:
        await fulfil(uow, ticket["appointment_id"])
        await perform(uow, SOURCE, ticket["appointment_id"])
        await finish_examinations(uow, ticket["appointment_id"])
    await transition(uow, ENCOUNTER, "finish", ticket["encounter_id"], ended_at=uow.now)
    uow.audited("encounter", ticket["encounter_id"], patient_id=ticket["patient_id"])
    return await encounter(uow, ticket["encounter_id"])


async def charge_visit(uow: UnitOfWork, command: ChargeVisit) -> ChargeItemView:
    """The doctor charges something of the price list to the visit under way (就诊记费); the patient finds it to pay.

    The same item again answers the first charge: more of it is a quantity.
    Raises: NotFound, Forbidden (another doctor's patient), StateConflict (not begun, or over), NoPrice.
    """
    visit = await encounter(uow, command.encounter_id)
    if visit.staff_id != uow.ctx.actor.id:
        raise Forbidden()
    if visit.status is not EncounterStatus.IN_PROGRESS:
        raise StateConflict(state=visit.status.value, command="charge")
    return await charge(
        uow,
        Charge(
            patient_id=visit.patient_id, encounter_id=visit.id, price_item_id=command.price_item_id,
            quantity=command.quantity, source_kind=CHARGED_BY_VISIT, source_id=visit.id,
        ),
    )  # fmt: skip
