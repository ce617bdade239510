"""Full pinyin and initials (全拼、简拼) of names and terms, with the readings that pypinyin gets wrong mended.

pypinyin 0.55 reads 单 仇 曾 解 查 … as everyday words, not as surnames, and guesses some medical characters.
"""

from __future__ import annotations

import re

from pypinyin import lazy_pinyin

SURNAME_READINGS: dict[str, str] = {
    "单": "shan",
    "仇": "qiu",
    "曾": "zeng",
    "解": "xie",
    "查": "zha",
    "区": "ou",
    "朴": "piao",
    "盖": "ge",
    "缪": "miao",
    "翟": "zhai",
    "覃": "qin",
    "乐": "yue",
    "卜": "bu",
    "薄": "bo",
    "都": "du",
    "牟": "mu",
}

# Words whose reading depends on the neighbour and is wrong without help.
WORD_READINGS: dict[str, str] = {
    "椎": "zhui",
    "炔": "que",
    "豉": "chi",
    "重建": "chong jian",
    "晟": "sheng",
    "朝阳": "chao yang",
    "长林": "chang lin",
    "长贵": "chang gui",
    "川芎": "chuan xiong",
}

_WORDS = re.compile("|".join(sorted(map(re.escape, WORD_READINGS), key=len, reverse=True)))
_SYLLABLE = re.compile(r"[0-9a-z]+")


def _syllables(text: str) -> list[str]:
    parts: list[str] = []
    position = 0
    for match in _WORDS.finditer(text):
        parts += lazy_pinyin(text[position : match.start()])
        parts += WORD_READINGS[match.group()].split()
        position = match.end()
    parts += lazy_pinyin(text[position:])
    # pypinyin hands back runs of Latin, digits and punctuation unsplit; only letters and digits are searchable.
    return [run for part in parts for run in _SYLLABLE.findall(part.lower())]


def _initial(syllable: str, *, source_has: str) -> str:
    # A Latin run ("ct") or a number stands in the text as itself and is kept whole; a syllable gives its first letter.
    return syllable if syllable in source_has else syllable[0]


def term_pinyin(text: str) -> tuple[str, str]:
    """Full pinyin and initials (全拼, 简拼) of a term, lower case; `头颅CT平扫` → (`tou lu ct ping sao`, `tlctps`)."""
    latin = text.lower()
    syllables = _syllables(text)
    return " ".join(syllables), "".join(_initial(syllable, source_has=latin) for syllable in syllables)


def person_pinyin(surname: str, given: str) -> tuple[str, str]:
    """Full pinyin and initials of a person's name (姓名拼音); the surname is read as a surname: 单 → shan, 仇 → qiu."""
    first = SURNAME_READINGS.get(surname, "").split() or _syllables(surname)
    syllables = [*first, *_syllables(given)]
    return " ".join(syllables), "".join(syllable[0] for syllable in syllables)
