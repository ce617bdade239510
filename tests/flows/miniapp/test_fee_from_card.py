"""A registration fee from the card, over HTTP: at once, with WeChat for the rest, never twice, and back on the card."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import rows
from tests.fixtures.findings import money_findings
from tests.fixtures.phone_money import make_payer, until

GROUP = "server"


@pytest.fixture
async def payer(phone, simulator):
    """A phone whose proven patient has an empty card."""
    return await make_payer(phone, simulator)


@pytest.fixture
async def held(payer):
    """A place that costs 25 yuan, held by the payer."""
    session = await make_session(clinic=await make_clinic())
    wanted = {"patient_id": payer.patient_id, "schedule_id": str(session.schedule_id)}
    return await payer.phone.ok("/appointments", wanted)


async def on_card(payer):
    return (await payer.phone.see(f"/patients/{payer.patient_id}/card"))["balance_fen"]


async def test_given_enough_on_the_card_then_the_answer_is_a_booked_place_and_giving_it_back_fills_it(payer, held):
    path = f"/appointments/{held['id']}"
    assert (await payer.phone.see(f"{path}/fee"))["balance_fen"] == 0
    short = await payer.phone.post(f"{path}/pay", {"how": "card"})
    assert (short.status_code, short.json()["code"]) == (409, "ledger.card_balance_too_low")
    await payer.topped_up(4_000)
    assert await payer.phone.see(f"{path}/fee") == {
        "fee_fen": 2_500, "paid_fen": 0, "due_fen": 2_500, "balance_fen": 4_000
    }  # fmt: skip
    paid = await payer.phone.ok(f"{path}/pay", {"how": "card"})
    assert (paid["card_fen"], paid["payment"]) == (2_500, None)
    assert (paid["appointment"]["status"], paid["appointment"]["payment_status"]) == ("booked", "paid")
    assert await on_card(payer) == 1_500
    await payer.phone.ok(f"{path}/cancel")
    assert await on_card(payer) == 4_000
    await until(lambda: payer.phone.see(path), lambda seen: seen["payment_status"] == "refunded")
    assert await money_findings(uuid.UUID(payer.patient_id)) == []


async def test_given_a_double_tap_then_one_key_is_answered_alike_and_another_is_refused(payer, held):
    await payer.topped_up(9_000)
    path = f"/appointments/{held['id']}/pay"
    taps = await asyncio.gather(*(payer.phone.ok(path, {"how": "card"}, key="one-tap-one-fee") for _ in range(4)))
    assert all(tap["card_fen"] == 2_500 for tap in taps)
    refused = await payer.phone.post(path, {"how": "card"})
    assert (refused.status_code, refused.json()["code"]) == (409, "scheduling.not_payable")
    assert await on_card(payer) == 6_500


async def test_given_a_little_on_the_card_then_wechat_pays_the_rest(payer, held):
    await payer.topped_up(1_000)
    path = f"/appointments/{held['id']}"
    started = await payer.phone.ok(f"{path}/pay", {"how": "card_then_wechat"})
    assert (started["card_fen"], started["payment"]["amount_fen"]) == (1_000, 1_500)
    assert started["appointment"]["status"] == "pending"
    assert (await payer.phone.see(f"{path}/fee"))["due_fen"] == 1_500
    await payer.confirm(started["payment"])
    await until(lambda: payer.phone.ok(f"{path}/payment-check"), lambda seen: seen["status"] == "booked")
    assert await money_findings(uuid.UUID(payer.patient_id)) == []


async def test_given_a_link_that_is_not_proven_any_more_then_the_card_does_not_pay(payer, held):
    await payer.topped_up(9_000)
    await rows("UPDATE account_link SET proven_at = NULL, proof = NULL, linked_at = linked_at - interval '1 hour' "
               "WHERE patient_id = $1 RETURNING id", uuid.UUID(payer.patient_id))  # fmt: skip
    path = f"/appointments/{held['id']}"
    refused = await payer.phone.post(f"{path}/pay", {"how": "card"})
    assert (refused.status_code, refused.json()["code"]) == (403, "payments.card_needs_proof")
    assert (await payer.phone.see(f"{path}/fee"))["balance_fen"] == 0
    assert (await payer.phone.ok(f"{path}/pay", {"how": "wechat"}))["payment"]["amount_fen"] == 2_500
