"""Money through a service provider (服务商): a fact must name the special merchant that the order was placed with."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hospital_core.finance.payments.commands import MismatchKind, OpenIntent
from hospital_core.finance.payments.errors import PaymentMismatch
from hospital_core.finance.payments.service import open_intent, record_success
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.fixtures.finance import OPENID, FakeGateway, make_intent, make_invoice, value


@pytest.mark.parametrize("other", [None, "1600000009"])
async def test_given_another_special_merchant_then_nothing_is_applied(gateway: FakeGateway, other: str | None) -> None:
    gateway.merchant = replace(gateway.merchant, sub_mchid="1600000001")
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    fact = gateway.pay(intent.out_trade_no).model_copy(update={"sub_mchid": other})
    with pytest.raises(PaymentMismatch) as refused:
        await run(system_context(), record_success, fact)
    assert refused.value.mismatch is MismatchKind.MERCHANT
    assert await value("SELECT status FROM payment_intent WHERE id = $1", intent.id) == "open"
    honest = fact.model_copy(update={"sub_mchid": "1600000001"})
    await run(system_context(), record_success, honest)
    assert await value("SELECT status FROM payment_intent WHERE id = $1", intent.id) == "succeeded"


async def test_given_a_campus_with_its_own_merchant_then_its_payments_name_it(gateway: FakeGateway) -> None:
    campus_id, bill = new_id(), await make_invoice()
    gateway.own_merchants[campus_id] = replace(gateway.merchant, sub_mchid="1600000077")
    now = await value("SELECT hospital_now()")
    wanted = OpenIntent(
        invoice_id=bill.invoice.id, payer_openid=OPENID, description="门诊缴费", pay_until=now + timedelta(minutes=5),
        place_ids=(new_id(), campus_id),
    )  # fmt: skip
    assert (await run(system_context(), open_intent, wanted)).sub_mchid == "1600000077"
    elsewhere = wanted.model_copy(update={"invoice_id": (await make_invoice()).invoice.id, "place_ids": (new_id(),)})
    assert (await run(system_context(), open_intent, elsewhere)).sub_mchid is None
