"""Documents and names: what is accepted, in which form it is kept, and which field is named when it is not."""

from datetime import date

import pytest

from hospital_core.kernel.checkdigits import national_id_check
from hospital_core.kernel.errors import FieldProblem
from hospital_core.registry.patients.ages import age_text, age_years
from hospital_core.registry.patients.document_validation import possible_documents, validate_document
from hospital_core.registry.patients.names import is_same_name, normal_phone, person_name
from hospital_core.registry.patients.states import DocumentKind, Sex

TODAY = date(2026, 11, 22)


def _citizen(seventeen: str) -> str:
    return seventeen + national_id_check(seventeen)


def _pointer(problem: FieldProblem) -> str:
    pointer: str = problem.fields["errors"][0]["pointer"]
    return pointer


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("11010119900307002x", "11010119900307002X"),
        (" 110101 19900307 002X ", "11010119900307002X"),
        ("１１０１０１１９９００３０７００２Ｘ", "11010119900307002X"),
    ],
)
def test_given_spellings_of_one_card_then_one_normal_form(typed: str, kept: str) -> None:
    assert national_id_check(kept[:17]) == "X", "the example is right"
    document = validate_document(DocumentKind.NATIONAL_ID, typed, today=TODAY)
    assert (document.number, document.birth_date, document.sex) == (kept, date(1990, 3, 7), Sex.FEMALE)


@pytest.mark.parametrize(
    "number",
    [
        "110101199003070021",  # check digit
        _citizen("01010119900307002"),  # no such province
        _citizen("00000019900307002"),
        _citizen("11010119900230002"),  # 30 February
        _citizen("11010120270101002"),  # not born yet
        _citizen("11010118790101002"),  # 147 years old
        "11010119900307002",
        "110101900307002",  # the first generation
        "11010119900307002XX",
        "١١٠١٠١١٩٩٠٠٣٠٧٠٠٢٨",
        "",
    ],
)
def test_given_a_wrong_citizen_number_then_its_field_is_named(number: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        validate_document(DocumentKind.NATIONAL_ID, number, today=TODAY)
    assert _pointer(caught.value) == "/document_no"


def test_given_a_birth_date_or_sex_that_disagrees_then_that_field_is_named() -> None:
    number = _citizen("11010119900307002")
    with pytest.raises(FieldProblem) as birth:
        validate_document(DocumentKind.NATIONAL_ID, number, today=TODAY, birth_date=date(1990, 3, 8))
    with pytest.raises(FieldProblem) as sex:
        validate_document(DocumentKind.NATIONAL_ID, number, today=TODAY, sex=Sex.MALE)
    assert (_pointer(birth.value), _pointer(sex.value)) == ("/birth_date", "/sex")


def test_given_any_single_wrong_digit_then_the_check_finds_it() -> None:
    number = _citizen("11010119900307002")
    for place in range(17):
        for digit in "0123456789":
            if digit != number[place]:
                wrong = number[:place] + digit + number[place + 1 :]
                with pytest.raises(FieldProblem):
                    validate_document(DocumentKind.NATIONAL_ID, wrong, today=TODAY)


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (DocumentKind.PASSPORT, "e 12345678", "E12345678"),
        (DocumentKind.PASSPORT, "EA1234567", "EA1234567"),
        (DocumentKind.HK_MACAO_PERMIT, "H1234567802", "H12345678"),
        (DocumentKind.HK_MACAO_PERMIT, "m12345678", "M12345678"),
        (DocumentKind.TAIWAN_PERMIT, "12345678", "12345678"),
        (DocumentKind.TAIWAN_PERMIT, "0123456789(B)", "0123456789"),
        (DocumentKind.FOREIGNER_RESIDENCE, "USA110080051512", "USA110080051512"),
        (DocumentKind.FOREIGNER_RESIDENCE, _citizen("91184019800515001"), _citizen("91184019800515001")),
        (DocumentKind.BIRTH_CERTIFICATE, "r123456789", "R123456789"),
    ],
)
def test_given_other_documents_then_they_are_kept_in_normal_form(kind: DocumentKind, typed: str, kept: str) -> None:
    assert validate_document(kind, typed, today=TODAY).number == kept


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (DocumentKind.PASSPORT, "E1"),
        (DocumentKind.PASSPORT, "ABCDEFGH"),
        (DocumentKind.PASSPORT, "E12345<8"),
        (DocumentKind.HK_MACAO_PERMIT, "A12345678"),
        (DocumentKind.HK_MACAO_PERMIT, "H1234567"),
        (DocumentKind.TAIWAN_PERMIT, "1234567"),
        (DocumentKind.FOREIGNER_RESIDENCE, "USA110080135112"),
        (DocumentKind.FOREIGNER_RESIDENCE, _citizen("11010119900307002")),
        (DocumentKind.BIRTH_CERTIFICATE, "123456789"),
        (DocumentKind.NONE_YET, "123"),
    ],
)
def test_given_a_document_of_the_wrong_shape_then_it_is_refused(kind: DocumentKind, typed: str) -> None:
    with pytest.raises(FieldProblem):
        validate_document(kind, typed, today=TODAY)


