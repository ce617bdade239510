"""Numbers, check characters, money, masks, secrets: whatever the input, the promise holds."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_core.kernel import checkdigits, masking, money, numbers
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.secrecy import KeyRing, UnreadableSecret

DIGITS = st.text("0123456789", min_size=1, max_size=18)
ALPHANUMERIC = st.text(checkdigits.ALPHANUMERIC, min_size=1, max_size=18)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=8)


def test_given_many_ids_then_they_rise_and_are_version_seven() -> None:
    ids = [new_id() for _ in range(50_000)]
    assert ids == sorted(set(ids))
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}


def test_given_an_id_then_its_first_bits_are_the_time() -> None:
    import time

    assert abs((new_id().int >> 80) - time.time() * 1000) < 2000


@given(DIGITS, st.data())
def test_given_one_wrong_digit_then_mod11_10_notices(payload: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.sampled_from([d for d in checkdigits.DIGITS if d != payload[place]]))
    assert checkdigits.mod11_10(payload[:place] + other + payload[place + 1 :]) != checkdigits.mod11_10(payload)


@given(ALPHANUMERIC, st.data())
def test_given_one_wrong_character_then_mod37_36_notices(payload: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.sampled_from([c for c in checkdigits.ALPHANUMERIC if c != payload[place]]))
    assert checkdigits.mod37_36(payload[:place] + other + payload[place + 1 :]) != checkdigits.mod37_36(payload)


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_given_one_wrong_digit_then_the_national_id_check_notices(first: str, place: int, step: int) -> None:
    wrong = first[:place] + str((int(first[place]) + step) % 10) + first[place + 1 :]
    assert checkdigits.national_id_check(wrong) != checkdigits.national_id_check(first)


@pytest.mark.parametrize(
    ("function", "payload", "check"),
    [
        (checkdigits.mod11_10, "0794", "5"),  # the example of ISO/IEC 7064
        (checkdigits.national_id_check, "11010519491231002", "X"),  # the example of GB 11643
        (checkdigits.gs1_mod10, "629104150021", "3"),  # the example of the GS1 General Specifications
    ],
)
def test_given_a_standards_example_then_the_check_is_theirs(function: object, payload: str, check: str) -> None:
    assert function(payload) == check  # type: ignore[operator]


@given(st.sampled_from(list(numbers.NumberKind)), st.integers(1, 10**15), st.data())
def test_given_a_number_then_it_is_valid_and_any_slip_is_not(
    kind: numbers.NumberKind, sequence: int, data: st.DataObject
) -> None:
    text = numbers.number_text(kind, sequence)
    assert numbers.is_valid_number(kind, text)
    place = data.draw(st.integers(len(kind.value), len(text) - 1))
    other = data.draw(st.sampled_from([d for d in checkdigits.DIGITS if d != text[place]]))
    assert not numbers.is_valid_number(kind, text[:place] + other + text[place + 1 :])


@given(st.sampled_from(list(numbers.BarcodeKind)), ALPHANUMERIC, st.data())
def test_given_a_barcode_then_it_reads_back_and_a_misread_one_does_not(
    kind: numbers.BarcodeKind, number: str, data: st.DataObject
) -> None:
    text = numbers.barcode_text(kind, number)
    assert numbers.read_barcode(text) == numbers.Barcode(kind, number)
    assert numbers.read_barcode(f" {text.lower()} ") == numbers.Barcode(kind, number)
    place = data.draw(st.integers(3, 2 + len(number)))
    other = data.draw(st.sampled_from([c for c in checkdigits.ALPHANUMERIC if c != text[place]]))
    assert numbers.read_barcode(text[:place] + other + text[place + 1 :]) is None


@given(st.text(max_size=40))
def test_given_any_text_then_reading_a_barcode_never_fails(text: str) -> None:
    decoded = numbers.read_barcode(text)
    assert decoded is None or numbers.barcode_text(decoded.kind, decoded.number) == text.strip().upper()


@given(st.integers(-(10**12), 10**12))
def test_given_fen_then_yuan_text_reads_back(amount_fen: int) -> None:
    assert money.fen_from_yuan(money.yuan_text(amount_fen)) == amount_fen


@given(st.decimals(0, 10**6, places=4), st.decimals(0, 1000, places=3))
def test_given_price_and_quantity_then_the_line_is_within_half_a_fen(price: Decimal, quantity: Decimal) -> None:
    assert abs(Decimal(money.fen_of(price, quantity)) - price * quantity * 100) <= Decimal("0.5")


def test_given_part_of_a_fen_then_a_bill_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of fen"):
        money.fen_from_yuan("1.005")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三丰", "张*丰"), ("李四", "李*"), ("欧阳雪", "欧阳*"), ("欧阳明日", "欧阳*日"), ("王", "王"), ("", ""),
        ("买买提·吐尔逊", "买**·***"), ("John Smith", "J*** *****"),
        ("Wolfeschlegelsteinhausen Hubert", "W****** ******"),
    ],
)  # fmt: skip
def test_given_a_name_then_the_screen_shows_its_mask(name: str, shown: str) -> None:
    assert masking.mask_name(name) == shown


@given(HAN)
def test_given_any_han_name_of_two_or_more_then_something_is_hidden(name: str) -> None:
    shown = masking.mask_name(name)
    assert len(shown) == len(name)
    assert len(name) == 1 or "*" in shown


def test_given_documents_and_phones_then_only_the_ends_show() -> None:
    assert masking.mask_identity("11010519491231002X") == "110***********002X"
    assert masking.mask_phone("13800138000") == "138****8000"
    assert masking.mask_identity("E123") == "E**3"
    assert set(masking.mask_phone("12345")) == {"*"}


RING = KeyRing(keys={1: b"a" * 32, 2: b"b" * 32}, current=2, index_key=b"i" * 32)
OLD = KeyRing(keys={1: b"a" * 32}, current=1, index_key=b"i" * 32)


@given(st.text(), st.sampled_from(["patient.phone", "identifier.value"]))
def test_given_a_sealed_value_then_it_opens_only_in_its_column(value: str, column: str) -> None:
    sealed = RING.seal(value, column)
    assert RING.open(sealed, column) == value
    assert len(value.encode()) < 4 or value.encode() not in sealed
    with pytest.raises(UnreadableSecret):
        RING.open(sealed, column + "x")


@given(st.text(), st.data())
def test_given_one_altered_bit_then_nothing_opens(value: str, data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(value, "c"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(UnreadableSecret):
        RING.open(bytes(sealed), "c")


@given(st.text())
def test_given_a_rotated_key_then_old_values_open_and_are_stale(value: str) -> None:
    sealed = OLD.seal(value, "c")
    assert RING.open(sealed, "c") == value
    assert RING.is_stale(sealed)
    assert not RING.is_stale(RING.seal(value, "c"))


@given(st.text(), st.text())
def test_given_blind_indexes_then_equal_values_meet_and_columns_do_not(one: str, other: str) -> None:
    assert (RING.index(one, "c") == RING.index(other, "c")) == (one == other)
    assert RING.index(one, "c") != RING.index(one, "d")
    assert OLD.index(one, "c") == RING.index(one, "c"), "rotating the sealing key keeps the index"


@pytest.mark.parametrize(
    "ring", [{"keys": {1: b"x"}}, {"current": 3}, {"index_key": b"short"}, {"keys": {0: b"a" * 32}}]
)
def test_given_a_bad_ring_then_it_is_refused(ring: dict[str, object]) -> None:
    whole = {"keys": {1: b"a" * 32}, "current": 1, "index_key": b"i" * 32} | ring
    with pytest.raises(ValueError):
        KeyRing(**whole)  # type: ignore[arg-type]
