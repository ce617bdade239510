"""What a place costs its patient and when it is paid (挂号费): less for who was seen there lately (复诊优惠)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.rules import RuleBook, RuleCode
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.kernel.errors import FieldProblem

_PAID_BEFORE = (ServiceKind.ONLINE, ServiceKind.EXAMINATION)


def place_fee(service_kind: str, amount_fen: int) -> int:
    """What a place costs by itself, in fen: for an examination nothing, because what is done there has been paid."""
    return 0 if service_kind == ServiceKind.EXAMINATION else amount_fen


def require_place_price(service_kind: str, amount_fen: int) -> None:
    """Whoever plans examinations chooses an item that costs nothing, so that nobody reads a fee that is not taken.

    Raises: FieldProblem.
    """
    if place_fee(service_kind, amount_fen) != amount_fen:
        raise FieldProblem("/price_item_id", "检查号不另收费，请选择零元的收费项目")


def fee_of(session: Mapping[str, Any], book: RuleBook, seen_at: datetime | None) -> int:
    """Fen. ``seen_at``: when the patient was last seen in the session's department, if ever."""
    fee_fen: int = session["fee_fen"]
    if seen_at is None:
        return fee_fen
    scope = (session["department_id"], session["service_kind"])
    within = book.value(RuleCode.REVISIT_DAYS, *scope)
    if not within or not 0 <= (session["day"] - day_of(seen_at)).days <= within:
        return fee_fen
    return fee_fen * book.value(RuleCode.REVISIT_PERCENT, *scope) // 100


def pays_at_hospital(session: Mapping[str, Any], book: RuleBook) -> bool:
    """Whether a session's fee is paid when its patient comes (到院缴费), not when the place is booked.

    Never where places are fought for, because a place that costs nothing until it is used is a scalper's; nor where
    nobody comes to the hospital, nor for an examination, which has been paid.
    """
    if session["sought_after"] or session["service_kind"] in _PAID_BEFORE:
        return False
    return bool(book.value(RuleCode.PAY_AT_HOSPITAL, session["department_id"], session["service_kind"]))
