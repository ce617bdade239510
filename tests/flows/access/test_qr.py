"""Appointment codes: one minute, one check-in, one purpose."""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.errors import NotCheckInAble, QrExpired, QrInvalid
from hospital_core.access.scheduling.ports import QrKey
from hospital_core.access.scheduling.qr import LIFETIME, appointment_qr, read_qr
from hospital_core.access.scheduling.queries import appointment_qr_of, bearer_of_qr
from hospital_core.kernel import ports
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.fixtures.access import SYSTEM, book, make_booked, make_clinic, make_person, make_session, reading

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class OtherKey:
    """A key that is not ours."""

    def secret(self) -> bytes:
        return b"x" * 32


def test_given_a_fresh_code_then_it_reads_back_and_fits_alphanumeric_mode() -> None:
    appointment_id = new_id()
    text = appointment_qr(appointment_id, NOW)
    assert read_qr(f" {text}\n", NOW).appointment_id == appointment_id
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.")
    assert len(text) < 100
    assert appointment_qr(appointment_id, NOW) != text


def test_given_a_code_whose_minute_has_passed_then_it_is_expired() -> None:
    text = appointment_qr(new_id(), NOW)
    assert read_qr(text, NOW + LIFETIME - timedelta(seconds=1))
    with pytest.raises(QrExpired):
        read_qr(text, NOW + LIFETIME)


@pytest.mark.parametrize("position", [0, 5, 12, 40, 50, -1])
def test_given_one_altered_character_then_it_is_invalid(position: int) -> None:
    text = appointment_qr(new_id(), NOW)
    letters = list(text)
    letters[position] = "A" if letters[position] != "A" else "B"
    with pytest.raises(QrInvalid):
        read_qr("".join(letters), NOW)


@pytest.mark.parametrize("text", ["", "HSP1", "....", "https://example.invalid", "签到", "A" * 5000, "HSP1.K.A.B.C.D"])
def test_given_something_else_then_it_is_invalid(text: str) -> None:
    with pytest.raises(QrInvalid):
        read_qr(text, NOW)


def test_given_another_purpose_or_a_longer_life_then_a_true_signature_does_not_help() -> None:
    appointment = base64.b32encode(new_id().bytes).decode().rstrip("=")
    key = ports.use(QrKey).secret()

    def signed(body: str) -> str:
        mac = hmac.digest(key, f"appointment-qr:{body}".encode(), sha256)[:15]
        return f"{body}.{base64.b32encode(mac).decode().rstrip('=')}"

    stamp = int(NOW.timestamp())
    assert read_qr(signed(f"HSP1.K.{appointment}.{stamp + 60}.AAAA"), NOW)
    with pytest.raises(QrInvalid):
        read_qr(signed(f"HSP1.P.{appointment}.{stamp + 60}.AAAA"), NOW)
    with pytest.raises(QrInvalid):
        read_qr(signed(f"HSP2.K.{appointment}.{stamp + 60}.AAAA"), NOW)
    with pytest.raises(QrExpired):
        read_qr(signed(f"HSP1.K.{appointment}.{stamp + 86400}.AAAA"), NOW)


def test_given_another_key_then_it_is_invalid() -> None:
    text, ours = appointment_qr(new_id(), NOW), ports.use(QrKey)
    ports.provide(QrKey, OtherKey())
    try:
        with pytest.raises(QrInvalid):
            read_qr(text, NOW)
    finally:
        ports.provide(QrKey, ours)


async def test_given_a_code_when_checked_in_then_it_opens_nothing_any_more() -> None:
    person, held = await make_booked(
        session=await make_session(clinic=await make_clinic(), starts_in=timedelta(minutes=30))
    )
    code = await appointment_qr_of(reading(person.phone), held.id)
    bearer = await bearer_of_qr(reading(SYSTEM), code.text)
    assert (bearer.appointment_id, bearer.patient_id) == (held.id, person.patient_id)
    await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
    with pytest.raises(NotCheckInAble):
        await bearer_of_qr(reading(SYSTEM), code.text)
    with pytest.raises(NotCheckInAble):
        await appointment_qr_of(reading(person.phone), held.id)


async def test_given_a_stranger_or_an_unpaid_place_then_there_is_no_code() -> None:
    person = await make_person()
    held = await book(person=person, session=await make_session(clinic=await make_clinic()))
    with pytest.raises(NotCheckInAble):
        await appointment_qr_of(reading(person.phone), held.id)
    with pytest.raises(NotFound):
        await appointment_qr_of(reading((await make_person()).phone), held.id)
