"""Who may know which patient, and the emergency look."""

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from hospital_core.kernel.context import ANONYMOUS, Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.commands import BreakGlassCommand, ReviewBreakGlass
from hospital_core.registry.care_relations.errors import BreakGlassReviewed, BreakGlassTooLong, OwnBreakGlass
from hospital_core.registry.care_relations.queries import open_break_glasses, permitted_file, permitted_patient
from hospital_core.registry.care_relations.service import break_glass, end_relation, review_break_glass
from hospital_core.registry.care_relations.states import Basis, BreakGlassVerdict
from hospital_core.registry.patients.errors import PatientMerged
from hospital_core.registry.staff.permissions import Permission
from tests.fixtures.registry import (
    account_context,
    make_account,
    make_department,
    make_link,
    make_patient,
    make_relation,
    make_staff,
    merge,
    reading,
    staff_context,
)

pytestmark = pytest.mark.usefixtures("core")

REVIEWER = staff_context(Permission.BREAK_GLASS_REVIEW)


async def _sees(ctx: Context, patient_id: UUID) -> bool:
    try:
        permitted = await permitted_patient(reading(ctx), patient_id)
    except NotFound:
        return False
    return permitted.patient_id == patient_id


async def test_given_a_proven_link_then_the_account_sees_everything() -> None:
    patient_id, account_id = await make_patient(), await make_account()
    ctx = account_context(account_id)
    assert not await _sees(ctx, patient_id)
    await make_link(account_id=account_id, patient_id=patient_id)
    permitted = await permitted_patient(reading(ctx), patient_id)
    assert (permitted.since, permitted.proven, permitted.basis) == (None, True, Basis.ACCOUNT_LINK)
    assert (await permitted_file(reading(ctx), patient_id)).id == patient_id
    assert not await _sees(account_context(await make_account()), patient_id)


async def test_given_an_unproven_link_then_nothing_older_than_it_is_shown() -> None:
    patient_id, account_id = await make_patient(), await make_account()
    linked_at = await make_link(account_id=account_id, patient_id=patient_id, proven=False)
    ctx = account_context(account_id)
    permitted = await permitted_patient(reading(ctx), patient_id)
    assert (permitted.since, permitted.proven) == (linked_at, False)
    with pytest.raises(NotFound):
        await permitted_file(reading(ctx), patient_id)


async def test_given_a_revoked_link_then_the_account_sees_nothing() -> None:
    patient_id, account_id = await make_patient(), await make_account()
    await make_link(account_id=account_id, patient_id=patient_id)
    await reading().fetch("UPDATE account_link SET status = 'revoked' WHERE account_id = $1 RETURNING 1", account_id)
    assert not await _sees(account_context(account_id), patient_id)


async def test_given_a_link_to_one_file_of_a_merged_person_then_all_of_them_are_theirs() -> None:
    source, survivor, account_id = await make_patient(), await make_patient(), await make_account()
    await make_link(account_id=account_id, patient_id=survivor, proven=False, place=1)
    await make_link(account_id=account_id, patient_id=source, place=2)
    ctx = account_context(account_id)
    assert not (await permitted_patient(reading(ctx), survivor)).proven
    await merge(source_id=source, survivor_id=survivor)
    assert (await permitted_patient(reading(ctx), survivor)).proven


async def test_given_a_kiosk_session_then_it_sees_its_one_patient() -> None:
    patient_id, other = await make_patient(), await make_patient()
    ctx = Context(Actor(ActorKind.KIOSK_SESSION, new_id(), device_id=new_id(), patient_id=patient_id))
    assert await _sees(ctx, patient_id)
    assert not await _sees(ctx, other)


async def test_given_a_relation_then_its_doctor_and_department_see_the_patient_while_it_lasts() -> None:
    department, elsewhere = await make_department(), await make_department()
    doctor, colleague = await make_staff(department_id=department.id), await make_staff(department_id=department.id)
    visiting, stranger = await make_staff(department_id=elsewhere.id), await make_staff(department_id=elsewhere.id)
    patient_id = await make_patient()
    source = await make_relation(patient_id=patient_id, department_id=department.id, staff_id=doctor)
    await make_relation(patient_id=patient_id, department_id=(await make_department()).id, staff_id=visiting)
    seen = {
        who: await _sees(staff_context(staff_id=who), patient_id) for who in (doctor, colleague, visiting, stranger)
    }
    assert seen == {doctor: True, colleague: True, visiting: True, stranger: False}

    async def cancel(uow: UnitOfWork, _: None) -> None:
        await end_relation(uow, "test", source)

    await run(system_context(), cancel, None)
    assert not await _sees(staff_context(staff_id=doctor), patient_id)


@pytest.mark.parametrize(("begins", "ends"), [(1, 2), (-2, -1)])
async def test_given_a_relation_of_another_time_then_it_shows_nothing(begins: int, ends: int) -> None:
    department = await make_department()
    doctor, patient_id = await make_staff(department_id=department.id), await make_patient()
    await make_relation(
        patient_id=patient_id, department_id=department.id, staff_id=doctor,
        begins=timedelta(hours=begins), ends=timedelta(hours=ends),
    )  # fmt: skip
    assert not await _sees(staff_context(staff_id=doctor), patient_id)


async def test_given_one_source_twice_then_one_relation_with_the_later_times() -> None:
    department = await make_department()
    doctor, patient_id = await make_staff(department_id=department.id), await make_patient()
    source = await make_relation(patient_id=patient_id, department_id=department.id, staff_id=doctor)
    await make_relation(
        patient_id=patient_id, department_id=department.id, staff_id=doctor, source_id=source,
        begins=timedelta(hours=5), ends=timedelta(hours=6),
    )  # fmt: skip
    assert await reading().fetch_value("SELECT count(*) FROM care_relation WHERE source_id = $1", source) == 1
    assert not await _sees(staff_context(staff_id=doctor), patient_id)


