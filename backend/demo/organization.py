"""The demo hospital's organization (机构与地点): campuses, departments, waiting areas, rooms, windows, wards, beds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from backend.demo.pinyin import term_pinyin
from backend.demo.words import departments as words

DepartmentKind = Literal["outpatient", "emergency", "ward", "medical_technology", "pharmacy", "administration"]
WaitingAreaKind = Literal["clinic", "emergency", "examination", "pharmacy", "blood_collection"]
WindowKind = Literal["registration", "cashier", "insurance", "inpatient", "pharmacy", "blood_collection", "report"]

HOSPITAL_NAME = "江州市第一人民医院"


@dataclass(frozen=True, slots=True)
class DemoCampus:
    """One campus (院区)."""

    code: str
    name: str
    address: str
    phone: str
    intro: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class DemoDepartment:
    """One department (科室). A ward's `parent_code` is the clinic it belongs to; floors below ground are negative."""

    code: str
    name: str
    name_pinyin: str
    name_initials: str
    kind: DepartmentKind
    campus_code: str
    parent_code: str | None
    building: str
    floor: int
    intro: str
    number_only_on_screen: bool
    open_all_day: bool


@dataclass(frozen=True, slots=True)
class DemoWaitingArea:
    """One waiting area (候诊区) with the departments whose patients wait there."""

    code: str
    name: str
    kind: WaitingAreaKind
    campus_code: str
    building: str
    floor: int
    department_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoRoom:
    """One consulting room (诊室); `short_name` is what the screen and the voice say."""

    code: str
    name: str
    short_name: str
    campus_code: str
    department_code: str
    waiting_area_code: str
    building: str
    floor: int


@dataclass(frozen=True, slots=True)
class DemoWindow:
    """One service window (窗口): registration, cashier, pharmacy, blood collection and so on."""

    code: str
    name: str
    kind: WindowKind
    campus_code: str
    department_code: str
    building: str
    floor: int


@dataclass(frozen=True, slots=True)
class DemoBed:
    """One bed (床位): `label` is the bed number painted on the wall, `room_label` the sickroom."""

    code: str
    label: str
    room_label: str


@dataclass(frozen=True, slots=True)
class DemoWard:
    """One ward (病区); it is also a department of kind `ward` with the same code."""

    code: str
    name: str
    campus_code: str
    clinic_code: str
    building: str
    floor: int
    bed_count: int
    beds: tuple[DemoBed, ...]


@dataclass(frozen=True, slots=True)
class ClinicRow:
    """What the timetable and the staff need to know of a clinic beyond its department (generator's own)."""

    code: str
    rooms: int
    doctors: int
    evening: bool
    special: bool
    all_day: bool
    online: bool  # its last room is where online visits are held from
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExaminationRow:
    """What the timetable needs to know of a department with examination rooms (generator's own)."""

    code: str
    rooms: int
    room_name: str
    minutes: int
    hours: str


@dataclass(frozen=True, slots=True)
class DemoOrganization:
    """Everything of the organization in one piece."""

    campuses: tuple[DemoCampus, ...]
    departments: tuple[DemoDepartment, ...]
    waiting_areas: tuple[DemoWaitingArea, ...]
    rooms: tuple[DemoRoom, ...]
    windows: tuple[DemoWindow, ...]
    wards: tuple[DemoWard, ...]
    clinics: tuple[ClinicRow, ...]
    examinations: tuple[ExaminationRow, ...]


# The telephone numbers are short internal ones: no public number can be claimed for an invented hospital.
CAMPUSES = (
    DemoCampus(
        code="BJ",
        name="滨江院区",
        address="江州市滨江区临江大道66号",
        phone="内线 8000",
        intro="本部院区，设内、外各专科门诊和急诊楼，胸痛、卒中、创伤中心24小时开放。",
        latitude=30.2612,
        longitude=117.0416,
    ),
    DemoCampus(
        code="DH",
        name="东湖院区",
        address="江州市东湖区湖滨路18号",
        phone="内线 6000",
        intro="以妇产、儿科、中医、康复和老年医学为特色，设综合急诊和儿科急诊。",
        latitude=30.2874,
        longitude=117.1039,
    ),
)


