"""The writers of payments (支付), one module per concern.

Locks are taken in one order everywhere: invoice, intent, charge items by id.
"""

from hospital_core.finance.payments.service.cash import take_cash
from hospital_core.finance.payments.service.intents import (
    close_intent,
    open_intent,
    record_prepay,
    schedule_payment_check,
    withdraw_intents,
)
from hospital_core.finance.payments.service.refunds import (
    record_refund_refused,
    record_refund_result,
    request_refund,
    retry_refund,
    schedule_refund_check,
)
from hospital_core.finance.payments.service.success import note_mismatch, record_success, settle_mismatch

__all__ = [
    "close_intent",
    "note_mismatch",
    "open_intent",
    "record_prepay",
    "record_refund_refused",
    "record_refund_result",
    "record_success",
    "request_refund",
    "retry_refund",
    "schedule_payment_check",
    "schedule_refund_check",
    "settle_mismatch",
    "take_cash",
    "withdraw_intents",
]
