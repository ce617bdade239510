"""Commands about search words and the symptom guide."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from hospital_core.access.scheduling.states import GuideUrgency, SearchWordKind
from hospital_core.kernel.commands import Command
from hospital_core.registry.patients.states import Sex

Part = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Symptom = Annotated[str, StringConstraints(min_length=1, max_length=60)]
KnownSex = Literal[Sex.MALE, Sex.FEMALE]


class AskGuide(Command):
    """Ask where symptoms lead (导诊). The patient decides about age and sex; otherwise what was told, if anything."""

    part: Part
    symptoms: Annotated[tuple[Symptom, ...], Field(min_length=1, max_length=6)]
    patient_id: UUID | None = None
    sex: KnownSex | None = None
    age: Annotated[int, Field(ge=0, le=150)] | None = None


class SaveSearchWord(Command):
    """Let a word lead somewhere (维护检索词); with ``word_id`` change one."""

    word_id: UUID | None = None
    word: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    kind: SearchWordKind
    department_id: UUID
    staff_id: UUID | None = None
    weight: Annotated[int, Field(ge=1, le=100)] = 1


class RemoveSearchWord(Command):
    """Let a word lead nowhere (删除检索词)."""

    word_id: UUID


class SaveGuideRule(Command):
    """Say where a symptom leads (维护导诊规则); with ``rule_id`` change one. New rules come after their symptom's."""

    rule_id: UUID | None = None
    version: int | None = None
    body_part: Part
    symptom: Symptom
    sex: KnownSex | None = None
    age_from: Annotated[int, Field(ge=0, le=199)] = 0
    age_below: Annotated[int, Field(ge=1, le=200)] = 200
    department_id: UUID | None = None
    urgency: GuideUrgency
    advice: Annotated[str, StringConstraints(max_length=200)] = ""


class MoveGuideRule(Command):
    """Change places with the neighbour of the same part of the body (调整导诊规则顺序)."""

    rule_id: UUID
    direction: Literal["up", "down"]


class SwitchGuideRule(Command):
    """Let a rule rest, or act again (停用、启用导诊规则)."""

    rule_id: UUID
    active: bool
