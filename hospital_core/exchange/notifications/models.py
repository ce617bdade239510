"""Tables of notifications."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index

from hospital_core.exchange.notifications.states import NotificationStatus
from hospital_core.kernel.tables import VersionedRow, one_of, refers_to


class Notification(VersionedRow):
    """A message to an account about one thing (通知); also the phone's inbox. One per kind and source."""

    account_id: UUID
    account = refers_to("PatientAccount")
    patient_id = fields.UUIDField()
    kind = fields.CharField(max_length=40)
    source_id = fields.UUIDField()
    status = fields.CharField(max_length=10)
    created_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notification"
        unique_together = (("kind", "source_id", "account_id"),)
        indexes = [Index(fields=["account_id", "created_at"])]
        constraints = [one_of("notification", NotificationStatus)]
