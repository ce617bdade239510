"""What examinations do when money goes back."""

from hospital_core.access.examinations.service.doing import release_refunded
from hospital_core.finance.payments.events import ItemsRefunded
from hospital_core.kernel.events import handles
from hospital_core.kernel.uow import UnitOfWork


@handles(ItemsRefunded)
async def give_places_back(uow: UnitOfWork, event: ItemsRefunded) -> None:
    """An examination that is refunded needs no place any more."""
    await release_refunded(uow, event.charge_item_ids)
