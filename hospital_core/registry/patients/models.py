"""Tables of the patient index."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to
from hospital_core.registry.patients.states import AllergyStatus, DuplicateStatus, IdentifierStatus, Sex


class Patient(VersionedRow):
    """A patient's file (患者). Phone is sealed with a blind index; ``temporary`` files wait for a document."""

    patient_no = fields.CharField(max_length=20, unique=True)
    name = fields.CharField(max_length=60)
    pinyin = fields.CharField(max_length=200)
    initials = fields.CharField(max_length=60)
    sex = fields.CharField(max_length=10)
    birth_date = fields.DateField(null=True)
    phone_sealed = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    temporary = fields.BooleanField(default=False)
    temporary_reason = fields.CharField(max_length=20, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "patient"
        indexes = [Index(fields=["phone_index"]), Index(fields=["name"])]
        constraints = [
            one_of("patient", Sex, "sex"),
            CheckConstraint(check="temporary = (temporary_reason IS NOT NULL)", name="patient_temporary_has_reason"),
        ]


class PatientIdentifier(VersionedRow):
    """A document or card number of a patient (证件/卡号), sealed; one active number names one patient."""

    patient_id: UUID
    patient = refers_to("Patient")
    kind = fields.CharField(max_length=30)
    value_sealed = fields.BinaryField()
    value_index = fields.BinaryField()
    status = fields.CharField(max_length=20)
    created_at = fields.DatetimeField()

    class Meta:
        table = "patient_identifier"
        indexes = [Index(fields=["patient_id"])]
        constraints = [
            one_of("patient_identifier", IdentifierStatus),
            UniqueConstraint(
                fields=("kind", "value_index"), condition="status = 'active'", name="identifier_names_one_patient"
            ),
        ]


class PatientAllergy(VersionedRow):
    """A known allergy (过敏史, FHIR AllergyIntolerance)."""

    patient_id: UUID
    patient = refers_to("Patient")
    substance = fields.CharField(max_length=80)
    severity = fields.CharField(max_length=10)
    reaction = fields.CharField(max_length=120, default="")
    status = fields.CharField(max_length=20)
    recorded_by: UUID | None = fields.UUIDField(null=True)
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "patient_allergy"
        indexes = [Index(fields=["patient_id"])]
        constraints = [
            one_of("patient_allergy", AllergyStatus),
            UniqueConstraint(
                fields=("patient_id", "substance"), condition="status = 'active'", name="allergy_recorded_once"
            ),
        ]


class PatientMerge(Row):
    """A link saying that ``source`` is the same person as ``survivor`` (合并); undone, never deleted."""

    source_id: UUID
    source = refers_to("Patient")
    survivor_id: UUID
    survivor = refers_to("Patient")
    reason = fields.CharField(max_length=200)
    merged_by = fields.UUIDField()
    merged_at = fields.DatetimeField()
    undone_by = fields.UUIDField(null=True)
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "patient_merge"
        indexes = [Index(fields=["survivor_id"])]
        constraints = [
            CheckConstraint(check="source_id <> survivor_id", name="merge_two_different_files"),
            UniqueConstraint(fields=("source_id",), condition="undone_at IS NULL", name="merge_into_one_survivor"),
        ]


class PatientDuplicate(VersionedRow):
    """Two files that may be one person (疑似重复); the earlier id stands first."""

    earlier_id: UUID
    earlier = refers_to("Patient")
    later_id: UUID
    later = refers_to("Patient")
    reason = fields.CharField(max_length=40)
    status = fields.CharField(max_length=20)
    found_at = fields.DatetimeField()

    class Meta:
        table = "patient_duplicate"
        constraints = [
            one_of("patient_duplicate", DuplicateStatus),
            CheckConstraint(check="earlier_id < later_id", name="duplicate_pair_ordered"),
            UniqueConstraint(fields=("earlier_id", "later_id"), name="duplicate_pair_once"),
        ]
