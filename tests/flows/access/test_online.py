"""Online follow-up visits: only after a visit in person, signed in to at home, seen in a room of one's own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from backend.video import JitsiRooms
from hospital_core.access.queueing.commands import (
    CallNext,
    CheckIn,
    CheckInByPhone,
    CheckInOnline,
    TicketCommand,
    WalkIn,
)
from hospital_core.access.queueing.errors import NotCalledYet, VideoVisitOver
from hospital_core.access.queueing.ports import VideoRooms
from hospital_core.access.queueing.presence import check_in_by_phone
from hospital_core.access.queueing.queries import area_board, doctor_queue, topic_of
from hospital_core.access.queueing.service import (
    call_next,
    check_in,
    check_in_online,
    finish_serving,
    pass_ticket,
    recall,
    register_and_check_in,
    return_ticket,
    start_serving,
)
from hospital_core.access.queueing.video import room_of_doctor, room_of_patient
from hospital_core.access.scheduling.commands import BookAppointment, RescheduleAppointment
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.errors import (
    CheckInClosed,
    MoveElsewhere,
    NothingToWaitFor,
    OnlineAccountNeeded,
    OnlineByPhone,
    OnlineFirstVisit,
    OnlineVisit,
    VisitInPerson,
)
from hospital_core.access.scheduling.move_queries import move_options
from hospital_core.access.scheduling.queries import appointment, appointment_qr_of, bookable_doctors, slots
from hospital_core.access.scheduling.rules import RuleCode
from hospital_core.access.scheduling.service import book_appointment, book_in_rush, reschedule_appointment
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.service.waitlist import join_waitlist
from hospital_core.access.scheduling.states import RuleScope
from hospital_core.access.scheduling.waitlist_commands import JoinWaitlist, ServeLine
from hospital_core.access.scheduling.waitlist_queries import due_lines, waitlist_entry
from hospital_core.exchange.notifications.queries import inbox
from hospital_core.kernel import live, ports, relay
from hospital_core.kernel.errors import Forbidden, NotFound, OutsideUnavailable
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import (
    SYSTEM,
    FakeMessenger,
    book,
    make_booked,
    make_clinic,
    make_person,
    make_registrar,
    make_session,
    make_staff,
    make_ticket,
    now,
    reading,
    rule,
    staff_context,
    state_of,
)
from tests.fixtures.finance import forged, rows
from tests.fixtures.online import make_online_session, make_online_visitor, make_seen, seat_of, sign_in, video_settings
from tests.fixtures.waiting import let_session_end, line_up, make_full_session

DAYS_AHEAD = timedelta(days=3)


@pytest.fixture(autouse=True)
def video() -> Iterator[None]:
    """A video server that is never called: its addresses carry their own proof."""
    ports.provide(VideoRooms, JitsiRooms(video_settings()))
    yield
    ports._adapters.pop(VideoRooms)


# -- who may book


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a rush"])
async def test_given_a_first_visit_then_booking_online_is_refused_and_after_a_visit_in_person_it_is_not(
    together: bool,
) -> None:
    clinic, stranger = await make_clinic(), await make_person()
    session = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD)
    wish = BookAppointment(patient_id=stranger.patient_id, schedule_id=session.schedule_id)

    async def booked() -> str:
        made = await (book_in_rush(stranger.phone, wish) if together else run(stranger.phone, book_appointment, wish))
        return str(made.service_kind)

    with pytest.raises(OnlineFirstVisit) as refused:
        await booked()
    counted = await rows("SELECT 1 FROM booking_count WHERE subject_id = $1", stranger.patient_id)
    assert (refused.value.fields, counted) == ({"days": 180}, [])
    await make_seen(clinic=clinic, person=stranger)
    assert await booked() == "online"


async def test_given_visits_elsewhere_online_or_too_long_ago_then_they_do_not_count() -> None:
    clinic, session_in = await make_clinic(), DAYS_AHEAD
    session = await make_online_session(clinic=clinic, starts_in=session_in, places=8)
    elsewhere = await make_seen(clinic=await make_clinic())
    online_only = await make_seen(clinic=clinic, kind="online")
    long_ago = await make_seen(clinic=clinic, ago=timedelta(days=178))
    for person in (elsewhere, online_only, long_ago):
        with pytest.raises(OnlineFirstVisit):
            await book(person=person, session=session)
    recent = await make_seen(clinic=clinic, ago=timedelta(days=176))
    assert (await book(person=recent, session=session)).service_kind == "online"
    async with rule(RuleCode.ONLINE_REVISIT_DAYS, 365, scope=RuleScope.DEPARTMENT, key=str(clinic.department_id)):
        assert (await book(person=long_ago, session=session)).service_kind == "online"


async def test_given_a_link_that_was_not_proven_then_it_neither_books_nor_learns_of_earlier_visits() -> None:
    clinic = await make_clinic()
    session = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD)
    known = await make_seen(clinic=clinic)
    claimed = await make_person(patient_id=known.patient_id, proven=False)
    with pytest.raises(OnlineAccountNeeded):
        await book(person=claimed, session=session)
    with pytest.raises(OnlineAccountNeeded):
        await book(person=await make_person(proven=False), session=session)
    assert (await book(person=known, session=session)).service_kind == "online"


async def test_given_a_kiosk_then_online_visits_are_not_booked_there() -> None:
    clinic = await make_clinic()
    session = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD)
    person = await make_seen(clinic=clinic)
    wish = BookAppointment(patient_id=person.patient_id, schedule_id=session.schedule_id)
    with pytest.raises(OnlineByPhone):
        await run(person.kiosk, book_appointment, wish)


async def test_given_the_window_then_a_patient_with_a_phone_is_registered_and_signs_in_at_home() -> None:
    clinic, registrar = await make_clinic(), await make_registrar()
    session = await make_online_session(clinic=clinic)
    person = await make_seen(clinic=clinic)
    sale = WalkIn(patient_id=person.patient_id, schedule_id=session.schedule_id, tendered_fen=3000)
    sold = await run(registrar, register_and_check_in, sale)
    assert (sold.ticket, sold.change_fen, sold.appointment.status) == (None, 500, "booked")
    assert (await sign_in(person, sold.appointment)).status == "waiting"

    stranger, grown_up = await make_person(proven=False), await make_seen(clinic=clinic)
    await rows("UPDATE account_link SET relation = 'child' WHERE account_id = $1 RETURNING id", grown_up.account_id)
    await rows("UPDATE patient SET birth_date = DATE '1990-01-01' WHERE id = $1 RETURNING id", grown_up.patient_id)
    for without in (stranger, grown_up):
        with pytest.raises(OnlineAccountNeeded):
            await run(registrar, register_and_check_in, sale.model_copy(update={"patient_id": without.patient_id}))


async def test_given_an_online_session_then_phones_are_shown_its_kind_and_places() -> None:
    clinic = await make_clinic()
    session = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD)
    person = await make_person()
    (doctor,) = (await bookable_doctors(reading(person.phone), clinic.department_id, day_of(session.starts_at))).items
    assert [(one.service_kind, one.places_left) for one in doctor.sessions] == [("online", 4)]
    assert all(place.free for place in (await slots(reading(person.phone), session.schedule_id)).items)


# -- waiting for a place, moving


async def test_given_who_waits_for_any_clinic_then_online_places_stay_everybodys() -> None:
    full, _ = await make_full_session()
    clinic = await make_clinic()
    there = "UPDATE schedule SET department_id = $2 WHERE id = $1 RETURNING id"
    await rows(there, full.schedule_id, clinic.department_id)
    online = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD)
    known = await make_seen(clinic=clinic)
    person, entry = await line_up(full.model_copy(update={"department_id": clinic.department_id}))
    (line,) = await rows("SELECT department_id, day, period FROM waitlist_entry WHERE id = $1", entry.id)
    await run(SYSTEM, serve_line, ServeLine(**dict(line)))
    assert (await waitlist_entry(reading(person.phone), entry.id)).status == "waiting"
    assert ServeLine(**dict(line)) not in await due_lines(reading(SYSTEM)), "nothing is to be done for them"
    assert (await book(person=known, session=online)).service_kind == "online"


async def test_given_a_full_online_session_then_only_a_follow_up_may_wait_and_is_offered_what_comes_back() -> None:
    clinic = await make_clinic()
    session = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD, places=4)
    holders = [await make_online_visitor(clinic=clinic, session=session) for _ in range(4)]
    (line,) = await rows("SELECT department_id, day, period FROM schedule WHERE id = $1", session.schedule_id)

    def wish(patient_id: object, kind: str | None = "online") -> JoinWaitlist:
        return JoinWaitlist.model_validate({"patient_id": patient_id, "service_kind": kind, **dict(line)})

    stranger, known = await make_person(), await make_seen(clinic=clinic)
    with pytest.raises(OnlineFirstVisit):
        await run(stranger.phone, join_waitlist, wish(stranger.patient_id))
    with pytest.raises(NothingToWaitFor):
        await run(known.phone, join_waitlist, wish(known.patient_id, None))
    in_person, _ = await make_full_session(clinic=await make_clinic(beside=clinic), starts_in=DAYS_AHEAD)
    await line_up(in_person)
    entry = await run(known.phone, join_waitlist, wish(known.patient_id))
    assert entry.position == 1, "who waits for a clinic in the house is not before who waits for an online visit"
    (free,) = await rows(
        "UPDATE appointment SET status = 'cancelled' WHERE id = $1 RETURNING slot_id", holders[0][1].id
    )
    await rows("UPDATE slot SET status = 'free' WHERE id = $1 RETURNING id", free["slot_id"])
    await run(SYSTEM, serve_line, ServeLine(**dict(line)))
    assert (await waitlist_entry(reading(known.phone), entry.id)).status == "offered"


async def test_given_an_online_visit_then_it_moves_among_online_sessions_only_and_no_other_moves_there() -> None:
    clinic = await make_clinic()
    in_person = await make_session(clinic=clinic, starts_in=timedelta(days=2))
    online = await make_online_session(clinic=clinic, starts_in=DAYS_AHEAD)
    later = await make_online_session(clinic=clinic, starts_in=timedelta(days=4))
    person, held = await make_online_visitor(clinic=clinic, session=online)
    options = (await move_options(reading(person.phone), held.id)).items
    assert {one.schedule_id for one in options} == {online.schedule_id, later.schedule_id}
    other, visit = await make_booked(session=in_person)
    theirs = {one.schedule_id for one in (await move_options(reading(other.phone), visit.id)).items}
    assert in_person.schedule_id in theirs
    assert not {online.schedule_id, later.schedule_id} & theirs
    for who, one, where in ((person, held, in_person), (other, visit, later)):
        if who is other:
            await make_seen(clinic=clinic, person=other)
        with pytest.raises(MoveElsewhere):
            await run(who.phone, reschedule_appointment, RescheduleAppointment(
                appointment_id=one.id, schedule_id=where.schedule_id
            ))  # fmt: skip
        assert (await state_of(one.id))[0] == "booked"


# -- arriving


async def test_given_half_an_hour_before_then_the_phone_signs_in_from_home_once() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    assert (await appointment(reading(person.phone), held.id)).can_check_in
    first, again = await sign_in(person, held), await sign_in(person, held)
    assert (first.id, first.status, first.ahead) == (again.id, "waiting", 0)
    assert await state_of(held.id) == ("checked-in", "paid")


async def test_given_the_rule_of_a_department_then_signing_in_opens_when_it_says() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    scope = {"scope": RuleScope.DEPARTMENT, "key": str(clinic.department_id)}
    async with rule(RuleCode.ONLINE_CHECK_IN_MINUTES, 10, **scope):
        shown = await appointment(reading(person.phone), held.id)
        assert (shown.can_check_in, shown.check_in_opens_at) == (False, shown.starts_at - timedelta(minutes=10))
        with pytest.raises(CheckInClosed):
            await sign_in(person, held)
    assert (await sign_in(person, held)).status == "waiting"


async def test_given_more_than_half_an_hour_or_another_phone_then_signing_in_is_refused() -> None:
    clinic = await make_clinic()
    session = await make_online_session(clinic=clinic, starts_in=timedelta(minutes=32))
    person, held = await make_online_visitor(clinic=clinic, session=session)
    assert not (await appointment(reading(person.phone), held.id)).can_check_in
    with pytest.raises(CheckInClosed) as early:
        await sign_in(person, held)
    assert early.value.fields["early"]
    with pytest.raises(NotFound):
        await sign_in(await make_person(), held)


async def test_given_an_online_visit_then_the_house_signs_nobody_in_and_a_visit_in_person_not_from_home() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    for ctx in (person.kiosk, await make_registrar(), SYSTEM):
        with pytest.raises(OnlineVisit):
            await run(ctx, check_in, CheckIn(appointment_id=held.id))
    await rows("UPDATE campus SET latitude = 31.2, longitude = 121.4 WHERE id = $1 RETURNING id", clinic.campus_id)
    there = CheckInByPhone(appointment_id=held.id, latitude=31.2, longitude=121.4, accuracy_m=10)
    with pytest.raises(OnlineVisit):
        await run(person.phone, check_in_by_phone, there)
    with pytest.raises(OnlineVisit):
        await appointment_qr_of(reading(person.phone), held.id)
    with pytest.raises(Forbidden):
        await run(await make_registrar(), check_in_online, CheckInOnline(appointment_id=held.id))

    beside = await make_clinic(beside=clinic)
    other, visit = await make_booked(session=await make_session(clinic=beside, starts_in=timedelta(minutes=20)))
    with pytest.raises(VisitInPerson):
        await sign_in(other, visit)
    assert await state_of(held.id) == ("booked", "paid")


# -- the queue


async def test_given_who_waits_at_home_then_the_doctor_sees_them_and_no_screen_of_the_house_does() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    beside = await make_clinic(beside=clinic)
    here = await make_ticket(session=await make_session(clinic=beside, starts_in=timedelta(minutes=5)), name="李四")
    topic = topic_of(clinic.area_id)
    before = await live.changes_after(reading(SYSTEM), topic, 0)
    ticket = await sign_in(person, held)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    await run(clinic.doctor, recall, TicketCommand(ticket_id=ticket.id))

    told = (await live.changes_after(reading(SYSTEM), topic, 0))[len(before) :]
    assert [data for _, data in told] == [{"ticket": None}] * 3, (
        "phones and desks look again, screens have nothing to show"
    )
    assert [one.id for one in (await area_board(reading(SYSTEM), clinic.area_id)).tickets] == [here.id]
    (called,) = (await doctor_queue(reading(clinic.doctor), clinic.doctor_id)).called
    assert (called.ticket_id, called.online, called.call_count) == (ticket.id, True, 2)


async def test_given_the_call_then_the_message_says_that_it_is_their_turn_and_opens_the_appointment(
    messenger: FakeMessenger,
) -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    await sign_in(person, held)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    await relay.drain(8)
    (sent,) = [one for one in messenger.sent if one[:2] == (person.openid, "ticket_called")]
    assert (sent[2], sent[3]["room"]) == (f"pages/appointment/index?id={held.id}", "手机视频诊室")
    (message,) = [one for one in (await inbox(reading(person.phone))).items if one.kind == "ticket_called"]
    assert (message.title, message.appointment_id) == ("轮到您了，请进入视频诊室", held.id)


# -- the room


async def test_given_the_call_then_both_have_seats_in_one_room_until_the_visit_has_ended() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    with pytest.raises(NotCalledYet):
        await room_of_patient(reading(person.phone), held.id)
    ticket = await sign_in(person, held)
    for asking in (room_of_patient(reading(person.phone), held.id), room_of_doctor(reading(clinic.doctor), ticket.id)):
        with pytest.raises((NotCalledYet, Forbidden)):
            await asking
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    theirs = await room_of_patient(reading(person.phone), held.id)
    doctors = await room_of_doctor(reading(clinic.doctor), ticket.id)
    patient, doctor = seat_of(theirs.url), seat_of(doctors.url)
    assert patient.room == doctor.room
    assert (patient.name, patient.moderator) == ("张*丰", False)
    assert (doctor.name, doctor.moderator) == ("王建国医生", True)
    (session,) = await rows(
        "SELECT s.ends_at FROM schedule s JOIN appointment a ON a.schedule_id = s.id WHERE a.id = $1", held.id
    )
    assert theirs.expires_at == session["ends_at"] + timedelta(minutes=30)
    assert str(person.patient_id) not in theirs.url

    await run(SYSTEM, forged(lambda uow: start_serving(uow, ticket.id)), None)
    assert seat_of((await room_of_patient(reading(person.phone), held.id)).url).room == patient.room
    await run(SYSTEM, forged(lambda uow: finish_serving(uow, ticket.id)), None)
    with pytest.raises(VideoVisitOver):
        await room_of_patient(reading(person.phone), held.id)
    with pytest.raises(VideoVisitOver):
        await room_of_doctor(reading(clinic.doctor), ticket.id)


async def test_given_others_then_the_room_is_not_theirs() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    ticket = await sign_in(person, held)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    with pytest.raises(NotFound):
        await room_of_patient(reading((await make_person()).phone), held.id)
    colleague = staff_context(staff_id=await make_staff(department_id=clinic.department_id), role=StaffRole.DOCTOR)
    nurse = staff_context(staff_id=await make_staff(department_id=clinic.department_id), role=StaffRole.NURSE)
    for ctx in (colleague, nurse, person.phone):
        with pytest.raises(Forbidden):
            await room_of_doctor(reading(ctx), ticket.id)
    other, visit = await make_online_visitor(clinic=await make_clinic())
    second = await sign_in(other, visit)
    assert second.status == "waiting"
    beside = await make_clinic(beside=clinic)
    in_person = await make_ticket(session=await make_session(clinic=beside, starts_in=timedelta(minutes=5)))
    await run(beside.doctor, call_next, CallNext(room_id=beside.room_id))
    with pytest.raises(VisitInPerson):
        await room_of_doctor(reading(beside.doctor), in_person.id)


async def test_given_who_was_called_and_did_not_come_then_the_room_closes_until_they_are_called_again() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    ticket = await sign_in(person, held)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    await run(clinic.doctor, pass_ticket, TicketCommand(ticket_id=ticket.id))
    with pytest.raises(NotCalledYet) as refused:
        await room_of_patient(reading(person.phone), held.id)
    assert refused.value.fields == {"status": "passed"}
    await run(clinic.doctor, return_ticket, TicketCommand(ticket_id=ticket.id))
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    assert seat_of((await room_of_patient(reading(person.phone), held.id)).url).name == "张*丰"


async def test_given_a_session_that_runs_late_then_a_key_is_good_for_half_an_hour_yet() -> None:
    clinic = await make_clinic()
    session = await make_online_session(clinic=clinic)
    person, held = await make_online_visitor(clinic=clinic, session=session)
    await sign_in(person, held)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    await let_session_end(session.schedule_id)
    left = (await room_of_patient(reading(person.phone), held.id)).expires_at - await now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


async def test_given_a_hospital_without_video_server_then_it_says_so() -> None:
    clinic = await make_clinic()
    person, held = await make_online_visitor(clinic=clinic)
    await sign_in(person, held)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    ports._adapters.pop(VideoRooms)
    try:
        with pytest.raises(OutsideUnavailable):
            await room_of_patient(reading(person.phone), held.id)
    finally:
        ports.provide(VideoRooms, JitsiRooms(video_settings()))
