"""Demo staff (演示职工): doctors with titles and skills, nurses, technicians, counters, separated administrators."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from backend.demo.organization import ClinicRow, DemoDepartment, DemoOrganization
from backend.demo.people import AREA_CODES, IdentityMaker, NameMaker, Sex
from backend.demo.pinyin import person_pinyin

Role = Literal[
    "doctor",
    "nurse",
    "registrar",
    "cashier",
    "pharmacist",
    "technician",
    "price_administrator",
    "system_administrator",
    "security_administrator",
    "audit_administrator",
]

# Ages are counted from this fixed year, so that the staff of a seed never depends on the day the demo was started.
REFERENCE_YEAR = 2026

CLINIC_TITLES = ("主任医师", "主治医师", "副主任医师", "住院医师", "主治医师", "副主任医师")
SMALL_CLINIC_TITLES = ("主任医师", "主治医师", "副主任医师", "主治医师")
ALL_DAY_TITLES = ("副主任医师", "主治医师", "住院医师", "主治医师", "主治医师", "住院医师")
DOCTOR_AGES = {"主任医师": (47, 59), "副主任医师": (39, 50), "主治医师": (32, 42), "住院医师": (26, 31)}
_JUNIOR_AGES = (24, 36)
_TITLE_AGES = {"主任": (46, 54), "副主任": (40, 52), "主管": (33, 45)}

# Their readings are the ones machines get wrong; the second doctor of these clinics carries one.
TRICKY_SURNAMES = {
    "BJ-XXG": "单",
    "BJ-HX": "仇",
    "BJ-XH": "曾",
    "BJ-GK": "解",
    "DH-EK": "查",
    "BJ-SJN": "欧阳",
    "DH-ZY": "上官",
    "BJ-YK": "尉迟",
}
_SHARE_MALE = {"DH-FK": 0.15, "DH-CK": 0.12, "BJ-GK": 0.95, "BJ-MN": 0.95, "BJ-NK": 1.0, "BJ-SJW": 0.9, "DH-EK": 0.3}
_FIRST_NUMBER = {"doctor": 10001, "nurse": 20001, "pharmacist": 30001, "technician": 40001}
_COUNTER_NUMBER, _OFFICE_NUMBER = 50001, 90001


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """One member of staff (职工). `specialty` (擅长) and `intro` (简介) are empty except for doctors."""

    staff_no: str
    surname: str
    given_name: str
    name: str
    name_pinyin: str
    name_initials: str
    sex: Sex
    birth_date: date
    national_id: str
    phone: str
    role: Role
    title: str
    campus_code: str
    department_code: str
    practising_since: int
    specialty: str
    intro: str


class _Personnel:
    """The personnel office: hands out staff numbers and engages people of the right age."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = NameMaker(rng)
        self.identities = IdentityMaker(rng, first_sequence=400, first_phone=0)
        self.staff: list[DemoStaff] = []
        self._numbers: dict[int, int] = {}
        self._taken: set[str] = set()

    def _number(self, role: Role) -> str:
        counter = _COUNTER_NUMBER if role in ("registrar", "cashier") else _OFFICE_NUMBER
        first = _FIRST_NUMBER.get(role, counter)
        number = self._numbers.get(first, first)
        self._numbers[first] = number + 1
        return str(number)

    def _name(self, birth: date, sex: Sex, surname: str | None) -> tuple[str, str]:
        for _ in range(200):
            family = surname or self.names.surname()
            given = self.names.given(family, birth, sex)
            if family + given not in self._taken:  # two colleagues of one name would confuse every list
                self._taken.add(family + given)
                return family, given
        raise ValueError("the name tables are too small for the staff")

    def engage(
        self,
        role: Role,
        title: str,
        department: DemoDepartment,
        *,
        share_male: float,
        surname: str | None = None,
        topics: Sequence[str] = (),
    ) -> None:
        sex: Sex = "male" if self.rng.random() < share_male else "female"
        youngest, oldest = _ages(role, title)
        # Colleagues retire at 60 and 55, so a woman's range ends earlier.
        age = self.rng.randint(youngest, oldest if sex == "male" or role == "doctor" else min(oldest, 54))
        birth = date(REFERENCE_YEAR - age, self.rng.randint(1, 12), self.rng.randint(1, 28))
        family, given = self._name(birth, sex, surname)
        full, initials = person_pinyin(family, given)
        since = birth.year + (25 if role == "doctor" else 23)
        self.staff.append(
            DemoStaff(
                staff_no=self._number(role),
                surname=family,
                given_name=given,
                name=family + given,
                name_pinyin=full,
                name_initials=initials,
                sex=sex,
                birth_date=birth,
                national_id=self.identities.number(self.rng.choice(list(AREA_CODES)), birth, sex),
                phone=self.identities.phone(),
                role=role,
                title=title,
                campus_code=department.campus_code,
                department_code=department.code,
                practising_since=since,
                specialty=self._specialty(topics),
                intro=_intro(role, title, department, since),
            )
        )

    def _specialty(self, topics: Sequence[str]) -> str:
        if not topics:
            return ""
        chosen = sorted(self.rng.sample(range(len(topics)), 3))
        return "擅长" + "、".join(topics[index] for index in chosen) + "。"