async def test_given_other_actors_then_only_searchers_and_the_system_see_everybody() -> None:
    patient_id = await make_patient()
    assert await _sees(system_context(), patient_id)
    assert await _sees(staff_context(Permission.PATIENT_SEARCH), patient_id)
    assert not await _sees(staff_context(Permission.PATIENT_READ), patient_id)
    assert not await _sees(Context(Actor(ActorKind.DEVICE, new_id())), patient_id)
    assert not await _sees(Context(ANONYMOUS), patient_id)
    for ctx in (system_context(), staff_context(Permission.PATIENT_SEARCH)):
        assert not await _sees(ctx, new_id())


async def test_given_an_emergency_then_one_patient_is_open_to_one_person_and_it_is_in_the_audit() -> None:
    doctor, patient_id, other = await make_staff(), await make_patient(), await make_patient()
    ctx = staff_context(Permission.BREAK_GLASS_OPEN, staff_id=doctor)
    command = BreakGlassCommand(patient_id=patient_id, reason="昏迷患者张三急救")
    look = await run(ctx, break_glass, command)
    assert look.ends_at - look.opened_at == timedelta(minutes=30)
    assert (await permitted_patient(reading(ctx), patient_id)).basis is Basis.BREAK_GLASS
    assert not await _sees(ctx, other)
    assert not await _sees(staff_context(staff_id=await make_staff()), patient_id)
    (line,) = await reading().fetch("SELECT a.*, a::text AS line FROM audit_row a WHERE object_id = $1", look.id)
    assert (line["action"], line["patient_id"], line["actor_id"]) == ("care_relations.break_glass", patient_id, doctor)
    assert "昏迷" not in line["line"]


async def test_given_an_emergency_look_that_ended_then_the_file_is_closed_and_still_waits_for_review() -> None:
    doctor, patient_id = await make_staff(), await make_patient()
    ctx = staff_context(Permission.BREAK_GLASS_OPEN, staff_id=doctor)
    look = await run(ctx, break_glass, BreakGlassCommand(patient_id=patient_id, reason="抢救病人"))
    await reading().fetch(
        "UPDATE break_glass SET opened_at = opened_at - interval '1 hour', ends_at = ends_at - interval '1 hour' "
        "WHERE id = $1 RETURNING 1",
        look.id,
    )
    assert not await _sees(ctx, patient_id)
    assert look.id in [row.id for row in await open_break_glasses(reading())]


async def test_given_a_review_then_it_is_by_another_and_once() -> None:
    doctor, patient_id = await make_staff(), await make_patient()
    rights = (Permission.BREAK_GLASS_OPEN, Permission.BREAK_GLASS_REVIEW)
    ctx = staff_context(*rights, staff_id=doctor)
    look = await run(ctx, break_glass, BreakGlassCommand(patient_id=patient_id, reason="抢救病人"))
    review = ReviewBreakGlass(break_glass_id=look.id, verdict=BreakGlassVerdict.JUSTIFIED)
    with pytest.raises(OwnBreakGlass):
        await run(ctx, review_break_glass, review)
    with pytest.raises(Forbidden):
        await run(staff_context(Permission.BREAK_GLASS_OPEN), review_break_glass, review)
    await run(REVIEWER, review_break_glass, review)
    with pytest.raises(BreakGlassReviewed):
        await run(REVIEWER, review_break_glass, review)
    with pytest.raises(NotFound):
        await run(REVIEWER, review_break_glass, review.model_copy(update={"break_glass_id": new_id()}))
    assert look.id not in [row.id for row in await open_break_glasses(reading())]


async def test_given_no_right_no_patient_or_a_merged_file_then_no_glass_is_broken() -> None:
    doctor, patient_id, survivor = await make_staff(), await make_patient(), await make_patient()
    ctx = staff_context(Permission.BREAK_GLASS_OPEN, staff_id=doctor)
    command = BreakGlassCommand(patient_id=patient_id, reason="抢救病人")
    for actor in (staff_context(Permission.PATIENT_READ, staff_id=doctor), system_context(), account_context(new_id())):
        with pytest.raises(Forbidden):
            await run(actor, break_glass, command)
    with pytest.raises(NotFound):
        await run(ctx, break_glass, BreakGlassCommand(patient_id=new_id(), reason="抢救病人"))
    await merge(source_id=patient_id, survivor_id=survivor)
    with pytest.raises(PatientMerged):
        await run(ctx, break_glass, command)
    with pytest.raises(ValidationError):
        BreakGlassCommand(patient_id=patient_id, reason=" 抢救 ")
    assert await reading().fetch_value("SELECT count(*) FROM break_glass WHERE patient_id = $1", patient_id) == 0


async def test_given_a_longer_look_then_the_database_refuses_it() -> None:
    doctor, patient_id = await make_staff(), await make_patient()

    async def cheat(uow: UnitOfWork, _: None) -> None:
        await uow.execute(
            "INSERT INTO break_glass (id, patient_id, staff_id, reason, opened_at, ends_at) "
            "VALUES ($1, $2, $3, '抢救病人', $4, $4::timestamptz + interval '31 minutes')",
            new_id(), patient_id, doctor, uow.now,
        )  # fmt: skip

    with pytest.raises(BreakGlassTooLong):
        await run(system_context(), cheat, None)
