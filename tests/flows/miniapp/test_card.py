"""A patient's card from the phone: topped up, spent, given back, and every change of it explained."""

from __future__ import annotations

import uuid

import pytest

from hospital_core.finance.payments.commands import TakeCashTopUp
from hospital_core.finance.payments.service import take_cash_top_up
from tests.fixtures.finance import run_cashier, value
from tests.fixtures.findings import money_findings
from tests.fixtures.phone_money import make_charges, make_payer, until

GROUP = "server"


@pytest.fixture
async def payer(phone, simulator):
    """A phone whose proven patient has an empty card."""
    return await make_payer(phone, simulator)


async def card_of(payer):
    return await payer.phone.see(f"/patients/{payer.patient_id}/card")


async def movements_of(payer, cursor=""):
    return await payer.phone.see(f"/patients/{payer.patient_id}/card/movements{cursor}")


async def test_given_top_up_spending_and_a_cancelled_bill_then_the_movements_explain_the_balance(payer):
    await payer.topped_up(10_000)
    paid = await payer.bill(*await make_charges("30.00", patient_id=payer.patient_id))
    await payer.phone.ok(f"/bills/{paid['id']}/pay", {"how": "card"})
    dear = await payer.bill(*await make_charges("90.00", patient_id=payer.patient_id))
    await payer.phone.ok(f"/bills/{dear['id']}/pay", {"how": "card_then_wechat"})
    await payer.phone.ok(f"/bills/{dear['id']}/cancel")
    moved = (await movements_of(payer))["items"]
    assert [(one["kind"], one["amount_fen"], one["balance_fen"]) for one in moved] == [
        ("returned", 7_000, 7_000), ("spent", -7_000, 0), ("spent", -3_000, 7_000), ("top_up", 10_000, 10_000),
    ]  # fmt: skip
    assert moved[2]["title"] == "检验项目30.00"
    assert (await card_of(payer))["balance_fen"] == sum(one["amount_fen"] for one in moved) == 7_000


async def test_given_wechat_and_cash_then_the_rest_goes_back_where_it_came_from_newest_first(payer):
    await payer.topped_up(5_000)
    cash = TakeCashTopUp(patient_id=uuid.UUID(payer.patient_id), amount_fen=2_000, tendered_fen=2_000)
    await run_cashier(take_cash_top_up, cash)
    bill = await payer.bill(*await make_charges("10.00", patient_id=payer.patient_id))
    await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "card"})
    shown = await card_of(payer)
    assert shown["balance_fen"] == 6_000
    ways = {way["channel"]: way["amount_fen"] for way in shown["ways_back"]}
    assert sum(ways.values()) == 6_000
    back = await payer.phone.ok(f"/patients/{payer.patient_id}/card/refunds")
    assert (back["amount_fen"], {way["channel"]: way["amount_fen"] for way in back["ways"]}) == (6_000, ways)
    assert (await card_of(payer))["balance_fen"] == 0
    stages = await until(
        lambda: stages_of(payer), lambda seen: seen == {("wechat_jsapi", "arrived"), ("cash", "at_window")}
    )
    assert len(stages) == 2
    assert await money_findings(uuid.UUID(payer.patient_id)) == []
    again = await payer.phone.post(f"/patients/{payer.patient_id}/card/refunds")
    assert (again.status_code, again.json()["code"]) == (409, "ledger.card_balance_too_low")


async def stages_of(payer):
    entries = (await payer.phone.see("/payments"))["items"]
    return {(one["channel"], one["stage"]) for one in entries if one["kind"] == "refund"}


async def test_given_a_double_tap_then_the_card_gives_back_once(payer):
    await payer.topped_up(5_000)
    path, body = f"/patients/{payer.patient_id}/card/refunds", {"amount_fen": 2_000}
    first = await payer.phone.ok(path, body, key="one-refund-please")
    assert await payer.phone.ok(path, body, key="one-refund-please") == first
    assert (await card_of(payer))["balance_fen"] == 3_000


@pytest.mark.parametrize("amount_fen", [0, 99, 500_001, -100, 1.5, "viele"])
async def test_given_an_amount_outside_the_limits_then_it_is_refused(payer, amount_fen):
    refused = await payer.phone.post(f"/patients/{payer.patient_id}/card/top-ups", {"amount_fen": amount_fen})
    assert refused.status_code == 422
    assert await value(
        "SELECT count(*) FROM payment_intent WHERE patient_id = $1", uuid.UUID(payer.patient_id)
    ) == 0  # fmt: skip


async def test_given_more_movements_than_a_page_then_the_cursor_goes_on(payer):
    await payer.topped_up(5_000)
    path = f"/patients/{payer.patient_id}/card/refunds"
    for _ in range(51):
        await payer.phone.ok(path, {"amount_fen": 10})
    first = await movements_of(payer)
    rest = await movements_of(payer, f"?cursor={first['next_cursor']}")
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (50, 2, None)
    assert len({one["id"] for one in (*first["items"], *rest["items"])}) == 52
    wrong = await payer.phone.get(f"/patients/{payer.patient_id}/card/movements?cursor=1.zz")
    assert wrong.status_code == 422


async def test_strangers_card_looks_as_if_it_were_not_there(payer, new_phone):
    stranger = await new_phone().sign_in(payer.simulator)
    for patient_id in (payer.patient_id, str(uuid.uuid4())):
        path = f"/patients/{patient_id}/card"
        answers = [await stranger.get(path), await stranger.get(f"{path}/movements"),
                   await stranger.post(f"{path}/top-ups", {"amount_fen": 100}),
                   await stranger.post(f"{path}/refunds")]  # fmt: skip
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(404, "kernel.not_found")}
