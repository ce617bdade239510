"""Words of care relations."""

from enum import StrEnum


class Basis(StrEnum):
    """Why somebody may see a file (依据)."""

    SYSTEM = "system"
    ACCOUNT_LINK = "account_link"
    KIOSK_SESSION = "kiosk_session"
    CARE_RELATION = "care_relation"
    SEARCH_RIGHT = "search_right"
    BREAK_GLASS = "break_glass"


class BreakGlassVerdict(StrEnum):
    """What the review of an emergency look found (复核结论)."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"
