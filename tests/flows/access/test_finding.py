"""Searching, the symptom guide and doctors' pages, as the mini program asks for them."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from hospital_core.access.scheduling.doctor_queries import doctor_page
from hospital_core.access.scheduling.errors import SearchWordTaken
from hospital_core.access.scheduling.guide_queries import guide_advice, guide_parts, guide_symptoms
from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.search_commands import (
    AskGuide,
    MoveGuideRule,
    RemoveSearchWord,
    SaveGuideRule,
    SaveSearchWord,
    SwitchGuideRule,
)
from hospital_core.access.scheduling.search_queries import forget_directory, search
from hospital_core.access.scheduling.search_views import GuideRuleView
from hospital_core.access.scheduling.service.wording import (
    move_guide_rule,
    remove_search_word,
    save_guide_rule,
    save_search_word,
    switch_guide_rule,
)
from hospital_core.access.scheduling.states import FoundBy, GuideUrgency, Pool, SearchWordKind, ServiceKind
from hospital_core.access.scheduling.wording_queries import guide_rules, search_words
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.organization.states import DepartmentKind
from hospital_core.registry.patients.states import Sex
from hospital_core.registry.staff.commands import IntroduceStaff
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.service import introduce_staff
from tests.fixtures import registry
from tests.fixtures.access import SYSTEM, Clinic, make_clinic, make_person, make_session, reading
from tests.fixtures.finance import rows
from tests.fixtures.people import register, somebody
from tests.fixtures.registry import staff_context

pytestmark = pytest.mark.usefixtures("core")

GUIDE = staff_context(Permission.GUIDE_MANAGE)
PATIENT = staff_context()


@pytest.fixture(autouse=True)
async def _guide_of_this_test() -> AsyncIterator[None]:
    """Each test begins with empty word lists, and leaves none that others would search by."""
    forget_directory()
    for table in ("search_word", "guide_rule"):
        await rows(f"DELETE FROM {table} RETURNING id")
    yield
    forget_directory()


async def _named(kind: DepartmentKind, name: str) -> UUID:
    return (await registry.make_department(name=name, kind=kind)).id


async def _word(word: str, department_id: UUID, **more: object) -> UUID:
    command = SaveSearchWord(
        word=word, kind=more.pop("kind", SearchWordKind.SYMPTOM), department_id=department_id, **more
    )  # type: ignore[arg-type]
    return (await run(GUIDE, save_search_word, command)).id


async def _rule(symptom: str, department_id: UUID | None, **more: object) -> GuideRuleView:
    values = {"body_part": "头部", "symptom": symptom, "department_id": department_id, "urgency": "normal"} | more
    return await run(GUIDE, save_guide_rule, SaveGuideRule.model_validate(values))


def _ask(*symptoms: str, **more: object) -> AskGuide:
    return AskGuide.model_validate({"part": "头部", "symptoms": symptoms} | more)


# -- searching


async def test_given_names_pinyin_aliases_and_skills_then_each_finds_its_department_or_doctor() -> None:
    name = f"耳鼻喉{registry.unique()}科"
    department = await registry.make_department(name=name)
    doctor = await registry.make_staff(department_id=department.id, name="单雄信")
    skills = IntroduceStaff(
        staff_id=doctor, title="主任医师", specialty="擅长鼓膜修补术、耳石症复位。", introduction=""
    )
    await run(staff_context(Permission.STAFF_MANAGE), introduce_staff, skills)
    await _word("五官科", department.id, kind=SearchWordKind.ALIAS)
    await _word("中耳炎", department.id, kind=SearchWordKind.DISEASE)
    ctx = reading(PATIENT)
    for sought, found_by in ((name, FoundBy.NAME), ("五官科", FoundBy.ALIAS), ("wgk", FoundBy.ALIAS),
                             ("孩子得了中耳炎怎么办", FoundBy.DISEASE)):  # fmt: skip
        found = await search(ctx, sought)
        assert [(hit.department_id, hit.found_by) for hit in found.departments] == [(department.id, found_by)], sought
    for sought, found_by in (("sxx", FoundBy.NAME), ("单雄信", FoundBy.NAME), ("鼓膜修补", FoundBy.SPECIALTY)):
        hits = (await search(ctx, sought)).doctors
        assert (doctor, found_by) in [(hit.staff_id, hit.found_by) for hit in hits], sought
    assert (await search(ctx, "")).departments == []


async def test_given_free_places_then_a_hit_names_the_earliest_that_the_channel_can_book() -> None:
    clinic = await make_clinic()
    later = await make_session(clinic=clinic, starts_in=timedelta(hours=30))
    for_window = [PoolQuota(pool=Pool.WINDOW, places=2)]
    window_only = await make_session(clinic=clinic, places=2, starts_in=timedelta(hours=2), hours=1, pools=for_window)
    beside = await make_clinic(beside=clinic)
    emergency = await make_session(
        clinic=beside, starts_in=timedelta(hours=1), hours=1, service_kind=ServiceKind.EMERGENCY
    )
    await _word("最近可约", clinic.department_id)
    (hit,) = (await search(reading(PATIENT), "最近可约")).departments
    assert hit.next_free is not None
    assert (hit.next_free.schedule_id, hit.next_free.fee_fen) == (later.schedule_id, 2500)
    (at_window,) = (await search(reading(PATIENT), "最近可约", Pool.WINDOW)).departments
    assert at_window.next_free is not None
    assert at_window.next_free.schedule_id == window_only.schedule_id != emergency.schedule_id


async def test_given_sessions_side_by_side_then_the_earlier_free_place_wins_not_the_earlier_session() -> None:
    clinic = await make_clinic()
    first = await make_session(clinic=clinic, starts_in=timedelta(hours=24), hours=3, places=6)
    beside = await make_clinic(beside=clinic)
    second = await make_session(clinic=beside, starts_in=timedelta(hours=24.5), hours=3, places=6)
    await rows(
        "UPDATE slot SET status = 'taken', held_until = NULL WHERE schedule_id = $1 AND number <= 4 RETURNING id",
        first.schedule_id,
    )
    await _word("并排出诊", clinic.department_id)
    (hit,) = (await search(reading(PATIENT), "并排出诊")).departments
    assert hit.next_free is not None
    assert (hit.next_free.schedule_id, hit.next_free.starts_at) == (second.schedule_id, second.starts_at)


async def test_given_nothing_left_then_a_hit_says_so_and_closed_departments_are_not_found() -> None:
    clinic = await make_clinic()
    await make_session(clinic=clinic, places=1)
    await rows(
        "UPDATE slot SET status = 'taken', held_until = NULL FROM schedule s WHERE s.id = slot.schedule_id "
        "AND s.department_id = $1 RETURNING slot.id",
        clinic.department_id,
    )
    await _word("已约满", clinic.department_id)
    (hit,) = (await search(reading(PATIENT), "已约满")).departments
    assert hit.next_free is None
    await rows("UPDATE department SET active = false WHERE id = $1 RETURNING id", clinic.department_id)
    forget_directory()
    assert (await search(reading(PATIENT), "已约满")).departments == []


@pytest.mark.parametrize("sought", ["\x00", "'; DROP TABLE slot; --", "%", "_", "\ud800", "医" * 200])
async def test_given_odd_input_then_a_search_is_answered(sought: str) -> None:
    assert (await search(reading(PATIENT), sought)).departments == []


async def test_a_search_takes_less_than_fifty_milliseconds() -> None:
    """Thirty times the time it takes on an idle machine: this notices a scan, not a busy neighbour."""
    clinic = await make_clinic()
    for days in range(1, 8):
        await make_session(clinic=clinic, starts_in=timedelta(days=days), places=40, hours=4)
    await search(reading(PATIENT), "心血管")
    begun = time.perf_counter()
    for _ in range(10):
        await search(reading(PATIENT), "心血管")
    assert (time.perf_counter() - begun) / 10 < 0.05


# -- words, as staff keep them


async def test_given_a_word_then_it_can_be_changed_listed_and_removed_and_leads_there_once() -> None:
    department, other = await make_clinic(), await make_clinic()
    word_id = await _word("偏头痛", department.department_id, weight=5)
    with pytest.raises(SearchWordTaken):
        await _word("偏头痛", department.department_id)
    await _word("偏头痛", other.department_id)
    changed = SaveSearchWord(
        word_id=word_id, word="偏头疼", kind=SearchWordKind.DISEASE, department_id=department.department_id,
        staff_id=department.doctor_id, weight=9,
    )  # fmt: skip
    kept = await run(GUIDE, save_search_word, changed)
    assert (kept.id, kept.initials, kept.doctor, kept.weight) == (word_id, "ptt", "王建国", 9)
    listed = await search_words(reading(GUIDE), "ptt", department_id=department.department_id)
    assert [one.id for one in listed.items] == [word_id]
    page = await search_words(reading(GUIDE), limit=1)
    (rest,) = (await search_words(reading(GUIDE), cursor=page.next_cursor)).items
    assert {page.items[0].word, rest.word} == {"偏头疼", "偏头痛"}
    found = await search(reading(PATIENT), "偏头疼")
    assert [hit.staff_id for hit in found.doctors] == [department.doctor_id]
    assert await run(GUIDE, remove_search_word, RemoveSearchWord(word_id=word_id))
    assert (await search_words(reading(GUIDE), "偏头疼")).items == []
    with pytest.raises(NotFound):
        await run(GUIDE, remove_search_word, RemoveSearchWord(word_id=word_id))
    with pytest.raises(FieldProblem):
        await search_words(reading(GUIDE), cursor="not an id")


async def test_given_a_place_that_nobody_books_or_a_doctor_of_elsewhere_then_a_word_cannot_lead_there() -> None:
    ward = await _named(DepartmentKind.WARD, "心内科病区")
    clinic, other = await make_clinic(), await make_clinic()
    with pytest.raises(FieldProblem):
        await _word("胸闷", ward)
    with pytest.raises(FieldProblem):
        await _word("胸闷", clinic.department_id, staff_id=other.doctor_id)
    command = SaveSearchWord(word="胸闷", kind=SearchWordKind.SYMPTOM, department_id=clinic.department_id)
    with pytest.raises(Forbidden):
        await run(staff_context(Permission.SCHEDULE_MANAGE), save_search_word, command)


# -- the guide


async def _guide() -> dict[str, UUID]:
    names = {"nerves": "神经内科", "general": "全科医学科", "children": "儿科", "eyes": "眼科"}
    found = {key: await _named(DepartmentKind.OUTPATIENT, name) for key, name in names.items()}
    found["emergency"] = await _named(DepartmentKind.EMERGENCY, "急诊内科")
    await _rule("头痛", found["children"], age_below=14)
    await _rule("头痛", found["nerves"], age_from=14)
    await _rule("头痛", found["general"], age_from=14, advice="记录头痛的时间和部位")
    await _rule("视物模糊", found["eyes"], urgency="soon", advice="不要自行驾车")
    await _rule("突发剧烈头痛", found["emergency"], urgency="emergency", advice="不要走动，就地平卧")
    await _rule("口角歪斜", None, urgency="emergency")
    return found


async def test_given_parts_and_symptoms_then_they_come_in_the_order_of_the_rules() -> None:
    await _guide()
    await _rule("心慌", await _named(DepartmentKind.OUTPATIENT, "心血管内科"), body_part="胸部")
    parts = (await guide_parts(reading(PATIENT))).items
    assert [(one.part, one.symptoms) for one in parts] == [("头部", 4), ("胸部", 1)]
    symptoms = (await guide_symptoms(reading(PATIENT), "头部")).items
    assert [one.symptom for one in symptoms] == ["头痛", "视物模糊", "突发剧烈头痛", "口角歪斜"]
    with pytest.raises(NotFound):
        await guide_symptoms(reading(PATIENT), "尾巴")


async def test_given_an_age_then_the_department_is_theirs_and_without_one_each_says_for_whom_it_is() -> None:
    found = await _guide()
    child = await guide_advice(reading(PATIENT), _ask("头痛", age=6, sex="male"))
    assert [one.department_id for one in child.departments] == [found["children"]]
    adult = await guide_advice(reading(PATIENT), _ask("头痛", age=14, sex="male"))
    assert [one.department_id for one in adult.departments] == [found["nerves"], found["general"]]
    assert (adult.urgency, adult.advice) == (GuideUrgency.NORMAL, ["记录头痛的时间和部位"])
    assert [one.for_whom for one in adult.departments] == ["", ""]
    anybody = await guide_advice(reading(PATIENT), _ask("头痛"))
    assert [one.for_whom for one in anybody.departments] == ["14岁以下", "14岁及以上", "14岁及以上"]


async def test_given_a_patient_of_the_account_then_their_age_decides_and_a_strangers_file_does_not_exist() -> None:
    found = await _guide()
    child = await make_person(patient_id=await register(person=somebody(years=7)))
    stranger = await make_person()
    asked = _ask("头痛", patient_id=child.patient_id, age=70)
    advice = await guide_advice(reading(child.phone), asked)
    assert [one.department_id for one in advice.departments] == [found["children"]]
    with pytest.raises(NotFound):
        await guide_advice(reading(stranger.phone), asked)


async def test_given_one_sign_of_an_emergency_then_only_emergency_departments_are_named() -> None:
    found = await _guide()
    advice = await guide_advice(reading(PATIENT), _ask("头痛", "突发剧烈头痛", "视物模糊", age=50, sex="female"))
    assert (advice.urgency, advice.headline) == (GuideUrgency.EMERGENCY, "请立即前往急诊")
    assert [(one.department_id, one.is_emergency, one.next_free) for one in advice.departments] == [
        (found["emergency"], True, None)
    ]
    assert advice.advice[0] == "不要走动，就地平卧"
    assert "120" in advice.advice[-1]
    everywhere = await guide_advice(reading(PATIENT), _ask("口角歪斜"))
    assert found["emergency"] in [one.department_id for one in everywhere.departments]
    assert all(one.is_emergency for one in everywhere.departments)


async def test_given_an_emergency_written_for_others_then_it_is_one_for_everybody() -> None:
    """A wrong birthday in a file must not send anybody home."""
    found = await _guide()
    await _rule("惊厥", found["emergency"], urgency="emergency", age_below=14)
    advice = await guide_advice(reading(PATIENT), _ask("惊厥", "头痛", sex="male", age=40))
    assert advice.urgency is GuideUrgency.EMERGENCY
    assert [one.department_id for one in advice.departments] == [found["emergency"]]


async def test_given_something_soon_then_it_is_named_first_and_what_fits_nobody_leads_to_the_desk() -> None:
    found = await _guide()
    advice = await guide_advice(reading(PATIENT), _ask("头痛", "视物模糊", age=50, sex="female"))
    assert (advice.headline, advice.departments[0].department_id) == ("建议今天就诊", found["eyes"])
    await _rule("月经不调", found["general"], sex=Sex.FEMALE)
    nobody = await guide_advice(reading(PATIENT), _ask("月经不调", sex="male", age=30))
    assert (nobody.departments, nobody.headline) == ([], "请到门诊导诊台咨询")
    await rows("UPDATE department SET active = false WHERE id = $1 RETURNING id", found["general"])
    closed = await guide_advice(reading(PATIENT), _ask("月经不调", sex="female", age=30))
    assert (closed.departments, closed.headline) == ([], "请到门诊导诊台咨询")
    with pytest.raises(NotFound):
        await guide_advice(reading(PATIENT), _ask("没有这种症状"))


async def test_given_a_rule_then_it_can_be_changed_moved_and_switched_off() -> None:
    found = await _guide()
    first, second, *_ = (await guide_rules(reading(GUIDE), "头部")).items
    moved = await run(GUIDE, move_guide_rule, MoveGuideRule(rule_id=second.id, direction="up"))
    assert [one.id for one in (await guide_rules(reading(GUIDE), "头部")).items][:2] == [second.id, first.id]
    same = await run(GUIDE, move_guide_rule, MoveGuideRule(rule_id=second.id, direction="up"))
    assert same.position == moved.position, "the first stays the first"
    change = SaveGuideRule.model_validate(
        {"rule_id": second.id, "version": same.version, "body_part": "头部", "symptom": "头痛", "age_from": 18,
         "department_id": found["nerves"], "urgency": "soon"}
    )  # fmt: skip
    assert (await run(GUIDE, save_guide_rule, change)).urgency is GuideUrgency.SOON
    with pytest.raises(StateConflict):
        await run(GUIDE, save_guide_rule, change)
    for _ in range(2):
        await run(GUIDE, switch_guide_rule, SwitchGuideRule(rule_id=second.id, active=False))
    advice = await guide_advice(reading(PATIENT), _ask("头痛", age=30, sex="male"))
    assert [one.department_id for one in advice.departments] == [found["general"]]
    added = await _rule("头痛", found["eyes"])
    order = [one.symptom for one in (await guide_rules(reading(GUIDE), "头部")).items]
    assert order[:4] == ["头痛"] * 4, "a new rule stands beside those of its symptom"
    assert added.position > first.position


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"urgency": "normal", "department_id": None}, "/department_id"),
        ({"urgency": "emergency"}, "/department_id"),
        ({"age_from": 18, "age_below": 18}, "/age_below"),
        ({"department_id": new_id()}, "/department_id"),
    ],
    ids=["leads nowhere", "emergency to a clinic", "for no age", "unknown department"],
)
async def test_given_a_rule_that_would_mislead_then_it_is_refused(wrong: dict[str, object], pointer: str) -> None:
    department = await _named(DepartmentKind.OUTPATIENT, "神经内科")
    with pytest.raises(FieldProblem) as refused:
        await _rule("头痛", **({"department_id": department} | wrong))  # type: ignore[arg-type]
    assert refused.value.fields["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("UPDATE guide_rule SET age_below = age_from", "guide_rule_ages_ordered"),
        ("UPDATE guide_rule SET age_from = -1", "guide_rule_ages_ordered"),
        ("UPDATE guide_rule SET department_id = NULL", "guide_rule_leads_on"),
        ("UPDATE search_word SET weight = 0", "search_word_weight_in_range"),
        ("UPDATE search_word SET weight = 101", "search_word_weight_in_range"),
    ],
)
async def test_given_code_that_forgot_to_ask_then_the_database_keeps_words_and_rules_whole(
    change: str, constraint: str
) -> None:
    department = await _named(DepartmentKind.OUTPATIENT, "神经内科")
    await _rule("头痛", department)
    await _word("头痛", department)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await rows(f"{change} RETURNING id")
    assert refused.value.constraint_name == constraint


# -- doctors


async def test_given_a_doctor_then_their_page_shows_who_they_are_and_when_they_can_be_seen() -> None:
    clinic: Clinic = await make_clinic()
    text = IntroduceStaff(
        staff_id=clinic.doctor_id, title="副主任医师", specialty="擅长冠心病", introduction="从医二十年。"
    )
    await run(SYSTEM, introduce_staff, text)
    full = await make_session(clinic=clinic, places=1, starts_in=timedelta(days=1))
    free = await make_session(clinic=clinic, starts_in=timedelta(days=2), service_kind=ServiceKind.EXPERT)
    await make_session(clinic=clinic, starts_in=timedelta(days=20))
    await rows(
        "UPDATE slot SET status = 'taken', held_until = NULL WHERE schedule_id = $1 RETURNING id", full.schedule_id
    )
    page = await doctor_page(reading(PATIENT), clinic.doctor_id)
    assert (page.title, page.introduction, page.department) == ("副主任医师", "从医二十年。", "心血管内科")
    assert [(one.schedule_id, one.places_left) for one in page.sessions] == [
        (full.schedule_id, 0),
        (free.schedule_id, 4),
    ]
    assert {(one.service_kind, one.fee_fen) for one in page.offers} == {
        (ServiceKind.GENERAL, 2500),
        (ServiceKind.EXPERT, 2500),
    }
    assert page.photo_version is None


async def test_given_somebody_who_is_no_doctor_or_has_left_then_they_have_no_page() -> None:
    clinic = await make_clinic()
    await rows("UPDATE staff_member SET active = false WHERE id = $1 RETURNING id", clinic.doctor_id)
    for staff_id in (clinic.doctor_id, new_id()):
        with pytest.raises(NotFound):
            await doctor_page(reading(PATIENT), staff_id)
