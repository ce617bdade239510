"""Full pinyin and initials (全拼、简拼) of names and terms, so that a nurse finds 单雄信 by typing ``sxx``.

A person's first character is read as a surname (单 is Shan, not Dan); a handful of medical words that pypinyin reads
wrongly are mended. Latin letters and digits stand for themselves: ``头颅CT平扫`` is ``tou lu ct ping sao``, ``tlctps``.
"""

import re
import unicodedata

from pypinyin import lazy_pinyin

# Characters whose reading as a surname differs from the everyday one (姓氏多音字).
SURNAME_READINGS: dict[str, str] = {
    "单": "shan", "仇": "qiu", "曾": "zeng", "解": "xie", "查": "zha", "任": "ren", "区": "ou",
    "朴": "piao", "盖": "ge", "缪": "miao", "翟": "zhai", "覃": "qin", "乐": "yue", "卜": "bu", "薄": "bo",
    "都": "du", "牟": "mu", "华": "hua", "尉": "wei", "冼": "xian", "召": "shao", "員": "yun", "员": "yun",
    "燕": "yan", "应": "ying", "黑": "he", "哈": "ha", "秘": "bi", "洗": "xian", "种": "chong",
    "重": "chong", "折": "she", "车": "che", "谌": "chen", "干": "gan", "葛": "ge", "纪": "ji", "隗": "wei",
    "佴": "nai", "逄": "pang", "逯": "lu", "郇": "xun", "郗": "chi", "乜": "nie", "祭": "zhai",
    "宁": "ning", "那": "na", "钭": "tou", "尹": "yin", "幺": "yao", "句": "gou", "訾": "zi", "晁": "chao",
    "褚": "chu", "长孙": "zhang sun", "尉迟": "yu chi", "澹台": "tan tai", "万俟": "mo qi", "单于": "chan yu",
    "令狐": "ling hu", "夏侯": "xia hou", "皇甫": "huang fu", "宇文": "yu wen", "呼延": "hu yan",
    "鲜于": "xian yu",
}  # fmt: skip

# Words whose reading depends on the neighbour and is wrong without help.
_WORD_READINGS: dict[str, str] = {
    "椎": "zhui",
    "炔": "que",
    "豉": "chi",
    "重建": "chong jian",
    "晟": "sheng",
    "朝阳": "chao yang",
    "长林": "chang lin",
    "长贵": "chang gui",
    "川芎": "chuan xiong",
    "血": "xue",
}

_WORDS = re.compile("|".join(sorted(map(re.escape, _WORD_READINGS), key=len, reverse=True)))
_RUN = re.compile(r"[0-9a-z]+")
_LATIN = re.compile(r"[0-9a-z]+|[^0-9a-z]+")


def pinyin_of(name: str, is_person: bool = False) -> str:
    """Full pinyin (全拼), lower case, syllables apart: ``单雄信`` → ``shan xiong xin`` when it is a person."""
    return " ".join(text for text, _ in _syllables(name, is_person))


def initials_of(name: str, is_person: bool = False) -> str:
    """Initials (简拼), lower case; a Latin or digit run is kept whole in a term, shortened to one letter in a name."""
    return "".join(text if latin and not is_person else text[0] for text, latin in _syllables(name, is_person))


def _syllables(name: str, is_person: bool) -> list[tuple[str, bool]]:
    """Each syllable or Latin run, and whether it stood in the text as Latin."""
    # NFKD takes the accents off Latin letters and full width off the rest; Han characters stay as they are.
    text = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).lower()
    found: list[tuple[str, bool]] = []
    if is_person:
        head = next((text[:n] for n in (2, 1) if text[:n] in SURNAME_READINGS), "")
        if head and "·" not in text:
            found += [(reading, False) for reading in SURNAME_READINGS[head].split()]
            text = text[len(head) :]
    for part in _LATIN.findall(text):
        if _RUN.fullmatch(part):
            found.append((part, True))
        else:
            found += [(reading, False) for reading in _readings(part)]
    return found


def _readings(text: str) -> list[str]:
    parts: list[str] = []
    position = 0
    for match in _WORDS.finditer(text):
        parts += lazy_pinyin(text[position : match.start()])
        parts += _WORD_READINGS[match.group()].split()
        position = match.end()
    parts += lazy_pinyin(text[position:])
    # pypinyin hands back punctuation and Greek unread; only letters and digits can be typed in a search box.
    return [run for part in parts for run in _RUN.findall(part.lower())]
