"""A fee that is paid at the hospital (到院缴费), over HTTP: refused at the door, paid there, then in."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from kiosk_agent import protocol
from tests.fixtures import access
from tests.fixtures.finance import let_time_to_pay_pass, rows, value
from tests.fixtures.people import make_device, register, somebody
from tests.fixtures.server import Party, Server
from tests.fixtures.wechat import Simulator

GROUP = "server"

STAFF, KIOSK = "/api/staff/v1", "/api/kiosk/v1"


@pytest.fixture
async def booked(server: Server) -> Any:
    """Somebody with a card whose place of today is to be paid for when they come."""
    clinic, person = await access.make_clinic(), somebody(name="钱满堂")
    patient_id = await register(person=person)
    await rows(
        "INSERT INTO booking_rule (id, version, code, scope, scope_key, value, changed_at) "
        "VALUES ($1, 0, 'pay_at_hospital', 'department', $2, 1, now()) RETURNING id",
        new_id(), str(clinic.department_id),
    )  # fmt: skip
    access.forget_rules()
    holder = await access.make_person(patient_id=patient_id)
    session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    held = await access.book(person=holder, session=session)
    return person, patient_id, held


async def _kiosk(server: Server, person: Any) -> Party:
    kiosk = await server.device(await make_device())
    return await server.kiosk_session(kiosk, document_no=person.document_no, name=person.name)


async def test_given_a_kiosk_then_a_code_is_scanned_and_the_patient_is_in(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    (one,) = (await patient.got(f"{KIOSK}/appointments"))["items"]
    shown = protocol.KioskAppointment.model_validate(one)
    assert (shown.can_check_in, shown.blocked_by, shown.fee_due_fen) == (False, protocol.KioskRefusal.FEE_DUE, 2500)
    refused = await patient.post(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)})
    assert (refused.status_code, refused.json()["code"]) == (409, "kiosk.fee_due")
    fee = f"{KIOSK}/appointments/{held.id}/payment"
    code = protocol.FeeCode.model_validate(await patient.did(fee))
    assert (code.amount_fen, "<svg" in code.picture_svg) == (2500, True)
    assert (await patient.did(f"{fee}-check"))["paid"] is False
    code_url = await value(
        "SELECT p.code_url FROM payment_intent p JOIN charge_item c USING (invoice_id) WHERE c.source_id = $1", held.id
    )
    wechat = Simulator(server.wechat_url)
    await wechat.post("/pay", code_url=code_url, openid=await wechat.person())
    assert (await patient.did(f"{fee}-check"))["paid"] is True
    ticket = await patient.did(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)})
    assert protocol.KioskTicket.model_validate(ticket).patient_name_masked == "钱*堂"
    again = await patient.post(fee)
    assert (again.status_code, again.json()["code"]) == (409, "kiosk.already_checked_in")


async def test_given_a_window_then_it_is_listed_billed_paid_in_cash_and_the_number_given(
    server: Server, booked: Any
) -> None:
    _, patient_id, held = booked
    window = await server.role(StaffRole.REGISTRAR)
    (due,) = (await window.got(f"{STAFF}/patients/{patient_id}/fees-due"))["items"]
    assert (due["id"], due["fee_due"]) == (str(held.id), True)
    at_the_door = await window.post(f"{STAFF}/appointments/{held.id}/check-in", {})
    assert (at_the_door.status_code, at_the_door.json()["code"]) == (409, "scheduling.fee_due")
    assert at_the_door.json()["fee_fen"] == 2500
    bill = await window.did(f"{STAFF}/appointments/{held.id}/bill")
    paid = await window.did(f"{STAFF}/invoices/{bill['id']}/cash", {"tendered_fen": 3000})
    assert paid["change_fen"] == 500
    ticket = await window.did(f"{STAFF}/appointments/{held.id}/check-in", {})
    assert ticket["display_no"]
    assert (await window.got(f"{STAFF}/patients/{patient_id}/fees-due"))["items"] == []


async def test_given_the_desk_then_a_course_is_looked_at_booked_and_given_back(server: Server) -> None:
    window, patient_id = await server.role(StaffRole.REGISTRAR), await register(person=somebody())
    clinic = await access.make_clinic()
    sessions = [await access.make_session(clinic=clinic, starts_in=timedelta(days=day)) for day in (1, 3)]
    asked = {"patient_id": str(patient_id), "schedule_id": str(sessions[0].schedule_id), "every_days": 2, "visits": 2}
    plan = await window.did(f"{STAFF}/series/plan", asked)
    assert [day["visit"]["schedule_id"] for day in plan["days"]] == [str(one.schedule_id) for one in sessions]
    agreed = {"patient_id": str(patient_id), "every_days": 2,
              "schedule_ids": [str(one.schedule_id) for one in sessions]}  # fmt: skip
    made = await window.did(f"{STAFF}/series", agreed)
    assert [one["id"] for one in (await window.got(f"{STAFF}/patients/{patient_id}/series"))["items"]] == [made["id"]]
    again = await window.post(f"{STAFF}/series", agreed)
    assert (again.status_code, again.json()["code"]) == (409, "scheduling.series_day_refused")
    assert again.json()["reason"] == "scheduling.already_booked"
    assert (await window.did(f"{STAFF}/series/{made['id']}/cancel"))["left"] == 0


async def _code(server: Server) -> str:
    """What a phone's purse shows at this moment."""
    wechat = Simulator(server.wechat_url)
    return str((await wechat.post(f"/users/{await wechat.person()}/payment-code"))["auth_code"])


