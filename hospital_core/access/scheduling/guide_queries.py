"""The symptom guide (智能导诊): from a part of the body and its symptoms to a department, by the rules staff keep.

When in doubt it is careful: one sign of an emergency among several symptoms is an emergency, and then no department is
named that could only be booked for later.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.queries import NOW
from hospital_core.access.scheduling.search_commands import AskGuide
from hospital_core.access.scheduling.search_queries import next_free_of_departments
from hospital_core.access.scheduling.search_views import (
    DepartmentBrief,
    GuideAdviceView,
    GuideDepartment,
    GuidePartView,
    GuideSymptomView,
)
from hospital_core.access.scheduling.states import GuideUrgency, Pool
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.patients.ages import age_years, hospital_day
from hospital_core.registry.patients.queries import patient_names
from hospital_core.registry.patients.states import Sex

HEADLINES = {
    GuideUrgency.EMERGENCY: "请立即前往急诊",
    GuideUrgency.SOON: "建议今天就诊",
    GuideUrgency.NORMAL: "建议预约以下科室",
}
_CALL = "病情危急或行动不便时，请立即拨打 120。"
_ASK = GuideAdviceView(
    urgency=GuideUrgency.NORMAL,
    headline="请到门诊导诊台咨询",
    advice=["没有与您的情况相符的导诊建议，请向导诊护士说明症状；突然加重请直接到急诊。"],
    departments=[],
)
_URGENCIES = list(reversed(GuideUrgency))  # the most urgent first
AGE_MAX = 200

_PARTS = """
SELECT body_part AS part, count(DISTINCT symptom) AS symptoms FROM guide_rule WHERE active
GROUP BY body_part ORDER BY min(position), body_part"""

_SYMPTOMS = """
SELECT symptom FROM guide_rule WHERE active AND body_part = $1 GROUP BY symptom ORDER BY min(position), symptom"""

# An emergency rule without a department means every emergency department there is.
_RULES_OF = """
SELECT r.symptom, r.urgency, r.advice, r.sex, r.age_from, r.age_below, d.id AS department_id, d.name, d.intro,
       c.name AS campus, d.kind = 'emergency' AS is_emergency
FROM guide_rule r
LEFT JOIN department d ON d.active AND (d.id = r.department_id OR r.department_id IS NULL AND d.kind = 'emergency')
LEFT JOIN campus c ON c.id = d.campus_id
WHERE r.active AND r.body_part = $1 AND r.symptom = ANY($2) ORDER BY r.position, d.code"""

Rule = Mapping[str, Any]


async def guide_parts(reading: Reading) -> Page[GuidePartView]:
    """Parts of the body that the guide knows (部位)."""
    return Page(items=[GuidePartView(**dict(row)) for row in await reading.fetch(_PARTS)])


async def guide_symptoms(reading: Reading, part: str) -> Page[GuideSymptomView]:
    """Symptoms of a part of the body (症状). Raises: NotFound (no such part)."""
    rows = await reading.fetch(_SYMPTOMS, part)
    if not rows:
        raise NotFound()
    return Page(items=[GuideSymptomView(**dict(row)) for row in rows])


async def guide_advice(reading: Reading, asked: AskGuide, pool: Pool = Pool.MINIAPP) -> GuideAdviceView:
    """Where symptoms lead (导诊建议), for a patient of the asking account or for an age and sex that were told.

    Nothing of the question is kept. Raises: NotFound (the patient is not the account's, or there is no such symptom).
    """
    sex, age = await _whom(reading, asked)
    rules = await reading.fetch(_RULES_OF, asked.part, list(asked.symptoms))
    if not rules:
        raise NotFound()
    fitting = _fitting(rules, sex, age)
    if not fitting:
        return _ASK
    urgency = GuideUrgency(fitting[0]["urgency"])
    chosen = [rule for rule in fitting if urgency is not GuideUrgency.EMERGENCY or rule["urgency"] == urgency]
    advice = list(dict.fromkeys(rule["advice"] for rule in chosen if rule["advice"]))
    if urgency is GuideUrgency.EMERGENCY:
        advice.append(_CALL)
    named = await _departments(reading, chosen, sex is None or age is None, pool)
    return GuideAdviceView(urgency=urgency, headline=HEADLINES[urgency], advice=advice, departments=named)


def _fitting(rules: Sequence[Rule], sex: str | None, age: int | None) -> list[Rule]:
    """Rules that are for this person, the most urgent first.

    A sign of an emergency is never dropped because its rule was written for others: a wrong birthday in a file, or a
    part of the body that is not meant for this person, must not send anybody home.
    """
    found: list[Rule] = []
    for symptom in dict.fromkeys(rule["symptom"] for rule in rules):
        of_symptom = [rule for rule in rules if rule["symptom"] == symptom]
        theirs = [rule for rule in of_symptom if _is_for(rule, sex, age) and _leads_on(rule)]
        found += theirs or [rule for rule in of_symptom if rule["urgency"] == GuideUrgency.EMERGENCY]
    return sorted(found, key=lambda rule: _URGENCIES.index(GuideUrgency(rule["urgency"])))


def _is_for(rule: Rule, sex: str | None, age: int | None) -> bool:
    return (sex is None or rule["sex"] in (None, sex)) and (age is None or rule["age_from"] <= age < rule["age_below"])


def _leads_on(rule: Rule) -> bool:
    """The department of an ordinary rule may have been closed since; an emergency needs none to be one."""
    return rule["department_id"] is not None or rule["urgency"] == GuideUrgency.EMERGENCY


async def _whom(reading: Reading, asked: AskGuide) -> tuple[str | None, int | None]:
    if asked.patient_id is None:
        return asked.sex, asked.age
    permitted = await permitted_patient(reading, asked.patient_id)
    person = (await patient_names(reading, [permitted.patient_id]))[permitted.patient_id]
    today = hospital_day(await reading.fetch_value(NOW))
    age = None if person.birth_date is None else age_years(person.birth_date, today)
    return (None if person.sex is Sex.UNKNOWN else person.sex), age


async def _departments(reading: Reading, rules: Sequence[Rule], is_open: bool, pool: Pool) -> list[GuideDepartment]:
    """Each department once, in the order of the rules."""
    first: dict[UUID, Rule] = {}
    for rule in rules:
        if rule["department_id"] is not None:
            first.setdefault(rule["department_id"], rule)
    free = await next_free_of_departments(reading, first, pool)
    return [
        GuideDepartment(
            **{name: rule[name] for name in DepartmentBrief.model_fields},
            urgency=rule["urgency"], for_whom=_for_whom(rule) if is_open else "", next_free=free.get(department_id),
        )
        for department_id, rule in first.items()
    ]  # fmt: skip


def _for_whom(rule: Rule) -> str:
    """``女性 14岁及以上``: for whom a rule is, where that is not everybody."""
    words = [{"male": "男性", "female": "女性"}.get(rule["sex"] or "", "")]
    if rule["age_from"] and rule["age_below"] < AGE_MAX:
        words.append(f"{rule['age_from']}至{rule['age_below'] - 1}岁")
    elif rule["age_from"]:
        words.append(f"{rule['age_from']}岁及以上")
    elif rule["age_below"] < AGE_MAX:
        words.append(f"{rule['age_below']}岁以下")
    return " ".join(word for word in words if word)
