"""States and kinds of reconciliation (对账)."""

from enum import StrEnum

from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments.channels import ACCOUNT_OF
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.kernel.states import Machine, Move


class ReconciledChannel(StrEnum):
    """What is compared by itself (对账渠道): one account of the ledger each.

    Only WeChat sends a bill. Cash is counted at the end of a shift, a card's balance is held by the ledger itself; bank
    terminals and the insurance send none yet: of these, payments are compared with the ledger alone.
    """

    WECHAT = "wechat"
    CASH = "cash"
    BANK_CARD = "bank_card"
    CARD_BALANCE = "card_balance"
    INSURANCE = "insurance"

    @property
    def has_bill(self) -> bool:
        """Whether the channel tells its own side, day by day."""
        return self is ReconciledChannel.WECHAT

    @property
    def reaches_bank(self) -> bool:
        """Whether the channel pays what it took to the hospital's bank account (渠道到账)."""
        return self not in (ReconciledChannel.CASH, ReconciledChannel.CARD_BALANCE)

    @property
    def payment_channels(self) -> list[PaymentChannel]:
        """The ways of paying that it covers."""
        if self is ReconciledChannel.WECHAT:
            return [channel for channel in PaymentChannel if channel.is_wechat]
        return [PaymentChannel(self.value)]

    @property
    def account(self) -> LedgerAccount:
        """Where its money stands in the ledger."""
        return ACCOUNT_OF[self.payment_channels[0]]

    @property
    def journal_kinds(self) -> list[JournalKind]:
        """The journals by which its payments enter that account; what tops up a card came by another channel."""
        kinds = [JournalKind.PAYMENT_APPLIED, JournalKind.PAYMENT_SURPLUS]
        return kinds if self is ReconciledChannel.CARD_BALANCE else [*kinds, JournalKind.CARD_TOPPED_UP]


class RunStatus(StrEnum):
    """Where the reconciliation of a day stands (对账状态)."""

    WAITING = "waiting"  # not compared yet: its bill is not there
    MATCHED = "matched"  # compared; its differences say whether it is even


class DifferenceAbout(StrEnum):
    """What a difference is about (差异对象)."""

    PAYMENT = "payment"
    REFUND = "refund"
    LEDGER = "ledger"


class DifferenceClass(StrEnum):
    """Everything that can differ (差异类别), a closed list. A row has one: the first that applies, in this order."""

    DUPLICATED_IN_BILL = "duplicated_in_bill"  # 账单重复
    CHANNEL_ONLY_PAYMENT = "channel_only_payment"  # 渠道有、院内无 (长款)
    OURS_ONLY_PAYMENT = "ours_only_payment"  # 院内有、渠道无 (短款)
    MERCHANT_DIFFERS = "merchant_differs"  # 商户号或应用不符
    PAYMENT_AMOUNT_DIFFERS = "payment_amount_differs"
    PAYMENT_STATE_DIFFERS = "payment_state_differs"  # 渠道已付、院内未付, or reversed there and paid here
    TRANSACTION_DIFFERS = "transaction_differs"  # 渠道单号不符
    FEE_DIFFERS = "fee_differs"  # 手续费不符
    CHANNEL_ONLY_REFUND = "channel_only_refund"
    OURS_ONLY_REFUND = "ours_only_refund"
    REFUND_ORDER_DIFFERS = "refund_order_differs"  # 退到了另一笔支付
    REFUND_AMOUNT_DIFFERS = "refund_amount_differs"
    REFUND_STATE_DIFFERS = "refund_state_differs"
    DAY_DIFFERS = "day_differs"  # 跨日: waits for the neighbour's bill, or the days are truly not the same
    LEDGER_MISSING = "ledger_missing"  # 收款未记账
    LEDGER_AMOUNT_DIFFERS = "ledger_amount_differs"
    REFUND_LEDGER_MISSING = "refund_ledger_missing"
    REFUND_LEDGER_AMOUNT_DIFFERS = "refund_ledger_amount_differs"
    LEDGER_ONLY = "ledger_only"  # 有账无款


class DifferenceStatus(StrEnum):
    """Life of a difference (差异状态). ``closed``: a later comparison no longer found it."""

    OPEN = "open"
    PROPOSED = "proposed"
    SETTLED = "settled"
    CLOSED = "closed"


class Disposal(StrEnum):
    """What was done about a difference (处理方式), a closed list; the words beside it say how."""

    RECORDED_LATER = "recorded_later"  # 已补记
    REFUNDED_OUTSIDE = "refunded_outside"  # 已在渠道侧退回
    CORRECTED_BY_CHANNEL = "corrected_by_channel"  # 渠道已更正
    CORRECTED_IN_LEDGER = "corrected_in_ledger"  # 已更正账务
    WRITTEN_OFF = "written_off"  # 核销
    EXPLAINED = "explained"  # 属正常，已查明


_D = DifferenceStatus

DIFFERENCE = Machine(
    "reconciliation_difference",
    DifferenceStatus,
    [
        Move("propose", (_D.OPEN,), _D.PROPOSED),
        Move("approve", (_D.PROPOSED,), _D.SETTLED),
        Move("reject", (_D.PROPOSED,), _D.OPEN),
        # By comparison: what is no longer found needs nobody; what is found again, or with other figures, does.
        Move("vanish", (_D.OPEN, _D.PROPOSED), _D.CLOSED),
        Move("find_again", (_D.OPEN, _D.PROPOSED, _D.SETTLED, _D.CLOSED), _D.OPEN),
    ],
)

RUN = Machine(
    "reconciliation_run", RunStatus, [Move("match", (RunStatus.WAITING, RunStatus.MATCHED), RunStatus.MATCHED)]
)
