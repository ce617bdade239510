"""Checking in, being called, and never to two rooms."""

import asyncio
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest

from hospital_core.access.queueing.commands import CallNext, CheckIn, TicketCommand, WalkIn
from hospital_core.access.queueing.errors import NoSessionInRoom, RoomAlreadyCalling, RoomAlreadyServing
from hospital_core.access.queueing.queries import (
    area_board,
    doctor_queue,
    place_in_queue,
    rooms_of_department,
    rooms_of_doctor,
    with_ticket,
)
from hospital_core.access.queueing.service import (
    call_next,
    check_in,
    pass_ticket,
    recall,
    register_and_check_in,
    return_ticket,
    start_serving,
)
from hospital_core.access.queueing.statements import CALL_NEXT, TICKET_LIVES
from hospital_core.access.queueing.views import CalledTicket
from hospital_core.access.scheduling.errors import CheckInClosed, NotCheckInAble, SessionStopped
from hospital_core.access.scheduling.queries import appointment, appointments_of_patient_today
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.states import RuleScope, ServiceKind
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.numbers import BarcodeKind, read_barcode
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    book,
    make_booked,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    make_staff,
    make_ticket,
    reading,
    rule,
    staff_context,
    state_of,
)
from tests.fixtures.engines import Engines
from tests.fixtures.finance import forged, rows, value

HALF_AN_HOUR = timedelta(minutes=30)


async def _running(
    *, clinic: Clinic, places: int = 6, starts_in: timedelta = HALF_AN_HOUR,
    service_kind: ServiceKind = ServiceKind.GENERAL,
) -> ScheduleView:  # fmt: skip
    """A session about to begin: patients may book all of it, check in, and be called."""
    return await make_session(clinic=clinic, places=places, starts_in=starts_in, hours=1, service_kind=service_kind)


async def _call(clinic: Clinic) -> CalledTicket | None:
    return (await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))).ticket


async def test_given_a_booked_patient_when_checked_in_at_the_kiosk_then_a_ticket_says_everything() -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await _running(clinic=clinic))
    ticket = await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
    assert (ticket.display_no, ticket.ahead, ticket.status) == ("A001", 0, "waiting")
    assert (ticket.department, ticket.doctor, ticket.patient_name_masked) == ("心血管内科", "王建国", "张*丰")
    barcode = read_barcode(ticket.barcode)
    assert barcode is not None
    assert (barcode.kind, barcode.number) == (BarcodeKind.TICKET, held.appointment_no)
    shown = await with_ticket(reading(person.phone), await appointment(reading(person.phone), held.id))
    assert shown.ticket is not None
    assert (shown.status, shown.ticket.display_no, shown.can_cancel, shown.can_check_in) == (
        "checked-in", "A001", False, False,
    )  # fmt: skip
    place = await place_in_queue(reading(person.phone), held.id)
    assert (place.status, place.ahead, place.topic) == ("waiting", 0, f"queue-area:{clinic.area_id}")


async def test_given_twenty_check_ins_of_one_appointment_then_one_ticket() -> None:
    person, held = await make_booked(session=await _running(clinic=await make_clinic()))
    command = CheckIn(appointment_id=held.id)
    tickets = await asyncio.gather(*(run(person.kiosk, check_in, command) for _ in range(20)))
    assert len({ticket.id for ticket in tickets}) == 1
    assert await value("SELECT count(*) FROM queue_ticket WHERE appointment_id = $1", held.id) == 1


async def test_given_many_check_ins_at_once_then_numbers_follow_each_other() -> None:
    session = await _running(clinic=await make_clinic(), places=20)
    booked = [await make_booked(session=session) for _ in range(20)]
    tickets = await asyncio.gather(*(run(p.kiosk, check_in, CheckIn(appointment_id=h.id)) for p, h in booked))
    assert sorted(ticket.display_no for ticket in tickets) == [f"A{number:03d}" for number in range(1, 21)]


