"""What readers see of patients: documents and telephones always masked."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from hospital_core.kernel.commands import View
from hospital_core.registry.patients.states import (
    AllergySeverity,
    AllergyStatus,
    DocumentKind,
    IdentifierStatus,
    MatchReason,
    Sex,
    TemporaryReason,
)


class PatientName(NamedTuple):
    """The least a list needs of a patient."""

    name: str
    sex: Sex
    birth_date: date | None


class PatientFound(View):
    """Answer to a registration: the file, and whether it was opened just now.

    ``name_matches`` is False when the document's file carries another name: for the desk to look at, never for a phone.
    """

    patient_id: UUID
    created: bool
    name_matches: bool = True


class IdentifierAdded(View):
    """``added`` is False when the document already names ``duplicate_of``; the pair then stands in the worklist."""

    patient_id: UUID
    added: bool
    duplicate_of: UUID | None = None


class IdentifierView(View):
    """One document of a patient (证件)."""

    id: UUID
    kind: DocumentKind
    number_masked: str
    status: IdentifierStatus


class AllergyView(View):
    """One allergy (过敏史)."""

    id: UUID
    substance: str
    severity: AllergySeverity
    reaction: str
    status: AllergyStatus
    recorded_at: datetime
    version: int


class PatientView(View):
    """A file with everything known of the person, those of merged files included (患者)."""

    id: UUID
    patient_no: str
    name: str
    sex: Sex
    birth_date: date | None
    age: str
    document_kind: DocumentKind | None
    document_masked: str
    phone_masked: str
    temporary: bool
    temporary_reason: TemporaryReason | None
    merged_into: UUID | None
    possible_duplicates: int
    identifiers: list[IdentifierView]
    allergies: list[AllergyView]
    created_at: datetime
    version: int


class MergeView(View):
    """A merge that stands, or has just been undone."""

    source_id: UUID
    survivor_id: UUID
    undone: bool


class MergedFile(View):
    """A file that was merged into another (已并入的档案): its old number still stands on paper and wristbands."""

    patient_id: UUID
    patient_no: str
    name: str
    merged_into: UUID
    reason: str
    merged_at: datetime
    merged_by: str | None


class DuplicateView(View):
    """Two files that may be one person (疑似重复)."""

    id: UUID
    earlier: PatientView
    later: PatientView
    reason: MatchReason
    found_at: datetime
    version: int


class Resealed(View):
    """How many values were sealed again; zero when none is left."""

    count: int
