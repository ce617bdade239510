"""The chart of accounts (会计科目) as far as the patient's side needs it."""

from enum import StrEnum


class LedgerAccount(StrEnum):
    """Accounts that journals move money between."""

    PATIENT_RECEIVABLE = "patient_receivable"  # 应收医疗款
    OUTPATIENT_REVENUE = "outpatient_revenue"  # 门诊收入
    WECHAT_CLEARING = "wechat_clearing"  # 微信待清算
    CASH_DRAWER = "cash_drawer"  # 库存现金
    REFUND_PAYABLE = "refund_payable"  # 应退款
    UNAPPLIED_RECEIPTS = "unapplied_receipts"  # 待退误收款


class JournalKind(StrEnum):
    """What a journal records (凭证类型)."""

    INVOICED = "invoiced"
    PAYMENT_APPLIED = "payment_applied"
    PAYMENT_SURPLUS = "payment_surplus"
    REFUND_PROMISED = "refund_promised"
    REFUND_PAID = "refund_paid"
    INVOICE_REVERSED = "invoice_reversed"