async def _intents(held: Any, channel: str) -> list[Any]:
    return await rows(
        "SELECT p.* FROM payment_intent p JOIN charge_item c USING (invoice_id) WHERE c.source_id = $1 "
        "AND p.channel = $2 ORDER BY p.id",
        held.id, channel,
    )  # fmt: skip


async def _paid_fen(held: Any) -> Any:
    return await value(
        "SELECT i.paid_fen FROM invoice i JOIN charge_item c ON c.invoice_id = i.id WHERE c.source_id = $1", held.id
    )


async def _until_told(patient: Party, fee: str, wanted: dict[str, Any]) -> None:
    for _ in range(60):
        if (answer := await patient.did(f"{fee}-check")) == wanted:
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"still {answer}")


_TOLD = """
SELECT n.id FROM notification n JOIN appointment a ON a.account_id = n.account_id
WHERE n.kind = 'payment_received' AND n.source_id = $1 AND a.id = $2"""


async def _eventually(sql: str, *arguments: Any) -> Any:
    """What a question answers once it does."""
    for _ in range(80):
        if (found := await value(sql, *arguments)) is not None:
            return found
        await asyncio.sleep(0.25)
    raise AssertionError(f"never: {sql}")


async def _seen_anywhere(server: Server, text: str) -> list[str]:
    """Where a text stands: tables and logs."""
    names = [row["tablename"] for row in await rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    tables = [
        name for name in names
        if await value(f'SELECT EXISTS (SELECT 1 FROM "{name}" t WHERE strpos(t::text, $1) > 0)', text)
    ]  # fmt: skip
    logs = [log.name for log in server.folder.glob("*.log") if text in log.read_text(errors="replace")]
    return tables + logs


async def test_given_a_payment_code_then_it_is_charged_at_once_and_stands_nowhere(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee = f"{KIOSK}/appointments/{held.id}/payment"
    await patient.did(fee)
    code = await _code(server)
    scanned = protocol.PaymentCode(auth_code=code).model_dump()
    paid = await patient.did(f"{fee}-code", scanned, key="00000000-0000-7000-8000-00000000c0de")
    assert protocol.FeePaid.model_validate(paid) == protocol.FeePaid(paid=True)
    (shown,) = await _intents(held, "wechat_native")
    assert shown["status"] == "closed", "the code on the screen was withdrawn before the charge"
    again = await patient.did(f"{fee}-code", scanned, key="00000000-0000-7000-8000-00000000c0de")
    assert again == paid
    assert (len(await _intents(held, "wechat_codepay")), await _paid_fen(held)) == (1, 2500)
    assert (await patient.did(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)}))["display_no"]
    assert await _seen_anywhere(server, code) == []


