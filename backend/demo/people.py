"""Demo patients (演示患者): families, ages, identity numbers, telephones and allergies that read as real ones do.

Nobody real is met: the area codes of the identity numbers are never issued, and all telephones stand in one block.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from backend.demo.pinyin import person_pinyin
from backend.demo.words import names as words

Sex = Literal["male", "female"]
DocumentKind = Literal["resident_id", "passport", "none_yet"]
RelationKind = Literal["parent", "child", "spouse"]

# GB/T 2260 begins area codes with 1–8 (83 for residents from Taiwan). Numbers beginning with 9 belong to the permanent
# residence card of foreigners, where digits 2–3 are the issuing province; no province has 90 or 99, so neither
# reading of 9901xx can ever be issued. The last two digits stand for a district of our invented city 江州.
AREA_CODES: dict[str, str] = {
    "990102": "滨江区",
    "990103": "东湖区",
    "990104": "青山区",
    "990105": "南浦区",
    "990121": "云溪县",
    "990122": "石塘县",
}
# China keeps no number range for fiction. All demo telephones lie in this one block so that a filter knows them;
# the demo sends nothing to the telephone network.
PHONE_PREFIX = "1990000"
FIRST_PATIENT_PHONE = 3000  # the telephones 1990000-0000 to 2999 belong to staff

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"


@dataclass(frozen=True, slots=True)
class DemoAllergy:
    """One recorded allergy (过敏史)."""

    substance: str
    category: Literal["medication", "food", "environment"]
    reaction: str
    severity: Literal["mild", "moderate", "severe"]


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """One patient (患者). `key` links relations and is no hospital number; no `document_no` while none exists yet."""

    key: str
    family_key: str | None
    surname: str
    given_name: str
    name: str
    name_pinyin: str
    name_initials: str
    sex: Sex
    birth_date: date
    document_kind: DocumentKind
    document_no: str | None
    none_yet_reason: Literal["newborn", "foreigner"] | None
    nationality: str
    phone: str | None
    address: str
    occupation: str
    allergies: tuple[DemoAllergy, ...]


@dataclass(frozen=True, slots=True)
class DemoRelation:
    """`relative_key` is the `kind` (parent 父母, child 子女, spouse 配偶) of `person_key`; both directions are kept."""

    person_key: str
    relative_key: str
    kind: RelationKind


def national_id(area: str, birth: date, sequence: int, sex: Sex) -> str:
    """Resident identity number (公民身份号码): area, birth date, sequence, check character.

    `sequence` is 0–499 within area and birth date; the 15th–17th digits become odd for male, even for female.

    Raises: ValueError for an area that is not six digits or a sequence out of range.
    Source: GB 11643, check character by ISO 7064 MOD 11-2.
    """
    if len(area) != 6 or not area.isdecimal():
        raise ValueError("area must be six digits")
    if not 0 <= sequence <= 499:
        raise ValueError("sequence must be 0–499")
    body = f"{area}{birth:%Y%m%d}{sequence * 2 + (sex == 'male'):03d}"
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, body, strict=True))
    return body + _CHECK_CHARACTERS[total % 11]


class NameMaker:
    """Draws surnames by frequency and given names by birth decade and sex."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        pairs: list[tuple[str, str]] = re.findall(r"([^\d\s]+)(\d+)", words.SURNAMES)
        self._surnames = [name for name, _ in pairs]
        self._weights = [int(weight) for _, weight in pairs]
        self._taken: set[str] = set()

    def surname(self) -> str:
        return self._rng.choices(self._surnames, self._weights)[0]

    def given(self, surname: str, birth: date, sex: Sex) -> str:
        """A given name of the decade; a full name already used is redrawn, most but not all of the time."""
        decade = min(max(birth.year // 10 * 10, 1930), 2020)
        choices = words.GIVEN_NAMES[decade][0 if sex == "male" else 1].split()
        given = self._rng.choice(choices)
        for _ in range(6):
            if surname + given not in self._taken and given[0] != surname:
                break
            given = self._rng.choice(choices)
        self._taken.add(surname + given)
        return given


class IdentityMaker:
    """Hands out identity numbers and telephones, none twice. Separate `first_sequence` ranges keep two makers apart."""

    def __init__(self, rng: random.Random, *, first_sequence: int, first_phone: int) -> None:
        self._rng = rng
        self._first_sequence = first_sequence
        self._sequences: dict[tuple[str, date], int] = {}
        self._next_phone = first_phone

    def number(self, area: str, birth: date, sex: Sex) -> str:
        sequence = self._sequences.get((area, birth), self._first_sequence + self._rng.randrange(60))
        self._sequences[area, birth] = sequence + 1
        return national_id(area, birth, sequence, sex)

    def phone(self) -> str:
        self._next_phone += self._rng.randint(1, 3)
        if self._next_phone > 9999:
            raise ValueError("the demo telephone block is used up")
        return f"{PHONE_PREFIX}{self._next_phone:04d}"


class _Register:
    """Collects patients and relations while families are made."""

    def __init__(self, rng: random.Random, today: date) -> None:
        self.rng, self.today = rng, today
        self.names = NameMaker(rng)
        self.identities = IdentityMaker(rng, first_sequence=0, first_phone=FIRST_PATIENT_PHONE)
        self.allergies = [DemoAllergy(*line.split("|")) for line in words.ALLERGIES.split()]  # type: ignore[arg-type]
        self.patients: list[DemoPatient] = []
        self.relations: list[DemoRelation] = []
        self.families = 0

    def born(self, youngest: int, oldest: int) -> date:
        """A birth date that makes the person `youngest` to `oldest` whole years old today, within our name tables."""
        days = self.rng.randint(round(youngest * 365.25) + 1, round((oldest + 1) * 365.25) - 1)
        return max(self.today - timedelta(days=days), date(1930, 1, 1))

    def address(self) -> tuple[str, str]:
        area = self.rng.choices(list(AREA_CODES), (30, 28, 16, 12, 8, 6))[0]
        place = f"江州市{AREA_CODES[area]}{self.rng.choice(words.STREETS.split())}{self.rng.randint(1, 388)}号"
        home = f"{self.rng.choice(words.COMMUNITIES.split())}{self.rng.randint(1, 28)}幢{self.rng.randint(1, 4)}单元"
        return area, f"{place}{home}{self.rng.randint(1, 18)}0{self.rng.randint(1, 4)}室"

    def add(
        self,
        surname: str,
        sex: Sex,
        birth: date,
        home: tuple[str, str],
        *,
        family: str | None = None,
        given: str | None = None,
        reason: Literal["newborn", "foreigner"] | None = None,
        passport: str | None = None,
        nationality: str = "CN",
    ) -> DemoPatient:
        age = (self.today - birth).days / 365.25
        given = given if given is not None else self.names.given(surname, birth, sex)
        separator = " " if nationality != "CN" else ""
        full, initials = person_pinyin(surname, given)
        document_kind: DocumentKind = "none_yet" if reason else "passport" if passport else "resident_id"
        number = passport if passport or reason else self.identities.number(home[0], birth, sex)
        patient = DemoPatient(
            key=f"P{len(self.patients) + 1:05d}",
            family_key=family,
            surname=surname,
            given_name=given,
            name=f"{surname}{separator}{given}",
            name_pinyin=full,
            name_initials=initials,
            sex=sex,
            birth_date=birth,
            document_kind=document_kind,
            document_no=number,
            none_yet_reason=reason,
            nationality=nationality,
            phone=self.identities.phone() if 12 <= age < 88 else None,
            address=home[1],
            occupation=self.occupation(age, sex),
            allergies=self.draw_allergies(age),
        )
        self.patients.append(patient)
        return patient

    def occupation(self, age: float, sex: Sex) -> str:
        if age < 3:
            return "散居儿童"
        if age < 6.5:
            return "幼托儿童"
        if age < 22:
            return "学生"
        if age >= (60 if sex == "male" else 55):
            return "农民" if self.rng.random() < 0.2 else "退休人员"
        return self.rng.choice(words.OCCUPATIONS_WORKING.split())

    def draw_allergies(self, age: float) -> tuple[DemoAllergy, ...]:
        if age < 0.5 or self.rng.random() >= 0.085:
            return ()
        first = self.rng.choice(self.allergies)
        second = self.rng.choice(self.allergies)
        # A second entry in one case of six, about another substance.
        return (first, second) if second.substance != first.substance and self.rng.random() < 0.17 else (first,)

    def parent_of(self, parent: DemoPatient, child: DemoPatient) -> None:
        self.relations.append(DemoRelation(child.key, parent.key, "parent"))
        self.relations.append(DemoRelation(parent.key, child.key, "child"))

    def married(self, one: DemoPatient, other: DemoPatient) -> None:
        self.relations.append(DemoRelation(one.key, other.key, "spouse"))
        self.relations.append(DemoRelation(other.key, one.key, "spouse"))

    def couple(self, surname: str, youngest: int, oldest: int, family: str) -> tuple[DemoPatient, DemoPatient]:
        home = self.address()
        husband_birth = self.born(youngest, oldest)
        gap = timedelta(days=self.rng.randint(-400, 1500))
        newest = self.today - timedelta(days=round(max(youngest, 22) * 365.25))
        wife_birth = min(max(husband_birth + gap, date(1930, 1, 1)), newest)
        husband = self.add(surname, "male", husband_birth, home, family=family)
        wife = self.add(self.names.surname(), "female", wife_birth, home, family=family)
        self.married(husband, wife)
        return husband, wife

    def children(self, father: DemoPatient, mother: DemoPatient, home: tuple[str, str]) -> None:
        """Up to two minor children, each born when the mother was 22 to 40."""
        years = (self.today - mother.birth_date).days / 365.25
        births: list[date] = []
        for _ in range(self.rng.choices((0, 1, 2), (15, 55, 30))[0]):
            lowest, highest = max(0, int(years) - 39), min(17, int(years) - 23)
            if lowest > highest:
                return
            sex: Sex = "male" if self.rng.random() < 0.52 else "female"
            birth = self.born(lowest, highest)
            if any(abs((birth - other).days) < 450 for other in births):
                continue  # brothers and sisters are not born within months of each other
            births.append(birth)
            child = self.add(father.surname, sex, birth, home, family=father.family_key)
            self.parent_of(father, child)
            self.parent_of(mother, child)

    def next_family(self) -> str:
        self.families += 1
        return f"F{self.families:04d}"


def _young_family(register: _Register) -> None:
    family, surname = register.next_family(), register.names.surname()
    father, mother = register.couple(surname, 25, 45, family)
    area = father.document_no[:6] if father.document_no else next(iter(AREA_CODES))
    register.children(father, mother, (area, father.address))
    if register.rng.random() < 0.4:
        # The father's parents, 22–32 years older than he.
        years = (register.today - father.birth_date).days // 365
        grandfather, grandmother = register.couple(surname, years + 24, years + 30, family)
        register.parent_of(grandfather, father)
        register.parent_of(grandmother, father)


def _newborn(register: _Register) -> None:
    """A child of the last 25 days without any document yet, filed under the mother's name (李娜之子)."""
    family = register.next_family()
    father, mother = register.couple(register.names.surname(), 25, 38, family)
    sex: Sex = "male" if register.rng.random() < 0.5 else "female"
    birth = register.today - timedelta(days=register.rng.randint(0, 25))
    home = (next(iter(AREA_CODES)), mother.address)
    given = f"{mother.given_name}之{'子' if sex == 'male' else '女'}"
    child = register.add(mother.surname, sex, birth, home, family=family, given=given, reason="newborn")
    register.parent_of(father, child)
    register.parent_of(mother, child)


def _foreigners(register: _Register) -> None:
    """Visitors from abroad: some with a passport (series ZZ is our own invention), some with nothing at hand."""
    rows = [line.split("|") for line in words.FOREIGNERS.split("\n") if line]
    for position, (nationality, surname, given, sex) in enumerate(rows):
        passport = f"ZZ{9900001 + position * 37}" if position % 4 else None
        register.add(
            surname,
            "male" if sex == "M" else "female",
            register.born(22, 64),
            register.address(),
            given=given,
            reason=None if passport else "foreigner",
            passport=passport,
            nationality=nationality,
        )


def _single(register: _Register, youngest: int, oldest: int) -> None:
    sex: Sex = "male" if register.rng.random() < 0.47 else "female"
    register.add(register.names.surname(), sex, register.born(youngest, oldest), register.address())


def make_people(seed: int, today: date) -> tuple[tuple[DemoPatient, ...], tuple[DemoRelation, ...]]:
    """All demo patients and their family relations (患者与亲属关系), ages counted from `today`; ≥ 2,000 of all ages."""
    register = _Register(random.Random(f"{seed}:people"), today)
    for _ in range(460):
        _young_family(register)
    for _ in range(14):
        _newborn(register)
    _foreigners(register)
    for youngest, oldest, count in ((18, 29, 110), (30, 54, 150), (55, 74, 170), (75, 93, 80)):
        for _ in range(count):
            _single(register, youngest, oldest)
    # The surnames whose reading machines get wrong must be there to be tried, whatever the draw was.
    for surname in ("单", "仇", "曾", "解", "查", "欧阳", "上官", "尉迟"):
        register.add(surname, "female", register.born(30, 50), register.address())
    return tuple(register.patients), tuple(register.relations)