async def test_given_two_departments_in_one_area_then_their_letters_differ() -> None:
    first = await make_clinic()
    second = await make_clinic()
    await rows("UPDATE location SET parent_id = $1 WHERE id = $2 RETURNING id", first.area_id, second.room_id)
    tickets = [await make_ticket(session=await _running(clinic=clinic)) for clinic in (first, second)]
    assert {ticket.display_no for ticket in tickets} == {"A001", "B001"}


async def test_given_the_wrong_time_or_state_then_check_in_says_why() -> None:
    person, tomorrow = await make_booked(session=await make_session(clinic=await make_clinic()))
    with pytest.raises(CheckInClosed) as refused:
        await run(person.kiosk, check_in, CheckIn(appointment_id=tomorrow.id))
    assert "opens_at" in refused.value.fields
    unpaid = await book(person=person, session=await _running(clinic=await make_clinic()))
    with pytest.raises(NotCheckInAble):
        await run(person.kiosk, check_in, CheckIn(appointment_id=unpaid.id))
    with pytest.raises(NotFound):
        await run((await make_person()).kiosk, check_in, CheckIn(appointment_id=unpaid.id))
    with pytest.raises(Forbidden):
        await run(
            person.kiosk, check_in, CheckIn.model_validate({"appointment_id": unpaid.id, "priority": "emergency"})
        )
    _, over = await make_booked(session=await _running(clinic=await make_clinic()))
    await rows(
        "UPDATE schedule SET starts_at = starts_at - interval '1 day', ends_at = ends_at - interval '1 day' "
        "WHERE id = (SELECT schedule_id FROM appointment WHERE id = $1) RETURNING id",
        over.id,
    )
    with pytest.raises(CheckInClosed):
        await run(SYSTEM, check_in, CheckIn(appointment_id=over.id))


async def test_given_a_kiosk_then_it_lists_what_its_patient_can_check_in_for() -> None:
    person, held = await make_booked(session=await _running(clinic=await make_clinic()))
    items = (await appointments_of_patient_today(reading(person.kiosk), person.patient_id)).items
    assert [(item.id, item.can_check_in) for item in items] == [(held.id, True)]
    with pytest.raises(NotFound):
        await appointments_of_patient_today(reading((await make_person()).kiosk), person.patient_id)


async def test_given_the_rule_of_a_department_then_check_in_opens_when_it_says() -> None:
    clinic = await make_clinic()
    person, held = await make_booked(session=await _running(clinic=clinic, starts_in=timedelta(minutes=90)))
    shown = await appointment(reading(person.phone), held.id)
    assert (shown.can_check_in, shown.check_in_opens_at) == (True, shown.starts_at - timedelta(minutes=120))
    scope = {"scope": RuleScope.DEPARTMENT, "key": str(clinic.department_id)}
    async with rule(RuleCode.CHECK_IN_OPENS_MINUTES, 30, **scope):
        shown = await appointment(reading(person.phone), held.id)
        assert (shown.can_check_in, shown.check_in_opens_at) == (False, shown.starts_at - timedelta(minutes=30))
        with pytest.raises(CheckInClosed) as refused:
            await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
        assert refused.value.fields["opens_at"] == shown.check_in_opens_at.isoformat()
    assert (await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))).status == "waiting"


