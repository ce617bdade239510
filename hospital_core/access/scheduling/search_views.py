"""What patients see of searching, of the symptom guide and of doctors, and what staff see of the words behind them."""

from datetime import datetime
from uuid import UUID

from hospital_core.access.scheduling.states import FoundBy, GuideUrgency, SearchWordKind, ServiceKind
from hospital_core.access.scheduling.views import SessionBrief
from hospital_core.kernel.commands import View
from hospital_core.registry.patients.states import Sex


class NextFree(View):
    """The earliest place that the asking channel can book (最近可约)."""

    schedule_id: UUID
    department_id: UUID
    starts_at: datetime
    service_kind: ServiceKind
    fee_fen: int


class DepartmentBrief(View):
    """A department as a search or the guide shows it (科室). Emergency departments are never booked."""

    department_id: UUID
    name: str
    campus: str
    intro: str
    is_emergency: bool


class DepartmentHit(DepartmentBrief):
    """A department that was found (检索到的科室); ``matched`` is the word that led there."""

    found_by: FoundBy
    matched: str
    next_free: NextFree | None


class DoctorHit(View):
    """A doctor who was found (检索到的医生)."""

    staff_id: UUID
    name: str
    title: str
    specialty: str
    department_id: UUID
    department: str
    campus: str
    photo_version: str | None
    found_by: FoundBy
    matched: str
    next_free: NextFree | None


class SearchView(View):
    """What a search found (检索结果), the best first."""

    departments: list[DepartmentHit]
    doctors: list[DoctorHit]


class DoctorSession(SessionBrief):
    """A session on a doctor's page (出诊时段)."""

    department_id: UUID
    department: str
    campus: str


class ClinicOffer(View):
    """A kind of clinic that a doctor holds, and what it costs (门诊类别与挂号费)."""

    service_kind: ServiceKind
    fee_fen: int


class DoctorPageView(View):
    """A doctor's page (医生主页). ``photo_version`` changes with the photo; None: the surname is drawn."""

    staff_id: UUID
    name: str
    title: str
    specialty: str
    introduction: str
    department_id: UUID
    department: str
    campus: str
    photo_version: str | None
    offers: list[ClinicOffer]
    sessions: list[DoctorSession]


class GuidePartView(View):
    """A part of the body in the symptom guide (部位)."""

    part: str
    symptoms: int


class GuideSymptomView(View):
    """A symptom of a part of the body (症状)."""

    symptom: str


class GuideDepartment(DepartmentBrief):
    """A department that the guide names (建议科室); ``for_whom`` when that hangs on age or sex, which nobody told."""

    urgency: GuideUrgency
    for_whom: str
    next_free: NextFree | None


class GuideAdviceView(View):
    """Where the symptoms lead (导诊建议). Where it is an emergency, only emergency departments are named."""

    urgency: GuideUrgency
    headline: str
    advice: list[str]
    departments: list[GuideDepartment]


class SearchWordView(View):
    """A search word as staff keep it (检索词)."""

    id: UUID
    word: str
    pinyin: str
    initials: str
    kind: SearchWordKind
    department_id: UUID
    department: str
    staff_id: UUID | None
    doctor: str | None
    weight: int


class GuideRuleView(View):
    """A rule of the symptom guide as staff keep it (导诊规则); ``age_below`` is the first age it is not for."""

    id: UUID
    version: int
    body_part: str
    symptom: str
    sex: Sex | None
    age_from: int
    age_below: int
    department_id: UUID | None
    department: str | None
    urgency: GuideUrgency
    advice: str
    position: int
    active: bool
