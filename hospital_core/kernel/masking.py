"""Masking (脱敏): what a screen may show of a person to people who are not entitled to more."""

import re

COMPOUND_SURNAMES = frozenset(
    "欧阳 上官 司马 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 司徒 长孙 "  # noqa: SIM905
    "宇文 夏侯 轩辕 端木 南宫 独孤 闻人 澹台 第五 呼延 申屠 太史".split()
)

_LONG = re.compile(r"\*{7,}")


def mask_name(name: str) -> str:
    """``张三丰`` → ``张*丰``, ``李四`` → ``李*``, ``欧阳雪`` → ``欧阳*``, ``买买提·吐尔逊`` → ``买**·***``.

    A long part is told by six stars: it has room on every screen, and its length says less.
    """
    if not name:
        return ""
    if "·" in name or not _is_han(name):
        return _LONG.sub("*" * 6, name[0] + "".join(c if c in "· " else "*" for c in name[1:]))
    head = 2 if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else 1
    if len(name) <= head + 1:
        return name[:head] + "*" * (len(name) - head)
    return name[:head] + "*" * (len(name) - head - 1) + name[-1]


def mask_identity(value: str) -> str:
    """``110101199003070028`` → ``110***********0028``: three first, four last; short values keep one at each end."""
    if len(value) < 8:
        return value[:1] + "*" * max(0, len(value) - 2) + (value[-1:] if len(value) > 1 else "")
    return value[:3] + "*" * (len(value) - 7) + value[-4:]


def mask_phone(value: str) -> str:
    """``13800138000`` → ``138****8000``."""
    return value[:3] + "*" * max(0, len(value) - 7) + value[-4:] if len(value) >= 7 else "*" * len(value)


def _is_han(text: str) -> bool:
    return all("\u3400" <= c <= "\u9fff" or "\U00020000" <= c <= "\U0003ffff" for c in text)
