"""People's names and telephone numbers (姓名、电话): what is accepted, and the one form in which it is kept."""

import re
import unicodedata

from hospital_core.kernel.errors import FieldProblem

NAME_LENGTH_MAX = 50

# Keyboards offer many middle dots; the household register uses U+00B7. Chinese ones write full-width letters and signs,
# phones curl the apostrophe.
_SPELLED = str.maketrans(
    dict.fromkeys("•‧∙・･．⸱ᐧ", "·")
    | dict.fromkeys("‘’ʼ`´＇", "'")
    | dict.fromkeys("‐‑–－", "-")
    | {"\u3000": " "}
    | {chr(0xFF01 + at - 0x21): chr(at) for at in range(0x21, 0x7F) if chr(at).isalnum()}
)
_HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BLANK_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}·]) +(?=[{_HAN}·])")
_HAN_CHARACTER = re.compile(rf"[{_HAN}]")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0\d{9,11}")
_ABROAD = re.compile(r"\+(?!86)[1-9]\d{6,14}")


def person_name(text: str, *, temporary: bool = False, pointer: str = "/name") -> str:
    """A person's name in its normal form: Chinese or Latin letters, ``·`` between the parts of a longer name.

    A temporary file may carry digits as well (无名氏01). Raises FieldProblem.
    """
    # Not str.strip(): it would quietly swallow control characters at the ends.
    name = unicodedata.normalize("NFC", text).translate(_SPELLED).strip(" ")
    name = re.sub(r" {2,}", " ", _BLANK_BETWEEN_HAN.sub("", name))
    if not name:
        raise FieldProblem(pointer, "请填写姓名")
    if len(name) > NAME_LENGTH_MAX:
        raise FieldProblem(pointer, f"姓名不能超过 {NAME_LENGTH_MAX} 个字")
    if "<" in name or ">" in name:
        raise FieldProblem(pointer, "姓名不能包含 < 或 >")
    if not all(_is_name_character(c, temporary) for c in name):
        raise FieldProblem(pointer, "姓名只能包含汉字、字母和间隔号 ·")
    if not any(unicodedata.category(c).startswith("L") for c in name):
        raise FieldProblem(pointer, "请填写姓名")
    if name[0] in "·-'." or name[-1] in "·-":
        raise FieldProblem(pointer, "姓名不能以符号开头或结尾")
    return name


def is_same_name(one: str, other: str) -> bool:
    """Whether two spellings are one name (姓名一致): the same letters, whatever dots, blanks, accents and capitals.

    A card may leave out the dot that the household register has, a passport's machine line the accents.
    """
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    spelled = unicodedata.normalize("NFKD", name.translate(_SPELLED)).casefold()
    return "".join(c for c in spelled if unicodedata.category(c)[0] in "LN")


def normal_phone(text: str, *, pointer: str = "/phone") -> str:
    """A telephone number in its normal form: mainland mobile, landline with area code, or ``+`` and country code.

    Raises FieldProblem.
    """
    number = re.sub(r"[\s\-()]+", "", unicodedata.normalize("NFKC", text))
    number = re.sub(r"^(?:\+|00)86(?=1)", "", number)
    number = re.sub(r"^(?:\+|00)86(?=[2-9])", "0", number)
    if number.isascii() and any(shape.fullmatch(number) for shape in (_MOBILE, _LANDLINE, _ABROAD)):
        return number
    raise FieldProblem(pointer, "请填写正确的手机号码")


def _is_name_character(character: str, temporary: bool) -> bool:
    if character in " ·-'." or _HAN_CHARACTER.match(character):
        return True
    if temporary and character in "0123456789":
        return True
    return unicodedata.category(character).startswith("L") and unicodedata.name(character, "").startswith("LATIN")