def table_rows(text: str) -> Iterator[list[str]]:
    """Rows of a `|` table of `backend.demo.words`."""
    return (line.split("|") for line in text.splitlines() if line)


def floor_name(floor: int) -> str:
    """Floor as a Chinese sign says it (楼层): 3层, 负1层."""
    return f"{floor}层" if floor > 0 else f"负{-floor}层"


def _department(
    row: list[str], kind: str, intro: str, *, flags: str = "", parent: str | None = None, all_day: bool = False
) -> DemoDepartment:
    code, name, campus, building, floor = row
    full, initials = term_pinyin(name)
    return DemoDepartment(
        code=code,
        name=name,
        name_pinyin=full,
        name_initials=initials,
        kind=kind,  # type: ignore[arg-type]
        campus_code=campus,
        parent_code=parent,
        building=building,
        floor=int(floor),
        intro=intro,
        number_only_on_screen="N" in flags,
        open_all_day=all_day,
    )


def _departments() -> Iterator[DemoDepartment]:
    for code, name, campus, building, floor, _, _, flags, intro, _ in table_rows(words.CLINICS):
        yield _department([code, name, campus, building, floor], "outpatient", intro, flags=flags)
    for code, name, kind, campus, building, floor, _, _, flags, intro, _ in table_rows(words.ALL_DAY):
        yield _department([code, name, campus, building, floor], kind, intro, flags=flags, all_day=True)
    for code, name, kind, campus, building, floor, intro in table_rows(words.OTHERS):
        all_day = "24小时" in intro
        yield _department([code, name, campus, building, floor], kind, intro, all_day=all_day)
    for code, name, clinic, campus, building, floor, beds in table_rows(words.WARDS):
        intro = (
            f"设床位{beds}张，探视时间为每日15:00至18:00。" if "重症" not in name else "设床位20张，实行限时视频探视。"
        )
        yield _department([code, name, campus, building, floor], "ward", intro, parent=clinic, all_day=True)


def _clinics() -> Iterator[ClinicRow]:
    for row in table_rows(words.CLINICS):
        flags = row[7]
        yield ClinicRow(
            row[0], int(row[5]), int(row[6]), "E" in flags, "S" in flags, False, "O" in flags, tuple(row[9].split("、"))
        )
    for row in table_rows(words.ALL_DAY):
        online = "O" in row[8]
        yield ClinicRow(row[0], int(row[6]), int(row[7]), False, False, True, online, tuple(row[10].split("、")))


def _examinations() -> Iterator[ExaminationRow]:
    for code, rooms, name, minutes, hours in table_rows(words.EXAMINATION_ROOMS):
        yield ExaminationRow(code, int(rooms), name, int(minutes), hours)


def _waiting_areas(departments: Iterable[DemoDepartment]) -> Iterator[DemoWaitingArea]:
    """At most three departments share an area; a crowded floor gets areas A, B …"""
    floors: dict[tuple[str, str, int, WaitingAreaKind], list[str]] = defaultdict(list)
    kinds: dict[str, WaitingAreaKind] = {
        "outpatient": "clinic",
        "emergency": "emergency",
        "medical_technology": "examination",
    }
    for department in departments:
        if kind := kinds.get(department.kind):
            floors[department.campus_code, department.building, department.floor, kind].append(department.code)
    counts: dict[str, int] = defaultdict(int)
    for (campus, building, floor, kind), codes in floors.items():
        groups = [codes[start : start + 3] for start in range(0, len(codes), 3)]
        for letter, group in zip("ABCDEF", groups, strict=False):
            counts[campus] += 1
            # 急诊楼 already says what it is; elsewhere an emergency shares the floor with ordinary clinics.
            purpose = "候检区" if kind == "examination" else "候诊区"
            if kind == "emergency" and building != "急诊楼":
                purpose = "急诊候诊区"
            name = f"{building}{floor_name(floor)}{letter if len(groups) > 1 else ''}{purpose}"
            yield DemoWaitingArea(f"{campus}-H{counts[campus]:02d}", name, kind, campus, building, floor, tuple(group))


