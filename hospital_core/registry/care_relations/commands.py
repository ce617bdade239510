"""Commands of care relations."""

from uuid import UUID

from pydantic import Field
from typing_extensions import Annotated

from hospital_core.kernel.commands import Command
from hospital_core.registry.care_relations.states import BreakGlassVerdict


class BreakGlassCommand(Command):
    """Open one patient's file in an emergency (紧急授权)."""

    patient_id: UUID
    reason: Annotated[str, Field(min_length=4, max_length=200)]


class LookUpPatient(Command):
    """Ask whose number this is, to open the file in an emergency (紧急调阅)."""

    number: Annotated[str, Field(min_length=1, max_length=60)]


class ReviewBreakGlass(Command):
    """Judge an emergency look afterwards (复核紧急授权)."""

    break_glass_id: UUID
    verdict: BreakGlassVerdict
