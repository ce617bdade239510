"""States of an encounter."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class EncounterStatus(StrEnum):
    """FHIR R5 Encounter.status as far as used (就诊状态)."""

    PLANNED = "planned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


class EncounterClass(StrEnum):
    """v3 ActCode (就诊类别)."""

    AMBULATORY = "AMB"
    EMERGENCY = "EMER"
    INPATIENT = "IMP"


ENCOUNTER = Machine(
    "encounter",
    EncounterStatus,
    [
        Move("start", (EncounterStatus.PLANNED,), EncounterStatus.IN_PROGRESS),
        Move("finish", (EncounterStatus.IN_PROGRESS,), EncounterStatus.COMPLETED),
        Move("cancel", (EncounterStatus.PLANNED,), EncounterStatus.CANCELLED),
        Move("void", (EncounterStatus.PLANNED, EncounterStatus.IN_PROGRESS), EncounterStatus.ENTERED_IN_ERROR),
    ],
)
