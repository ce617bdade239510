"""What an account sees in its inbox."""

from datetime import datetime
from uuid import UUID

from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.states import NotificationStatus
from hospital_core.kernel.commands import View


class MessageView(View):
    """One message (消息): shown whether or not its channel delivered it."""

    id: UUID
    kind: NotificationKind
    title: str
    text: str
    patient_id: UUID
    appointment_id: UUID
    status: NotificationStatus
    created_at: datetime
    read_at: datetime | None
