"""Splitting a refund over the tenders of a bill (退款原路分摊): newest first, none beyond what is left of it.

The items explain every refund to the fen. An item whose money goes back to several tenders has its quantity on the
first of them: a quantity has three decimals, and no fraction of it could always stand for a part in fen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from hospital_core.finance.billing.refunding import RefundedPart


@dataclass(frozen=True)
class TenderShare:
    """What one tender gives back, and for which items."""

    intent_id: UUID
    amount_fen: int
    parts: tuple[RefundedPart, ...]


def allocate(parts: Sequence[RefundedPart], tenders: Sequence[tuple[UUID, int]]) -> list[TenderShare] | None:
    """Each tender's share of the parts, in the order of the tenders; None when they cannot carry it all.

    ``tenders``: intent and what is left of it in fen.
    """
    waiting = list(parts)
    shares = []
    for intent_id, rest_fen in tenders:
        if not rest_fen:
            continue
        taken: list[RefundedPart] = []
        left_fen = rest_fen
        while waiting and (left_fen > 0 or waiting[0].amount_fen == 0):
            part = waiting.pop(0)
            here_fen = min(part.amount_fen, left_fen)
            taken.append(RefundedPart(part.charge_item_id, part.category, part.quantity, here_fen))
            left_fen -= here_fen
            if here_fen < part.amount_fen:
                rest = RefundedPart(part.charge_item_id, part.category, Decimal(0), part.amount_fen - here_fen)
                waiting.insert(0, rest)
        if left_fen < rest_fen:
            shares.append(TenderShare(intent_id, rest_fen - left_fen, tuple(taken)))
    return None if waiting else shares


def allocate_amount(amount_fen: int, tenders: Sequence[tuple[UUID, int]]) -> list[TenderShare] | None:
    """The same for money that no items explain."""
    shares = []
    for intent_id, rest_fen in tenders:
        here_fen = min(amount_fen, rest_fen)
        if here_fen:
            shares.append(TenderShare(intent_id, here_fen, ()))
        amount_fen -= here_fen
    return None if amount_fen else shares
