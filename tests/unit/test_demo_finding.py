"""The demo's search words and symptom guide: every clinic can be found, nothing urgent leads to a waiting list."""

from collections import Counter, defaultdict

from backend.demo.finding import make_guide_rules, make_search_words
from backend.demo.organization import make_organization

DEPARTMENTS = {department.code: department for department in make_organization().departments}
CLINICS = {code for code, one in DEPARTMENTS.items() if one.kind in ("outpatient", "emergency")}


def test_every_clinic_is_found_by_words_and_named_by_the_guide() -> None:
    words, rules = make_search_words(), make_guide_rules()
    assert len(words) >= 200
    assert len({(rule.part, rule.symptom) for rule in rules}) >= 120
    assert {word.department_code for word in words} == CLINICS
    assert {rule.department_code for rule in rules} == CLINICS


def test_every_word_and_rule_stands_once_and_fits_its_column() -> None:
    words, rules = make_search_words(), make_guide_rules()
    assert [key for key, many in Counter(word.key for word in words).items() if many > 1] == []
    assert [key for key, many in Counter(rule.key for rule in rules).items() if many > 1] == []
    assert max(len(word.word) for word in words) <= 20
    assert max(len(rule.symptom) for rule in rules) <= 30
    assert max(len(rule.advice) for rule in rules) <= 80


def test_an_emergency_leads_to_an_emergency_department_only() -> None:
    urgent = [rule for rule in make_guide_rules() if rule.urgency == "emergency"]
    assert len({rule.symptom for rule in urgent}) >= 40
    assert {DEPARTMENTS[rule.department_code].kind for rule in urgent} == {"emergency"}


def test_a_childs_emergency_is_the_childrens_emergency() -> None:
    for rule in make_guide_rules():
        if rule.urgency == "emergency" and rule.age_from == 0 and rule.age_below <= 14:
            assert rule.department_code == "DH-EJ", rule.key


def test_every_symptom_that_is_for_both_sexes_leads_every_age_somewhere() -> None:
    covered = defaultdict(list)
    for rule in make_guide_rules():
        covered[rule.part, rule.symptom].append(rule)
    for (part, symptom), rules in covered.items():
        if part in ("头部", "胸部", "腹部", "全身") and rules[0].sex is None and rules[0].age_below == 200:
            ages = {age for rule in rules for age in range(rule.age_from, min(rule.age_below, 100))}
            assert ages in (set(range(100)), set(range(min(ages), 100))), (part, symptom)
