"""Parked events (滞留事件): deliveries that failed too often, for a person to look at and send again."""

from datetime import datetime
from uuid import UUID

from hospital_core.kernel.commands import Command, Done, Page, View
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.hints import OUTBOX
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import UnitOfWork


class ParkedDelivery(View):
    """One delivery that waits for a person; ``last_error`` is the kind of error, never data."""

    id: UUID
    event_id: UUID
    event: str
    handler: str
    attempts: int
    last_error: str | None
    occurred_at: datetime
    parked_at: datetime | None


class ReleaseParked(Command):
    """Send a parked delivery again."""

    delivery_id: UUID


async def parked_deliveries(reading: Reading, limit: int = 200) -> Page[ParkedDelivery]:
    """The newest parked deliveries."""
    rows = await reading.fetch(
        "SELECT d.id, d.event_id, e.name AS event, d.handler, d.attempts, d.last_error, e.occurred_at, "
        "d.finished_at AS parked_at FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id "
        "WHERE d.state = 'parked' ORDER BY d.finished_at DESC LIMIT $1",
        limit,
    )
    return Page[ParkedDelivery](items=[ParkedDelivery(**dict(row)) for row in rows])


async def release_parked(uow: UnitOfWork, command: ReleaseParked) -> Done:
    """Make a parked delivery due again with fresh attempts. Raises NotFound when it is not parked."""
    moved = await uow.execute(
        "UPDATE outbox_delivery SET state = 'due', attempts = 0, not_before = $2, finished_at = NULL "
        "WHERE id = $1 AND state = 'parked'",
        command.delivery_id,
        uow.now,
    )
    if not moved:
        raise NotFound()
    uow.audited("outbox_delivery", command.delivery_id)
    uow.hint(OUTBOX)
    return Done()
