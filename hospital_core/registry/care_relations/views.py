"""What readers see of care relations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hospital_core.kernel.commands import View
from hospital_core.registry.care_relations.states import Basis, BreakGlassVerdict
from hospital_core.registry.patients.states import Sex


@dataclass(frozen=True)
class PermittedPatient:
    """A patient the actor may know. ``since`` hides what is older (an unproven link), None shows everything."""

    patient_id: UUID
    since: datetime | None
    proven: bool
    basis: Basis


class RecognisedPatient(View):
    """The least by which a patient is recognised (患者识别); ``permitted`` when the asker may open the file already."""

    patient_id: UUID
    name_masked: str
    sex: Sex
    age: str
    permitted: bool


class BreakGlassView(View):
    """An emergency look (紧急授权)."""

    id: UUID
    patient_id: UUID
    patient_no: str
    patient_name_masked: str
    staff_id: UUID
    staff_name: str
    reason: str
    opened_at: datetime
    ends_at: datetime
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    verdict: BreakGlassVerdict | None