def _window_areas(windows: Iterable[DemoWindow], names: dict[str, str]) -> Iterator[DemoWaitingArea]:
    seen: set[str] = set()
    for window in windows:
        if window.kind not in ("pharmacy", "blood_collection") or window.department_code in seen:
            continue
        seen.add(window.department_code)
        purpose = "取药等候区" if window.kind == "pharmacy" else "采血等候区"
        yield DemoWaitingArea(
            code=f"{window.department_code}-H",
            name=f"{names[window.department_code]}{purpose}",
            kind=window.kind,
            campus_code=window.campus_code,
            building=window.building,
            floor=window.floor,
            department_codes=(window.department_code,),
        )


def _rooms(
    clinics: Iterable[ClinicRow],
    examinations: Iterable[ExaminationRow],
    departments: dict[str, DemoDepartment],
    areas: Iterable[DemoWaitingArea],
) -> Iterator[DemoRoom]:
    area_of = {code: area.code for area in areas for code in area.department_codes}

    def room(code: str, number: int, name: str, short_name: str) -> DemoRoom:
        department = departments[code]
        return DemoRoom(
            code=f"{code}-R{number}",
            name=name,
            short_name=short_name,
            campus_code=department.campus_code,
            department_code=code,
            waiting_area_code=area_of[code],
            building=department.building,
            floor=department.floor,
        )

    for clinic in clinics:
        for number in range(1, clinic.rooms + 1):
            yield room(clinic.code, number, f"{departments[clinic.code].name}{number}诊室", f"{number}诊室")
    for row in examinations:
        for number in range(1, row.rooms + 1):
            name = row.room_name.format(number)
            yield room(row.code, number, name, name)


def _windows() -> Iterator[DemoWindow]:
    counts: dict[str, int] = defaultdict(int)
    for kind, campus, department, building, floor, first, last, pattern in table_rows(words.WINDOWS):
        for number in range(int(first), int(last) + 1):
            counts[campus] += 1
            code = f"{campus}-C{counts[campus]:02d}"
            name = pattern.format(number)
            yield DemoWindow(code, name, kind, campus, department, building, int(floor))  # type: ignore[arg-type]


def _wards() -> Iterator[DemoWard]:
    for code, name, clinic, campus, building, floor, count in table_rows(words.WARDS):
        # Three beds to a sickroom; the extra beds (加床) are not part of the plan.
        beds = tuple(
            DemoBed(f"{code}-{number:02d}", f"{number:02d}床", f"{int(floor)}{(number + 2) // 3:02d}病室")
            for number in range(1, int(count) + 1)
        )
        yield DemoWard(code, name, campus, clinic, building, int(floor), int(count), beds)


def make_organization() -> DemoOrganization:
    """The whole organization (机构与地点). It has nothing random: seeds change people and timetables, not buildings."""
    departments = tuple(_departments())
    by_code = {department.code: department for department in departments}
    clinics, examinations, windows = tuple(_clinics()), tuple(_examinations()), tuple(_windows())
    clinic_areas = tuple(_waiting_areas(departments))
    names = {department.code: department.name for department in departments}
    return DemoOrganization(
        campuses=CAMPUSES,
        departments=departments,
        waiting_areas=clinic_areas + tuple(_window_areas(windows, names)),
        rooms=tuple(_rooms(clinics, examinations, by_code, clinic_areas)),
        windows=windows,
        wards=tuple(_wards()),
        clinics=clinics,
        examinations=examinations,
    )
