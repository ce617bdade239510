"""Search words and the symptom guide of the demo hospital (演示检索词与导诊规则), read from their tables of words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.demo.pinyin import term_pinyin
from backend.demo.words.finding import GUIDE, WORDS

_KINDS = ("alias", "disease", "symptom")
_FIRST, _SHARED = 9, 5
_URGENCY = {"!": "emergency", "+": "soon", "": "normal"}
_EMERGENCY = {"N": ("BJ-JZN", "DH-JZ"), "W": ("BJ-JZW", "DH-JZ"), "K": ("DH-EJ",)}
_GROWN, _OLDEST = 14, 200
_CHILDREN, _CHILDRENS_EMERGENCY = "DH-EK", "DH-EJ"


@dataclass(frozen=True, slots=True)
class DemoSearchWord:
    """A word and the department it leads to (检索词)."""

    word: str
    kind: str
    department_code: str
    weight: int

    @property
    def key(self) -> str:
        """What makes it this word and no other."""
        return f"{self.kind}:{self.word}:{self.department_code}"


@dataclass(frozen=True, slots=True)
class DemoGuideRule:
    """One rule of the symptom guide (导诊规则)."""

    part: str
    symptom: str
    sex: str | None
    age_from: int
    age_below: int
    department_code: str
    urgency: str
    advice: str

    @property
    def key(self) -> str:
        """What makes it this rule and no other."""
        return f"{self.part}:{self.symptom}:{self.sex}:{self.age_from}:{self.department_code}"


def make_search_words() -> tuple[DemoSearchWord, ...]:
    """Every search word of the demo, department by department."""
    return tuple(
        DemoSearchWord(word.rstrip("+"), kind, code, _FIRST if word.endswith("+") else _SHARED)
        for code, *columns in _rows(WORDS, 4)
        for kind, column in zip(_KINDS, columns, strict=True)
        for word in filter(None, column.split("、"))
    )


def make_guide_rules() -> tuple[DemoGuideRule, ...]:
    """Every rule of the demo's guide in its order."""
    return tuple(rule for row in _rows(GUIDE, 6) for rule in _rules(*row))


def _rows(table: str, columns: int) -> Iterator[list[str]]:
    for line in table.strip().splitlines():
        fields = line.split("|")
        if len(fields) != columns:
            raise ValueError(f"not {columns} columns: {line}")
        yield fields


def _rules(part: str, symptom: str, whom: str, codes: str, urgency: str, advice: str) -> Iterator[DemoGuideRule]:
    kind = _URGENCY[urgency]
    sex, age_from, age_below = _whom(whom)
    for code in _EMERGENCY.get(codes, tuple(codes.split())):
        yield DemoGuideRule(part, symptom, sex, age_from, age_below, code, kind, advice)
    if whom == "A":
        code = _CHILDRENS_EMERGENCY if codes in _EMERGENCY else _CHILDREN
        yield DemoGuideRule(part, symptom, None, 0, _GROWN, code, kind, advice)


def _whom(text: str) -> tuple[str | None, int, int]:
    sex, age_from, age_below = None, 0, _OLDEST
    for word in text.split():
        if word in ("M", "F"):
            sex = "male" if word == "M" else "female"
        elif word.startswith(">="):
            age_from = int(word[2:])
        elif word.startswith("<"):
            age_below = int(word[1:])
        elif word == "A":
            age_from = _GROWN
        else:
            raise ValueError(f"for whom? {text}")
    return sex, age_from, age_below


Copy = Callable[[str, str, Iterable[tuple[Any, ...]]], Awaitable[int]]
FIRST_RULE = "guide_rule", next(iter(make_guide_rules())).key


async def load_finding(copy: Copy, ids: Callable[[str, str], UUID]) -> int:
    """Write the words and the rules (装载检索词与导诊规则); returns how many rows."""
    words = [
        (
            ids("search_word", w.key),
            w.word,
            *term_pinyin(w.word),
            w.kind,
            ids("department", w.department_code),
            w.weight,
        )
        for w in make_search_words()
    ]
    rules = [
        (ids("guide_rule", r.key), 0, r.part, r.symptom, r.sex, r.age_from, r.age_below,
         ids("department", r.department_code), r.urgency, r.advice, position, True)
        for position, r in enumerate(make_guide_rules(), start=1)
    ]  # fmt: skip
    rows = await copy("search_word", "id word pinyin initials kind department_id weight", words)
    return rows + await copy(
        "guide_rule",
        "id version body_part symptom sex age_from age_below department_id urgency advice position active",
        rules,
    )
