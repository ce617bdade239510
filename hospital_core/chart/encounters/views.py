"""What readers see of a visit."""

from datetime import datetime
from uuid import UUID

from hospital_core.chart.encounters.states import EncounterClass, EncounterStatus
from hospital_core.kernel.commands import View


class EncounterView(View):
    """One visit (就诊)."""

    id: UUID
    visit_no: str
    patient_id: UUID
    department_id: UUID
    department: str
    staff_id: UUID | None
    doctor: str | None
    location_id: UUID | None
    appointment_id: UUID | None
    encounter_class: EncounterClass
    status: EncounterStatus
    started_at: datetime | None
    ended_at: datetime | None


class VisitLabel(View):
    """By what a patient recognises a visit (就诊标识): where, with whom, when."""

    encounter_id: UUID
    department_id: UUID
    campus_id: UUID
    department: str
    doctor: str | None
    at: datetime
