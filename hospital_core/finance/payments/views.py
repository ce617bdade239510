"""What readers of payments see."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from pydantic import BeforeValidator
from typing_extensions import Annotated

from hospital_core.finance.billing.views import InvoiceDetailView, InvoiceView
from hospital_core.finance.payments.commands import MismatchKind, NoteCount
from hospital_core.finance.payments.ports import TradeState
from hospital_core.finance.payments.states import (
    DrawerKind,
    PaymentChannel,
    PaymentIntentStatus,
    PaymentPurpose,
    ReceiptKind,
    RefundStatus,
    ShiftStatus,
)
from hospital_core.kernel.commands import View


class PaymentIntentView(View):
    """One tender for one bill, or for a patient's card (支付单). ``change_fen``: what the cashier hands back.

    ``receipt_no``: the receipt that a window drew with it.
    """

    id: UUID
    out_trade_no: str
    purpose: PaymentPurpose
    patient_id: UUID
    invoice_id: UUID | None
    shift_id: UUID | None
    account_id: UUID | None
    channel: PaymentChannel
    amount_fen: int
    refunded_fen: int
    status: PaymentIntentStatus
    applied: bool
    description: str
    payer_openid: str | None
    prepay_id: str | None
    code_url: str | None
    sub_mchid: str | None
    reference: str | None
    transaction_id: str | None
    pay_until: datetime
    succeeded_at: datetime | None
    change_fen: int | None = None
    receipt_no: str | None = None


class CardAtWindow(View):
    """A patient's card at a window (预存款): what is on it, and what the open shift put or is putting there."""

    patient_id: UUID
    balance_fen: int
    top_ups: list[PaymentIntentView]


class ReversalBegun(View):
    """Whether a payment code may be reversed now (撤销登记); not once its money was taken in."""

    begun: bool


class RefundView(View):
    """Money going back (退款单). ``receipt_no``: the receipt of what a window gave, told in the list of a bill."""

    id: UUID
    out_refund_no: str
    intent_id: UUID
    amount_fen: int
    status: RefundStatus
    reason: str
    source_kind: str
    source_id: UUID
    shift_id: UUID | None
    requested_at: datetime
    succeeded_at: datetime | None
    receipt_no: str | None = None


class RefundLineView(View):
    """What part of a charged item goes back (退费明细)."""

    charge_item_id: UUID
    quantity: Decimal
    amount_fen: int


class RefundsView(View):
    """What one source gives back (退款): one refund for each tender that the money came from."""

    amount_fen: int
    refunds: list[RefundView]


class BillBrief(InvoiceView):
    """A bill in a list (结算单摘要). ``items``: their names; ``receipt_no``: the one that stands."""

    receipt_no: str | None
    refunded_fen: int
    items: str


class Arrival(StrEnum):
    """When money that goes back is with its payer (到账方式)."""

    AT_ONCE = "at_once"  # card balance; cash out of the drawer of whoever asks
    AT_WINDOW = "at_window"  # it waits there to be paid out
    BY_CHANNEL = "by_channel"  # WeChat gives it back the way it came


class TenderShareView(View):
    """What one tender of a bill would give back (原路退回)."""

    intent_id: UUID
    channel: PaymentChannel
    amount_fen: int
    arrives: Arrival


class RefundPreview(View):
    """What a refund would do (退费试算)."""

    amount_fen: int
    lines: list["RefundLineView"]
    tenders: list[TenderShareView]


class InvoiceMoneyView(View):
    """A bill with everything that was paid and given back (账单与收退款)."""

    invoice: InvoiceDetailView
    payments: list[PaymentIntentView]
    refunds: list[RefundView]
    receipts: list["ReceiptView"]


class CodeToScanView(View):
    """The code that the payer scans (收款码), as text and drawn."""

    payment: PaymentIntentView
    code_url: str
    picture_svg: str


class ChargeBegun(View):
    """Whether a payment code may be charged now; False: it was before, ask how it went."""

    begun: bool


class RefundToPayOut(RefundView):
    """A promised refund that waits at the window (待退付), and whose it is."""

    channel: PaymentChannel
    invoice_no: str | None
    patient_id: UUID
    patient_no: str
    patient_name: str


class DrawerView(View):
    """A place where money is taken (收款点); ``shift_id`` while somebody works there."""

    id: UUID
    code: str
    name: str
    kind: DrawerKind
    location_id: UUID | None
    active: bool
    shift_id: UUID | None
    staff_id: UUID | None
    cashier: str | None


def _stored(notes: Any) -> Any:
    return orjson.loads(notes) if isinstance(notes, str) else notes or []


class ShiftView(View):
    """A cashier's shift (班次). Units: fen. ``expected_fen`` is what the books say lies in the drawer."""

    id: UUID
    drawer_id: UUID
    drawer_code: str
    drawer_name: str
    staff_id: UUID
    cashier: str
    status: ShiftStatus
    opened_at: datetime
    opening_fen: int
    closed_at: datetime | None
    expected_fen: int | None
    counted_fen: int | None
    counted_notes: Annotated[list[NoteCount], BeforeValidator(_stored)]
    note: str


class ReceiptView(View):
    """A numbered receipt (收据)."""

    id: UUID
    receipt_no: str
    drawer_id: UUID
    day: date
    number: int
    kind: ReceiptKind
    patient_id: UUID
    source_id: UUID
    amount_fen: int
    issued_at: datetime
    voided_at: datetime | None
    void_reason: str | None


class RefundForAPerson(RefundView):
    """A refund that went wrong and whose it is (异常退款); not abnormal any more: it was sent again and is under way.

    ``abnormal_code``: the channel's own word, or NO_RESULT when it said nothing for a week.
    """

    out_trade_no: str
    transaction_id: str | None
    channel_refund_id: str | None
    invoice_no: str | None
    patient_id: UUID
    patient_no: str
    patient_name_masked: str
    abnormal_at: datetime
    abnormal_code: str | None


class MismatchForAPerson(View):
    """A payment that was refused because it differs from our order (支付不符); ``intent_id`` None: order unknown.

    ``amount_fen`` is what came, ``expected_fen`` what we asked for.
    """

    id: UUID
    kind: MismatchKind
    out_trade_no: str
    transaction_id: str
    amount_fen: int | None
    expected_fen: int | None
    received_at: datetime
    intent_id: UUID | None
    invoice_id: UUID | None
    invoice_no: str | None
    patient_id: UUID | None
    patient_no: str | None
    patient_name_masked: str | None


class MismatchChecked(View):
    """What the channel says now of a payment that differed (查单结果).

    ``taken``: it fits our order now and was taken in. ``differs``: how it still differs.
    """

    state: TradeState
    amount_fen: int | None
    taken: bool
    differs: MismatchKind | None
