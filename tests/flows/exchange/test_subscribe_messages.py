"""Messages to patients: what is told to whom, what they allowed, what became of each try."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import SerializeAsAny

from hospital_core.access.queueing.commands import CallNext, CheckIn
from hospital_core.access.queueing.service import call_next, check_in
from hospital_core.access.scheduling.events import (
    AppealAnswered,
    BanLifted,
    PatientBanned,
    WaitlistEnded,
    WaitlistOffered,
)
from hospital_core.access.scheduling.planning_commands import StopClinic, SubstituteDoctor
from hospital_core.access.scheduling.service.changing import stop_clinic, substitute_doctor
from hospital_core.exchange.notifications.commands import BeginDelivery, RecordConsent
from hospital_core.exchange.notifications.events import NotificationWaiting
from hospital_core.exchange.notifications.handlers import send
from hospital_core.exchange.notifications.ports import MessageRefused
from hospital_core.exchange.notifications.queries import inbox, sent_messages, template_consents
from hospital_core.exchange.notifications.service import begin_delivery, record_consent
from hospital_core.exchange.notifications.states import Consent, DeliveryResult
from hospital_core.finance.billing.commands import Charge, IssueInvoice
from hospital_core.finance.billing.service import charge, issue_invoice
from hospital_core.finance.payments.commands import OpenIntent, RequestRefund
from hospital_core.finance.payments.ports import PrepayOrder
from hospital_core.finance.payments.service import open_intent, record_success, request_refund
from hospital_core.kernel import relay
from hospital_core.kernel.commands import Command, Done
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import Busy
from hospital_core.kernel.events import Event
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from tests.fixtures.access import (
    SYSTEM,
    FakeMessenger,
    Person,
    book,
    book_and_pay,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    make_staff,
    now,
    reading,
)
from tests.fixtures.finance import FakeGateway, make_price_item, rows, value

APPID = "wxhospital00000001"


# A person's own messages only: other tests' may be waiting beside them.
_WAITING_OF = """
FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id
JOIN notification n ON n.id = (e.payload->>'notification_id')::uuid
WHERE d.handler = 'exchange.notifications.handlers.send' AND n.account_id = $1 AND d.state = 'due'"""


async def _wait_s(person: Person) -> list[int]:
    """How long each of a person's messages waits for its next try."""
    found = await rows(f"SELECT extract(epoch FROM d.not_before - hospital_now())::int AS s {_WAITING_OF}",
                       person.account_id)  # fmt: skip
    return [row["s"] for row in found]


async def _next_try(person: Person) -> None:
    await rows(f"UPDATE outbox_delivery SET not_before = hospital_now() WHERE id IN (SELECT d.id {_WAITING_OF}) "
               "RETURNING id", person.account_id)  # fmt: skip
    await relay.drain(4)


async def allow(
    person: Person, template: str, consent: Consent = Consent.ACCEPTED, *, standing: bool = False, times: int = 1
) -> None:
    for _ in range(times):
        command = RecordConsent(
            appid=APPID, openid=person.openid, template=template, consent=consent, standing=standing
        )
        await run(SYSTEM, record_consent, command)


async def left(person: Person, template: str) -> int:
    return int(
        await value(
            "SELECT remaining FROM subscribe_quota WHERE account_id = $1 AND template = $2",
            person.account_id,
            template,
        )
    )


async def told(person: Person) -> list[tuple[str, str]]:
    """Kind and status of each message in the inbox, oldest first."""
    return [(one.kind.value, one.status.value) for one in reversed((await inbox(reading(person.phone))).items)]


async def results(person: Person) -> list[str | None]:
    found = await rows(
        "SELECT m.result FROM message_attempt m JOIN notification n ON n.id = m.notification_id "
        "WHERE n.account_id = $1 ORDER BY m.id",
        person.account_id,
    )
    return [row["result"] for row in found]


async def booked_by(person: Person, gateway: FakeGateway) -> None:
    await book_and_pay(gateway, person=person, session=await make_session(clinic=await make_clinic()))
    await relay.drain(8)


@pytest.fixture
def counting(messenger: FakeMessenger) -> FakeMessenger:
    """A channel that tells us of every permission, as WeChat's message push does."""
    messenger.counts_consents = True
    return messenger


