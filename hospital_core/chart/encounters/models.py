"""Tables of encounters."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index

from hospital_core.chart.encounters.states import EncounterClass, EncounterStatus
from hospital_core.kernel.tables import VersionedRow, one_of, refers_to


class Encounter(VersionedRow):
    """One visit (就诊). Its id was minted by access when the place was booked."""

    visit_no = fields.CharField(max_length=20, unique=True)
    patient_id: UUID
    patient = refers_to("Patient")
    department_id: UUID
    department = refers_to("Department")
    staff_id: UUID | None
    staff = refers_to("StaffMember", null=True)
    location_id: UUID | None
    location = refers_to("Location", null=True)
    appointment_id = fields.UUIDField(null=True)
    encounter_class = fields.CharField(max_length=10)
    status = fields.CharField(max_length=20)
    created_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "encounter"
        indexes = [Index(fields=["patient_id"]), Index(fields=["staff_id"])]
        constraints = [one_of("encounter", EncounterStatus), one_of("encounter", EncounterClass, "encounter_class")]
