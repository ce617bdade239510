"""Tables of care relations."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.tables import Row, refers_to


class CareRelation(Row):
    """A staff member or department treats a patient for a time (诊疗关系); written by booking, check-in, admission."""

    patient_id: UUID
    patient = refers_to("Patient")
    staff_id: UUID | None
    staff = refers_to("StaffMember", null=True)
    department_id: UUID
    department = refers_to("Department")
    source_kind = fields.CharField(max_length=30)
    source_id = fields.UUIDField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()

    class Meta:
        table = "care_relation"
        indexes = [Index(fields=["patient_id", "ends_at"])]
        constraints = [UniqueConstraint(fields=("source_kind", "source_id"), name="care_relation_once_per_source")]


class BreakGlass(Row):
    """An emergency look into a file without a relation (紧急授权): one patient, a reason, thirty minutes, reviewed."""

    patient_id: UUID
    patient = refers_to("Patient")
    staff_id: UUID
    staff = refers_to("StaffMember")
    reason = fields.CharField(max_length=200)
    opened_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    reviewed_by = fields.UUIDField(null=True)
    reviewed_at = fields.DatetimeField(null=True)
    verdict = fields.CharField(max_length=20, null=True)

    class Meta:
        table = "break_glass"
        indexes = [Index(fields=["patient_id", "staff_id", "ends_at"])]
        constraints = [
            CheckConstraint(
                check="ends_at <= opened_at + interval '30 minutes' AND ends_at > opened_at",
                name="break_glass_thirty_minutes",
            ),
        ]
