"""What a cheaper place gives back of a fee that was paid (退差价)."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.service.hold import SOURCE
from hospital_core.finance.billing.commands import RefundLineWanted
from hospital_core.finance.payments.commands import RequestRefund
from hospital_core.finance.payments.service import request_refund
from hospital_core.kernel.money import fen_of
from hospital_core.kernel.uow import UnitOfWork

_THOUSANDTH = Decimal("0.001")
_CHARGED = """
SELECT id, invoice_id, unit_price, refunded_quantity FROM charge_item
WHERE source_kind = $1 AND source_id = $2 AND status = 'billed'"""


async def pay_difference(
    uow: UnitOfWork, appointment: Mapping[str, Any], new_fee_fen: int, source_kind: str, source_id: UUID
) -> int:
    """Give back what the new session costs less, rounded up to what a thousandth of the visit costs; answers how much.

    Money follows quantity on a bill (``billing.refunding``): the patient never gets less than the difference. A dearer
    session gives nothing. Emits: RefundRequested.
    """
    paid_fen: int = appointment["fee_fen"]
    if paid_fen <= new_fee_fen:
        return 0
    item = await uow.fetch_row(_CHARGED, SOURCE, appointment["id"])
    assert item is not None
    quantity = _least_part(item["unit_price"], item["refunded_quantity"], paid_fen - new_fee_fen)
    line = RefundLineWanted(charge_item_id=item["id"], quantity=quantity)
    back = await request_refund(
        uow,
        RequestRefund(
            invoice_id=item["invoice_id"], lines=[line], reason="改约退差价", source_kind=source_kind,
            source_id=source_id,
        ),
    )  # fmt: skip
    return back.amount_fen


def _least_part(unit_price: Decimal, refunded: Decimal, wanted_fen: int) -> Decimal:
    """The least quantity of the item that stands for not less than wanted, after what it gave back."""
    before_fen = fen_of(unit_price, refunded)
    part = (Decimal(wanted_fen) / (unit_price * 100)).quantize(_THOUSANDTH, rounding=ROUND_CEILING)
    if fen_of(unit_price, refunded + part) - before_fen < wanted_fen:
        part += _THOUSANDTH
    return part
