"""The order of what a search finds: exact before beginning before middle before mention, names before skills."""

import pytest

from hospital_core.access.scheduling.matching import Closeness, Entry, Typed, closeness, ranked, term, typed
from hospital_core.access.scheduling.states import FoundBy
from hospital_core.kernel.pinyin import initials_of, pinyin_of


def word(text: str, found_by: FoundBy = FoundBy.NAME, weight: int = 1, *, is_person: bool = False):  # type: ignore[no-untyped-def]
    return term(text, pinyin_of(text, is_person), initials_of(text, is_person), found_by, weight)


@pytest.mark.parametrize(
    ("sought", "expected"),
    [
        ("心血管内科", Closeness.EXACT),
        ("xxgnk", Closeness.EXACT),
        ("XXGNK", Closeness.EXACT),
        ("xin xue guan nei ke", Closeness.EXACT),
        ("心血管", Closeness.BEGINNING),
        ("xxg", Closeness.BEGINNING),
        ("xinxue", Closeness.BEGINNING),
        ("x", Closeness.BEGINNING),
        ("血管", Closeness.MIDDLE),
        ("neike", Closeness.MIDDLE),
        ("gnk", Closeness.MIDDLE),
        ("我想挂心血管内科的号", Closeness.MENTIONED),
        ("科", None),
        ("骨科", None),
        ("n", None),
    ],
)
def test_given_what_was_typed_then_a_name_fits_as_well_as_it_should(sought: str, expected: Closeness | None) -> None:
    assert closeness(word("心血管内科"), typed(sought).whole) is expected


def test_given_a_surname_of_two_readings_then_the_right_one_finds_the_doctor() -> None:
    doctor = word("单雄信", is_person=True)
    assert closeness(doctor, "sxx") is Closeness.EXACT
    assert closeness(doctor, "dxx") is None


def test_better_fits_come_first_and_equals_keep_the_hospitals_order() -> None:
    entries = [
        Entry("3 heart surgery", [word("心脏外科")]),
        Entry("1 heart", [word("心血管内科"), word("心", FoundBy.ALIAS)]),
        Entry("2 psychology", [word("心理科")]),
        Entry("4 children", [word("儿童心脏科")]),
        Entry("not", [word("骨科")]),
    ]
    found = ranked(entries, typed("心"), 10)
    assert [match.subject for match in found] == ["1 heart", "3 heart surgery", "2 psychology"]
    assert [match.subject for match in ranked(entries, typed("心脏"), 10)] == ["3 heart surgery", "4 children"]
    assert len(ranked(entries, typed("心"), 1)) == 1


def test_given_equal_fits_then_names_beat_aliases_beat_diseases_beat_symptoms_beat_skills() -> None:
    reasons = [FoundBy.SYMPTOM, FoundBy.NAME, FoundBy.DISEASE, FoundBy.ALIAS]
    entries = [Entry(reason, [word("糖尿", reason)]) for reason in reasons]
    entries.append(Entry(FoundBy.SPECIALTY, [], skills="糖尿病足、甲状腺结节"))
    assert [match.subject for match in ranked(entries, typed("糖尿"), 10)] == list(FoundBy)


def test_given_two_departments_for_one_symptom_then_the_heavier_word_leads() -> None:
    entries = [
        Entry("second", [word("头痛", FoundBy.SYMPTOM, 5)]),
        Entry("first", [word("头痛", FoundBy.SYMPTOM, 9)]),
    ]
    assert [match.subject for match in ranked(entries, typed("头痛"), 10)] == ["first", "second"]


def test_given_a_sentence_then_the_words_in_it_are_found_but_not_its_syllables() -> None:
    entries = [Entry("nerves", [word("头痛", FoundBy.SYMPTOM)]), Entry("bones", [word("骨折", FoundBy.DISEASE)])]
    (match,) = ranked(entries, typed("最近总是头痛，睡不好"), 10)
    assert (match.subject, match.closeness, match.shown) == ("nerves", Closeness.MENTIONED, "头痛")
    assert ranked(entries, typed("wotoutongguzhe"), 10) == [], "letters in a row name no disease by accident"


def test_given_several_words_then_each_may_find_somebody_but_none_counts_as_the_whole() -> None:
    entries = [Entry("nerves", [word("头痛", FoundBy.SYMPTOM)]), Entry("bones", [word("骨折", FoundBy.DISEASE)])]
    found = ranked(entries, typed("头痛 骨折"), 10)
    assert {match.subject for match in found} == {"nerves", "bones"}
    assert all(match.closeness > Closeness.BEGINNING for match in found)


@pytest.mark.parametrize("text", ["", "   ", "\x00", "!!！，。", "\ud800", "🦷", "﷽" * 500, "心" * 10_000, "%_'\"; --"])
def test_given_anything_at_all_then_a_search_neither_fails_nor_finds_nonsense(text: str) -> None:
    entries = [Entry("clinic", [word("口腔科")], skills="根管治疗")]
    assert ranked(entries, typed(text), 10) == []
    assert len(typed(text).whole) <= 60


def test_full_width_capitals_and_blanks_read_the_same() -> None:
    assert typed("ＣＴ　检查") == Typed("ct检查", ("ct", "检查"))
    assert typed(" xin-nei.ke ").whole == "xinneike"
