"""The chart of accounts (会计科目) as far as the patient's side needs it."""

from enum import StrEnum

from hospital_core.registry.catalogue.states import FeeCategory


class LedgerAccount(StrEnum):
    """Accounts that journals move money between; revenue is kept by the fourteen fee categories."""

    PATIENT_RECEIVABLE = "patient_receivable"  # 应收医疗款
    PATIENT_CARD = "patient_card"  # 患者预存款
    REFUND_PAYABLE = "refund_payable"  # 应退款
    UNAPPLIED_RECEIPTS = "unapplied_receipts"  # 待退误收款
    WECHAT_CLEARING = "wechat_clearing"  # 微信待清算
    BANK_CARD_CLEARING = "bank_card_clearing"  # 银行卡待清算
    INSURANCE_CLEARING = "insurance_clearing"  # 医保待清算
    CHANNEL_FEES = "channel_fees"  # 渠道手续费
    BANK = "bank"  # 银行存款
    CASH_DRAWER = "cash_drawer"  # 库存现金
    CASH_DIFFERENCE = "cash_difference"  # 现金长短款
    ROUNDING = "rounding"  # 分币尾差
    REVENUE_REGISTRATION = "revenue_registration"
    REVENUE_CONSULTATION = "revenue_consultation"
    REVENUE_GENERAL_CARE = "revenue_general_care"
    REVENUE_EXAMINATION = "revenue_examination"
    REVENUE_LABORATORY = "revenue_laboratory"
    REVENUE_TREATMENT = "revenue_treatment"
    REVENUE_SURGERY = "revenue_surgery"
    REVENUE_NURSING = "revenue_nursing"
    REVENUE_BED = "revenue_bed"
    REVENUE_MATERIAL = "revenue_material"
    REVENUE_WESTERN_DRUG = "revenue_western_drug"
    REVENUE_PATENT_DRUG = "revenue_patent_drug"
    REVENUE_HERBAL_DRUG = "revenue_herbal_drug"
    REVENUE_OTHER = "revenue_other"


def revenue_of(category: FeeCategory) -> LedgerAccount:
    """The revenue account of a fee category (收入科目)."""
    return LedgerAccount(f"revenue_{category.value}")


class JournalKind(StrEnum):
    """What a journal records (凭证类型)."""

    INVOICED = "invoiced"
    INVOICE_REVERSED = "invoice_reversed"
    PAYMENT_APPLIED = "payment_applied"
    PAYMENT_SURPLUS = "payment_surplus"
    REFUND_PROMISED = "refund_promised"
    REFUND_PAID = "refund_paid"
    CARD_TOPPED_UP = "card_topped_up"
    SHIFT_CLOSED = "shift_closed"  # counted cash differs from the books
    CASH_DEPOSITED = "cash_deposited"  # drawer to bank
    CHANNEL_SETTLED = "channel_settled"  # clearing to bank and fees
    CORRECTION = "correction"  # red or blue, always forward


# What no bill, payment, refund or settlement explains: a deposit, a difference, and a correction of these.
CORRECTABLE = frozenset({JournalKind.CASH_DEPOSITED, JournalKind.SHIFT_CLOSED, JournalKind.CORRECTION})
