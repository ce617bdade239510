"""What a place costs its patient (挂号费): the session's fee, or less for who was seen there lately (复诊优惠)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.rules import RuleBook, RuleCode


def fee_of(session: Mapping[str, Any], book: RuleBook, seen_at: datetime | None) -> int:
    """Fen. ``seen_at``: when the patient was last seen in the session's department, if ever."""
    fee_fen: int = session["fee_fen"]
    if seen_at is None:
        return fee_fen
    scope = (session["department_id"], session["service_kind"])
    days = (session["day"] - day_of(seen_at)).days
    if not 0 <= days <= book.value(RuleCode.REVISIT_DAYS, *scope):
        return fee_fen
    return fee_fen * book.value(RuleCode.REVISIT_PERCENT, *scope) // 100
