"""What can be asked of planning: templates, calendar, rules, generation, changes of clinics."""

from datetime import date
from uuid import UUID

from pydantic import Field

from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.states import (
    CalendarDayKind,
    DayPeriod,
    DisruptionChoice,
    RuleScope,
    ServiceKind,
)
from hospital_core.kernel.commands import Command, Day


class SaveTemplate(Command):
    """Plan a session that repeats every week (维护排班模板). ``template_id`` changes one, of that ``version`` if given.

    Units: minutes after midnight of the hospital's clock. Sessions that were generated already stay as they are.
    """

    template_id: UUID | None = None
    version: int | None = None
    department_id: UUID
    staff_id: UUID
    room_id: UUID
    service_kind: ServiceKind
    weekday: int = Field(ge=1, le=7)
    period: DayPeriod
    starts_minute: int = Field(ge=0, le=1439)
    ends_minute: int = Field(ge=1, le=1440)
    places: int = Field(ge=1, le=500)
    price_item_id: UUID
    sought_after: bool = False
    works_on_holidays: bool = False
    valid_from: date
    valid_until: date | None = None
    pools: tuple[PoolQuota, ...] = ()


class EndTemplate(Command):
    """The last day that a template runs (停用排班模板)."""

    template_id: UUID
    valid_until: date


class GenerateDay(Command):
    """Make the sessions of a day from the templates (放号), of one campus or of all."""

    day: Day
    campus_id: UUID | None = None


class SaveCalendarDay(Command):
    """Say what a day is (维护日历); ``as_weekday``: whose templates run on a worked weekend, 1 = Monday."""

    day: Day
    kind: CalendarDayKind
    as_weekday: int | None = Field(default=None, ge=1, le=7)
    name: str = Field(default="", max_length=40)


class ClearCalendarDay(Command):
    """Let the library say again what a day is (恢复日历)."""

    day: Day


class SetRule(Command):
    """Set one booking rule (设置预约规则); ``scope_key`` is a department's id, a service kind, or empty."""

    code: RuleCode
    scope: RuleScope = RuleScope.HOSPITAL
    scope_key: str = Field(default="", max_length=40)
    value: int = Field(ge=0, le=1_000_000)


class ClearRule(Command):
    """Forget an exception, or the hospital's own word: what is wider holds again (清除预约规则)."""

    code: RuleCode
    scope: RuleScope = RuleScope.HOSPITAL
    scope_key: str = Field(default="", max_length=40)


class AddOn(Command):
    """Give a named patient a place beyond the session's (加号)."""

    schedule_id: UUID
    patient_id: UUID


class StopClinic(Command):
    """Stop clinics (停诊): sessions by id, or a doctor's day or part of it; of one session also only some numbers."""

    schedule_ids: tuple[UUID, ...] = Field(default=(), max_length=50)
    staff_id: UUID | None = None
    day: Day | None = None
    period: DayPeriod | None = None
    slot_from: int | None = Field(default=None, ge=1, le=1000)
    slot_to: int | None = Field(default=None, ge=1, le=1000)
    reason: str = Field(min_length=1, max_length=200)


class SubstituteDoctor(Command):
    """Another doctor holds the session (替诊)."""

    schedule_id: UUID
    staff_id: UUID
    reason: str = Field(min_length=1, max_length=200)


class AnswerDisruption(Command):
    """What a patient wants when a clinic was changed (停替诊答复); ``schedule_id`` says where to move."""

    disruption_id: UUID
    choice: DisruptionChoice
    schedule_id: UUID | None = None