def test_given_a_household_book_then_it_is_the_same_identifier_as_the_card() -> None:
    number = _citizen("11010119900307002")
    card, book = (
        validate_document(kind, number, today=TODAY) for kind in (DocumentKind.NATIONAL_ID, DocumentKind.HOUSEHOLD_BOOK)
    )
    assert card == book
    assert [d.kind for d in possible_documents(number, TODAY)] == [DocumentKind.NATIONAL_ID]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 张 三 ", "张三"),
        ("买买提•吐尔逊", "买买提·吐尔逊"),
        ("John  Smith", "John Smith"),
        ("O'Brien-José", "O'Brien-José"),
        ("李䶮", "李䶮"),
        ("Ｌｉ\u3000Ｍｉｎｇ", "Li Ming"),
        ("O’Brien", "O'Brien"),
        ("Anne－Marie", "Anne-Marie"),
        ("𬱖子", "𬱖子"),
    ],
)
def test_given_a_name_then_it_is_kept_in_normal_form(typed: str, kept: str) -> None:
    assert person_name(typed) == kept


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("买买提·吐尔逊", "买买提吐尔逊", True),
        ("O'Brien", "O’BRIEN", True),
        ("José García-Ruiz", "JOSE GARCIA RUIZ", True),
        ("李䶮", "李䶮", True),
        ("陈思远", "陈思源", False),
        ("李明", "李", False),
        ("Li Ming", "Li Min", False),
    ],
)
def test_given_two_spellings_then_letters_decide_whether_they_are_one_name(one: str, other: str, same: bool) -> None:
    assert is_same_name(one, other) is is_same_name(other, one) is same


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "张>三",
        "张\u0007三",
        "张\u202e三",
        "张三1",
        "·张",
        " ",
        "···",
        "张" * 51,
        "Иван",
        "张三😀",
        "\t\n",
    ],
)
def test_given_what_is_no_name_then_it_is_refused(name: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        person_name(name)
    assert _pointer(caught.value) == "/name"


def test_given_a_temporary_file_then_its_name_may_carry_a_number() -> None:
    assert person_name("无名氏01", temporary=True) == "无名氏01"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("+86 138-0013-8000", "13800138000"), ("010-12345678", "01012345678"), ("+852 91234567", "+85291234567")],
)
def test_given_a_telephone_then_it_is_kept_in_normal_form(typed: str, kept: str) -> None:
    assert normal_phone(typed) == kept


@pytest.mark.parametrize("phone", ["12345", "23800138000", "1380013800", "+8612345", "电话", "1380013800a"])
def test_given_what_is_no_telephone_then_it_is_refused(phone: str) -> None:
    with pytest.raises(FieldProblem):
        normal_phone(phone)


def test_given_birth_dates_then_ages_are_written_as_paediatricians_need_them() -> None:
    assert age_text(date(2026, 11, 20), TODAY) == "2天"
    assert age_text(date(2026, 10, 22), TODAY) == "1个月"
    assert age_text(date(2024, 8, 22), TODAY) == "2岁3个月"
    assert age_text(date(1990, 3, 7), TODAY) == "36岁"
    assert age_text(None, TODAY) == "年龄不详"
    assert age_years(date(2008, 2, 29), date(2026, 2, 28)) == 17
