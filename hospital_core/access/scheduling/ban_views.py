"""What patients and staff see of bans (限约)."""

from datetime import datetime
from uuid import UUID

from hospital_core.access.scheduling.states import AppealStatus, BanKind
from hospital_core.kernel.commands import View


class AppealView(View):
    """A patient's objection and its answer (申诉)."""

    status: AppealStatus
    text: str
    made_at: datetime
    answer: str | None
    answered_at: datetime | None


class BanView(View):
    """A ban (限约记录)."""

    id: UUID
    patient_id: UUID
    patient_no: str | None
    patient_name_masked: str
    kind: BanKind
    reason: str
    starts_at: datetime
    ends_at: datetime
    live: bool
    lifted_at: datetime | None
    lift_reason: str | None
    can_appeal: bool
    appeal: AppealView | None
