"""The demo hospital's content: complete, repeatable, free of collisions, and of nobody real."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from backend.demo.hospital import DemoHospital, make_hospital
from backend.demo.people import AREA_CODES, DemoPatient, national_id
from backend.demo.pinyin import person_pinyin, term_pinyin
from backend.demo.prices import price_in_fen
from backend.demo.schedules import SHANGHAI, DemoSession
from backend.demo.words.names import GIVEN_NAMES

START = date(2026, 11, 22)


@pytest.fixture(scope="module")
def hospital() -> DemoHospital:
    return make_hospital(start_date=START)


def _identity_numbers(hospital: DemoHospital) -> list[tuple[str, date, str]]:
    patients = [(p.document_no, p.birth_date, p.sex) for p in hospital.patients if p.document_kind == "resident_id"]
    staff = [(member.national_id, member.birth_date, member.sex) for member in hospital.staff]
    return [(number, birth, sex) for number, birth, sex in [*patients, *staff] if number is not None]


def _age(patient: DemoPatient) -> int:
    birth = patient.birth_date
    return START.year - birth.year - ((START.month, START.day) < (birth.month, birth.day))


def _assert_no_overlap(groups: Iterable[list[DemoSession]]) -> None:
    for sessions in groups:
        sessions.sort(key=lambda session: session.start)
        for one, following in pairwise(sessions):
            assert one.end <= following.start, (one, following)


def test_given_seed_counts_reach_what_the_issue_asks(hospital: DemoHospital) -> None:
    kinds = Counter(department.kind for department in hospital.organization.departments)
    roles = Counter(member.role for member in hospital.staff)

    assert len(hospital.organization.campuses) == 2
    assert kinds["outpatient"] >= 30
    assert set(kinds) == {"outpatient", "emergency", "ward", "medical_technology", "pharmacy", "administration"}
    assert roles["doctor"] >= 120
    assert {"system_administrator", "security_administrator", "audit_administrator"} <= set(roles)
    assert len(hospital.patients) >= 2000
    assert len(hospital.price_items) >= 400
    assert len(hospital.diagnoses) >= 300
    assert {session.start.date() for session in hospital.sessions} == {START + timedelta(days=n) for n in range(14)}


def test_given_same_seed_and_day_the_hospital_is_the_same(hospital: DemoHospital) -> None:
    assert make_hospital(start_date=START) == hospital
    assert make_hospital(seed=7, start_date=START).patients != hospital.patients


def test_given_later_start_only_patients_and_days_move(hospital: DemoHospital) -> None:
    later = make_hospital(start_date=START + timedelta(days=5))
    shared = {session.key: session for session in hospital.sessions}

    assert later.staff == hospital.staff
    assert later.organization == hospital.organization
    common = [session for session in later.sessions if session.key in shared]
    assert len({session.start.date() for session in common}) == 9
    assert all(session == shared[session.key] for session in common)


def test_given_any_day_sessions_for_answers_alone_as_within_the_range(hospital: DemoHospital) -> None:
    day = START + timedelta(days=6)

    assert hospital.sessions_for(day) == tuple(s for s in hospital.sessions if s.start.date() == day)
    assert hospital.sessions_for(date(2027, 6, 15)) == hospital.sessions_for(date(2027, 6, 15))
    assert hospital.sessions_for(date(2025, 1, 1))


def test_given_identity_numbers_check_character_birth_and_sex_agree(hospital: DemoHospital) -> None:
    numbers = _identity_numbers(hospital)

    assert len(numbers) >= 2000
    assert len({number for number, _, _ in numbers}) == len(numbers)
    for number, birth, sex in numbers:
        # ISO 7064 MOD 11-2 over all 18 characters, by powers of two and not by the generator's weights.
        values = [10 if character == "X" else int(character) for character in number]
        assert sum(value * pow(2, 17 - place, 11) for place, value in enumerate(values)) % 11 == 1, number
        assert number[6:14] == birth.strftime("%Y%m%d")
        assert int(number[16]) % 2 == (sex == "male")


def test_given_area_codes_none_can_be_issued(hospital: DemoHospital) -> None:
    # GB/T 2260 begins with 1–8; a foreigner's card has 9 and then a province between 11 and 83.
    assert all(code[0] == "9" and code[1:3] == "90" for code in AREA_CODES)
    assert {number[:6] for number, _, _ in _identity_numbers(hospital)} <= set(AREA_CODES)


@pytest.mark.parametrize(
    ("area", "birth", "sequence", "sex", "expected"),
    [
        # The worked examples of GB 11643: an even sequence is a woman's, an odd one a man's.
        ("110105", date(1949, 12, 31), 1, "female", "11010519491231002X"),
        ("440524", date(1880, 1, 1), 0, "male", "440524188001010014"),
    ],
)
def test_given_the_standards_examples_national_id_agrees(area, birth, sequence, sex, expected) -> None:
    assert national_id(area, birth, sequence, sex) == expected


@pytest.mark.parametrize(("area", "sequence"), [("99010", 0), ("99010A", 0), ("990102", 500), ("990102", -1)])
def test_given_wrong_area_or_sequence_national_id_refuses(area: str, sequence: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        national_id(area, START, sequence, "male")


def test_given_telephones_all_are_unique_and_in_the_demo_block(hospital: DemoHospital) -> None:
    phones = [person.phone for person in [*hospital.patients, *hospital.staff] if person.phone]

    assert len(set(phones)) == len(phones)
    assert all(len(phone) == 11 and phone.startswith("1990000") for phone in phones)


def test_given_patients_all_ages_and_kinds_of_document_are_there(hospital: DemoHospital) -> None:
    decades = Counter(_age(patient) // 10 for patient in hospital.patients)
    newborns = [patient for patient in hospital.patients if patient.none_yet_reason == "newborn"]

    assert all(decades[decade] >= 25 for decade in range(9)), decades
    assert len(newborns) >= 10
    assert all(p.document_no is None and (START - p.birth_date).days < 28 for p in newborns)
    assert all("之" in patient.name for patient in newborns)
    assert {p.document_kind for p in hospital.patients} == {"resident_id", "passport", "none_yet"}
    assert all((p.document_no is None) == (p.document_kind == "none_yet") for p in hospital.patients)
    assert all(p.birth_date <= START for p in hospital.patients)
    assert not any(patient.phone for patient in hospital.patients if _age(patient) < 11)


def test_given_allergies_about_one_patient_in_twelve_has_one(hospital: DemoHospital) -> None:
    allergic = [patient for patient in hospital.patients if patient.allergies]

    assert 0.06 < len(allergic) / len(hospital.patients) < 0.10
    assert any(allergy.substance == "青霉素类" for patient in allergic for allergy in patient.allergies)
    assert {a.severity for patient in allergic for a in patient.allergies} == {"mild", "moderate", "severe"}


def test_given_families_every_minor_has_a_parent_of_fitting_age(hospital: DemoHospital) -> None:
    people = {patient.key: patient for patient in hospital.patients}
    relations = {(r.person_key, r.relative_key, r.kind) for r in hospital.relations}
    parents = defaultdict(list)
    mirror = {"parent": "child", "child": "parent", "spouse": "spouse"}
    for person, relative, kind in relations:
        assert (relative, person, mirror[kind]) in relations
        if kind == "parent":
            parents[person].append(people[relative])

    minors = [patient for patient in hospital.patients if _age(patient) < 18]
    assert len(minors) > 300
    for child in minors:
        assert len(parents[child.key]) == 2, child
    for key, both in parents.items():
        assert all(18 * 365 < (people[key].birth_date - parent.birth_date).days < 47 * 366 for parent in both)
        assert people[key].surname in {parent.surname for parent in both}
    for person, relative, kind in relations:
        assert kind != "spouse" or people[person].sex != people[relative].sex


def test_given_names_they_fit_the_age_and_seldom_repeat(hospital: DemoHospital) -> None:
    names = Counter(patient.name for patient in hospital.patients)

    assert names.most_common(1)[0][1] <= 4
    assert sum(count > 1 for count in names.values()) < len(names) * 0.02
    for patient in hospital.patients:
        assert patient.name == patient.name.strip()
        if patient.nationality != "CN" or patient.none_yet_reason:
            continue
        decade = max(patient.birth_date.year // 10 * 10, 1930)
        of_age = GIVEN_NAMES[decade][0 if patient.sex == "male" else 1].split()
        assert patient.given_name in of_age, patient
        assert patient.name == patient.surname + patient.given_name
        assert 2 <= len(patient.name) <= 4
    colleagues = [member.name for member in hospital.staff]
    assert len(set(colleagues)) == len(colleagues)


@pytest.mark.parametrize(
    ("surname", "given", "full", "initials"),
    [
        ("单", "静", "shan jing", "sj"),
        ("仇", "文静", "qiu wen jing", "qwj"),
        ("曾", "璐", "zeng lu", "zl"),
        ("解", "晓龙", "xie xiao long", "xxl"),
        ("查", "敏", "zha min", "zm"),
        ("欧阳", "雪", "ou yang xue", "oyx"),
        ("尉迟", "佳明", "yu chi jia ming", "ycjm"),
        ("乐", "佳乐", "yue jia le", "yjl"),
        ("Miller", "Jason", "miller jason", "mj"),
    ],
)
def test_given_tricky_surname_pinyin_is_the_surnames(surname, given, full, initials) -> None:
    assert person_pinyin(surname, given) == (full, initials)


@pytest.mark.parametrize(
    ("term", "full", "initials"),
    [
        ("重症医学科病区", "zhong zheng yi xue ke bing qu", "zzyxkbq"),
        ("颈椎磁共振平扫", "jing zhui ci gong zhen ping sao", "jzcgzps"),
        ("头颅CT平扫", "tou lu ct ping sao", "tlctps"),
        ("2型糖尿病", "2 xing tang niao bing", "2xtnb"),
        ("复方丹参滴丸", "fu fang dan shen di wan", "ffdsdw"),
    ],
)
def test_given_medical_terms_pinyin_reads_them_right(term: str, full: str, initials: str) -> None:
    assert term_pinyin(term) == (full, initials)


def test_given_everything_named_pinyin_is_searchable(hospital: DemoHospital) -> None:
    named = [
        *hospital.patients,
        *hospital.staff,
        *hospital.organization.departments,
        *hospital.price_items,
        *hospital.diagnoses,
    ]
    for thing in named:
        assert re.fullmatch(r"[0-9a-z]+", thing.name_initials), thing
        assert thing.name_pinyin.replace(" ", "").isascii(), thing
    surnames = {patient.surname for patient in hospital.patients}
    assert {"单", "仇", "曾", "解", "查", "欧阳", "上官"} <= surnames
    doctors = {member.surname for member in hospital.staff if member.role == "doctor"}
    assert {"单", "仇", "曾", "解", "查"} <= doctors


def test_given_codes_none_is_used_twice(hospital: DemoHospital) -> None:
    organization = hospital.organization
    collections: list[list[str]] = [
        [thing.code for thing in things]
        for things in (
            organization.campuses,
            organization.departments,
            organization.waiting_areas,
            organization.rooms,
            organization.windows,
            organization.wards,
            hospital.price_items,
            hospital.diagnoses,
        )
    ]
    collections.append([bed.code for ward in organization.wards for bed in ward.beds])
    collections.append([member.staff_no for member in hospital.staff])
    collections.append([patient.key for patient in hospital.patients])
    collections.append([session.key for session in hospital.sessions])
    for codes in collections:
        assert len(set(codes)) == len(codes)
    for things in (organization.departments, organization.rooms, organization.windows, organization.waiting_areas):
        names = [(thing.campus_code, thing.name) for thing in things]
        assert len(set(names)) == len(names)


def test_given_references_all_lead_somewhere(hospital: DemoHospital) -> None:
    organization = hospital.organization
    campuses = {campus.code for campus in organization.campuses}
    departments = {department.code for department in organization.departments}
    areas = {area.code for area in organization.waiting_areas}
    rooms = {room.code: room for room in organization.rooms}
    doctors = {member.staff_no: member for member in hospital.staff if member.role in ("doctor", "technician")}
    prices = {item.code: item for item in hospital.price_items}

    assert {member.department_code for member in hospital.staff} <= departments
    assert {window.department_code for window in organization.windows} <= departments
    assert {ward.clinic_code for ward in organization.wards} <= departments
    assert {department.campus_code for department in organization.departments} <= campuses
    assert all(ward.bed_count == len(ward.beds) for ward in organization.wards)
    assert {room.waiting_area_code for room in organization.rooms} <= areas
    for session in hospital.sessions:
        room, doctor = rooms[session.room_code], doctors[session.staff_no]
        assert room.department_code == session.department_code == doctor.department_code
        assert room.waiting_area_code == session.waiting_area_code
        assert prices[session.price_item_code].category == "registration"
        examined = session.service_kind == "examination"
        assert (doctor.role == "technician") == examined == (prices[session.price_item_code].price_fen == 0)
    assert {examination.price_item_code for examination in hospital.examinations} <= set(prices)
    assert {examination.department_code for examination in hospital.examinations} == {
        session.department_code for session in hospital.sessions if session.service_kind == "examination"
    }


def test_given_private_departments_their_screens_show_numbers_only(hospital: DemoHospital) -> None:
    hidden = {d.name for d in hospital.organization.departments if d.number_only_on_screen}

    assert {"男科", "妇科", "精神心理科", "皮肤性病科"} <= hidden
    assert "骨科" not in hidden


def test_given_price_list_amounts_are_positive_and_entries_distinct(hospital: DemoHospital) -> None:
    free = {item.name for item in hospital.price_items if item.price_fen == 0}
    assert all(type(item.price_fen) is int and item.price_fen >= 0 for item in hospital.price_items)
    assert free == {"检查预约（检查费另计）"}
    entries = [(item.name, item.specification) for item in hospital.price_items]
    assert len(set(entries)) == len(entries)
    fees = {item.name: item.price_fen for item in hospital.price_items if item.category == "registration"}
    assert fees["普通门诊诊查费（主治医师）"] < fees["专家门诊诊查费（主任医师）"] < fees["特需门诊诊查费（主任医师）"]
    with pytest.raises(ValueError, match="whole number of fen"):
        price_in_fen("0.015")


def test_given_any_hour_of_any_day_places_can_be_had(hospital: DemoHospital) -> None:
    places_by_hour: Counter[datetime] = Counter()
    bookable_by_hour: Counter[datetime] = Counter()
    for session in hospital.sessions:
        for number in range(session.places_count):
            begins = session.start + timedelta(minutes=number * session.minutes_per_place)
            hour = begins.replace(minute=0)
            places_by_hour[hour] += session.service_kind != "online"
            bookable_by_hour[hour] += session.service_kind not in ("emergency", "examination", "online")

    for day in range(14):
        for hour in range(24):
            moment = datetime(START.year, START.month, START.day, hour, tzinfo=SHANGHAI) + timedelta(days=day)
            # 50 patients at once is what `hospital visit --patients 50` asks, at night as well.
            assert places_by_hour[moment] >= 50, moment
            assert bookable_by_hour[moment] >= 10, moment


def test_given_sessions_no_room_and_no_doctor_is_used_twice_at_a_time(hospital: DemoHospital) -> None:
    by_doctor, by_room = defaultdict(list), defaultdict(list)
    for session in hospital.sessions:
        by_doctor[session.staff_no].append(session)
        by_room[session.room_code].append(session)

    _assert_no_overlap(by_room.values())
    _assert_no_overlap(by_doctor.values())
    for sessions in by_doctor.values():
        shifts = [session for session in sessions if session.period in ("night", "day", "late")]
        assert all(later.start - earlier.end >= timedelta(hours=16) for earlier, later in pairwise(shifts))


def test_given_sessions_places_fit_between_start_and_end(hospital: DemoHospital) -> None:
    for session in hospital.sessions:
        length = timedelta(minutes=session.places_count * session.minutes_per_place)
        assert session.places_count > 0
        assert session.start + length <= session.end
        assert session.start.utcoffset() == timedelta(hours=8)
        assert session.start.astimezone(UTC) < session.end.astimezone(UTC)
    kinds = {session.service_kind for session in hospital.sessions}
    assert kinds == {"general", "expert", "special", "disease", "night", "emergency", "examination", "online"}


def test_given_doctors_titles_ages_and_skills_fit(hospital: DemoHospital) -> None:
    doctors = [member for member in hospital.staff if member.role == "doctor"]
    titles = Counter(doctor.title for doctor in doctors)
    topics = {clinic.code: clinic.topics for clinic in hospital.organization.clinics}

    assert set(titles) == {"主任医师", "副主任医师", "主治医师", "住院医师"}
    assert titles["主治医师"] > titles["主任医师"] > 20
    for doctor in doctors:
        assert doctor.specialty.startswith("擅长")
        assert all(
            part in topics[doctor.department_code]
            for part in doctor.specialty.removeprefix("擅长").rstrip("。").split("、")
        )
        age = 2026 - doctor.birth_date.year
        assert (age >= 47) == (doctor.title == "主任医师") or doctor.title == "副主任医师"
