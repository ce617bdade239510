"""The cashier's window over HTTP: a shift, a merged bill, mixed tenders, a refund, the end of the day."""

from uuid import UUID

from hospital_core.finance.billing.commands import Charge
from hospital_core.finance.billing.service import charge
from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.finance import make_price_item, run_system
from tests.fixtures.people import make_staff, register, somebody, unique
from tests.fixtures.server import Server

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
