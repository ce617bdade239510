"""What happened in the patient index."""

from uuid import UUID

from hospital_core.kernel.events import Event


class PatientRegistered(Event):
    """A new file was opened (建档)."""

    patient_id: UUID
    temporary: bool


class PatientIdentityChanged(Event):
    """Name, birth date, sex, telephone or documents of a file changed: it may now look like another."""

    patient_id: UUID


class PatientsMerged(Event):
    """``source`` was linked to ``survivor`` as the same person (合并)."""

    source_id: UUID
    survivor_id: UUID


class PatientsUnmerged(Event):
    """The link was undone (撤销合并)."""

    source_id: UUID
    survivor_id: UUID
