"""What can be asked of encounters."""

from decimal import Decimal
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command


class StartEncounter(Command):
    """The called patient is in the room (开始接诊)."""

    ticket_id: UUID


class FinishEncounter(Command):
    """The patient was seen (结束就诊)."""

    ticket_id: UUID


class ChargeVisit(Command):
    """Charge something of the price list to the visit under way (就诊记费). Units: ``quantity`` in the item's unit."""

    encounter_id: UUID
    price_item_id: UUID
    quantity: Decimal = Field(default=Decimal(1), gt=0, le=1000, max_digits=12, decimal_places=3)
