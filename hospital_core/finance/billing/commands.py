"""What billing is asked to do."""

from decimal import Decimal
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command


class Charge(Command):
    """Charge a service or material (记费). The source is what caused it.

    ``unit_price`` overrides the price list and says why.
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
    """Bill charged items of one patient (结算), of one encounter if it is named."""

    patient_id: UUID
    encounter_id: UUID | None = None
    charge_item_ids: list[UUID] = Field(min_length=1, max_length=500)


class BillOpenCharges(Command):
    """Put a patient's open charges, of whatever orders and visits, on one bill (合并缴费)."""

    patient_id: UUID
    charge_item_ids: list[UUID] = Field(min_length=1, max_length=500)


class UnbillInvoice(Command):
    """Take an unpaid bill back and keep its charges open (撤销结算)."""

    invoice_id: UUID


class RefundLineWanted(Command):
    """How much of one charged item is to be given back (退费明细). Units: the item's own."""

    charge_item_id: UUID
    quantity: Decimal = Field(gt=0, max_digits=12, decimal_places=3)
