"""What billing is asked to do."""

from decimal import Decimal
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command


class Charge(Command):
    """Charge a service or material (记费). The source is what caused it; ``unit_price`` overrides the price list.

    Units: ``quantity`` in the price item's unit, at most three decimals; ``unit_price`` in yuan.
    """

    patient_id: UUID
    encounter_id: UUID
    price_item_id: UUID
    quantity: Decimal = Field(default=Decimal(1), gt=0, max_digits=12, decimal_places=3)
    source_kind: str = Field(min_length=1, max_length=30)
    source_id: UUID
    unit_price: Decimal | None = Field(default=None, ge=0, max_digits=14, decimal_places=4)
    override_reason: str | None = Field(default=None, min_length=1, max_length=100)


class IssueInvoice(Command):
    """Bill charged items of one encounter (结算)."""

    patient_id: UUID
    encounter_id: UUID
    charge_item_ids: list[UUID] = Field(min_length=1, max_length=500)
