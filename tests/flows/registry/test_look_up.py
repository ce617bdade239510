"""Looking up whose number this is before an emergency look: exact, masked, rationed."""

from typing import Any
from uuid import UUID

import pytest

from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import Forbidden
from hospital_core.kernel.numbers import BarcodeKind, barcode_text
from hospital_core.kernel.run import run
from hospital_core.registry.care_relations.commands import BreakGlassCommand, LookUpPatient
from hospital_core.registry.care_relations.service import LOOK_UP, break_glass, look_up_patient
from hospital_core.registry.care_relations.views import RecognisedPatient
from hospital_core.registry.patients.queries import patient
from hospital_core.registry.patients.states import Sex
from hospital_core.registry.staff.permissions import Permission
from tests.fixtures.registry import (
    make_department,
    make_national_id,
    make_patient,
    make_relation,
    make_staff,
    make_temporary_patient,
    merge,
    reading,
    staff_context,
)

pytestmark = pytest.mark.usefixtures("core")


async def _doctor(department_id: UUID | None = None) -> Any:
    return staff_context(Permission.BREAK_GLASS_OPEN, staff_id=await make_staff(department_id=department_id))


async def _look_up(ctx: Any, number: str) -> list[RecognisedPatient]:
    return (await run(ctx, look_up_patient, LookUpPatient(number=number))).items


async def _spent(ctx: Any) -> int:
    spent: int | None = await reading().fetch_value(
        "SELECT failures FROM attempt_limit WHERE purpose = $1 AND subject = $2", LOOK_UP.name, str(ctx.actor.id)
    )
    return spent or 0


async def test_given_an_exact_number_then_the_patient_is_recognised_and_no_more() -> None:
    document_no, doctor = make_national_id(), await _doctor()
    patient_id = await make_patient(name="欧阳小雪", document_no=document_no, phone="18712345678")
    patient_no = (await patient(reading(), patient_id)).patient_no
    label = barcode_text(BarcodeKind.PATIENT, patient_no)
    for number in (patient_no, label, label.lower(), document_no, f" {document_no[:6]} {document_no[6:]} "):
        (found,) = await _look_up(doctor, number)
        assert (found.patient_id, found.name_masked, found.permitted) == (patient_id, "欧阳*雪", False), number
        assert (found.sex, set(RecognisedPatient.model_fields)) == (
            Sex.FEMALE, {"patient_id", "name_masked", "sex", "age", "permitted"},
        )  # fmt: skip
    for guess in ("欧阳小雪", "oyxx", "18712345678", patient_no[:-1], document_no[:-1], "%", "S1.A.B", "9" * 60):
        assert await _look_up(doctor, guess) == [], guess


async def test_given_no_document_or_a_merged_file_then_the_number_still_names_who_stands_for_it() -> None:
    doctor, nameless, survivor = await _doctor(), await make_temporary_patient(), await make_patient()
    patient_no = (await patient(reading(), nameless)).patient_no
    assert [(one.patient_id, one.age) for one in await _look_up(doctor, patient_no)] == [(nameless, "年龄不详")]
    await merge(source_id=nameless, survivor_id=survivor)
    assert [one.patient_id for one in await _look_up(doctor, patient_no)] == [survivor]


async def test_given_ones_own_patient_then_the_file_is_open_and_nothing_is_spent() -> None:
    department, document_no = await make_department(), make_national_id()
    doctor, patient_id = await _doctor(department.id), await make_patient(document_no=document_no)
    assert [one.permitted for one in await _look_up(doctor, document_no)] == [False]
    assert await _spent(doctor) == 1
    await run(doctor, break_glass, BreakGlassCommand(patient_id=patient_id, reason="抢救病人"))
    assert [one.permitted for one in await _look_up(doctor, document_no)] == [True]
    treated = make_national_id()
    await make_relation(patient_id=await make_patient(document_no=treated), department_id=department.id)
    assert [one.permitted for one in await _look_up(doctor, treated)] == [True]
    assert await _spent(doctor) == 1


async def test_given_somebody_leafing_through_the_numbers_then_hits_count_like_misses_and_it_ends() -> None:
    doctor, colleague, document_no = await _doctor(), await _doctor(), make_national_id()
    await make_patient(document_no=document_no)
    for _ in range(LOOK_UP.failures_max // 2):
        assert len(await _look_up(doctor, document_no)) == 1
        assert await _look_up(doctor, make_national_id()) == []
    for number in (document_no, make_national_id()):
        with pytest.raises(TooManyAttempts):
            await _look_up(doctor, number)
    assert len(await _look_up(colleague, document_no)) == 1


async def test_given_a_look_up_then_the_trail_names_the_patient_and_never_the_number() -> None:
    doctor, document_no = await _doctor(), make_national_id()
    patient_id = await make_patient(document_no=document_no)
    await _look_up(doctor, document_no)
    await _look_up(doctor, make_national_id())
    lines = await reading().fetch(
        "SELECT a.patient_id, a.object_id, a::text AS line FROM audit_row a WHERE actor_id = $1 AND action = $2 "
        "ORDER BY a.id",
        doctor.actor.id, "care_relations.look_up_patient",
    )  # fmt: skip
    assert [(line["patient_id"], line["object_id"]) for line in lines] == [(patient_id, patient_id), (None, None)]
    assert document_no not in lines[0]["line"]


async def test_given_one_number_on_two_documents_then_both_are_named_and_both_are_in_the_trail() -> None:
    doctor, number = await _doctor(), f"E{make_national_id()[-10:-1]}"
    one, two = [
        await make_patient(name="丁一", document_kind=kind, document_no=number, birth_date="1990-03-07", sex="male")
        for kind in ("passport", "birth_certificate")
    ]
    assert {found.patient_id for found in await _look_up(doctor, number)} == {one, two}
    seen = await reading().fetch("SELECT patient_id FROM audit_row WHERE actor_id = $1", doctor.actor.id)
    assert {row["patient_id"] for row in seen} == {one, two}


async def test_given_no_right_to_break_the_glass_then_nobody_is_looked_up() -> None:
    for ctx in (staff_context(Permission.PATIENT_READ, staff_id=await make_staff()), system_context()):
        with pytest.raises(Forbidden):
            await _look_up(ctx, make_national_id())
