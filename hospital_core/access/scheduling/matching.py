"""How well a name or word fits what somebody typed (检索排序): pure, so that the order is tested without a hospital.

Han characters are compared as they are, Latin letters with full pinyin and initials. Exact beats the beginning, the
beginning beats the middle, the middle beats a word that is only mentioned in a longer sentence; within these a name
beats an alias, an alias a disease, a disease a symptom, a symptom a skill; then weight, then the hospital's own order.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from hospital_core.access.scheduling.states import FoundBy

Subject = TypeVar("Subject")

# What is longer is a story, not a search: its beginning decides.
_LENGTH_MAX = 60
_PARTS_MAX = 6
_BREAKS = re.compile(r"[\W_]+")
_REASONS = {reason: rank for rank, reason in enumerate(FoundBy)}


class Closeness(IntEnum):
    """How well a word fits (匹配程度), the best first."""

    EXACT = 0
    BEGINNING = 1
    MIDDLE = 2
    MENTIONED = 3


@dataclass(frozen=True)
class Typed:
    """What somebody typed: as one word, and cut at blanks and punctuation."""

    whole: str
    parts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.whole != ""


@dataclass(frozen=True)
class Term:
    """A word that leads somewhere, ready to be compared."""

    shown: str
    text: str
    spelt: str
    later: tuple[str, ...]
    initials: str
    found_by: FoundBy
    weight: int = 1


@dataclass(frozen=True)
class Entry(Generic[Subject]):
    """A department or doctor with the words that lead to it; ``skills`` is prose that is only looked through."""

    subject: Subject
    terms: Sequence[Term]
    skills: str = ""


@dataclass(frozen=True)
class Match(Generic[Subject]):
    """An entry that was found, by what, and how well (命中)."""

    subject: Subject
    closeness: Closeness
    found_by: FoundBy
    shown: str
    weight: int = field(default=1)

    @property
    def rank(self) -> tuple[int, int, int]:
        """The smaller, the better."""
        return (self.closeness, _REASONS[self.found_by], -self.weight)


def folded(text: str) -> str:
    """One shape for everything that reads the same: full width, capitals, blanks and punctuation make no difference."""
    return _BREAKS.sub("", unicodedata.normalize("NFKC", text[: _LENGTH_MAX * 2]).lower())[:_LENGTH_MAX]


def typed(text: str) -> Typed:
    """What a search box held. Nothing in it can be wrong: NUL, symbols and novels make a search like any other."""
    broken = _BREAKS.split(unicodedata.normalize("NFKC", text[: _LENGTH_MAX * 2]).lower())
    parts = tuple(part[:_LENGTH_MAX] for part in broken if len(part) >= 2)[:_PARTS_MAX]
    whole = folded(text)
    return Typed(whole, parts if parts != (whole,) else ())


def term(shown: str, pinyin: str, initials: str, found_by: FoundBy, weight: int = 1) -> Term:
    """A word with its pinyin (syllables apart) and initials, as tables keep them."""
    syllables = pinyin.split()
    later = tuple("".join(syllables[start:]) for start in range(1, len(syllables)))
    return Term(shown, folded(shown), "".join(syllables), later, initials, found_by, weight)


def closeness(one: Term, sought: str) -> Closeness | None:
    """How well a word fits what is sought; None when it does not."""
    latin = sought.isascii()
    if sought == one.text or (latin and sought in (one.initials, one.spelt)):
        return Closeness.EXACT
    if one.text.startswith(sought) or (latin and (one.initials.startswith(sought) or one.spelt.startswith(sought))):
        return Closeness.BEGINNING
    if len(sought) < 2:
        return None
    if sought in one.text or (latin and (sought in one.initials or any(tail.startswith(sought) for tail in one.later))):
        return Closeness.MIDDLE
    # A sentence of letters mentions half the pinyin there is: only Han words are looked for inside it.
    if len(one.text) >= 2 and not one.text.isascii() and one.text in sought:
        return Closeness.MENTIONED
    return None


def best(entry: Entry[Subject], sought: Typed) -> Match[Subject] | None:
    """The best reason why an entry fits."""
    matches = [
        Match(entry.subject, found, one.found_by, one.shown, one.weight)
        for one in entry.terms
        if (found := _of_any(one, sought)) is not None
    ]
    if entry.skills:
        skill = next((part for part in (sought.whole, *sought.parts) if _is_skill(part, entry.skills)), None)
        if skill is not None:
            matches.append(Match(entry.subject, Closeness.MIDDLE, FoundBy.SPECIALTY, skill))
    return min(matches, key=lambda match: match.rank, default=None)


def ranked(entries: Iterable[Entry[Subject]], sought: Typed, limit: int) -> list[Match[Subject]]:
    """What fits, the best first; equals stay in the order they came in."""
    if not sought:
        return []
    found = [match for entry in entries if (match := best(entry, sought)) is not None]
    return sorted(found, key=lambda match: match.rank)[:limit]


def _of_any(one: Term, sought: Typed) -> Closeness | None:
    """One word of several that were typed is never a better find than the middle of the whole."""
    found = [closeness(one, sought.whole)]
    for part in sought.parts:
        of_part = closeness(one, part)
        found.append(None if of_part is None else max(of_part, Closeness.MIDDLE))
    return min((each for each in found if each is not None), default=None)


def _is_skill(part: str, skills: str) -> bool:
    return len(part) >= 2 and not part.isascii() and part in skills
