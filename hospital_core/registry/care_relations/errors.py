"""Refusals of care relations."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class BreakGlassReviewed(DomainError):
    """The emergency look has been reviewed already."""

    code = "care_relations.break_glass_reviewed"
    kind = Kind.CONFLICT
    title = "该紧急授权已复核"


class OwnBreakGlass(DomainError):
    """Nobody reviews their own emergency look."""

    code = "care_relations.own_break_glass"
    kind = Kind.FORBIDDEN
    title = "不能复核本人的紧急授权"


class BreakGlassTooLong(DomainError):
    """An emergency look ends after thirty minutes at the latest."""

    code = "care_relations.break_glass_too_long"
    kind = Kind.INVALID
    title = "紧急授权最长 30 分钟"


means("break_glass_thirty_minutes", BreakGlassTooLong)
