"""Who does not come too often cannot book online for a while; it ends by itself, by appeal, or by a person's word."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.ban_commands import AnswerAppeal, AppealBan, LiftBan, MarkMissed, SetBan
from hospital_core.access.scheduling.ban_queries import bans, my_bans
from hospital_core.access.scheduling.commands import BookAppointment, RegisterWalkIn
from hospital_core.access.scheduling.errors import AlreadyAppealed, BanOver, BanOverlaps, BookingBanned
from hospital_core.access.scheduling.planning_commands import AddOn, StopClinic
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import book_in_rush, register_walk_in
from hospital_core.access.scheduling.service.add_on import add_on
from hospital_core.access.scheduling.service.bans import answer_appeal, appeal_ban, lift_ban, set_ban
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.service.missing import due_misses, mark_missed
from hospital_core.access.scheduling.states import BanKind
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.run import run
from hospital_core.registry.patients.commands import MergePatients
from hospital_core.registry.patients.service import merge_patients
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    SYSTEM,
    Person,
    book,
    make_booked,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    make_staff,
    reading,
    rule,
    staff_context,
    state_of,
)
from tests.fixtures.finance import rows, value
from tests.fixtures.registry import make_relation
from tests.fixtures.waiting import let_session_end, miss


async def banned(person: Person) -> Person:
    """A person whom the manager has banned for ten days."""
    await run(SYSTEM, set_ban, SetBan(patient_id=person.patient_id, kind=BanKind.SCALPING, days=10, reason="倒号"))
    return person


async def test_given_a_session_that_is_over_then_who_did_not_come_missed_it_and_who_came_did_not() -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(minutes=30))
    absent, (_, unpaid), came = await make_booked(session=session), (None, None), await make_booked(session=session)
    unpaid = await book(person=await make_person(), session=session)
    await run(SYSTEM, check_in, CheckIn(appointment_id=came[1].id))
    await let_session_end(session.schedule_id)
    assert MarkMissed(schedule_id=session.schedule_id) in await due_misses(reading(SYSTEM))
    for _ in range(2):
        await run(SYSTEM, mark_missed, MarkMissed(schedule_id=session.schedule_id))
    states = [(await state_of(one))[0] for one in (absent[1].id, came[1].id, unpaid.id)]
    assert states == ["noshow", "checked-in", "pending"]
    assert MarkMissed(schedule_id=session.schedule_id) not in await due_misses(reading(SYSTEM))


async def test_given_a_running_session_then_nobody_missed_it_yet() -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(minutes=30))
    _, held = await make_booked(session=session)
    await run(SYSTEM, mark_missed, MarkMissed(schedule_id=session.schedule_id))
    assert (await state_of(held.id))[0] == "booked"


async def test_given_three_misses_then_the_third_bans_online_and_the_window_still_serves() -> None:
    person = await make_person()
    await miss(person)
    await miss(person)
    assert (await my_bans(reading(person.phone))).items == []
    await miss(person)
    (made,) = (await my_bans(reading(person.phone))).items
    assert (made.kind, made.live, made.can_appeal) == (BanKind.NO_SHOW, True, True)
    assert made.ends_at - made.starts_at == timedelta(days=90)
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(hours=1))
    with pytest.raises(BookingBanned) as refused:
        await book(person=person, session=session)
    assert refused.value.fields == {"ban_kind": "no_show", "until": made.ends_at.isoformat()}
    window = RegisterWalkIn(patient_id=person.patient_id, schedule_id=session.schedule_id, tendered_fen=2500)
    assert (await run(await make_registrar(), register_walk_in, window)).appointment.status == "booked"


async def test_given_a_ban_then_the_combined_way_refuses_as_well() -> None:
    person, session = await banned(await make_person()), await make_session(clinic=await make_clinic())
    others = [await make_person() for _ in range(5)]
    answers = await asyncio.gather(
        *(book_in_rush(one.phone, BookAppointment(patient_id=one.patient_id, schedule_id=session.schedule_id))
          for one in (person, *others[:3])),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(answer).__name__ for answer in answers] == ["BookingBanned"] + ["AppointmentView"] * 3


async def test_given_a_ban_then_a_doctor_may_still_add_the_patient() -> None:
    clinic, person = await make_clinic(), await banned(await make_person())
    session = await make_session(clinic=clinic, places=1)
    await make_relation(patient_id=person.patient_id, staff_id=clinic.doctor_id, department_id=clinic.department_id)
    command = AddOn(patient_id=person.patient_id, schedule_id=session.schedule_id)
    assert (await run(clinic.doctor, add_on, command)).status == "pending"


async def test_given_misses_long_ago_then_they_no_longer_count() -> None:
    person = await make_person()
    for _ in range(2):
        held = await miss(person)
        await rows("UPDATE appointment SET starts_at = hospital_now() - interval '91 days' WHERE id = $1 RETURNING id",
                   held.id)  # fmt: skip
    await miss(person)
    assert (await my_bans(reading(person.phone))).items == []


async def test_given_a_ban_that_is_over_then_booking_works_again_and_old_misses_are_paid_for() -> None:
    person = await make_person()
    for _ in range(3):
        await miss(person)
    await rows("UPDATE booking_ban SET starts_at = starts_at - interval '91 days', ends_at = hospital_now() "
               "WHERE patient_id = $1 RETURNING id", person.patient_id)  # fmt: skip
    await book(person=person, session=await make_session(clinic=await make_clinic()))
    await miss(person)
    assert [one.live for one in (await my_bans(reading(person.phone))).items] == [False]


async def test_given_a_stopped_clinic_then_nobody_missed_it() -> None:
    session = await make_session(clinic=await make_clinic(), starts_in=timedelta(hours=3))
    _, held = await make_booked(session=session)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    await let_session_end(session.schedule_id)
    await run(SYSTEM, mark_missed, MarkMissed(schedule_id=session.schedule_id))
    assert (await state_of(held.id))[0] == "booked"


async def test_given_two_last_sessions_swept_at_once_then_there_is_one_ban() -> None:
    person = await make_person()
    await miss(person)
    sessions = [await make_session(clinic=await make_clinic(), starts_in=timedelta(hours=3)) for _ in range(4)]
    for session in sessions:
        await make_booked(session=session, person=person)
        await let_session_end(session.schedule_id)
    await rows("UPDATE appointment SET starts_at = hospital_now() - interval '1 hour' WHERE patient_id = $1 "
               "RETURNING id", person.patient_id)  # fmt: skip
    await asyncio.gather(*(run(SYSTEM, mark_missed, MarkMissed(schedule_id=one.schedule_id)) for one in sessions))
    assert await value("SELECT count(*) FROM booking_ban WHERE patient_id = $1", person.patient_id) == 1


async def test_given_a_live_ban_then_a_second_one_at_the_same_time_is_refused_by_the_database() -> None:
    person = await banned(await make_person())
    with pytest.raises(BanOverlaps):
        await banned(person)


async def test_given_an_appeal_then_it_is_made_once_and_accepting_it_ends_the_ban() -> None:
    person = await banned(await make_person())
    (ban,) = (await my_bans(reading(person.phone))).items
    appeal = AppealBan(ban_id=ban.id, text="当日急诊住院，有病历为证")
    appealed = await run(person.phone, appeal_ban, appeal)
    assert appealed.appeal is not None
    assert (appealed.appeal.status, appealed.can_appeal) == ("open", False)
    with pytest.raises(AlreadyAppealed):
        await run(person.phone, appeal_ban, appeal)
    assert ban.id in [one.id for one in (await bans(reading(SYSTEM), appealed=True)).items]
    answer = AnswerAppeal(ban_id=ban.id, accept=True, answer="情况属实")
    answered = await run(SYSTEM, answer_appeal, answer)
    assert (answered.live, answered.lift_reason) == (False, "情况属实")
    with pytest.raises(StateConflict):
        await run(SYSTEM, answer_appeal, answer)
    await book(person=person, session=await make_session(clinic=await make_clinic()))
    audited = await value("SELECT count(*) FROM audit_row WHERE object_id = $1 AND patient_id = $2",
                          ban.id, person.patient_id)  # fmt: skip
    assert audited == 3


async def test_given_a_refused_appeal_then_the_ban_stands() -> None:
    person = await banned(await make_person())
    (ban,) = (await my_bans(reading(person.phone))).items
    await run(person.phone, appeal_ban, AppealBan(ban_id=ban.id, text="忘记了"))
    refused = await run(SYSTEM, answer_appeal, AnswerAppeal(ban_id=ban.id, accept=False, answer="理由不充分"))
    assert refused.live
    with pytest.raises(BookingBanned):
        await book(person=person, session=await make_session(clinic=await make_clinic()))


async def test_given_another_phone_then_the_ban_does_not_exist_for_it() -> None:
    person, other = await banned(await make_person()), await make_person()
    (ban,) = (await my_bans(reading(person.phone))).items
    with pytest.raises(NotFound):
        await run(other.phone, appeal_ban, AppealBan(ban_id=ban.id, text="不是我"))


async def test_given_a_lifted_ban_then_it_cannot_be_lifted_twice_and_a_nurse_never_can() -> None:
    person = await banned(await make_person())
    (ban,) = (await my_bans(reading(person.phone))).items
    clinic = await make_clinic()
    nurse = staff_context(staff_id=await make_staff(department_id=clinic.department_id), role=StaffRole.NURSE)
    lift = LiftBan(ban_id=ban.id, reason="核实为误判")
    with pytest.raises(Forbidden):
        await run(nurse, lift_ban, lift)
    await run(SYSTEM, lift_ban, lift)
    with pytest.raises(BanOver):
        await run(SYSTEM, lift_ban, lift)
    await book(person=person, session=await make_session(clinic=clinic))


async def test_given_a_ban_on_a_file_that_was_merged_then_the_survivor_is_banned() -> None:
    person, same = await banned(await make_person()), await make_person()
    merge = MergePatients(source_id=person.patient_id, survivor_id=same.patient_id, reason="同一人")
    await run(await make_registrar(), merge_patients, merge)
    with pytest.raises(BookingBanned):
        await book(person=same, session=await make_session(clinic=await make_clinic()))


async def test_given_the_rule_changed_then_one_miss_is_enough() -> None:
    person = await make_person()
    async with rule(RuleCode.NO_SHOW_COUNT, 1), rule(RuleCode.NO_SHOW_BAN_DAYS, 7):
        await miss(person)
    (ban,) = (await my_bans(reading(person.phone))).items
    assert ban.ends_at - ban.starts_at == timedelta(days=7)


async def _objected(person: Person) -> UUID:
    (ban,) = (await my_bans(reading(person.phone))).items
    await run(person.phone, appeal_ban, AppealBan(ban_id=ban.id, text="当日急诊住院"))
    return ban.id


async def test_given_a_ban_that_ended_before_the_answer_then_the_objection_is_found_and_can_be_accepted() -> None:
    person = await banned(await make_person())
    ban_id = await _objected(person)
    await rows("UPDATE booking_ban SET starts_at = starts_at - interval '91 days', ends_at = hospital_now() "
               "WHERE id = $1 RETURNING id", ban_id)  # fmt: skip
    assert ban_id in [one.id for one in (await bans(reading(SYSTEM), appealed=True)).items]
    answered = await run(SYSTEM, answer_appeal, AnswerAppeal(ban_id=ban_id, accept=True, answer="情况属实"))
    assert answered.appeal is not None
    assert (answered.appeal.status, answered.live, answered.lifted_at) == ("accepted", False, None)


async def test_given_a_ban_that_is_lifted_then_the_objection_to_it_is_answered_with_it() -> None:
    person = await banned(await make_person())
    ban_id = await _objected(person)
    lifted = await run(SYSTEM, lift_ban, LiftBan(ban_id=ban_id, reason="核实为误判"))
    assert lifted.appeal is not None
    assert (lifted.appeal.status, lifted.appeal.answer) == ("accepted", "核实为误判")
    assert ban_id not in [one.id for one in (await bans(reading(SYSTEM), appealed=True)).items]
