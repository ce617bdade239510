"""After a rotation nothing needs the old key, and everything still opens and is found."""

import pytest

from backend.rotation import rotate_field_keys
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.secrecy import KeyRing
from tests.fixtures.keys import TEST_KEYS

pytestmark = pytest.mark.usefixtures("core")

OLD = KeyRing(keys={1: TEST_KEYS.keys[1]}, current=1, index_key=TEST_KEYS.index_key)
NEW = KeyRing(keys={2: TEST_KEYS.keys[2]}, current=2, index_key=TEST_KEYS.index_key)
DOCUMENT = "990102199003070026"

_PATIENT = """
INSERT INTO patient (id, version, patient_no, name, pinyin, initials, sex, phone_sealed, phone_index, temporary,
                     created_at)
VALUES ($1, 0, $2, '旧钥', 'jiu yao', 'jy', 'female', $3, $4, false, hospital_now()) RETURNING id"""
_IDENTIFIER = """
INSERT INTO patient_identifier (id, version, patient_id, kind, value_sealed, value_index, status, created_at)
VALUES ($1, 0, $1, 'national_id', $2, $3, 'retired', hospital_now()) RETURNING id"""
_ACCOUNT = """
INSERT INTO patient_account (id, version, appid, openid, phone_sealed, created_at)
VALUES ($1, 0, 'wx-rotation', gen_random_uuid()::text, $2, hospital_now()) RETURNING id"""


async def test_given_values_sealed_with_the_old_key_then_after_rotation_the_new_key_alone_opens_them() -> None:
    reading, key = Reading(system_context()), new_id()
    number = await next_number(reading, NumberKind.PATIENT)
    phone, phone_index = OLD.seal("19900001234", "patient.phone"), OLD.index("19900001234", "patient.phone")
    await reading.fetch(_PATIENT, key, number, phone, phone_index)
    index = OLD.index(DOCUMENT, "patient_identifier.value")
    await reading.fetch(_IDENTIFIER, key, OLD.seal(DOCUMENT, "patient_identifier.value"), index)
    await reading.fetch(_ACCOUNT, key, OLD.seal("19900001234", "patient_account.phone"))

    steps: list[str] = []
    assert await rotate_field_keys(lambda name, *_: steps.append(name), batch=2) >= 3
    assert set(steps) == {"patients", "accounts"}

    sealed = await reading.fetch_row(
        "SELECT i.value_sealed, i.value_index, p.phone_sealed, a.phone_sealed AS account_phone "
        "FROM patient_identifier i JOIN patient p ON p.id = i.patient_id "
        "JOIN patient_account a ON a.id = p.id WHERE i.id = $1",
        key,
    )
    assert sealed is not None
    assert NEW.open(sealed["value_sealed"], "patient_identifier.value") == DOCUMENT
    assert NEW.open(sealed["phone_sealed"], "patient.phone") == "19900001234"
    assert NEW.open(sealed["account_phone"], "patient_account.phone") == "19900001234"
    assert sealed["value_index"] == index, "still found by the same index"
    assert await rotate_field_keys() == 0