async def test_given_early_late_and_emergency_patients_then_the_order_is_as_documented() -> None:
    clinic = await make_clinic()
    session = await _running(clinic=clinic, places=8)
    on_time = [await make_ticket(session=session) for _ in range(2)]
    late = await make_ticket(session=session)
    await rows(
        "UPDATE queue_ticket SET order_at = $2 WHERE id = $1 RETURNING id", late.id,
        session.starts_at + timedelta(minutes=20),
    )  # fmt: skip
    elderly = await make_ticket(session=session, priority="elderly")
    emergency = await make_ticket(session=session, priority="emergency")
    board = await area_board(reading(SYSTEM), clinic.area_id)
    expected = [emergency.id, elderly.id, on_time[0].id, on_time[1].id, late.id]
    assert [ticket.id for ticket in board.tickets] == expected
    waiting = (await doctor_queue(reading(clinic.doctor), clinic.doctor_id)).waiting
    assert [row.ticket_id for row in waiting] == expected
    assert (await place_in_queue(reading(SYSTEM), late.appointment_id)).ahead == 4
    called = []
    for _ in expected:
        ticket = await _call(clinic)
        assert ticket is not None
        called.append(ticket.id)
        await run(clinic.doctor, pass_ticket, TicketCommand(ticket_id=ticket.id))
    assert called == expected
    assert await _call(clinic) is None


async def test_given_a_late_arrival_then_it_stands_by_arrival_not_by_its_appointed_time() -> None:
    session = await _running(clinic=await make_clinic())
    _, held = await make_booked(session=session)
    await rows(
        "UPDATE appointment SET starts_at = hospital_now() - interval '10 minutes' WHERE id = $1 RETURNING id", held.id
    )
    ticket = await run(SYSTEM, check_in, CheckIn(appointment_id=held.id))
    assert await value("SELECT order_at FROM queue_ticket WHERE id = $1", ticket.id) == ticket.checked_in_at
    on_time = await make_ticket(session=session)
    assert await value("SELECT order_at FROM queue_ticket WHERE id = $1", on_time.id) > on_time.checked_in_at


async def test_given_a_called_patient_then_recall_pass_and_return_do_what_they_say() -> None:
    clinic = await make_clinic()
    ticket = await make_ticket(session=await _running(clinic=clinic))
    called = await _call(clinic)
    assert called is not None
    assert (called.id, called.status, called.call_count, called.name) == (ticket.id, "called", 1, "张三丰")
    command = TicketCommand(ticket_id=ticket.id)
    again = (await run(clinic.doctor, recall, command)).ticket
    assert again is not None
    assert again.call_count == 2
    await run(clinic.doctor, pass_ticket, command)
    with pytest.raises(StateConflict):
        await run(clinic.doctor, recall, command)
    assert await _call(clinic) is None, "who was passed is not called by itself"
    await run(clinic.doctor, return_ticket, command)
    assert (await _call(clinic) or again).id == ticket.id
    with pytest.raises(StateConflict):
        await run(clinic.doctor, return_ticket, command)


async def test_given_a_room_that_calls_or_serves_then_it_is_told_to_finish_first() -> None:
    clinic = await make_clinic()
    session = await _running(clinic=clinic)
    for _ in range(3):
        await make_ticket(session=session)
    first = await _call(clinic)
    assert first is not None
    with pytest.raises(RoomAlreadyCalling):
        await _call(clinic)
    await run(clinic.doctor, forged(lambda uow: start_serving(uow, first.id)), None)
    second = await _call(clinic)
    assert second is not None, "the next may be called while one is being seen"
    with pytest.raises(RoomAlreadyServing):
        await run(clinic.doctor, forged(lambda uow: start_serving(uow, second.id)), None)


async def test_given_who_may_call_then_others_may_not() -> None:
    clinic = await make_clinic()
    colleague = await make_clinic(beside=clinic)
    stranger = await make_clinic()
    ticket = await make_ticket(session=await _running(clinic=clinic))
    command = CallNext(room_id=clinic.room_id)
    with pytest.raises(NoSessionInRoom):
        await run(colleague.doctor, call_next, CallNext(room_id=colleague.room_id))
    for other in (colleague.doctor, stranger.doctor, await make_registrar(), (await make_person()).phone):
        with pytest.raises(Forbidden):
            await run(other, call_next, command)
        with pytest.raises(Forbidden):
            await run(other, pass_ticket, TicketCommand(ticket_id=ticket.id))
    nurse = staff_context(staff_id=await make_staff(department_id=clinic.department_id), role=StaffRole.NURSE)
    called = (await run(nurse, call_next, command)).ticket
    assert called is not None
    assert called.id == ticket.id
    with pytest.raises(Forbidden):
        await run(nurse, forged(lambda uow: start_serving(uow, ticket.id)), None)
    elsewhere = staff_context(staff_id=await make_staff(department_id=stranger.department_id), role=StaffRole.NURSE)
    with pytest.raises(Forbidden):
        await run(elsewhere, recall, TicketCommand(ticket_id=ticket.id))


