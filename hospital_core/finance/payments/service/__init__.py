"""The writers of payments (支付), one module per concern.

Locks are taken in one order everywhere: invoice, intent, charge items by id; then a shift, a receipt's series last.
"""

from hospital_core.finance.payments.service.intents import (
    begin_charge,
    begin_reversal,
    close_intent,
    open_intent,
    open_top_up,
    open_top_up_here,
    record_prepay,
    reversal_refused,
    schedule_payment_check,
    withdraw_intents,
)
from hospital_core.finance.payments.service.receipts import ask_receipt, draw_receipt, void_receipt
from hospital_core.finance.payments.service.refund_results import (
    record_refund_refused,
    record_refund_result,
    refund_redirected,
    retry_refund,
    schedule_refund_check,
)
from hospital_core.finance.payments.service.refunds import (
    pay_out_refund,
    refund_at_counter,
    refund_card_at_counter,
    refund_top_up,
    request_refund,
)
from hospital_core.finance.payments.service.self_service import (
    bill_own_charges,
    cancel_bill,
    pay_bill,
    pay_from_card,
    top_up_by_phone,
    withdraw_card,
)
from hospital_core.finance.payments.service.shifts import (
    close_accounting_day,
    close_shift,
    correct_journal,
    deposit_cash,
    open_shift,
    save_drawer,
)
from hospital_core.finance.payments.service.success import note_mismatch, record_success, settle_mismatch
from hospital_core.finance.payments.service.tenders import (
    pay_with_card,
    record_bank_card,
    record_bank_card_top_up,
    record_insurance,
    release_tenders,
    take_apart,
    take_cash,
    take_cash_top_up,
)

__all__ = [
    "ask_receipt",
    "begin_charge",
    "begin_reversal",
    "bill_own_charges",
    "cancel_bill",
    "close_accounting_day",
    "close_intent",
    "close_shift",
    "correct_journal",
    "deposit_cash",
    "draw_receipt",
    "note_mismatch",
    "open_intent",
    "open_shift",
    "open_top_up",
    "open_top_up_here",
    "pay_bill",
    "pay_from_card",
    "pay_out_refund",
    "pay_with_card",
    "record_bank_card",
    "record_bank_card_top_up",
    "record_insurance",
    "record_prepay",
    "record_refund_refused",
    "record_refund_result",
    "record_success",
    "refund_at_counter",
    "refund_card_at_counter",
    "refund_redirected",
    "refund_top_up",
    "release_tenders",
    "request_refund",
    "retry_refund",
    "reversal_refused",
    "save_drawer",
    "schedule_payment_check",
    "schedule_refund_check",
    "settle_mismatch",
    "take_apart",
    "take_cash",
    "take_cash_top_up",
    "top_up_by_phone",
    "void_receipt",
    "withdraw_card",
    "withdraw_intents",
]
