"""Every notice of WeChat is lost: the hospital asks, and within a minute all money is where it belongs."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import rows
from tests.fixtures.miniapp import Phone, patient_body
from tests.fixtures.wechat import Simulator

GROUP = "server"

PAYERS = 8
SETTLED_S = 60.0
_MONEY = """
SELECT a.status, a.payment_status, p.out_trade_no, p.status AS intent, p.applied, p.refunded_fen, p.amount_fen
FROM appointment a JOIN charge_item c ON c.source_id = a.id JOIN payment_intent p ON p.invoice_id = c.invoice_id
WHERE a.schedule_id = $1"""


async def test_given_all_notices_lost_then_payments_and_refunds_are_settled_within_a_minute(
    new_phone: Callable[[], Phone], simulator: Simulator
) -> None:
    for family in ("TRANSACTION", "REFUND"):
        await simulator.fault("callback_drop", target=family)
    session = await make_session(clinic=await make_clinic(), places=PAYERS)
    phones = [await new_phone().sign_in(simulator) for _ in range(PAYERS)]
    held = await asyncio.gather(*(_pay(phone, simulator, str(session.schedule_id)) for phone in phones))
    assert await _all_are(session.schedule_id, ("booked", "paid", "succeeded", True, 0)) < SETTLED_S

    await asyncio.gather(
        *(phone.ok(f"/appointments/{one['id']}/cancel") for phone, one in zip(phones, held, strict=True))
    )
    fee = held[0]["fee_fen"]
    assert await _all_are(session.schedule_id, ("cancelled", "refunded", "succeeded", True, fee)) < SETTLED_S

    for row in await rows(_MONEY, session.schedule_id):
        order = await simulator.get(f"/orders/{row['out_trade_no']}")
        attempts = [attempt for notice in order["notifications"] for attempt in notice["attempts"]]
        assert [attempt["status"] for attempt in attempts if attempt["status"] is not None] == []
        assert len(attempts) > 0, "notices were sent, and lost"
        assert [refund["refund_fen"] for refund in order["refunds"]] == [fee]


async def _pay(phone: Phone, simulator: Simulator, schedule_id: str) -> dict[str, Any]:
    link = await phone.ok("/patients", patient_body())
    held: dict[str, Any] = await phone.ok(
        "/appointments", {"patient_id": link["patient_id"], "schedule_id": schedule_id}
    )  # fmt: skip
    payment = (await phone.ok(f"/appointments/{held['id']}/pay"))["payment"]
    await simulator.post("/pay", prepay_id=payment["wechat"]["package"].removeprefix("prepay_id="))
    return held


async def _all_are(schedule_id: Any, wanted: tuple[Any, ...]) -> float:
    """Seconds until every appointment and its money are so; at most a little more than what is asked for."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLED_S + 1:
        found = await rows(_MONEY, schedule_id)
        states = {(row["status"], row["payment_status"], row["intent"], row["applied"], row["refunded_fen"])
                  for row in found}  # fmt: skip
        if states == {wanted} and len(found) == PAYERS:
            break
        await asyncio.sleep(0.1)
    return time.monotonic() - began
