"""Searching, allergies and key rotation."""

from uuid import UUID

import pytest

from hospital_core.kernel import ports
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.numbers import BarcodeKind, barcode_text
from hospital_core.kernel.run import run
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.registry.patients.commands import AllergyCommand, RecordAllergy, ResealStale
from hospital_core.registry.patients.errors import AllergyKnown, PatientMerged
from hospital_core.registry.patients.queries import patient, patient_names, phone_of, search_patients
from hospital_core.registry.patients.rotation import reseal_stale
from hospital_core.registry.patients.service import (
    inactivate_allergy,
    reactivate_allergy,
    record_allergy,
    strike_allergy,
)
from hospital_core.registry.patients.states import AllergySeverity, AllergyStatus, Sex
from hospital_core.registry.staff.permissions import Permission
from tests.fixtures.keys import TEST_KEYS
from tests.fixtures.registry import make_national_id, make_patient, merge, reading, staff_context

pytestmark = pytest.mark.usefixtures("core")

SYSTEM = system_context()
REGISTRAR = staff_context(Permission.PATIENT_SEARCH)


async def _search(q: str) -> list[UUID]:
    return [view.id for view in await search_patients(reading(REGISTRAR), q)]


async def test_given_whatever_is_typed_then_the_patient_is_found() -> None:
    number = make_national_id()
    patient_id = await make_patient(name="单亚楠楠", document_no=number, phone="19900001234")
    view = await patient(reading(), patient_id)
    label = barcode_text(BarcodeKind.PATIENT, view.patient_no)
    for q in (
        view.patient_no, label, number, number.lower(), f" {number[:6]} {number[6:]}", "19900001234",
        "+86 199-0000-1234", "单亚楠楠", "单亚", "亚楠", "synn", "SYN", "shanyanan",
    ):  # fmt: skip
        assert patient_id in await _search(q), q
    misread = number[:17] + ("1" if number[17] == "0" else "0")
    for q in ("", " ", "%", "_", "s", misread, "19900001235", "单雄", "x" * 500, "'; DROP TABLE patient"):
        assert patient_id not in await _search(q), q


async def test_given_exact_names_then_they_stand_before_longer_ones_and_parts() -> None:
    part = await make_patient(name="赵钱孙乐")
    longer = await make_patient(name="钱孙乐乐")
    exact = await make_patient(name="钱孙乐")
    assert await _search("钱孙乐") == [exact, longer, part]


async def test_given_many_of_one_name_then_fifty_are_shown() -> None:
    for _ in range(52):
        await make_patient(name="万众一")
    assert len(await _search("万众")) == 50


async def test_given_a_merged_file_then_its_survivor_is_found_once() -> None:
    number = make_national_id()
    source = await make_patient(name="费解之", document_no=number)
    survivor = await make_patient(name="费解之")
    await merge(source_id=source, survivor_id=survivor)
    assert await _search("费解之") == [survivor]
    assert await _search(number) == [survivor]


async def test_given_no_right_to_search_then_it_is_refused() -> None:
    with pytest.raises(Forbidden):
        await search_patients(reading(staff_context(Permission.PATIENT_READ)), "张三")


async def test_given_ids_then_names_for_lists_are_found() -> None:
    patient_id = await make_patient(name="吴用")
    assert (await patient_names(reading(), [patient_id]))[patient_id].name == "吴用"
    assert (await patient_names(reading(), [patient_id]))[patient_id].sex is Sex.FEMALE


