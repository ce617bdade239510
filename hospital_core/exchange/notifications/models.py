"""Tables of notifications."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.exchange.notifications.states import DeliveryResult, NotificationStatus
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to


class Notification(VersionedRow):
    """A message to an account about one thing (通知); also the phone's inbox. One per kind and source.

    ``spent``: it has used up one permission of its receiver, and needs no second however often it is tried.
    """

    account_id: UUID
    account = refers_to("PatientAccount")
    patient_id = fields.UUIDField()
    kind = fields.CharField(max_length=40)
    source_id = fields.UUIDField()
    status = fields.CharField(max_length=10)
    spent = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notification"
        unique_together = (("kind", "source_id", "account_id"),)
        indexes = [Index(fields=["account_id", "created_at"])]
        constraints = [one_of("notification", NotificationStatus)]


class MessageAttempt(Row):
    """One try to send a message (发送日志); without result: it is under way, or its process died."""

    notification_id: UUID
    notification = refers_to("Notification")
    template = fields.CharField(max_length=40)
    started_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    result = fields.CharField(max_length=20, null=True)
    errcode = fields.IntField(null=True)

    class Meta:
        table = "message_attempt"
        indexes = [Index(fields=["notification_id"]), Index(fields=["started_at"])]
        constraints = [
            one_of("message_attempt", DeliveryResult, "result"),
            CheckConstraint(check="(result IS NULL) = (finished_at IS NULL)", name="message_attempt_result_has_time"),
        ]


class SubscribeQuota(Row):
    """How many messages of a template an account may still be sent (订阅额度); ``standing``: any number (长期订阅)."""

    account_id: UUID
    account = refers_to("PatientAccount")
    template = fields.CharField(max_length=40)
    remaining = fields.IntField(default=0)
    standing = fields.BooleanField(default=False)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "subscribe_quota"
        constraints = [
            UniqueConstraint(fields=("account_id", "template"), name="subscribe_quota_once"),
            CheckConstraint(check="remaining >= 0", name="subscribe_quota_not_negative"),
        ]
