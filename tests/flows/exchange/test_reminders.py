"""What is told before a visit: the evening before, and when a doctor adds a place that is still to be paid."""

from datetime import timedelta
from uuid import UUID

from pydantic import SerializeAsAny

from hospital_core.access.scheduling.commands import CancelAppointment
from hospital_core.access.scheduling.events import AddOnGiven, VisitReminderDue
from hospital_core.access.scheduling.service import cancel_appointment
from hospital_core.access.scheduling.service.reminding import remind_later
from hospital_core.kernel import relay
from hospital_core.kernel.commands import Command, Done
from hospital_core.kernel.events import Event
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.access import (
    SYSTEM,
    FakeMessenger,
    book_and_pay,
    make_booked,
    make_clinic,
    make_person,
    make_session,
)
from tests.fixtures.finance import FakeGateway, rows

_TIMERS = """
SELECT (d.not_before AT TIME ZONE 'Asia/Shanghai')::time::text AS clock,
       (d.not_before AT TIME ZONE 'Asia/Shanghai')::date - (a.starts_at AT TIME ZONE 'Asia/Shanghai')::date AS days
FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id
JOIN appointment a ON a.id = (e.payload->>'appointment_id')::uuid
WHERE e.name = 'VisitReminderDue' AND a.id = $1"""


class Telling(Command):
    """An event to record, as the room that it belongs to would."""

    event: SerializeAsAny[Event]


async def _tell(uow: UnitOfWork, command: Telling) -> Done:
    uow.record(command.event)
    return Done()


async def tell(event: Event) -> None:
    await run(SYSTEM, _tell, Telling(event=event))
    await relay.drain(8)


async def move_to(appointment_id: UUID, hours: int) -> None:
    await rows(
        "UPDATE appointment SET starts_at = hospital_now() + make_interval(hours => $2) WHERE id = $1 RETURNING id",
        appointment_id, hours,
    )  # fmt: skip


def reminded(messenger: FakeMessenger) -> list[str]:
    return [openid for openid, kind, _, _ in messenger.sent if kind == "visit_reminder"]


async def test_given_a_visit_in_some_days_then_its_evening_before_reminds_of_it_once(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person, clinic = await make_person(), await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(days=3))
    held = await book_and_pay(gateway, person=person, session=session)
    await relay.drain(8)
    (timer,) = await rows(_TIMERS, held.id)
    assert (timer["clock"], timer["days"]) == ("18:00:00", -1)
    assert reminded(messenger) == []
    await move_to(held.id, 1)
    for _ in range(2):
        await tell(VisitReminderDue(appointment_id=held.id))
    assert reminded(messenger) == [person.openid]


async def test_given_a_visit_that_was_moved_to_a_later_day_then_it_is_told_of_then(messenger: FakeMessenger) -> None:
    _, held = await make_booked(session=await make_session(clinic=await make_clinic(), starts_in=timedelta(days=3)))
    before = len(await rows(_TIMERS, held.id))
    await tell(VisitReminderDue(appointment_id=held.id))
    assert reminded(messenger) == []
    assert len(await rows(_TIMERS, held.id)) == before + 1 + 1, "the one that came, and the one to come"


async def test_given_a_visit_that_was_given_back_or_has_begun_then_nobody_is_reminded(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(days=3))
    gave_back, here = await make_person(), await make_person()
    first = await book_and_pay(gateway, person=gave_back, session=session)
    second = await book_and_pay(gateway, person=here, session=session)
    await run(gave_back.phone, cancel_appointment, CancelAppointment(appointment_id=first.id))
    await move_to(second.id, -1)
    for one in (first, second):
        await tell(VisitReminderDue(appointment_id=one.id))
    assert reminded(messenger) == []


class Planning(Command):
    """A visit that begins so many hours from now."""

    hours: int


async def _plan(uow: UnitOfWork, command: Planning) -> Done:
    return Done(done=await remind_later(uow, new_id(), uow.now + timedelta(hours=command.hours)))


async def test_given_a_visit_whose_evening_before_is_over_then_no_reminder_is_planned() -> None:
    planned = [(await run(SYSTEM, _plan, Planning(hours=hours))).done for hours in (0, 72)]
    assert planned == [False, True]


async def test_given_a_place_beyond_the_plan_then_the_patients_phones_hear_until_when_to_pay(
    messenger: FakeMessenger,
) -> None:
    person, held = await make_booked(session=await make_session(clinic=await make_clinic()))
    await tell(AddOnGiven(appointment_id=held.id))
    (said,) = [words for openid, kind, _, words in messenger.sent if (openid, kind) == (person.openid, "add_on_given")]
    assert "前支付" in said["advice"]