async def test_given_a_doctor_then_own_rooms_and_the_departments_rooms_are_found() -> None:
    clinic = await make_clinic()
    await _running(clinic=clinic, starts_in=timedelta(minutes=10))
    (mine,) = (await rooms_of_doctor(reading(clinic.doctor), clinic.doctor_id)).items
    assert (mine.room_id, mine.area_id) == (clinic.room_id, clinic.area_id)
    assert [r.room_id for r in (await rooms_of_department(reading(SYSTEM), clinic.department_id)).items] == [
        mine.room_id
    ]


async def test_given_a_patient_with_two_tickets_then_the_second_room_passes_over_them() -> None:
    first, second = await make_clinic(), await make_clinic()
    person = await make_person()
    await make_ticket(session=await _running(clinic=first), person=person)
    here = await _running(clinic=second)
    theirs = await make_ticket(session=here, person=person)
    other = await make_ticket(session=here)
    assert await _call(first) is not None
    called = await _call(second)
    assert called is not None
    assert called.id == other.id
    assert await value("SELECT status FROM queue_ticket WHERE id = $1", theirs.id) == "waiting"


async def test_given_one_patient_waiting_in_twelve_places_then_one_of_twelve_simultaneous_calls_gets_them() -> None:
    person, clinics = await make_person(), [await make_clinic() for _ in range(12)]
    async with rule(RuleCode.PATIENT_BOOKINGS_PER_DAY, 12), rule(RuleCode.ACCOUNT_BOOKINGS_PER_DAY, 12):
        for clinic in clinics:
            await make_ticket(session=await _running(clinic=clinic), person=person)
    answers = await asyncio.gather(*(_call(clinic) for clinic in clinics), return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"CalledTicket": 1, "NoneType": 11}


async def test_without_the_index_one_patient_is_called_to_several_rooms(core: Engines) -> None:
    """The control: looking first is not enough, the index decides. It comes back whatever happens."""
    person, clinics = await make_person(), [await make_clinic() for _ in range(3)]
    for clinic in clinics:
        await make_ticket(session=await _running(clinic=clinic), person=person)
    everybody_looked = asyncio.Barrier(3)

    async def call_in_one_snapshot(clinic: Clinic) -> object:
        async with pooled_connection() as connection, connection.transaction(isolation="repeatable_read"):
            moment = await connection.fetchval("SELECT hospital_now()")
            await everybody_looked.wait()
            return await connection.fetchval(
                CALL_NEXT, clinic.room_id, clinic.doctor_id, clinic.department_id, clinic.area_id, False, moment,
                TICKET_LIVES,
            )  # fmt: skip

    owner = await asyncpg.connect(core.owner)
    index = await owner.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = 'patient_in_one_room'")
    await owner.execute("DROP INDEX patient_in_one_room")
    try:
        called = await asyncio.gather(*(call_in_one_snapshot(clinic) for clinic in clinics))
        assert None not in called, "all three rooms called the one patient"
    finally:
        await owner.execute("UPDATE queue_ticket SET status = 'passed' WHERE patient_id = $1", person.patient_id)
        await owner.execute(index)
        await owner.close()


