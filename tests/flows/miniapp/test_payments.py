"""The record of payments: by month, with what became of each, of the account's own patients only."""

from __future__ import annotations

import uuid

import pytest

from hospital_core.finance.payments.commands import RefundAtCounter
from hospital_core.finance.payments.service import refund_at_counter
from tests.fixtures.finance import rows, run_cashier
from tests.fixtures.phone_money import make_charges, make_payer, until

GROUP = "server"


@pytest.fixture
async def payer(phone, simulator):
    """A phone whose proven patient has paid nothing yet."""
    return await make_payer(phone, simulator)


async def paid_bill(payer, *prices):
    bill = await payer.bill(*await make_charges(*prices, patient_id=payer.patient_id))
    await payer.confirm((await payer.phone.ok(f"/bills/{bill['id']}/pay", {"how": "wechat"}))["payment"])
    path = f"/bills/{bill['id']}"
    return await until(lambda: payer.phone.see(path), lambda seen: seen["status"] == "balanced")


async def test_given_a_payment_and_a_refund_then_both_stand_in_the_month_and_lead_to_one_page(payer):
    bill = await paid_bill(payer, "30.00", "20.00", "5.00")
    part = RefundAtCounter(
        invoice_id=uuid.UUID(bill["id"]), lines=[{"charge_item_id": bill["items"][0]["id"], "quantity": "1"}],
        reason="未做检查",
    )  # fmt: skip
    await run_cashier(refund_at_counter, part)
    month = await until(
        lambda: payer.phone.see("/payments"), lambda seen: [one["stage"] for one in seen["items"]] == ["arrived", None]
    )
    refund, payment = month["items"]
    assert (payment["title"], payment["amount_fen"]) == ("检验项目30.00、检验项目20.00 等 3 项", 5_500)
    assert (refund["payment_id"], refund["kind"]) == (payment["id"], "refund")
    assert (month["paid_fen"], month["refunded_fen"], month["earlier"]) == (5_500, refund["amount_fen"], None)
    page = await payer.phone.see(f"/payments/{payment['id']}")
    assert (page["bill_id"], page["payment"]["refunded_fen"]) == (bill["id"], refund["amount_fen"])
    [progress] = page["refunds"]
    assert (progress["reason"], progress["stage"]) == ("未做检查", "arrived")
    assert (await payer.phone.see(f"/bills/{bill['id']}"))["refunds"] == [progress]


async def test_given_a_refund_under_way_then_it_says_until_when(payer):
    await payer.simulator.post("/settings", refund_seconds=100_000)
    bill = await paid_bill(payer, "30.00")
    await run_cashier(refund_at_counter, RefundAtCounter(invoice_id=uuid.UUID(bill["id"]), reason="未做检查"))
    path = f"/bills/{bill['id']}"
    seen = await until(
        lambda: payer.phone.see(path), lambda one: [r["stage"] for r in one["refunds"]] == ["processing"]
    )
    assert seen["refunds"][0]["arrives_by"] > seen["refunds"][0]["requested_at"]


async def test_given_an_earlier_month_then_it_is_named_and_shown_by_itself(payer):
    first, second = await paid_bill(payer, "30.00"), await paid_bill(payer, "20.00")
    await rows(
        "UPDATE payment_intent SET succeeded_at = '2026-09-30T16:30:00Z' WHERE invoice_id = $1 RETURNING id",
        uuid.UUID(first["id"]),
    )
    now = await payer.phone.see("/payments")
    assert ([one["amount_fen"] for one in now["items"]], now["earlier"]) == ([2_000], "2026-10-01")
    before = await payer.phone.see("/payments?month=2026-10")  # half past midnight in Shanghai
    assert (before["month"], before["paid_fen"], before["earlier"]) == ("2026-10-01", 3_000, None)
    assert [one["amount_fen"] for one in before["items"]] == [3_000]
    assert (await payer.phone.see("/payments?month=2026-09"))["items"] == []
    assert second["id"] != first["id"]


@pytest.mark.parametrize("query", ["month=2026-13", "month=heute", "cursor=x", "patient_id=1", "page=2"])
async def test_given_a_query_that_means_nothing_then_it_is_refused(phone, query):
    assert (await phone.get(f"/payments?{query}")).status_code == 422


async def test_strangers_payment_looks_as_if_it_were_not_there(payer, new_phone):
    bill = await paid_bill(payer, "30.00")
    stranger = await new_phone().sign_in(payer.simulator)
    for payment_id in (bill["tenders"][0]["id"], str(uuid.uuid4())):
        path = f"/payments/{payment_id}"
        for answer in (await stranger.get(path), await stranger.post(f"{path}/check")):
            assert (answer.status_code, answer.json()["code"]) == (404, "kernel.not_found")
    assert (await stranger.see("/payments"))["items"] == []
    foreign = await stranger.get(f"/payments?patient_id={payer.patient_id}")
    assert foreign.status_code == 404


async def test_given_messages_then_they_are_counted_opened_and_all_read(payer):
    bill = await paid_bill(payer, "30.00")
    seen = await until(lambda: payer.phone.see("/messages/unread"), lambda one: one["unread"] == 1)
    assert seen == {"unread": 1}
    [message] = (await payer.phone.see("/messages"))["items"]
    assert (message["kind"], message["payment_id"]) == ("payment_received", bill["tenders"][0]["id"])
    assert await payer.phone.ok("/messages/read-all") == {"read": 1}
    assert await payer.phone.see("/messages/unread") == {"unread": 0}
    assert await payer.phone.ok("/messages/read-all") == {"read": 0}