async def test_given_an_allergy_then_it_is_known_once_and_moves_through_its_states() -> None:
    patient_id = await make_patient()
    command = RecordAllergy(patient_id=patient_id, substance="头孢", severity=AllergySeverity.MODERATE, reaction="皮疹")
    allergy = await run(SYSTEM, record_allergy, command)
    with pytest.raises(AllergyKnown):
        await run(SYSTEM, record_allergy, command)
    move = AllergyCommand(patient_id=patient_id, allergy_id=allergy.id)
    assert (await run(SYSTEM, inactivate_allergy, move)).status is AllergyStatus.INACTIVE
    again = await run(SYSTEM, record_allergy, command)
    with pytest.raises(AllergyKnown):
        await run(SYSTEM, reactivate_allergy, move)
    wrong = AllergyCommand(patient_id=patient_id, allergy_id=again.id)
    await run(SYSTEM, strike_allergy, wrong)
    with pytest.raises(StateConflict):
        await run(SYSTEM, inactivate_allergy, wrong)
    assert (await run(SYSTEM, reactivate_allergy, move)).status is AllergyStatus.ACTIVE
    view = await patient(reading(), patient_id)
    assert [(a.id, a.status) for a in view.allergies] == [(allergy.id, AllergyStatus.ACTIVE)]


async def test_given_an_allergy_then_a_desk_may_add_it_and_only_clinicians_take_it_away() -> None:
    patient_id, desk = await make_patient(), staff_context(Permission.ALLERGY_RECORD)
    command = RecordAllergy(patient_id=patient_id, substance="阿司匹林", severity=AllergySeverity.SEVERE)
    allergy = await run(desk, record_allergy, command)
    move = AllergyCommand(patient_id=patient_id, allergy_id=allergy.id)
    for service in (inactivate_allergy, reactivate_allergy, strike_allergy):
        with pytest.raises(Forbidden):
            await run(desk, service, move)
    with pytest.raises(Forbidden):
        await run(staff_context(Permission.PATIENT_READ), record_allergy, command)
    assert (await run(staff_context(Permission.ALLERGY_JUDGE), strike_allergy, move)).version == 1
    assert (await patient(reading(), patient_id)).allergies == []


async def test_given_an_allergy_of_a_merged_file_then_it_moves_by_the_survivor_and_by_nobody_else() -> None:
    source, survivor, stranger = await make_patient(), await make_patient(), await make_patient()
    command = RecordAllergy(patient_id=source, substance="青霉素", severity=AllergySeverity.MILD)
    allergy = await run(SYSTEM, record_allergy, command)
    await merge(source_id=source, survivor_id=survivor)
    with pytest.raises(PatientMerged):
        await run(SYSTEM, inactivate_allergy, AllergyCommand(patient_id=source, allergy_id=allergy.id))
    with pytest.raises(NotFound):
        await run(SYSTEM, inactivate_allergy, AllergyCommand(patient_id=stranger, allergy_id=allergy.id))
    move = AllergyCommand(patient_id=survivor, allergy_id=allergy.id, version=allergy.version)
    assert (await run(SYSTEM, inactivate_allergy, move)).status is AllergyStatus.INACTIVE
    with pytest.raises(StateConflict):
        await run(SYSTEM, reactivate_allergy, move)


async def test_given_a_new_key_then_old_values_are_sealed_again_and_stay_findable() -> None:
    number = make_national_id()
    older = KeyRing(keys={1: TEST_KEYS.keys[1]}, current=1, index_key=TEST_KEYS.index_key)
    ports.provide(KeyRing, older)
    try:
        patient_id = await make_patient(document_no=number, phone="18800001111")
    finally:
        ports.provide(KeyRing, TEST_KEYS)
    version = await reading().fetch_value("SELECT get_byte(phone_sealed, 0) FROM patient WHERE id = $1", patient_id)
    assert version == 1
    rounds = 0
    while (await run(SYSTEM, reseal_stale, ResealStale(batch=50))).count:
        rounds += 1
        assert rounds < 100
    stale = await reading().fetch_value(
        "SELECT (SELECT count(*) FROM patient WHERE get_byte(phone_sealed, 0) <> 2) "
        "+ (SELECT count(*) FROM patient_identifier WHERE get_byte(value_sealed, 0) <> 2)"
    )
    assert stale == 0
    assert await phone_of(reading(), patient_id) == "18800001111"
    assert await _search(number) == [patient_id]
    assert (await patient(reading(), patient_id)).document_masked.endswith(number[-4:])
