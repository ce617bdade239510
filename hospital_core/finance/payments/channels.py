"""Where the money of a channel stands in the ledger (渠道科目)."""

from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.payments.states import PaymentChannel

ACCOUNT_OF: dict[PaymentChannel, LedgerAccount] = {
    PaymentChannel.WECHAT_JSAPI: LedgerAccount.WECHAT_CLEARING,
    PaymentChannel.WECHAT_NATIVE: LedgerAccount.WECHAT_CLEARING,
    PaymentChannel.WECHAT_CODEPAY: LedgerAccount.WECHAT_CLEARING,
    PaymentChannel.CASH: LedgerAccount.CASH_DRAWER,
    PaymentChannel.BANK_CARD: LedgerAccount.BANK_CARD_CLEARING,
    PaymentChannel.CARD_BALANCE: LedgerAccount.PATIENT_CARD,
    PaymentChannel.INSURANCE: LedgerAccount.INSURANCE_CLEARING,
}
