"""Tables of the kernel. Rows here are bookkeeping of the house itself, not of patients."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from hospital_core.kernel.ids import new_id


class ClockOffset(Model):
    """One row: how far ``hospital_now()`` runs ahead. Zero, and refused otherwise, outside demo and tests."""

    id = fields.SmallIntField(primary_key=True, default=1)
    offset_seconds = fields.IntField(default=0)

    class Meta:
        table = "clock_offset"


class IdempotencyRecord(Model):
    """A write already answered (幂等记录); the answer is encrypted and lives seven days."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    actor_key = fields.CharField(max_length=80)
    route = fields.CharField(max_length=160)
    key = fields.CharField(max_length=255)
    body_hash = fields.BinaryField()
    answer = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "idempotency_record"
        unique_together = (("actor_key", "route", "key"),)
        indexes = [Index(fields=["created_at"])]


class OutboxEvent(Model):
    """What happened (事件). Append-only."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=80)
    payload: dict[str, Any] = fields.JSONField()
    cause = fields.UUIDField(null=True)
    request_id = fields.UUIDField(null=True)
    occurred_at = fields.DatetimeField()

    class Meta:
        table = "outbox_event"


class OutboxDelivery(Model):
    """One event on its way to one handler (投递)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    event_id = fields.UUIDField()
    handler = fields.CharField(max_length=120)
    state = fields.CharField(max_length=16)
    not_before = fields.DatetimeField()
    attempts = fields.SmallIntField(default=0)
    last_error = fields.CharField(max_length=400, null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "outbox_delivery"
        unique_together = (("event_id", "handler"),)


class AuditRow(Model):
    """One line of the audit trail (审计). Append-only; chained afterwards by the sealer."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    at = fields.DatetimeField()
    actor_kind = fields.CharField(max_length=20)
    actor_id = fields.UUIDField(null=True)
    session_id = fields.UUIDField(null=True)
    device_id = fields.UUIDField(null=True)
    on_behalf_of = fields.UUIDField(null=True)
    action = fields.CharField(max_length=80)
    object_kind = fields.CharField(max_length=40, null=True)
    object_id = fields.UUIDField(null=True)
    patient_id = fields.UUIDField(null=True)
    outcome = fields.CharField(max_length=20)
    reason = fields.CharField(max_length=200, null=True)
    proof = fields.CharField(max_length=40, null=True)
    detail: dict[str, Any] = fields.JSONField()
    request_id = fields.UUIDField()

    class Meta:
        table = "audit_row"
        indexes = [
            Index(fields=["at"]),
            Index(fields=["patient_id", "at"]),
            Index(fields=["actor_id", "at"]),
        ]


class AuditSeal(Model):
    """The chain over the audit trail: seal n covers one row and seal n−1 with a keyed hash."""

    audit_id = fields.UUIDField(primary_key=True)
    seq = fields.BigIntField(unique=True)
    mac = fields.BinaryField()

    class Meta:
        table = "audit_seal"


class LiveTopic(Model):
    """Where a live topic stands. A new epoch tells screens to load a fresh snapshot."""

    topic = fields.CharField(max_length=80, primary_key=True)
    epoch = fields.UUIDField(default=new_id)
    seq = fields.BigIntField(default=0)

    class Meta:
        table = "live_topic"


class LiveChange(Model):
    """One numbered change of a live topic, kept for an hour to close gaps."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    topic = fields.CharField(max_length=80)
    seq = fields.BigIntField()
    data: dict[str, Any] = fields.JSONField()
    at = fields.DatetimeField()

    class Meta:
        table = "live_change"
        unique_together = (("topic", "seq"),)
        indexes = [Index(fields=["at"])]


class AttemptLimit(Model):
    """Failures counted per purpose and subject (尝试次数限制), durable so that a restart forgives nobody."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    purpose = fields.CharField(max_length=40)
    subject = fields.CharField(max_length=120)
    failures = fields.SmallIntField(default=0)
    window_ends_at = fields.DatetimeField()
    locked_until = fields.DatetimeField(null=True)

    class Meta:
        table = "attempt_limit"
        unique_together = (("purpose", "subject"),)


class Revocation(Model):
    """A session, account or device whose credentials stopped being valid (吊销). Workers poll it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    subject_kind = fields.CharField(max_length=20)
    subject_id = fields.UUIDField()
    at = fields.DatetimeField()

    class Meta:
        table = "revocation"
        indexes = [Index(fields=["at"]), Index(fields=["subject_id"])]