async def test_given_a_password_then_the_kiosk_waits_and_who_left_is_in_at_once(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee, wechat = f"{KIOSK}/appointments/{held.id}/payment", Simulator(server.wechat_url)
    await wechat.fault("codepay_password", times=1)
    waits = {"paid": False, "awaited_fen": 2500}
    assert await patient.did(f"{fee}-code", {"auth_code": await _code(server)}) == waits
    assert await patient.did(f"{fee}-code", {"auth_code": await _code(server)}) == waits, "a second code is not charged"
    assert await patient.did(f"{fee}-check") == waits
    await patient.did(f"{KIOSK}/sessions/end")
    (charged,) = await _intents(held, "wechat_codepay")
    await wechat.post(f"/orders/{charged['out_trade_no']}/password", accept=True)
    assert await _eventually(_TOLD, charged["id"], held.id), "the phone that booked hears of it"
    back = await _kiosk(server, person)
    (one,) = (await back.got(f"{KIOSK}/appointments"))["items"]
    assert (one["can_check_in"], one["fee_due_fen"]) == (True, None)
    assert (await back.did(f"{KIOSK}/check-ins", {"appointment_id": str(held.id)}))["display_no"]


async def test_given_codes_that_do_not_pay_then_each_is_told_why_and_another_pays(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee, wechat = f"{KIOSK}/appointments/{held.id}/payment", Simulator(server.wechat_url)

    async def told(code: str) -> tuple[int, str]:
        answer = await patient.post(f"{fee}-code", {"auth_code": code})
        assert "auth_code" not in answer.text
        assert code not in answer.text
        return answer.status_code, answer.json()["code"]

    assert await told("130000000000000000") == (422, "kiosk.payment_code_invalid")
    old = await _code(server)
    await wechat.post("/settings", clock_offset_seconds=61)
    assert await told(old) == (422, "kiosk.payment_code_expired")
    await wechat.post("/settings", clock_offset_seconds=0)
    await wechat.fault("codepay_no_money", times=1)
    assert await told(await _code(server)) == (409, "kiosk.balance_too_low")
    wrong = await patient.post(f"{fee}-code", {"auth_code": "6901234567892"})
    assert wrong.status_code == 422
    assert await patient.did(f"{fee}-check") == {"paid": False, "awaited_fen": None}
    assert "<svg" in (await patient.did(fee))["picture_svg"], "a new code is shown"
    assert (await patient.did(f"{fee}-code", {"auth_code": await _code(server)}))["paid"] is True
    assert await _paid_fen(held) == 2500


async def test_given_a_charge_without_an_answer_then_it_is_asked_for_and_paid_once(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee = f"{KIOSK}/appointments/{held.id}/payment"
    await Simulator(server.wechat_url).fault("api_lost", target="codepay", times=1)
    answer = await patient.did(f"{fee}-code", {"auth_code": await _code(server)})
    assert answer == {"paid": False, "awaited_fen": 2500}
    await _until_told(patient, fee, {"paid": True, "awaited_fen": None})
    assert (len(await _intents(held, "wechat_codepay")), await _paid_fen(held)) == (1, 2500)


async def test_given_nobody_who_confirms_then_it_is_reversed_and_can_be_paid_again(server: Server, booked: Any) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee, wechat = f"{KIOSK}/appointments/{held.id}/payment", Simulator(server.wechat_url)
    await wechat.fault("codepay_password", times=1)
    assert (await patient.did(f"{fee}-code", {"auth_code": await _code(server)}))["awaited_fen"] == 2500
    (charged,) = await _intents(held, "wechat_codepay")
    await let_time_to_pay_pass(charged["id"])
    await wechat.post("/settings", clock_offset_seconds=16)  # sooner the channel reverses nothing
    await _until_told(patient, fee, {"paid": False, "awaited_fen": None})
    await wechat.post("/settings", clock_offset_seconds=0)
    assert (await wechat.get(f"/orders/{charged['out_trade_no']}"))["trade_state"] == "REVOKED"
    assert (await patient.did(f"{fee}-code", {"auth_code": await _code(server)}))["paid"] is True
    assert await _paid_fen(held) == 2500


async def test_given_the_shown_code_paid_a_moment_ago_then_the_payment_code_is_not_charged(
    server: Server, booked: Any
) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee, wechat = f"{KIOSK}/appointments/{held.id}/payment", Simulator(server.wechat_url)
    await patient.did(fee)
    (shown,) = await _intents(held, "wechat_native")
    await wechat.fault("callback_drop", times=1)
    await wechat.post("/pay", code_url=shown["code_url"], openid=await wechat.person())
    assert (await patient.did(f"{fee}-code", {"auth_code": await _code(server)}))["paid"] is True
    charged = await _intents(held, "wechat_codepay")
    assert [one["prepay_id"] for one in charged] in ([], [None]), "nothing was charged"
    assert await _paid_fen(held) == 2500


async def test_given_a_kiosk_where_codes_are_tried_then_it_is_stopped_and_another_is_not(
    server: Server, booked: Any
) -> None:
    person, _, held = booked
    patient = await _kiosk(server, person)
    fee = f"{KIOSK}/appointments/{held.id}/payment"
    seen = [(await patient.post(f"{fee}-code", {"auth_code": f"13{n:016d}"})).json()["code"] for n in range(21)]
    assert seen == ["kiosk.payment_code_invalid"] * 20 + ["kiosk.too_many_attempts"]
    await patient.did(f"{KIOSK}/sessions/end")
    elsewhere = await _kiosk(server, person)
    assert (await elsewhere.did(f"{fee}-code", {"auth_code": await _code(server)}))["paid"] is True
