"""Identity documents (证件校验): what a number must look like, what it says about its holder, and its one normal form.

The normal form is what is sealed and indexed, so two spellings of one document always name one patient.
Source: GB 11643-1999 (公民身份号码), WS 364 CV02.01.101 (证件类型), 国家移民管理局 (通行证、永久居留身份证 号码规则).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from hospital_core.kernel.checkdigits import national_id_check
from hospital_core.kernel.errors import FieldProblem
from hospital_core.registry.patients.states import DocumentKind, Sex

NUMBER = "/document_no"
BIRTH_DATE = "/birth_date"
SEX = "/sex"

# GB/T 2260 provinces; 81–83 are the residence permits of Hong Kong, Macao and Taiwan residents (港澳台居民居住证).
# 99 is never issued: files for training and demonstration use it, so no number of theirs can be a living person's.
_PROVINCES = frozenset(
    str(code)
    for block in ((11, 16), (21, 24), (31, 38), (41, 47), (50, 55), (61, 66), (71, 72), (81, 84), (99, 100))
    for code in range(*block)
)
_OLDEST_BIRTH = date(1880, 1, 1)

_SHAPES: dict[DocumentKind, tuple[re.Pattern[str], str]] = {
    DocumentKind.PASSPORT: (re.compile(r"(?=.*\d)[A-Z0-9]{5,15}"), "护照号码应为 5–15 位字母和数字"),
    DocumentKind.HK_MACAO_PERMIT: (
        re.compile(r"(?P<person>[HM]\d{8})(\d{2})?"),
        "港澳居民来往内地通行证号码应为 H 或 M 加 8 位数字（可带 2 位换证次数）",
    ),
    DocumentKind.TAIWAN_PERMIT: (
        re.compile(r"(?P<person>\d{8}|\d{10})[A-Z]?"),
        "台湾居民来往大陆通行证号码应为 8 位数字（旧版 10 位）",
    ),
    DocumentKind.BIRTH_CERTIFICATE: (re.compile(r"[A-Z]\d{9}"), "出生医学证明编号应为 1 位字母加 9 位数字"),
}
_OLD_RESIDENCE = re.compile(r"[A-Z]{3}\d{4}(?P<birth>\d{6})\d{2}")
_PUNCTUATION = re.compile(r"[\s\-()（）·.]+")


@dataclass(frozen=True)
class ValidDocument:
    """A document in its normal form, with what its number says about the holder (None where it says nothing)."""

    kind: DocumentKind
    number: str
    birth_date: date | None = None
    sex: Sex | None = None


def normal_number(text: str) -> str:
    """Upper case, half width, without blanks and dashes."""
    return _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text)).upper()


def validate_document(
    kind: DocumentKind,
    number: str | None,
    *,
    today: date,
    birth_date: date | None = None,
    sex: Sex | None = None,
    pointer: str = NUMBER,
) -> ValidDocument:
    """Check a document and bring it into its normal form; a given birth date or sex must agree with the number.

    A household book (户口簿) names its people by their citizen number, so it becomes the same identifier as the card.
    Raises: FieldProblem with the pointer of the field that is wrong.
    """
    if kind is DocumentKind.NONE_YET:
        raise FieldProblem("/document_kind", "请选择证件类型")
    text = normal_number(number or "")
    if not text:
        raise FieldProblem(pointer, "请填写证件号码")
    document = _read(kind, text, today, pointer)
    if birth_date and document.birth_date and birth_date != document.birth_date:
        raise FieldProblem(BIRTH_DATE, "出生日期与证件号码不一致")
    if sex and sex is not Sex.UNKNOWN and document.sex and sex is not document.sex:
        raise FieldProblem(SEX, "性别与证件号码不一致")
    return document


def possible_documents(text: str, today: date) -> list[ValidDocument]:
    """Every document that a typed or scanned number could be: what a search looks for."""
    found: dict[tuple[str, str], ValidDocument] = {}
    number = normal_number(text)
    for kind in DocumentKind:
        try:
            document = _read(kind, number, today, NUMBER)
        except FieldProblem:
            continue
        found[(document.kind, document.number)] = document
    return list(found.values())


def check_birth_date(birth_date: date, today: date) -> None:
    """A birth date must lie between 1880 and today. Raises FieldProblem."""
    if birth_date > today:
        raise FieldProblem(BIRTH_DATE, "出生日期不能晚于今天")
    if birth_date < _OLDEST_BIRTH:
        raise FieldProblem(BIRTH_DATE, "出生日期过早，请核对")


def _read(kind: DocumentKind, number: str, today: date, pointer: str) -> ValidDocument:
    if kind in (DocumentKind.NATIONAL_ID, DocumentKind.HOUSEHOLD_BOOK):
        return _citizen_number(number, today, pointer)
    if kind is DocumentKind.FOREIGNER_RESIDENCE:
        return _residence_card(number, today, pointer)
    if kind not in _SHAPES:
        raise FieldProblem(pointer, "请选择证件类型")
    shape, message = _SHAPES[kind]
    match = shape.fullmatch(number)
    if match is None or not number.isascii():
        raise FieldProblem(pointer, message)
    # A renewed permit counts its issues behind the number; the person is named by what stands before.
    return ValidDocument(kind, match.groupdict().get("person") or number)


def _citizen_number(number: str, today: date, pointer: str) -> ValidDocument:
    birth_date, sex = _eighteen(number, today, pointer, "身份证号")
    if number[:2] not in _PROVINCES:
        raise FieldProblem(pointer, "身份证号的地区码有误，请核对")
    return ValidDocument(DocumentKind.NATIONAL_ID, number, birth_date, sex)


def _residence_card(number: str, today: date, pointer: str) -> ValidDocument:
    """Since 2023 eighteen digits beginning with 9; before that three letters of the country and twelve digits."""
    kind = DocumentKind.FOREIGNER_RESIDENCE
    old = _OLD_RESIDENCE.fullmatch(number)
    if old is not None and number.isascii():
        _two_digit_year(old["birth"], pointer)
        return ValidDocument(kind, number)
    birth_date, sex = _eighteen(number, today, pointer, "永久居留身份证号")
    if number[0] != "9":
        raise FieldProblem(pointer, "永久居留身份证号应以 9 开头，请核对")
    return ValidDocument(kind, number, birth_date, sex)


def _eighteen(number: str, today: date, pointer: str, what: str) -> tuple[date, Sex]:
    if len(number) == 15 and number.isdigit():
        raise FieldProblem(pointer, "一代身份证（15 位）已停用，请提供 18 位身份证号")
    if re.fullmatch(r"[0-9]{17}[0-9X]", number) is None:
        raise FieldProblem(pointer, f"{what}应为 18 位")
    if national_id_check(number[:17]) != number[17]:
        raise FieldProblem(pointer, f"{what}校验位有误，请核对")
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise FieldProblem(pointer, f"{what}中的出生日期有误，请核对") from None
    if not _OLDEST_BIRTH <= birth_date <= today:
        raise FieldProblem(pointer, f"{what}中的出生日期有误，请核对")
    return birth_date, Sex.MALE if int(number[16]) % 2 else Sex.FEMALE


def _two_digit_year(digits: str, pointer: str) -> None:
    # The card does not say the century, so it can only be refused when the day exists in neither.
    for century in (1900, 2000):
        try:
            date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
        except ValueError:
            continue
        return
    raise FieldProblem(pointer, "永久居留身份证号中的出生日期有误，请核对")
