"""What a patient sees of their money (我的缴费)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, PaymentPurpose
from hospital_core.kernel.commands import View
from hospital_core.registry.catalogue.states import FeeCategory


class BillItem(View):
    """One charged service (费用明细). Units: ``unit_price`` in yuan."""

    id: UUID
    encounter_id: UUID
    name: str
    category: FeeCategory
    unit: str
    unit_price: Decimal
    quantity: Decimal
    performed_quantity: Decimal
    refunded_quantity: Decimal
    amount_fen: int
    created_at: datetime


class Tender(View):
    """One payment (支付): of a bill, or of a top-up. ``applied`` False of a succeeded one: it was too much, and goes
    back."""

    id: UUID
    out_trade_no: str
    purpose: PaymentPurpose
    channel: PaymentChannel
    amount_fen: int
    refunded_fen: int
    status: PaymentIntentStatus
    applied: bool
    pay_until: datetime
    succeeded_at: datetime | None


class RefundStage(StrEnum):
    """How far money has come on its way back (退款进度)."""

    REQUESTED = "requested"  # 已申请
    PROCESSING = "processing"  # 处理中
    AT_WINDOW = "at_window"  # 待到窗口领取
    DELAYED = "delayed"  # 异常，人工处理中
    ARRIVED = "arrived"  # 已到账


class RefundProgress(View):
    """Money on its way back (退款). ``arrives_by``: when it should be there at the latest, where that is known."""

    id: UUID
    payment_id: UUID
    channel: PaymentChannel
    amount_fen: int
    reason: str
    stage: RefundStage
    requested_at: datetime
    arrives_by: datetime | None
    succeeded_at: datetime | None


class OwnBill(View):
    """A bill as its patient sees it (缴费单).

    ``awaiting``: the phone's own payment that is under way, to go on with until its ``pay_until``. ``appointment_id``:
    a registration fee, paid and given back with its appointment.
    """

    id: UUID
    invoice_no: str
    patient_id: UUID
    patient_name_masked: str
    total_fen: int
    paid_fen: int
    due_fen: int
    status: InvoiceStatus
    issued_at: datetime
    items: list[BillItem]
    tenders: list[Tender]
    refunds: list[RefundProgress]
    awaiting: Tender | None
    appointment_id: UUID | None
    can_cancel: bool
    receipt_no: str | None


class BillPaying(View):
    """A bill is being paid: what the card gave, and the WeChat payment that waits for the rest, if any is left."""

    invoice_id: UUID
    card_fen: int
    intent_id: UUID | None


class DueOfPatient(View):
    """What one patient of the account has to pay (待缴费)."""

    patient_id: UUID
    patient_name_masked: str
    due_fen: int
    count: int


class MoneyEntryKind(StrEnum):
    """Which way money went (收支类型)."""

    PAYMENT = "payment"
    REFUND = "refund"


class MoneyEntry(View):
    """One line of the record of payments (缴费记录); ``payment_id`` opens it. ``stage`` of refunds only."""

    kind: MoneyEntryKind
    id: UUID
    payment_id: UUID
    patient_id: UUID
    patient_name_masked: str
    purpose: PaymentPurpose
    channel: PaymentChannel
    amount_fen: int
    at: datetime
    title: str
    stage: RefundStage | None


class MoneyMonth(View):
    """The record of one month (月账单). Sums leave top-ups out. ``earlier``: the last month before that has any.

    ``month`` and ``earlier`` name a month by its first day.
    """

    month: date
    paid_fen: int
    refunded_fen: int
    earlier: date | None
    items: list[MoneyEntry]
    next_cursor: str | None = None


class OwnPayment(View):
    """One payment with what became of it (支付详情); ``bill_id`` None: a top-up."""

    payment: Tender
    patient_id: UUID
    patient_name_masked: str
    title: str
    bill_id: UUID | None
    refunds: list[RefundProgress]


class WayBack(View):
    """Part of a card's money and where it would go back to (退回去向)."""

    channel: PaymentChannel
    amount_fen: int


class OwnCard(View):
    """A patient's card (预存款): what is on it, and how it would go back. Units: fen."""

    patient_id: UUID
    patient_name_masked: str
    balance_fen: int
    ways_back: list[WayBack]
    top_up_min_fen: int
    top_up_max_fen: int


class CardMovementKind(StrEnum):
    """Why a card's balance changed (预存款变动)."""

    TOP_UP = "top_up"
    SPENT = "spent"
    RETURNED = "returned"  # 退费回到余额
    WITHDRAWN = "withdrawn"  # 预存款退款


class CardMovement(View):
    """One change of a card's balance (预存款明细): what it was, and what was on the card afterwards."""

    kind: CardMovementKind
    id: UUID
    payment_id: UUID
    amount_fen: int
    balance_fen: int
    at: datetime
    title: str


class OwnReceipt(View):
    """A receipt as a page (电子收据): what was paid, for whom, with what."""

    receipt_no: str
    issued_at: datetime
    amount_fen: int
    patient_name_masked: str
    invoice_no: str
    items: list[BillItem]
    tenders: list[Tender]
    refunded_fen: int
