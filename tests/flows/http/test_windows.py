"""The cashier's window over HTTP: a shift, a merged bill, mixed tenders, a refund, the end of the day."""

from uuid import UUID

from hospital_core.finance.billing.commands import Charge
from hospital_core.finance.billing.service import charge
from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.finance import make_price_item, run_system
from tests.fixtures.people import make_staff, register, somebody, unique
from tests.fixtures.server import Party, Server
from tests.fixtures.wechat import Simulator

GROUP = "server"

STAFF = "/api/staff/v1"


async def _charged(patient_id: UUID, price: str) -> str:
    item = await run_system(
        charge,
        Charge(
            patient_id=patient_id,
            encounter_id=new_id(),
            price_item_id=await make_price_item(unit_price=price, name="血常规"),
            source_kind="order",
            source_id=new_id(),
        ),
    )
    return str(item.id)


async def test_a_shift_from_opening_to_its_report(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    drawer = await manager.did(f"{STAFF}/drawers", {"code": unique("W"), "name": "3 号窗口"})
    window = await server.staff(await make_staff(roles=[StaffRole.CASHIER], at_window=False))
    patient_id = await register(person=somebody())
    items = [await _charged(patient_id, "30.00"), await _charged(patient_id, "20.00")]
    due = await window.got(f"{STAFF}/patients/{patient_id}/charges")
    assert (due["due_fen"], len(due["groups"])) == (5000, 2)
    bill = await window.did(f"{STAFF}/patients/{patient_id}/invoices", {"charge_item_ids": items})
    invoice = f"{STAFF}/invoices/{bill['id']}"
    refused = await window.post(f"{invoice}/cash", {"tendered_fen": 5000})
    assert (refused.status_code, refused.json()["code"]) == (409, "payments.shift_not_open")
    assert (await window.got(f"{STAFF}/my/shift")) == {"open": None}
    shift = await window.did(f"{STAFF}/shifts", {"drawer_id": drawer["id"], "opening_fen": 10_000})
    await window.did(f"{STAFF}/patients/{patient_id}/card/cash", {"amount_fen": 1000, "tendered_fen": 1000})
    assert (await window.got(f"{STAFF}/patients/{patient_id}/card"))["balance_fen"] == 1000
    await window.did(f"{invoice}/card", {"amount_fen": 1000})
    await window.did(f"{invoice}/bank-card", {"amount_fen": 1500, "reference": "POS000123"})
    key = str(new_id())
    paid = await window.did(f"{invoice}/cash", {"tendered_fen": 3000}, key=key)
    assert paid == await window.did(f"{invoice}/cash", {"tendered_fen": 3000}, key=key), "sent twice, taken once"
    assert (paid["amount_fen"], paid["change_fen"]) == (2500, 500)
    assert paid["receipt_no"].startswith(f"{drawer['code']}-")
    back = await window.did(
        f"{invoice}/refunds", {"lines": [{"charge_item_id": items[1], "quantity": "1"}], "reason": "医生停开"}
    )
    assert (back["amount_fen"], [refund["status"] for refund in back["refunds"]]) == (2000, ["succeeded"])
    seen = await window.got(invoice)
    assert len(seen["payments"]) == 3
    assert len(seen["receipts"]) == 1
    await window.did(f"{STAFF}/receipts/{seen['receipts'][0]['id']}/void", {"reason": "打印有误"})
    assert (await window.did(f"{invoice}/receipts"))["number"] == 4
    await window.did(f"{STAFF}/cash-deposits", {"amount_fen": 1500})
    report = (await window.got(f"{STAFF}/my/shift"))["open"]
    assert (report["cash_in_fen"], report["cash_out_fen"], report["deposited_fen"]) == (3500, 2000, 1500)
    assert report["expected_fen"] == 10_000
    series = await window.got(f"{STAFF}/receipt-series", drawer_id=drawer["id"], day=seen["receipts"][0]["day"])
    assert (series["last_number"], series["missing"]) == (4, [])
    closed = await window.did(f"{STAFF}/shifts/{shift['id']}/close", {"counted_fen": 10_000})
    assert (closed["status"], closed["expected_fen"]) == ("closed", 10_000)
    assert (await manager.got(f"{STAFF}/shifts/{shift['id']}/report"))["shift"]["status"] == "closed"


async def test_given_a_wrong_day_or_an_open_shift_then_the_day_is_not_closed(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    await make_staff(roles=[StaffRole.CASHIER])
    future = await manager.post(f"{STAFF}/accounting-days/close", {"day": "2099-01-01"})
    assert (future.status_code, future.json()["code"]) == (409, "ledger.day_not_over")
    report = await manager.got(f"{STAFF}/day-report", day="2099-01-01")
    assert (report["closed"], report["takings"]) == (False, [])


async def test_given_a_payment_code_then_it_is_charged_and_the_simulator_answers(server: Server) -> None:
    window, patient_id = await server.role(StaffRole.CASHIER), await register(person=somebody())
    item = await _charged(patient_id, "1.00")
    bill = await window.did(f"{STAFF}/patients/{patient_id}/invoices", {"charge_item_ids": [item]})
    shown = await window.did(f"{STAFF}/invoices/{bill['id']}/code-to-scan")
    assert shown["code_url"].startswith("weixin://")
    checked = await window.did(f"{STAFF}/payments/{shown['payment']['id']}/check")
    assert checked["status"] == "open"
    wrong = await window.post(f"{STAFF}/invoices/{bill['id']}/payment-code", {"auth_code": "123"})
    assert wrong.status_code == 422
    # A code that the channel does not know: refused, the intent is closed, another may be scanned.
    answer = await window.post(f"{STAFF}/invoices/{bill['id']}/payment-code", {"auth_code": "139999999999999999"})
    assert answer.status_code in (200, 409), answer.text


async def _paid_bill(window: Party, patient_id: UUID, *prices: str) -> tuple[str, list[str], str]:
    """A bill over these prices paid half by bank card, half in cash: (id, items, receipt)."""
    items = [await _charged(patient_id, price) for price in prices]
    bill = await window.did(f"{STAFF}/patients/{patient_id}/invoices", {"charge_item_ids": items})
    invoice = f"{STAFF}/invoices/{bill['id']}"
    half = bill["total_fen"] // 2
    await window.did(f"{invoice}/bank-card", {"amount_fen": half, "reference": "POS9"})
    paid = await window.did(f"{invoice}/cash", {"tendered_fen": bill["total_fen"] - half})
    return bill["id"], items, paid["receipt_no"]


async def test_given_a_receipt_then_its_bill_is_found_and_a_refund_previewed_is_what_then_happens(
    server: Server,
) -> None:
    window, patient_id = await server.role(StaffRole.CASHIER), await register(person=somebody())
    bill_id, items, receipt_no = await _paid_bill(window, patient_id, "30.00", "20.00")
    found = await window.got(f"{STAFF}/invoices", number=receipt_no)
    assert found["invoice"]["id"] == bill_id
    (listed,) = (await window.got(f"{STAFF}/patients/{patient_id}/invoices"))["items"]
    assert (listed["receipt_no"], listed["items"], listed["refunded_fen"]) == (receipt_no, "血常规、血常规", 0)
    assert (await window.got(f"{STAFF}/invoices", number=listed["invoice_no"]))["invoice"]["id"] == bill_id
    assert (await window.get(f"{STAFF}/invoices", number="W99-20200101-000001")).status_code == 404
    lines = [{"charge_item_id": items[0], "quantity": "1"}]
    preview = await window.did(f"{STAFF}/invoices/{bill_id}/refund-preview", {"lines": lines}, key="")
    ways = [(one["channel"], one["amount_fen"], one["arrives"]) for one in preview["tenders"]]
    assert ways == [("cash", 2500, "at_once"), ("bank_card", 500, "at_window")]
    back = await window.did(f"{STAFF}/invoices/{bill_id}/refunds", {"lines": lines, "reason": "医生停开"})
    assert [(one["amount_fen"], one["status"]) for one in back["refunds"]] == [(2500, "succeeded"), (500, "requested")]
    seen = await window.got(f"{STAFF}/invoices/{bill_id}")
    given = [one["receipt_no"] for one in seen["refunds"]]
    assert given[0] is not None, "what the window gave has its receipt"
    assert given[1] is None, "what waits has none yet"
    assert (await window.got(f"{STAFF}/invoices", number=given[0]))["invoice"]["id"] == bill_id
    (waiting,) = [
        one for one in (await window.got(f"{STAFF}/refunds/waiting"))["items"] if one["patient_id"] == str(patient_id)
    ]
    assert (waiting["channel"], waiting["amount_fen"]) == ("bank_card", 500)
    twice = await window.post(f"{STAFF}/invoices/{bill_id}/refund-preview", {"lines": lines}, key="")
    assert (twice.status_code, twice.json()["code"]) == (409, "billing.nothing_to_refund")


async def test_given_denominations_then_they_add_up_and_are_kept(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    drawer = await manager.did(f"{STAFF}/drawers", {"code": unique("W"), "name": "7 号窗口"})
    window = await server.staff(await make_staff(roles=[StaffRole.CASHIER], at_window=False))
    shift = await window.did(f"{STAFF}/shifts", {"drawer_id": drawer["id"], "opening_fen": 12_050})
    notes = [{"value_fen": 10_000, "count": 1}, {"value_fen": 2_000, "count": 1}, {"value_fen": 50, "count": 1}]
    close = f"{STAFF}/shifts/{shift['id']}/close"
    wrong = await window.post(close, {"counted_fen": 12_000, "notes": notes})
    assert wrong.status_code == 422
    odd = await window.post(close, {"counted_fen": 300, "notes": [{"value_fen": 300, "count": 1}]})
    assert odd.status_code == 422
    closed = await window.did(close, {"counted_fen": 12_050, "notes": notes})
    assert closed["counted_notes"] == notes
    report = await manager.got(f"{STAFF}/shifts/{shift['id']}/report")
    assert (report["shift"]["counted_notes"], report["shift"]["cashier"]) == (notes, closed["cashier"])


async def test_given_a_deposit_then_it_stands_among_what_only_red_corrects(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    window = await server.staff(await make_staff(roles=[StaffRole.CASHIER]))
    await window.did(
        f"{STAFF}/patients/{await register(person=somebody())}/card/cash", {"amount_fen": 4321, "tendered_fen": 4321}
    )
    made = await window.did(f"{STAFF}/cash-deposits", {"amount_fen": 4321})
    days = await manager.got(f"{STAFF}/accounting-days")
    day = days["next_day"]
    (before,) = [
        one for one in (await manager.got(f"{STAFF}/journals", day=day))["items"] if one["id"] == made["entry_id"]
    ]
    assert (before["kind"], before["corrected"]) == ("cash_deposited", False)
    assert sorted(line["amount_fen"] for line in before["lines"]) == [-4321, 4321]
    await manager.did(f"{STAFF}/journals/{made['entry_id']}/correct", {"reason": "多录一笔"})
    after = {one["id"]: one for one in (await manager.got(f"{STAFF}/journals", day=day))["items"]}
    assert after[made["entry_id"]]["corrected"] is True
    report = await manager.got(f"{STAFF}/day-report", day=day)
    assert (report["closed"], report["closed_by"]) == (False, None)


async def test_given_a_payment_code_and_a_bank_card_then_the_card_has_both_once(server: Server) -> None:
    wechat, window = Simulator(server.wechat_url), await server.staff(await make_staff(roles=[StaffRole.CASHIER]))
    card = f"{STAFF}/patients/{await register(person=somebody())}/card"
    code, key = await _payment_code(wechat), str(new_id())
    paid = await window.did(f"{card}/payment-code", {"amount_fen": 3000, "auth_code": code}, key=key)
    again = await window.did(f"{card}/payment-code", {"amount_fen": 3000, "auth_code": code}, key=key)
    assert (paid["status"], paid["channel"], again["id"]) == ("succeeded", "wechat_codepay", paid["id"])
    refused = await window.post(f"{card}/payment-code", {"amount_fen": 3000, "auth_code": code})
    assert (refused.status_code, refused.json()["code"]) == (409, "payments.channel_refused"), "a code works once"
    await wechat.fault("codepay_password", times=1)
    waits = await window.did(f"{card}/payment-code", {"amount_fen": 500, "auth_code": await _payment_code(wechat)})
    shown = await window.got(card)
    assert (shown["balance_fen"], shown["top_ups"][0]["id"], shown["top_ups"][0]["status"]) == (
        3000,
        waits["id"],
        "open",
    )
    other = await window.did(f"{card}/payment-code", {"amount_fen": 500, "auth_code": await _payment_code(wechat)})
    assert other["id"] == waits["id"], "followed, not charged beside it"
    await wechat.post(f"/orders/{waits['out_trade_no']}/password")
    assert (await window.did(f"{STAFF}/payments/{waits['id']}/check"))["status"] == "succeeded"
    await window.did(f"{card}/bank-card", {"amount_fen": 1500, "reference": "POS000123"})
    shown = await window.got(card)
    assert (shown["balance_fen"], [one["amount_fen"] for one in shown["top_ups"]]) == (5000, [1500, 500, 3000])
    assert all(one["receipt_no"] for one in shown["top_ups"])
    off_duty = await server.staff(await make_staff(roles=[StaffRole.CASHIER], at_window=False))
    refused = await off_duty.post(f"{card}/payment-code", {"amount_fen": 500, "auth_code": code})
    assert (refused.status_code, refused.json()["code"]) == (409, "payments.shift_not_open")
    back = await window.did(f"{card}/refunds", {"reason": "不再就诊"})
    assert sorted(one["amount_fen"] for one in back["refunds"]) == [500, 1500, 3000]


async def _payment_code(wechat: Simulator) -> str:
    return str((await wechat.post(f"/users/{await wechat.person()}/payment-code"))["auth_code"])
