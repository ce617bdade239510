"""Booking, paying and following the queue, over HTTP, with the simulated WeChat calling back."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest

from hospital_core.access.queueing.commands import CallNext, CheckIn
from hospital_core.access.queueing.service import call_next, check_in
from hospital_core.access.scheduling.days import day_of
from hospital_core.kernel.context import system_context
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.run import run
from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import rows, value
from tests.fixtures.miniapp import patient_body
from tests.fixtures.phone_money import until

GROUP = "server"


@pytest.fixture
async def booked(phone):
    """A phone with a patient who holds a place: (phone, appointment)."""
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    link = await phone.ok("/patients", patient_body())
    body = {"patient_id": link["patient_id"], "schedule_id": str(session.schedule_id)}
    return phone, await phone.ok("/appointments", body)


async def settled(phone, appointment, status="booked"):
    """The appointment once callback and worker are through."""
    for _ in range(800):
        now = await phone.see(f"/appointments/{appointment['id']}")
        if now["status"] == status and now["payment_status"] != "refunding":
            return now
        await asyncio.sleep(0.05)
    raise AssertionError(now)


async def pay(phone, simulator, appointment):
    started = (await phone.ok(f"/appointments/{appointment['id']}/pay"))["payment"]
    prepay_id = started["wechat"]["package"].removeprefix("prepay_id=")
    await simulator.post("/pay", prepay_id=prepay_id, openid=phone.openid, **started["wechat"])
    return started


async def intent_of(appointment):
    [found] = await rows(
        "SELECT p.* FROM payment_intent p JOIN charge_item c ON c.invoice_id = p.invoice_id WHERE c.source_id = $1",
        UUID(appointment["id"]),
    )
    return found


async def test_department_doctor_and_slots_lead_to_a_held_place(phone):
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, places=2)
    assert str(clinic.department_id) in {item["id"] for item in (await phone.see("/departments"))["items"]}
    day = day_of(session.starts_at).isoformat()
    doctors = (await phone.see(f"/departments/{clinic.department_id}/doctors?day={day}"))["items"]
    assert doctors[0]["sessions"][0]["places_left"] == 2
    path = f"/schedules/{session.schedule_id}/slots"
    first = await phone.get(path)
    slots = first.json()["items"]
    assert [slot["free"] for slot in slots] == [True, True]
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}"):
        assert (await phone.get(path, **{"If-None-Match": tag})).status_code == 304
    assert abs(parsedate_to_datetime(first.headers["date"]) - datetime.now(UTC)) < timedelta(seconds=10)

    link = await phone.ok("/patients", patient_body())
    body = {"patient_id": link["patient_id"], "schedule_id": str(session.schedule_id), "slot_id": slots[1]["slot_id"]}
    held = await phone.ok("/appointments", body)
    assert (held["status"], held["payment_status"], held["number"], held["fee_fen"]) == ("pending", "unpaid", 2, 2500)
    changed = await phone.get(path, **{"If-None-Match": first.headers["etag"]})
    assert [slot["free"] for slot in changed.json()["items"]] == [True, False]
    taken = await phone.post("/appointments", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "scheduling.already_booked")
    assert (await phone.see("/appointments"))["items"][0]["id"] == held["id"]


async def test_paid_place_is_confirmed_by_the_callback_alone(booked, simulator):
    phone, held = booked
    started = await pay(phone, simulator, held)
    assert started["amount_fen"] == 2500
    assert started["pay_until"] == held["pay_until"]
    now = await settled(phone, held)
    assert now["payment_status"] == "paid"
    intent = await intent_of(held)
    assert (intent["status"], intent["applied"], intent["payer_openid"]) == ("succeeded", True, phone.openid)
    state = await simulator.told(intent["out_trade_no"])
    assert [n["status"] for n in state["notifications"]] == ["delivered"]
    messages = (await phone.see("/messages"))["items"]
    assert messages[0]["title"] == "预约成功"
    await phone.ok(f"/messages/{messages[0]['id']}/read")
    assert (await phone.see("/messages"))["items"][0]["read_at"] is not None


async def test_paying_twice_uses_one_order_and_a_paid_one_is_refused(booked, simulator):
    phone, held = booked
    taps = await asyncio.gather(*(phone.ok(f"/appointments/{held['id']}/pay") for _ in range(4)))
    assert len({tap["payment"]["intent_id"] for tap in taps}) == 1
    await simulator.post("/pay", prepay_id=taps[0]["payment"]["wechat"]["package"].removeprefix("prepay_id="))
    await settled(phone, held)
    refused = await phone.post(f"/appointments/{held['id']}/pay")
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.not_payable")


async def test_duplicate_callbacks_are_taken_once_and_all_answered_well(booked, simulator):
    phone, held = booked
    await simulator.fault("callback_duplicate", times=1, value=4)
    await pay(phone, simulator, held)
    await settled(phone, held)
    intent = await intent_of(held)
    state = await simulator.told(intent["out_trade_no"], attempts=5)
    attempts = [attempt["status"] for n in state["notifications"] for attempt in n["attempts"]]
    assert attempts == [204] * 5
    assert await value("SELECT count(*) FROM payment_notice WHERE business_key = $1", intent["transaction_id"]) == 1


@pytest.mark.parametrize(
    "kind",
    [
        "callback_stale_timestamp",
        "callback_signature_probe",
        "callback_forged",
        "callback_unknown_serial",
        "callback_wrong_amount",
        "callback_wrong_mchid",
    ],
)
async def test_callback_that_is_not_the_truth_is_refused_and_the_honest_one_counts(booked, simulator, kind):
    phone, held = booked
    await simulator.fault(kind, target="TRANSACTION", times=1)
    await pay(phone, simulator, held)
    now = await settled(phone, held)
    assert now["payment_status"] == "paid"
    state = await simulator.told((await intent_of(held))["out_trade_no"], attempts=2)
    statuses = [attempt["status"] for n in state["notifications"] for attempt in n["attempts"]]
    assert 400 <= statuses[0] < 500
    assert statuses[-1] == 204
    assert not any(attempt["violation"] for n in state["notifications"] for attempt in n["attempts"])


async def test_callback_that_finds_the_bill_locked_is_asked_to_come_again(booked, simulator):
    phone, held = booked
    started = (await phone.ok(f"/appointments/{held['id']}/pay"))["payment"]
    intent = await intent_of(held)
    async with pooled_connection() as connection, connection.transaction():
        await connection.execute("SELECT 1 FROM invoice WHERE id = $1 FOR UPDATE", intent["invoice_id"])
        await simulator.post("/pay", prepay_id=started["wechat"]["package"].removeprefix("prepay_id="))
        for _ in range(480):
            state = await simulator.get(f"/orders/{intent['out_trade_no']}")
            attempts = [attempt for n in state["notifications"] for attempt in n["attempts"]]
            if attempts:
                break
            await asyncio.sleep(0.05)
    assert (attempts[0]["status"], attempts[0]["milliseconds"] < 5000) == (503, True)
    assert (await settled(phone, held))["payment_status"] == "paid"


async def test_callback_before_the_answer_to_the_payer_is_taken(booked, simulator):
    phone, held = booked
    await simulator.fault("callback_before_response", target="pay", times=1)
    await pay(phone, simulator, held)
    assert (await settled(phone, held))["payment_status"] == "paid"


async def test_lost_callback_is_healed_when_the_phone_comes_back(booked, simulator):
    phone, held = booked
    await simulator.fault("callback_drop", target="TRANSACTION")
    await pay(phone, simulator, held)
    assert (await phone.see(f"/appointments/{held['id']}"))["payment_status"] == "unpaid"
    asked = asyncio.create_task(phone.ok(f"/appointments/{held['id']}/payment-check"))
    await settled(phone, held)
    assert (await asked)["payment_status"] == "paid"


async def test_payment_check_before_paying_changes_nothing(booked):
    phone, held = booked
    assert (await phone.ok(f"/appointments/{held['id']}/payment-check"))["status"] == "pending"
    await phone.ok(f"/appointments/{held['id']}/pay")
    assert (await phone.ok(f"/appointments/{held['id']}/payment-check"))["status"] == "pending"


async def test_channel_without_answer_asks_for_patience_and_the_next_tap_works(booked, simulator):
    phone, held = booked
    await simulator.fault("api_signature_probe", target="prepay", times=1)
    refused = await phone.post(f"/appointments/{held['id']}/pay")
    assert (refused.status_code, refused.json()["code"]) == (503, "kernel.outside_unavailable")
    await pay(phone, simulator, held)
    assert (await settled(phone, held))["payment_status"] == "paid"


async def test_cancelled_place_gives_the_money_back(booked, simulator):
    phone, held = booked
    await pay(phone, simulator, held)
    await settled(phone, held)
    cancelled = await phone.ok(f"/appointments/{held['id']}/cancel", {"reason": "临时有事"})
    assert (cancelled["status"], cancelled["payment_status"]) == ("cancelled", "refunding")
    now = await settled(phone, held, "cancelled")
    assert now["payment_status"] == "refunded"
    state = await simulator.told((await intent_of(held))["out_trade_no"], attempts=2)
    told = {n["event_type"]: n["attempts"][0]["status"] for n in state["notifications"]}
    assert told == {"TRANSACTION.SUCCESS": 204, "REFUND.SUCCESS": 204}
    refused = await phone.post(f"/appointments/{held['id']}/cancel", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.not_cancellable")
    told = await until(lambda: phone.see("/messages"), lambda seen: len(seen["items"]) == 2)
    assert [message["title"] for message in told["items"]] == ["挂号费已退回", "预约成功"]


async def test_code_for_the_kiosk_is_fresh_text_or_a_plain_picture(booked, simulator):
    phone, held = booked
    early = await phone.get(f"/appointments/{held['id']}/qr")
    assert (early.status_code, early.json()["code"]) == (409, "scheduling.not_check_in_able")
    await pay(phone, simulator, held)
    await settled(phone, held)
    codes = [(await phone.see(f"/appointments/{held['id']}/qr"))["text"] for _ in range(2)]
    assert codes[0] != codes[1]
    picture = await phone.get(f"/appointments/{held['id']}/qr.svg")
    assert (picture.headers["content-type"], picture.headers["cache-control"]) == ("image/svg+xml", "no-store")
    svg = ET.fromstring(picture.text)
    assert svg.find(".//{*}path") is not None
    assert not any("style" in element.attrib or element.tag.endswith("script") for element in svg.iter())


async def test_checked_in_patient_follows_the_queue(phone, simulator, server):
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=20))
    link = await phone.ok("/patients", patient_body())
    held = await phone.ok("/appointments", {"patient_id": link["patient_id"], "schedule_id": str(session.schedule_id)})
    assert (await phone.get(f"/appointments/{held['id']}/queue-place")).status_code == 404
    await pay(phone, simulator, held)
    await settled(phone, held)
    ticket = await run(system_context(), check_in, CheckIn(appointment_id=UUID(held["id"])))
    place = await phone.see(f"/appointments/{held['id']}/queue-place")
    assert (place["display_no"], place["ahead"], place["status"]) == (ticket.display_no, 0, "waiting")
    assert place["topic"] == f"queue-area:{clinic.area_id}"
    shown = await phone.see(f"/appointments/{held['id']}")
    assert shown["ticket"] == {"display_no": ticket.display_no, "status": "waiting"}
    gone = await phone.post(f"/appointments/{held['id']}/cancel", {})
    assert (gone.status_code, gone.json()["code"]) == (409, "scheduling.not_cancellable")

    party = server.party(Authorization=f"Bearer {phone.session['access_token']}")
    async with server.socket("phone", party) as live:
        assert (await live.subscribe(place["topic"]))["type"] == "error"  # other patients' names are not for phones
        await live.send(type="subscribe", topic=place["topic"], mode="hint")
        await live.receive()
        await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
        hint = await live.receive()
        assert (hint["type"], hint["topic"], "data" in hint) == ("hint", place["topic"], False)
    called = await phone.see(f"/appointments/{held['id']}/queue-place")
    assert (called["status"], called["room"] is not None) == ("called", True)


async def test_strangers_appointment_looks_as_if_it_were_not_there(booked, new_phone, simulator):
    _, held = booked
    stranger = await new_phone().sign_in(simulator)
    path = f"/appointments/{held['id']}"
    for read in ("", "/qr", "/qr.svg", "/queue-place"):
        assert (await stranger.get(path + read)).status_code == 404
    for write in ("/pay", "/payment-check", "/cancel"):
        assert (await stranger.post(path + write)).status_code == 404
    own = await stranger.ok("/patients", patient_body())
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    theft = {"patient_id": held["patient_id"], "schedule_id": str(session.schedule_id)}
    assert (await stranger.post("/appointments", theft)).status_code == 404
    assert (await stranger.post("/appointments", theft | {"patient_id": own["patient_id"]})).status_code == 200
    assert (await stranger.see("/appointments"))["items"][0]["id"] != held["id"]


async def test_place_of_yesterday_cannot_be_booked(phone):
    clinic = await make_clinic()
    over = await make_session(clinic=clinic)
    await rows(
        "UPDATE schedule SET starts_at = starts_at - interval '2 days', ends_at = ends_at - interval '2 days' "
        "WHERE id = $1 RETURNING id",
        over.schedule_id,
    )
    await rows(
        "UPDATE slot SET starts_at = starts_at - interval '2 days' WHERE schedule_id = $1 RETURNING id",
        over.schedule_id,
    )
    link = await phone.ok("/patients", patient_body())
    body = {"patient_id": link["patient_id"], "schedule_id": str(over.schedule_id)}
    refused = await phone.post("/appointments", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.session_over")


async def test_double_tap_books_once(phone):
    clinic = await make_clinic()
    session = await make_session(clinic=clinic)
    link = await phone.ok("/patients", patient_body())
    body = {"patient_id": link["patient_id"], "schedule_id": str(session.schedule_id)}
    taps = await asyncio.gather(*(phone.ok("/appointments", body, key="one-tap-one-place") for _ in range(5)))
    assert len({tap["id"] for tap in taps}) == 1
    assert await value("SELECT count(*) FROM appointment WHERE schedule_id = $1", session.schedule_id) == 1


async def test_notice_that_nobody_signed_is_told_fail(new_phone):
    phone = new_phone()
    for path in ("/wechat/pay-notify", "/wechat/refund-notify"):
        answer = await phone.post(path, {"event_type": "TRANSACTION.SUCCESS", "resource": {}})
        assert (answer.status_code, answer.json()["code"]) == (401, "FAIL")
        broken = await phone.http.post(
            f"/api/miniapp/v1{path}", content=b"{", headers={"Content-Type": "application/json"}
        )
        assert broken.status_code == 400