async def test_given_fifty_doctors_who_call_from_one_queue_then_nobody_is_called_twice_or_lost() -> None:
    home = await make_clinic(kind="emergency")
    clinics = [home, *[await make_clinic(beside=home) for _ in range(49)]]
    registrar, sessions = await make_registrar(), []
    for clinic in clinics:
        sessions.append(await _running(clinic=clinic, places=2, service_kind=ServiceKind.EMERGENCY))
    tickets = []
    for session in sessions[:40]:
        command = WalkIn(
            patient_id=(await make_person()).patient_id, schedule_id=session.schedule_id, tendered_fen=2500
        )
        tickets.append((await run(registrar, register_and_check_in, command)).ticket.id)
    answers = await asyncio.gather(*(_call(clinic) for clinic in clinics))
    called = [answer.id for answer in answers if answer is not None]
    assert sorted(called) == sorted(tickets), "forty waited: each is in exactly one room"
    assert answers.count(None) == 10
    placed = await rows("SELECT room_id FROM queue_ticket WHERE id = ANY($1::uuid[])", tickets)
    assert len({row["room_id"] for row in placed}) == 40


async def test_given_a_shared_ticket_that_was_passed_then_any_doctor_may_call_it_again() -> None:
    home = await make_clinic(kind="emergency")
    beside = await make_clinic(beside=home)
    registrar = await make_registrar()
    session = await _running(clinic=home, service_kind=ServiceKind.EMERGENCY)
    await _running(clinic=beside, service_kind=ServiceKind.EMERGENCY)
    command = WalkIn.model_validate(
        {"patient_id": (await make_person()).patient_id, "schedule_id": session.schedule_id, "tendered_fen": 3000,
         "priority": "emergency"}
    )  # fmt: skip
    sold = await run(registrar, register_and_check_in, command)
    assert (sold.change_fen, sold.ticket.priority, sold.ticket.doctor) == (500, "emergency", None)
    assert [r.ticket_id for r in (await doctor_queue(reading(beside.doctor), beside.doctor_id)).waiting] == [
        sold.ticket.id
    ]
    assert await _call(home) is not None
    await run(home.doctor, pass_ticket, TicketCommand(ticket_id=sold.ticket.id))
    await run(home.doctor, return_ticket, TicketCommand(ticket_id=sold.ticket.id))
    again = await _call(beside)
    assert again is not None
    assert again.id == sold.ticket.id


async def test_given_a_department_that_shows_numbers_only_then_no_name_leaves_for_its_screens() -> None:
    clinic = await make_clinic(number_only=True)
    await make_ticket(session=await _running(clinic=clinic))
    board = await area_board(reading(SYSTEM), clinic.area_id)
    assert [(ticket.display_no, ticket.name) for ticket in board.tickets] == [("A001", "")]
    changes = await rows("SELECT data FROM live_change WHERE topic = $1", f"queue-area:{clinic.area_id}")
    assert len(changes) == 1
    assert "张" not in changes[0]["data"]


async def test_given_names_on_screen_then_they_are_masked_there_too() -> None:
    clinic = await make_clinic()
    await make_ticket(session=await _running(clinic=clinic), name="欧阳雪")
    (change,) = await rows("SELECT data FROM live_change WHERE topic = $1", f"queue-area:{clinic.area_id}")
    assert "欧阳*" in change["data"]
    assert "欧阳雪" not in change["data"]


async def test_given_a_clinic_that_is_just_being_stopped_then_nobody_signs_in_beside_it() -> None:
    person, held = await make_booked(session=await _running(clinic=await make_clinic()))
    async with pooled_connection() as connection:
        stopping = connection.transaction()
        await stopping.start()
        await connection.execute(
            "UPDATE slot SET status = 'closed' WHERE id = (SELECT slot_id FROM appointment WHERE id = $1)", held.id
        )
        arriving = asyncio.create_task(run(person.kiosk, check_in, CheckIn(appointment_id=held.id)))
        done, _ = await asyncio.wait([arriving], timeout=0.5)
        assert not done, "who stops a clinic is waited for"
        await stopping.commit()
    with pytest.raises(SessionStopped):
        await arriving
    assert await state_of(held.id) == ("booked", "paid")
