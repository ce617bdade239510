"""Paying bills from the phone, over HTTP: merged, by WeChat, from the card, by both, twice, never somebody else's."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from hospital_core.access.queueing.commands import CallNext, CheckIn
from hospital_core.access.queueing.service import call_next, check_in
from hospital_core.chart.encounters.commands import StartEncounter
from hospital_core.chart.encounters.service import start_encounter
from hospital_core.finance.billing.commands import BillOpenCharges
from hospital_core.finance.billing.service import bill_open_charges
from hospital_core.finance.payments.commands import TakeCash
from hospital_core.finance.payments.service import take_cash
from hospital_core.kernel.context import system_context
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import let_time_to_pay_pass, make_e_invoice, make_price_item, rows, run_cashier, value
from tests.fixtures.findings import money_findings
from tests.fixtures.phone_money import make_charges, make_payer, prove, until
from tests.fixtures.server import give_account

GROUP = "server"


@pytest.fixture
async def payer(phone, simulator):
    """A phone whose proven patient has nothing to pay yet."""
    return await make_payer(phone, simulator)


def is_paid(bill):
    return bill["status"] == "balanced"


async def settled(payer, bill, phone=None):
    return await until(lambda: (phone or payer.phone).see(f"/bills/{bill['id']}"), is_paid)


async def test_given_charges_of_two_visits_then_they_are_shown_by_visit_and_paid_on_one_bill(payer):
    session = await make_session(clinic=await make_clinic())
    held = await payer.phone.ok(
        "/appointments", {"patient_id": payer.patient_id, "schedule_id": str(session.schedule_id)}
    )
    visit = await value("SELECT encounter_id FROM appointment WHERE id = $1", uuid.UUID(held["id"]))
    first = await make_charges("80.00", "20.50", patient_id=payer.patient_id, encounter_id=visit)
    second = await make_charges("10.00", patient_id=payer.patient_id)
    owed = await payer.owed()
    assert owed["due_fen"] == 11_050
    known = {shown["encounter_id"]: shown for shown in owed["visits"]}
    assert (known[str(visit)]["amount_fen"], len(known[str(visit)]["items"])) == (10_050, 2)
    assert (known[str(visit)]["department"], known[str(visit)]["doctor"]) == (held["department"], held["doctor"])
    dues = (await payer.phone.see("/bills"))["items"]
    assert [(one["patient_id"], one["due_fen"], one["count"]) for one in dues] == [(payer.patient_id, 11_050, 3)]

    bill = await payer.bill(*first, *second)
    assert (bill["total_fen"], bill["due_fen"], len(bill["visits"]), bill["can_cancel"]) == (11_050, 11_050, 2, True)
    started = await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "wechat"})
    assert (started["payment"]["amount_fen"], started["card_fen"]) == (11_050, 0)
    assert started["bill"]["awaiting"]["id"] == started["payment"]["intent_id"]
    await payer.confirm(started["payment"])
    paid = await settled(payer, bill)
    assert (paid["due_fen"], paid["awaiting"], [t["amount_fen"] for t in paid["tenders"]]) == (0, None, [11_050])
    assert (await payer.owed())["due_fen"] == 0
    refused = await payer.phone.post(f"/bills/{bill['id']}/pay", {"how": "wechat"})
    assert (refused.status_code, refused.json()["code"]) == (409, "payments.invoice_not_payable")


async def test_given_a_card_with_less_than_the_bill_then_wechat_pays_the_rest(payer):
    await payer.topped_up(3_000)
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    short = await payer.phone.post(f"/bills/{bill['id']}/pay", {"how": "card"})
    assert (short.status_code, short.json()["code"]) == (409, "ledger.card_balance_too_low")
    started = await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "card_then_wechat"})
    assert (started["card_fen"], started["payment"]["amount_fen"], started["bill"]["due_fen"]) == (3_000, 2_000, 2_000)
    await payer.confirm(started["payment"])
    paid = await settled(payer, bill)
    assert [(t["channel"], t["amount_fen"]) for t in paid["tenders"]] == [
        ("card_balance", 3_000),
        ("wechat_jsapi", 2_000),
    ]
    assert await money_findings(uuid.UUID(payer.patient_id)) == []


async def test_given_enough_on_the_card_then_it_pays_at_once(payer):
    await payer.topped_up(10_000)
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    started = await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "card"})
    assert (started["payment"], started["bill"]["status"]) == (None, "balanced")
    assert (await payer.phone.see(f"/patients/{payer.patient_id}/card"))["balance_fen"] == 5_000


async def test_given_a_double_tap_then_one_bill_and_one_order(payer):
    charges = await make_charges("50.00", patient_id=payer.patient_id)
    body = {"charge_item_ids": [str(one) for one in charges]}
    path = f"/patients/{payer.patient_id}/bills"
    bills = await asyncio.gather(*(payer.phone.ok(path, body, key="one-tap-one-bill") for _ in range(4)))
    assert len({bill["id"] for bill in bills}) == 1
    pay = f"/bills/{bills[0]['id']}/pay"
    taps = await asyncio.gather(*(payer.phone.ok(pay, {"how": "wechat"}, key="one-tap-one-order") for _ in range(4)))
    later = await payer.phone.ok(pay, {"how": "wechat"})
    assert len({tap["payment"]["intent_id"] for tap in (*taps, later)}) == 1
    assert await value("SELECT count(*) FROM payment_intent WHERE invoice_id = $1", uuid.UUID(bills[0]["id"])) == 1


async def test_given_two_phones_pay_one_bill_then_the_second_gets_its_money_back(payer, new_phone):
    other = await new_phone().sign_in(payer.simulator)
    link = await other.ok("/patients", payer.body | {"relation": "other"})
    await prove(link["link_id"])
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    pay = f"/bills/{bill['id']}/pay"
    # The first order cannot be withdrawn in time: both are paid.
    await payer.simulator.fault("api_500", target="close")
    first, second = [(await phone.ok(pay, {"how": "wechat"}))["payment"] for phone in (payer.phone, other)]
    assert first["intent_id"] != second["intent_id"]
    await payer.confirm(second, other)
    await settled(payer, bill, other)
    await payer.confirm(first)
    back = await until(
        lambda: payer.phone.ok(f"/payments/{first['intent_id']}/check"),
        lambda seen: [one["stage"] for one in seen["refunds"]] == ["arrived"],
    )
    assert (back["payment"]["applied"], back["refunds"][0]["amount_fen"]) == (False, 5_000)
    assert (await payer.phone.see(f"/bills/{bill['id']}"))["paid_fen"] == 5_000
    assert await money_findings(uuid.UUID(payer.patient_id)) == []


async def test_given_the_time_to_pay_is_over_then_the_next_tap_makes_a_new_order(payer):
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    pay = f"/bills/{bill['id']}/pay"
    first = (await payer.phone.ok(pay, {"how": "wechat"}, key="first-tap"))["payment"]
    await let_time_to_pay_pass(uuid.UUID(first["intent_id"]))
    shown = await payer.phone.see(f"/bills/{bill['id']}")
    assert (shown["awaiting"], shown["due_fen"]) == (None, 5_000)
    second = (await payer.phone.ok(pay, {"how": "wechat"}))["payment"]
    assert second["intent_id"] != first["intent_id"]
    await payer.confirm(second)
    assert is_paid(await settled(payer, bill))


async def test_given_a_lost_callback_then_coming_back_from_paying_settles_the_bill(payer):
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    await payer.simulator.fault("callback_drop", target="TRANSACTION")
    payment = (await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "wechat"}))["payment"]
    unpaid = await payer.phone.ok(f"/bills/{bill['id']}/payment-check")
    assert unpaid["status"] == "issued"
    await payer.confirm(payment)
    assert is_paid(await payer.phone.ok(f"/bills/{bill['id']}/payment-check"))


async def test_given_a_partly_paid_bill_is_cancelled_then_the_card_has_its_money_and_the_charges_are_open(payer):
    await payer.topped_up(3_000)
    bill = await payer.bill(*await make_charges("50.00", "1.00", patient_id=payer.patient_id))
    await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "card_then_wechat"})
    owed = await payer.phone.ok(f"/bills/{bill['id']}/cancel")
    assert (owed["due_fen"], owed["bills"], len(owed["visits"][0]["items"])) == (5_100, [], 2)
    assert (await payer.phone.see(f"/patients/{payer.patient_id}/card"))["balance_fen"] == 3_000
    again = await payer.phone.post(f"/bills/{bill['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "payments.invoice_not_payable")
    assert await money_findings(uuid.UUID(payer.patient_id)) == []


async def test_given_a_window_took_part_of_it_then_only_a_window_takes_it_apart(payer):
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    await run_cashier(take_cash, TakeCash(invoice_id=uuid.UUID(bill["id"]), tendered_fen=2_000, amount_fen=2_000))
    assert (await payer.phone.see(f"/bills/{bill['id']}"))["can_cancel"] is False
    refused = await payer.phone.post(f"/bills/{bill['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "billing.invoice_partly_paid")


async def test_given_a_registration_fee_then_its_bill_is_paid_with_the_appointment_only(payer):
    session = await make_session(clinic=await make_clinic())
    held = await payer.phone.ok(
        "/appointments", {"patient_id": payer.patient_id, "schedule_id": str(session.schedule_id)}
    )
    await payer.phone.ok(f"/appointments/{held['id']}/pay")
    [shown] = (await payer.owed())["bills"]
    assert (shown["appointment_id"], shown["can_cancel"]) == (held["id"], False)
    for write, body in (("pay", {"how": "wechat"}), ("cancel", {})):
        refused = await payer.phone.post(f"/bills/{shown['id']}/{write}", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "payments.registration_bill")


async def test_given_a_paid_bill_then_its_receipt_is_numbered_once(payer):
    await payer.topped_up(10_000)
    bill = await payer.bill(*await make_charges("50.00", patient_id=payer.patient_id))
    path = f"/bills/{bill['id']}/receipt"
    early = await payer.phone.post(path)
    assert (early.status_code, early.json()["code"]) == (409, "payments.not_paid")
    assert (await payer.phone.get(path)).status_code == 404
    await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "card"})
    first, second = await payer.phone.ok(path), await payer.phone.ok(path)
    assert first == second == await payer.phone.see(path)
    assert (first["receipt_no"][:4], first["amount_fen"], len(first["items"])) == ("NET-", 5_000, 1)
    assert (await payer.phone.see(f"/bills/{bill['id']}"))["receipt_no"] == first["receipt_no"]


async def test_strangers_bill_looks_as_if_it_were_not_there(payer, new_phone):
    charges = await make_charges("50.00", patient_id=payer.patient_id)
    bill = await payer.bill(*charges)
    stranger = await new_phone().sign_in(payer.simulator)
    answers = []
    for bill_id in (bill["id"], str(uuid.uuid4())):
        reads = [await stranger.get(f"/bills/{bill_id}{tail}") for tail in ("", "/receipt")]
        writes = [
            await stranger.post(f"/bills/{bill_id}{tail}", body)
            for tail, body in (("/pay", {"how": "card"}), ("/payment-check", {}), ("/cancel", {}), ("/receipt", {}))
        ]
        answers.append([(one.status_code, one.json()["code"], one.json()["title"]) for one in (*reads, *writes)])
    assert answers[0] == answers[1]
    assert {status for status, *_ in answers[0]} == {404}
    theft = {"charge_item_ids": [str(one) for one in charges]}
    assert (await stranger.post(f"/patients/{payer.patient_id}/bills", theft)).status_code == 404
    own = await make_payer(stranger, payer.simulator)
    stolen = await stranger.post(f"/patients/{own.patient_id}/bills", theft)
    assert (stolen.status_code, stolen.json()["code"]) == (409, "billing.charges_not_billable")


async def test_given_an_unproven_link_then_older_bills_are_hidden_and_the_card_is_shut(phone, simulator):
    payer = await make_payer(phone, simulator)
    charges = await make_charges("50.00", patient_id=payer.patient_id)
    await rows(
        "UPDATE account_link SET proven_at = NULL, proof = NULL, linked_at = hospital_now() WHERE patient_id = $1 "
        "RETURNING id",
        uuid.UUID(payer.patient_id),
    )
    later = await make_charges("9.00", patient_id=payer.patient_id)
    owed = await payer.owed()
    assert [item["id"] for visit in owed["visits"] for item in visit["items"]] == [str(later[0])]
    assert str(charges[0]) not in str(owed)
    refused = await phone.get(f"/patients/{payer.patient_id}/card")
    assert (refused.status_code, refused.json()["code"]) == (403, "payments.card_needs_proof")
    bill = await payer.bill(*later)
    refused = await phone.post(f"/bills/{bill['id']}/pay", {"how": "card"})
    assert (refused.status_code, refused.json()["code"]) == (403, "payments.card_needs_proof")


async def test_unchanged_bills_cost_no_body(payer):
    charges = await make_charges("50.00", patient_id=payer.patient_id)
    for path in ("/bills", f"/patients/{payer.patient_id}/bills", "/payments", f"/patients/{payer.patient_id}/card"):
        first = await payer.phone.get(path)
        again = await payer.phone.get(path, **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
    before = (await payer.phone.get("/bills")).headers["etag"]
    await payer.bill(*charges)
    await make_charges("1.00", patient_id=payer.patient_id)
    assert (await payer.phone.get("/bills", **{"If-None-Match": before})).status_code == 200


async def test_doctor_charges_the_visit_under_way_once_and_the_patient_finds_it(payer, server):
    clinic = await make_clinic()
    session = await make_session(clinic=clinic, starts_in=timedelta(minutes=20))
    body = {"patient_id": payer.patient_id, "schedule_id": str(session.schedule_id)}
    held = await payer.phone.ok("/appointments", body)
    await payer.confirm((await payer.phone.ok(f"/appointments/{held['id']}/pay"))["payment"])
    path = f"/appointments/{held['id']}"
    await until(lambda: payer.phone.see(path), lambda seen: seen["status"] == "booked")
    item = str(await make_price_item(unit_price="36.00", name="心电图"))
    ticket = await run(system_context(), check_in, CheckIn(appointment_id=uuid.UUID(held["id"])))
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    visit = await run(clinic.doctor, start_encounter, StartEncounter(ticket_id=ticket.id))
    doctor = await server.staff(
        await give_account(staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR])
    )
    path = f"/api/staff/v1/encounters/{visit.id}/charges"
    charged = await doctor.did(path, {"price_item_id": item, "quantity": "2"})
    assert (charged["amount_fen"], charged["status"]) == (7_200, "billable")
    again = await doctor.did(path, {"price_item_id": item})
    assert again["id"] == charged["id"]
    [shown] = (await payer.owed())["visits"]
    assert (shown["encounter_id"], shown["amount_fen"]) == (str(visit.id), 7_200)
    elsewhere = await server.role(StaffRole.DOCTOR)
    assert (await elsewhere.post(path, {"price_item_id": item})).status_code == 404


async def test_given_an_unproven_link_then_todays_bill_over_older_charges_is_hidden_too(phone, simulator):
    payer = await make_payer(phone, simulator)
    older = await make_charges("50.00", "30.00", patient_id=payer.patient_id)
    await rows(
        "UPDATE account_link SET proven_at = NULL, proof = NULL, linked_at = hospital_now() WHERE patient_id = $1 "
        "RETURNING id",
        uuid.UUID(payer.patient_id),
    )
    theft = {"charge_item_ids": [str(older[0])]}
    stolen = await phone.post(f"/patients/{payer.patient_id}/bills", theft)
    assert (stolen.status_code, stolen.json()["code"]) == (409, "billing.charges_not_billable")
    billed = BillOpenCharges(patient_id=uuid.UUID(payer.patient_id), charge_item_ids=older)
    bill = await run(system_context(), bill_open_charges, billed)
    paid = await run_cashier(take_cash, TakeCash(invoice_id=bill.id, amount_fen=1000, tendered_fen=1000))
    e_invoice = await make_e_invoice(invoice_id=bill.id)
    for path in (f"/bills/{bill.id}", f"/payments/{paid.id}", f"/e-invoices/{e_invoice}"):
        hidden = await phone.get(path)
        assert (hidden.status_code, "检验项目" in hidden.text) == (404, False), path
    assert (await phone.see("/bills"))["items"] == []
    assert (await payer.owed())["bills"] == []
    assert "检验项目" not in str([await phone.see("/payments"), await phone.see("/e-invoices")])