def _ages(role: Role, title: str) -> tuple[int, int]:
    if role == "doctor":
        return DOCTOR_AGES[title]
    return next((ages for prefix, ages in _TITLE_AGES.items() if title.startswith(prefix)), _JUNIOR_AGES)


def _intro(role: Role, title: str, department: DemoDepartment, since: int) -> str:
    if role != "doctor":
        return ""
    name = "全科医学科" if department.code == "BJ-BM" else department.name.removeprefix("东湖")
    # 从事骨科临床工作, but 从事急诊医学临床工作.
    field = name.removesuffix("科") if name.endswith("医学科") else name
    duty = {
        "主任医师": "承担疑难病例会诊和教学查房",
        "副主任医师": "承担专病门诊和住院医师带教",
        "主治医师": "负责门诊与病区日常诊疗",
        "住院医师": "参与门诊首诊与随访工作",
    }[title]
    return f"{since}年起从事{field}临床工作，{duty}。"


def _titles(clinic: ClinicRow) -> list[str]:
    pattern = ALL_DAY_TITLES if clinic.all_day else CLINIC_TITLES if clinic.doctors > 4 else SMALL_CLINIC_TITLES
    return [pattern[index % len(pattern)] for index in range(clinic.doctors)]


def _doctors(office: _Personnel, organization: DemoOrganization, departments: dict[str, DemoDepartment]) -> None:
    for clinic in organization.clinics:
        share = _SHARE_MALE.get(clinic.code, 0.52)
        for position, title in enumerate(_titles(clinic)):
            surname = TRICKY_SURNAMES.get(clinic.code) if position == 1 else None
            department = departments[clinic.code]
            office.engage("doctor", title, department, share_male=share, surname=surname, topics=clinic.topics)


# Three years of practice are asked of them.
_ONLINE_TITLES = ("副主任医师", "主治医师", "主治医师") * 2


def _online_doctors(office: _Personnel, organization: DemoOrganization, departments: dict[str, DemoDepartment]) -> None:
    """Two teams of three for online visits at every hour; engaged last, so that everybody else stays who they were."""
    for clinic in organization.clinics:
        if clinic.all_day and clinic.online:
            for title in _ONLINE_TITLES:
                department = departments[clinic.code]
                office.engage("doctor", title, department, share_male=0.52, topics=clinic.topics)


_NURSES = ("主管护师", "护师", "护士", "护师", "护士", "护士")


def _nurses(office: _Personnel, organization: DemoOrganization) -> None:
    for department in organization.departments:
        if department.kind == "ward":
            titles: tuple[str, ...] = ("副主任护师", *_NURSES)
        elif department.kind == "emergency":
            titles = _NURSES
        elif department.kind == "outpatient":
            titles = _NURSES[:2]
        else:
            continue
        for title in titles:
            office.engage("nurse", title, department, share_male=0.06)


# department kind → role, titles
_SUPPORT: dict[str, tuple[Role, tuple[str, ...]]] = {
    "medical_technology": ("technician", ("副主任技师", "主管技师", "技师", "技师", "技士")),
    "pharmacy": ("pharmacist", ("主管药师", "药师", "药师", "药士")),
}
# department code → role, title, how many. The three administrators are different people in different departments.
_OFFICES: tuple[tuple[str, Role, str, int], ...] = (
    ("BJ-SF", "registrar", "挂号员", 8),
    ("BJ-SF", "cashier", "收费员", 8),
    ("DH-SF", "registrar", "挂号员", 5),
    ("DH-SF", "cashier", "收费员", 5),
    ("BJ-CW", "price_administrator", "物价管理员", 2),
    ("BJ-XX", "system_administrator", "系统管理员", 2),
    ("BJ-AQ", "security_administrator", "安全管理员", 2),
    ("BJ-SJ", "audit_administrator", "审计管理员", 2),
)


def make_staff(seed: int, organization: DemoOrganization) -> tuple[DemoStaff, ...]:
    """All demo staff (职工) of a seed, ≥ 120 of them doctors; the same on whatever day it is made."""
    office = _Personnel(random.Random(f"{seed}:staff"))
    departments = {department.code: department for department in organization.departments}
    _doctors(office, organization, departments)
    _nurses(office, organization)
    for department in organization.departments:
        if department.kind in _SUPPORT:
            role, titles = _SUPPORT[department.kind]
            for title in titles:
                office.engage(role, title, department, share_male=0.4)
    for code, role, title, count in _OFFICES:
        for _ in range(count):
            office.engage(role, title, departments[code], share_male=0.35)
    _online_doctors(office, organization, departments)
    return tuple(office.staff)
