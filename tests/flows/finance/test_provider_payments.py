"""Money through a service provider (服务商): a fact must name the special merchant that the order was placed with."""

from dataclasses import replace

import pytest

from hospital_core.finance.payments.commands import MismatchKind
from hospital_core.finance.payments.errors import PaymentMismatch
from hospital_core.finance.payments.service import record_success
from hospital_core.kernel.context import system_context
from hospital_core.kernel.run import run
from tests.fixtures.finance import FakeGateway, make_intent, make_invoice, value


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