async def test_given_one_permission_then_one_message_is_sent_and_the_next_waits_in_the_inbox(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed")
    await booked_by(person, gateway)
    await booked_by(person, gateway)
    assert await told(person) == [("appointment_confirmed", "sent"), ("appointment_confirmed", "refused")]
    assert await results(person) == ["sent", "no_quota"]
    assert await left(person, "appointment_confirmed") == 0
    assert [openid for openid, *_ in counting.sent] == [person.openid]  # the second was not even asked for


async def test_given_permissions_then_they_add_up_and_a_no_takes_none_back(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed", times=3)
    await allow(person, "appointment_confirmed", Consent.DECLINED)
    assert await left(person, "appointment_confirmed") == 3
    await allow(person, "appointment_confirmed", Consent.WITHDRAWN)
    assert await left(person, "appointment_confirmed") == 0
    await booked_by(person, gateway)
    assert await results(person) == ["no_quota"]


async def test_given_a_long_term_permission_then_any_number_is_sent_until_it_ends(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed", standing=True)
    for _ in range(2):
        await booked_by(person, gateway)
    await allow(person, "appointment_confirmed", Consent.DECLINED, standing=True)
    await booked_by(person, gateway)
    assert await results(person) == ["sent", "sent", "no_quota"]


async def test_given_a_strangers_answer_then_it_counts_nowhere() -> None:
    stranger = Person(new_id(), new_id(), "o-nobody")
    await allow(stranger, "appointment_confirmed")
    assert await value("SELECT count(*) FROM subscribe_quota WHERE account_id = $1", stranger.account_id) == 0


async def test_given_twenty_deliveries_at_once_then_two_permissions_let_two_out(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    """The control: counted off, all twenty go."""
    for counted, expected in ((True, 2), (False, 20)):
        messenger.counts_consents = counted
        messenger.sent.clear()
        person = await make_person()
        await allow(person, "appointment_confirmed", times=2)
        waiting = [await _message(person) for _ in range(20)]
        await asyncio.gather(*(send(system_context(), NotificationWaiting(notification_id=one)) for one in waiting))
        assert len(messenger.sent) == expected


async def _message(person: Person) -> UUID:
    # Somebody else's appointment: one person may not book twenty.
    _, held = await make_booked(session=await make_session(clinic=await make_clinic()))
    (row,) = await rows(
        "INSERT INTO notification (id, version, account_id, patient_id, kind, source_id, status, spent, created_at) "
        "VALUES ($1, 0, $2, $3, 'appointment_confirmed', $4, 'waiting', false, hospital_now()) RETURNING id",
        new_id(), person.account_id, person.patient_id, held.id,
    )  # fmt: skip
    return UUID(str(row["id"]))


async def test_given_no_answer_then_each_try_is_logged_and_one_permission_is_spent(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed", times=2)
    counting.failing = 2
    await booked_by(person, gateway)
    for _ in range(2):
        await rows(
            "UPDATE outbox_delivery SET not_before = hospital_now() "
            "WHERE handler = 'exchange.notifications.handlers.send' AND state = 'due' RETURNING id"
        )
        await relay.drain(4)
    assert await results(person) == ["unavailable", "unavailable", "sent"]
    assert await told(person) == [("appointment_confirmed", "sent")]
    assert await left(person, "appointment_confirmed") == 1
    (log,) = [one for one in (await sent_messages(reading(SYSTEM))).items if one.patient_id == person.patient_id]
    assert (log.tries, log.result, log.title) == (3, "sent", "预约成功")


async def test_given_a_channel_that_is_away_for_an_hour_then_the_message_still_goes_out(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed")
    counting.failing = 10
    await booked_by(person, gateway)
    gaps = []
    for _ in range(10):
        gaps += await _wait_s(person)
        await _next_try(person)
    assert await told(person) == [("appointment_confirmed", "sent")]
    assert await results(person) == ["unavailable"] * 10 + ["sent"]
    assert len(gaps) == 10
    assert gaps == sorted(gaps)
    assert sum(gaps) > 3600


async def test_given_a_bug_of_ours_then_its_message_is_parked_where_people_look(
    gateway: FakeGateway, messenger: FakeMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make_person()

    async def stumbles(*_: object) -> None:
        raise KeyError("no such keyword")

    with monkeypatch.context() as broken:
        broken.setattr(messenger, "send_subscribe", stumbles)
        await booked_by(person, gateway)
        assert len(await _wait_s(person)) == 1, "the relay's own back-off and no timer beside it"
    await _next_try(person)
    assert await results(person) == ["unavailable", "sent"]


async def test_given_a_link_that_ended_before_the_message_went_out_then_nothing_is_told(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed")
    counting.failing = 1
    await booked_by(person, gateway)
    await rows("UPDATE account_link SET status = 'revoked' WHERE account_id = $1 RETURNING id", person.account_id)
    await _next_try(person)
    assert counting.sent == []
    assert await results(person) == ["unavailable", "too_late"]
    assert await left(person, "appointment_confirmed") == 1


async def test_given_a_message_that_the_channel_never_takes_then_no_permission_is_used_up(
    gateway: FakeGateway, counting: FakeMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed")

    async def misfits(*_: object) -> None:
        raise MessageRefused(DeliveryResult.REJECTED, 47003)

    with monkeypatch.context() as broken:
        broken.setattr(counting, "send_subscribe", misfits)
        await booked_by(person, gateway)
    assert await results(person) == ["rejected"]
    assert await left(person, "appointment_confirmed") == 1
    await booked_by(person, gateway)
    assert await results(person) == ["rejected", "sent"]
    assert await left(person, "appointment_confirmed") == 0


async def test_given_messages_of_one_moment_then_no_page_of_the_log_skips_any(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    """The relay writes what it handles together at one time."""
    person = await make_person()
    wanted = {await _message(person) for _ in range(5)}
    await rows(
        "UPDATE notification SET created_at = (SELECT min(created_at) FROM notification WHERE account_id = $1) "
        "WHERE account_id = $1 RETURNING id",
        person.account_id,
    )
    logged: list[UUID] = []
    cursor = None
    for _ in range(200):
        page = await sent_messages(reading(SYSTEM), cursor=cursor, limit=2)
        logged += [one.notification_id for one in page.items]
        cursor = page.next_cursor
        if cursor is None or wanted <= set(logged):
            break
    assert wanted <= set(logged)
    assert len(logged) == len(set(logged))


async def test_given_the_channel_knows_of_no_permission_then_ours_is_void(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "appointment_confirmed", times=5)
    counting.refusing.add(person.openid)
    await booked_by(person, gateway)
    assert await results(person) == ["not_subscribed"]
    assert await left(person, "appointment_confirmed") == 0


async def test_given_a_message_that_comes_too_late_or_has_no_template_then_it_stays_in_the_inbox(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    messenger.without_template.add("appointment_confirmed")
    await booked_by(person, gateway)
    messenger.without_template.clear()
    late = await _message(person)
    await rows("UPDATE notification SET created_at = created_at - interval '2 days' WHERE id = $1 RETURNING id", late)
    await send(system_context(), NotificationWaiting(notification_id=late))
    assert await results(person) == ["no_template", "too_late"]
    assert messenger.sent == []
    assert {status for _, status in await told(person)} == {"refused"}


async def test_given_a_stopped_clinic_then_everybody_who_may_act_for_the_patient_is_told_once(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    person, _ = await make_booked(session=session)
    mother = await make_person(patient_id=person.patient_id)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    await relay.drain(8)
    heard = {openid: data for openid, kind, _, data in messenger.sent if kind == "clinic_stopped"}
    assert set(heard) == {person.openid, mother.openid}
    assert heard[person.openid]["advice"].endswith("前改约或退号")
    (message,) = [one for one in (await inbox(reading(mother.phone))).items if one.kind == "clinic_stopped"]
    assert "张*丰" in message.text
    assert message.appointment_id is not None


async def test_given_a_stop_before_the_fee_is_paid_then_whoever_booked_hears_that_there_is_nothing_to_pay(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    session = await make_session(clinic=await make_clinic())
    person = await make_person()
    mother = await make_person(patient_id=person.patient_id)
    held = await book(person=person, session=session)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    await relay.drain(8)
    ((openid, _, _, words),) = [sent for sent in messenger.sent if sent[1] == "clinic_stopped"]
    assert (openid, words["advice"]) == (person.openid, "该号已取消，请勿再支付")
    (message,) = (await inbox(reading(person.phone))).items
    assert (message.title, message.appointment_id) == ("停诊通知", held.id)
    assert "该号已取消，请勿再支付" in message.text
    assert not (await inbox(reading(mother.phone))).items


async def test_given_another_doctor_then_the_patient_hears_who_it_is(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    person, _ = await make_booked(session=session)
    substitute = await make_staff(department_id=clinic.department_id, name="欧阳明")
    command = SubstituteDoctor(schedule_id=session.schedule_id, staff_id=substitute, reason="医生生病")
    await run(SYSTEM, substitute_doctor, command)
    await relay.drain(8)
    (data,) = [d for openid, kind, _, d in messenger.sent if (openid, kind) == (person.openid, "doctor_substituted")]
    assert data["advice"] == "改由欧阳明医生接诊"


async def test_given_a_call_then_whoever_has_two_before_them_is_reminded_once(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=20), places=6)
    people = []
    for _ in range(5):
        person, held = await make_booked(session=session)
        await run(person.kiosk, check_in, CheckIn(appointment_id=held.id))
        people.append(person)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    await relay.drain(8)
    near = [openid for openid, kind, _, _ in messenger.sent if kind == "ticket_near"]
    assert near == [people[3].openid]  # the first is called; the second and third stand before the fourth


async def _bill(person: Person) -> UUID:
    item = Charge(
        patient_id=person.patient_id, encounter_id=new_id(),
        price_item_id=await make_price_item(unit_price="36.50", name="血常规"), quantity=Decimal(1),
        source_kind="service_request", source_id=new_id(),
    )  # fmt: skip
    charged = await run(system_context(), charge, item)
    bill = IssueInvoice(
        patient_id=person.patient_id, encounter_id=item.encounter_id, charge_item_ids=[charged.id]
    )  # fmt: skip
    return (await run(system_context(), issue_invoice, bill)).id


async def test_given_a_paid_and_refunded_bill_then_the_payer_hears_both(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    command = OpenIntent(
        invoice_id=await _bill(person), payer_openid=person.openid, account_id=person.account_id,
        description="门诊缴费", pay_until=await now() + timedelta(minutes=15),
    )  # fmt: skip
    intent = await run(person.phone, open_intent, command)
    await gateway.prepay(
        PrepayOrder(intent.out_trade_no, intent.amount_fen, intent.description, person.openid, intent.pay_until)
    )
    await run(SYSTEM, record_success, gateway.pay(intent.out_trade_no))
    await relay.drain(8)
    wanted = RequestRefund(
        invoice_id=intent.invoice_id, reason="检验取消", source_kind="service_request", source_id=new_id()
    )
    await run(SYSTEM, request_refund, wanted)
    for _ in range(3):
        await rows(
            "UPDATE outbox_delivery SET not_before = hospital_now() WHERE state = 'due' "
            "AND handler LIKE 'finance.payments%' RETURNING id"
        )
        await relay.drain(8)
    heard = {kind: data for openid, kind, _, data in messenger.sent if openid == person.openid}
    paid = heard["payment_received"]
    assert (paid["patient"], paid["item"], paid["amount"]) == ("张*丰", "血常规", "36.50")
    assert heard["refund_finished"]["amount"] == "36.50"
    assert {one.appointment_id for one in (await inbox(reading(person.phone))).items} == {None}


async def test_given_a_bookings_fee_then_its_payment_is_told_with_the_booking_alone(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    await booked_by(person, gateway)
    assert [kind for _, kind, _, _ in messenger.sent] == ["appointment_confirmed"]


async def test_given_permissions_then_the_phone_sees_what_it_may_ask_for(
    gateway: FakeGateway, counting: FakeMessenger
) -> None:
    person = await make_person()
    await allow(person, "ticket_called", times=2)
    counting.without_template.add("appointment_moved")
    offered = {one.kind.value: one for one in (await template_consents(reading(person.phone))).items}
    assert offered["ticket_called"].remaining == 2
    assert offered["clinic_stopped"].remaining == 0
    assert "appointment_moved" not in offered
    counting.counts_consents = False
    unknown = (await template_consents(reading(person.phone))).items
    assert {one.remaining for one in unknown} == {None}


async def test_given_a_dead_database_half_way_then_the_message_is_tried_again(
    gateway: FakeGateway, counting: FakeMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent, but the answer was never written: at least once, and still one permission."""
    person = await make_person()
    await allow(person, "appointment_confirmed", times=2)
    waiting = await _message(person)
    event = NotificationWaiting(notification_id=waiting)

    async def dies(*_: object) -> None:
        raise Busy()

    with monkeypatch.context() as broken:
        broken.setattr("hospital_core.exchange.notifications.handlers.record_delivery", dies)
        with pytest.raises(Busy):
            await send(system_context(), event)
    await send(system_context(), event)
    assert await results(person) == [None, "sent"]
    assert await left(person, "appointment_confirmed") == 1
    again = await run(system_context(), begin_delivery, _begin(waiting))
    assert again.attempt_id is None


def _begin(notification_id: UUID) -> BeginDelivery:
    return BeginDelivery(notification_id=notification_id, template="appointment_confirmed", counted=True)


async def _waits(person: Person, *, offered: bool) -> UUID:
    """An entry of the waitlist, put there by SQL: how it comes and goes is scheduling's business."""
    session = await make_session(clinic=await make_clinic())
    _, held = await make_booked(session=session, person=person)
    ended = "NULL" if offered else "hospital_now()"
    (row,) = await rows(
        "INSERT INTO waitlist_entry (id, version, patient_id, account_id, place, department_id, day, period, status, "
        "joined_at, closes_at, offered_id, ended_at) SELECT $1, 0, $2, $3, 1, a.department_id, a.day, a.period, "
        "$4::text, hospital_now(), hospital_now() + interval '1 day', "
        f"CASE WHEN $4::text = 'offered' THEN a.id END, {ended} "
        "FROM appointment a WHERE a.id = $5 RETURNING id",
        new_id(), person.patient_id, person.account_id, "offered" if offered else "expired", held.id,
    )  # fmt: skip
    return UUID(str(row["id"]))


@pytest.mark.parametrize(
    ("offered", "kind", "says"), [(True, "waitlist_offered", "前确认"), (False, "waitlist_ended", "心")]
)
async def test_given_a_waitlist_then_whoever_waits_hears_how_it_went(
    gateway: FakeGateway, messenger: FakeMessenger, offered: bool, kind: str, says: str
) -> None:
    person = await make_person()
    entry_id = await _waits(person, offered=offered)
    event = WaitlistOffered(entry_id=entry_id) if offered else WaitlistEnded(entry_id=entry_id)
    await run(SYSTEM, _tell, Telling(event=event))
    await relay.drain(8)
    (message,) = [one for one in (await inbox(reading(person.phone))).items if one.kind == kind]
    assert (message.appointment_id is not None) is offered
    assert "张*丰" in message.text
    assert [data["patient"] for _, told_kind, _, data in messenger.sent if told_kind == kind] == ["张*丰"]
    assert says in message.text or not offered


async def test_given_a_ban_its_appeal_and_its_end_then_each_is_told_to_all_who_book(
    gateway: FakeGateway, messenger: FakeMessenger
) -> None:
    person = await make_person()
    mother = await make_person(patient_id=person.patient_id)
    (ban,) = await rows(
        "INSERT INTO booking_ban (id, version, patient_id, kind, reason, starts_at, ends_at, made_at) "
        "VALUES ($1, 0, $2, 'no_show', '九十天内爽约三次', hospital_now(), hospital_now() + interval '30 days', "
        "hospital_now()) RETURNING id",
        new_id(), person.patient_id,
    )  # fmt: skip
    for event in (PatientBanned(ban_id=ban["id"]), AppealAnswered(ban_id=ban["id"]), BanLifted(ban_id=ban["id"])):
        await run(SYSTEM, _tell, Telling(event=event))
        await relay.drain(8)
    for one in (person, mother):
        heard = [(kind, data["advice"]) for openid, kind, _, data in messenger.sent if openid == one.openid]
        assert heard == [
            ("booking_banned", "暂停线上预约，窗口可正常挂号"),
            ("appeal_answered", "申诉未通过，限制继续有效"),
            ("ban_lifted", "已恢复线上预约"),
        ]


class Telling(Command):
    """An event to record, as the room that it belongs to would."""

    event: SerializeAsAny[Event]


async def _tell(uow: UnitOfWork, command: Telling) -> Done:
    uow.record(command.event)
    return Done()
