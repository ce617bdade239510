"""What queues do when sessions change, and when money goes back."""

from hospital_core.access.queueing.leaving import release_refunded
from hospital_core.access.queueing.states import QueueTicketStatus
from hospital_core.access.scheduling.events import SessionHandedOver
from hospital_core.finance.payments.events import ItemsRefunded
from hospital_core.kernel.events import handles
from hospital_core.kernel.uow import UnitOfWork

_WAITING = (QueueTicketStatus.WAITING, QueueTicketStatus.PASSED)

_FOLLOW = f"""
UPDATE queue_ticket t SET staff_id = s.staff_id, version = t.version + 1
FROM appointment a JOIN schedule s ON s.id = a.schedule_id
WHERE a.id = t.appointment_id AND s.id = $1 AND t.staff_id IS NOT NULL AND t.staff_id <> s.staff_id
  AND t.status IN ({", ".join(f"'{status.value}'" for status in _WAITING)})"""


@handles(SessionHandedOver)
async def follow_substitute(uow: UnitOfWork, event: SessionHandedOver) -> None:
    """Who waits for a session's doctor waits for the substitute (替诊); whoever is being seen stays."""
    await uow.execute(_FOLLOW, event.schedule_id)


@handles(ItemsRefunded)
async def give_refunded_places_back(uow: UnitOfWork, event: ItemsRefunded) -> None:
    """Who has the fee back at a window needs the place, and the queue, no more (退费退号)."""
    await release_refunded(uow, event.charge_item_ids)
