"""Splitting a refund over the items of a bill (退费分摊).

Money follows quantity: after each refund every item has given back exactly ``fen_of(unit_price, refunded_quantity)``.
Rounding is cumulative, so parts of any size add up to the whole, and the items of a bill always explain, to the fen,
what its payment gave back. An amount that no quantity can stand for is refused rather than rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from hospital_core.finance.billing.errors import AlreadyPerformed, NothingToRefund, RefundNotDivisible
from hospital_core.kernel.money import fen_of
from hospital_core.registry.catalogue.states import FeeCategory

_THOUSANDTH = Decimal("0.001")


@dataclass(frozen=True)
class RefundableItem:
    """What the split needs of a charge item."""

    id: UUID
    unit_price: Decimal
    quantity: Decimal
    performed: Decimal
    refunded: Decimal

    @property
    def given_back_fen(self) -> int:
        """What this item gave back so far."""
        return fen_of(self.unit_price, self.refunded)

    def part_fen(self, refunded: Decimal) -> int:
        """What this item gives back now when its refunded quantity rises to this."""
        return fen_of(self.unit_price, refunded) - self.given_back_fen

    @property
    def rest_fen(self) -> int:
        """What this item can still give back: performed parts cannot."""
        return fen_of(self.unit_price, self.quantity - self.performed) - self.given_back_fen


@dataclass(frozen=True)
class RefundedPart:
    """What one item of a bill gives back (退费明细)."""

    charge_item_id: UUID
    category: FeeCategory
    quantity: Decimal
    amount_fen: int


def split_refund(items: Sequence[RefundableItem], amount_fen: int | None) -> tuple[int, dict[UUID, Decimal]]:
    """The amount in fen and each touched item's new ``refunded_quantity``; ``None`` asks for all that is left.

    Raises: NothingToRefund, AlreadyPerformed (the same, because of performed items), RefundNotDivisible.
    """
    available_fen = sum(item.rest_fen for item in items)
    wanted_fen = available_fen if amount_fen is None else amount_fen
    if wanted_fen <= 0 or wanted_fen > available_fen:
        done = any(item.performed > 0 for item in items)
        raise AlreadyPerformed() if done else NothingToRefund(available_fen=available_fen)
    left_fen, quantities = wanted_fen, dict[UUID, Decimal]()
    for item in items:
        part_fen = min(left_fen, item.rest_fen)
        if amount_fen is None or (part_fen and part_fen == item.rest_fen):
            quantities[item.id] = item.quantity - item.performed
        elif part_fen:
            quantities[item.id] = _quantity_after(item, part_fen)
        left_fen -= part_fen
    return wanted_fen, quantities


def _quantity_after(item: RefundableItem, part_fen: int) -> Decimal:
    target_fen = item.given_back_fen + part_fen
    quantity = (Decimal(target_fen) / (item.unit_price * 100)).quantize(_THOUSANDTH, rounding=ROUND_HALF_UP)
    if fen_of(item.unit_price, quantity) != target_fen:
        raise RefundNotDivisible()
    return quantity


def take_lines(items: Sequence[RefundableItem], wanted: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """Each named item's new ``refunded_quantity`` when these quantities go back (按明细退费).

    Raises: NothingToRefund (not on this bill, more than is left, or worth nothing), AlreadyPerformed.
    """
    named = {item.id: item for item in items if item.id in wanted}
    if len(named) != len(wanted):
        raise NothingToRefund(available_fen=0)
    quantities = {}
    for item in named.values():
        quantities[item.id] = item.refunded + wanted[item.id]
        if quantities[item.id] + item.performed > item.quantity:
            fits = quantities[item.id] <= item.quantity
            raise AlreadyPerformed() if fits else NothingToRefund(available_fen=item.rest_fen)
    if not sum(item.part_fen(quantities[item.id]) for item in named.values()):
        raise NothingToRefund(available_fen=0)
    return quantities
