"""Reading one's own money (我的缴费): bills, payments by month, refunds on their way.

What is not there and what is somebody else's are asked for alike, with the same statements, and answered alike.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.queries import as_old_as
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.errors import CardNeedsProof
from hospital_core.finance.payments.self_service_views import (
    BillItem,
    DueOfPatient,
    OwnBill,
    OwnPayment,
    OwnReceipt,
    RefundProgress,
    RefundStage,
    Tender,
)
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, PaymentPurpose, RefundStatus
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import linked_patients
from hospital_core.registry.care_relations.queries import PatientRow, permitted_patient

REGISTRATION = "appointment"  # 挂号费的来源
# Change arrives in minutes, banks take one to three working days; with a weekend between it is five.
_CHANNEL_TAKES = timedelta(days=5)
_AT_WINDOW = (PaymentChannel.CASH, PaymentChannel.BANK_CARD, PaymentChannel.INSURANCE)

_BILL = PatientRow(
    "SELECT i.*, p.name FROM {row} i JOIN patient p ON p.id = i.patient_id",
    "invoice",
    as_old_as("own.issued_at", "own.id"),
)
_PAYMENT = PatientRow(
    "SELECT t.*, p.name FROM {row} t JOIN patient p ON p.id = t.patient_id",
    "payment_intent",
    as_old_as("own.created_at", "own.invoice_id"),
)
_ITEMS = "SELECT * FROM charge_item WHERE invoice_id = $1 ORDER BY encounter_id, id"
_TENDERS = """
SELECT *, pay_until > hospital_now() AS live FROM payment_intent WHERE invoice_id = $1 AND status <> 'closed'
ORDER BY created_at, id"""
_REFUNDS = """
SELECT r.*, t.channel FROM refund r JOIN payment_intent t ON t.id = r.intent_id WHERE t.{column} = $1
ORDER BY r.requested_at, r.id"""
_RECEIPT = "SELECT * FROM receipt WHERE kind = 'payment' AND source_id = $1 AND voided_at IS NULL"

# A place that is held has its own countdown; here counts what is paid from the list of bills.
_DUE = """
SELECT l.patient_id, count(*)::int AS count, sum(due.fen)::bigint AS due_fen
FROM unnest($1::uuid[], $2::timestamptz[]) AS l (patient_id, since),
LATERAL (
    SELECT amount_fen AS fen FROM charge_item
    WHERE patient_id IN (SELECT person_ids(l.patient_id)) AND status = 'billable' AND created_at >= l.since
      AND source_kind <> $3
    UNION ALL
    SELECT total_fen - paid_fen FROM invoice
    WHERE patient_id IN (SELECT person_ids(l.patient_id)) AND status = 'issued' AND issued_at >= l.since
      AND NOT EXISTS (SELECT 1 FROM charge_item c WHERE c.invoice_id = invoice.id AND c.created_at < l.since)) AS due
GROUP BY l.patient_id"""

_EVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def proven_patient(reading: Reading, patient_id: UUID) -> None:
    """Let only a proven link near the money of a card. Raises: NotFound, CardNeedsProof."""
    if not (await permitted_patient(reading, patient_id)).proven:
        raise CardNeedsProof()


async def own_bill_row(reading: Reading, invoice_id: UUID) -> Record:
    """A bill's row, if the actor may know its patient and it is not older than they may see. Raises: NotFound."""
    return await _BILL.of(reading, invoice_id)


async def own_payment_row(reading: Reading, payment_id: UUID) -> Record:
    """As ``own_bill_row``, of a payment."""
    return await _PAYMENT.of(reading, payment_id)


async def own_bill(reading: Reading, invoice_id: UUID) -> OwnBill:
    """A bill as its patient sees it (缴费单). Raises: NotFound."""
    bill = await own_bill_row(reading, invoice_id)
    items = await reading.fetch(_ITEMS, invoice_id)
    tenders = await reading.fetch(_TENDERS, invoice_id)
    refunds = await reading.fetch(_REFUNDS.format(column="invoice_id"), invoice_id)
    receipt = await reading.fetch_row(_RECEIPT, invoice_id)
    return OwnBill(
        id=bill["id"], invoice_no=bill["invoice_no"], patient_id=bill["patient_id"],
        patient_name_masked=mask_name(bill["name"]), total_fen=bill["total_fen"], paid_fen=bill["paid_fen"],
        due_fen=bill["total_fen"] - bill["paid_fen"] if bill["status"] == InvoiceStatus.ISSUED else 0,
        status=bill["status"], issued_at=bill["issued_at"],
        items=[BillItem(**dict(row)) for row in items],
        tenders=[Tender(**dict(row)) for row in tenders if row["status"] == PaymentIntentStatus.SUCCEEDED],
        refunds=[_progress(row) for row in refunds],
        awaiting=_awaiting(reading, tenders),
        appointment_id=_registration_of(items),
        can_cancel=_can_cancel(bill, items, tenders),
        receipt_no=receipt["receipt_no"] if receipt else None,
    )  # fmt: skip


async def dues(reading: Reading) -> Page[DueOfPatient]:
    """What each patient of the account has to pay (待缴费), those with nothing left out."""
    account_id = reading.ctx.actor.id
    assert account_id is not None
    links = await linked_patients(reading, account_id)
    since = [_EVER if link.proven else link.linked_at for link in links]
    rows = await reading.fetch(_DUE, [link.patient_id for link in links], since, REGISTRATION)
    owed = {row["patient_id"]: row for row in rows}
    return Page[DueOfPatient](
        items=[
            DueOfPatient(**dict(owed[link.patient_id]), patient_name_masked=link.name_masked)
            for link in links
            if link.patient_id in owed
        ]
    )


async def own_payment(reading: Reading, payment_id: UUID) -> OwnPayment:
    """One payment with what became of it (支付详情). Raises: NotFound."""
    row = await own_payment_row(reading, payment_id)
    refunds = await reading.fetch(_REFUNDS.format(column="id"), payment_id)
    names = [item["name"] for item in await reading.fetch(_ITEMS, row["invoice_id"])]
    return OwnPayment(
        payment=Tender(**dict(row)), patient_id=row["patient_id"], patient_name_masked=mask_name(row["name"]),
        title=title_of(row["purpose"], names), bill_id=row["invoice_id"], refunds=[_progress(one) for one in refunds],
    )  # fmt: skip


async def open_jsapi_intents(reading: Reading, invoice_id: UUID) -> list[UUID]:
    """A bill's WeChat payments that may have been paid without our knowing, newest first; for asking the channel."""
    rows = await reading.fetch(
        "SELECT id FROM payment_intent WHERE invoice_id = $1 AND channel = $2 AND status <> 'succeeded' "
        "ORDER BY id DESC LIMIT 5",
        invoice_id, PaymentChannel.WECHAT_JSAPI.value,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def own_receipt(reading: Reading, invoice_id: UUID) -> OwnReceipt:
    """The standing receipt of a bill as a page (电子收据). Raises: NotFound, also while none was asked for."""
    bill = await own_bill(reading, invoice_id)
    receipt = await reading.fetch_row(_RECEIPT, invoice_id)
    if receipt is None:
        raise NotFound()
    return OwnReceipt(
        receipt_no=receipt["receipt_no"], issued_at=receipt["issued_at"], amount_fen=receipt["amount_fen"],
        patient_name_masked=bill.patient_name_masked, invoice_no=bill.invoice_no, items=bill.items,
        tenders=[tender for tender in bill.tenders if tender.applied],
        refunded_fen=sum(tender.refunded_fen for tender in bill.tenders if tender.applied),
    )  # fmt: skip


def title_of(purpose: str, names: Sequence[str]) -> str:
    """What money was for, in a line: ``血常规、胸部CT 等 5 项``."""
    if purpose == PaymentPurpose.TOP_UP:
        return "预存款充值"
    shown = "、".join(names[:2]) or "门诊费用"
    return f"{shown} 等 {len(names)} 项" if len(names) > 2 else shown


def stage_of(status: str, channel: str) -> RefundStage:
    """How far a refund has come, in a patient's terms."""
    if status == RefundStatus.SUCCEEDED:
        return RefundStage.ARRIVED
    if status == RefundStatus.ABNORMAL:
        return RefundStage.DELAYED
    if channel in _AT_WINDOW:
        return RefundStage.AT_WINDOW
    return RefundStage.PROCESSING if status == RefundStatus.PROCESSING else RefundStage.REQUESTED


def _progress(row: Mapping[str, Any]) -> RefundProgress:
    stage = stage_of(row["status"], row["channel"])
    timed = stage in (RefundStage.REQUESTED, RefundStage.PROCESSING)
    return RefundProgress(
        id=row["id"], payment_id=row["intent_id"], channel=row["channel"], amount_fen=row["amount_fen"],
        reason=row["reason"], stage=stage, requested_at=row["requested_at"], succeeded_at=row["succeeded_at"],
        arrives_by=row["requested_at"] + _CHANNEL_TAKES if timed else None,
    )  # fmt: skip


def _awaiting(reading: Reading, tenders: Sequence[Record]) -> Tender | None:
    mine = [
        row for row in tenders
        if row["status"] == PaymentIntentStatus.OPEN and row["live"] and row["account_id"] == reading.ctx.actor.id
    ]  # fmt: skip
    return Tender(**dict(mine[-1])) if mine else None


def _registration_of(items: Sequence[Record]) -> UUID | None:
    if not items or any(row["source_kind"] != REGISTRATION for row in items):
        return None
    appointment_id: UUID = items[0]["source_id"]
    return appointment_id


def _can_cancel(bill: Record, items: Sequence[Record], tenders: Sequence[Record]) -> bool:
    at_window = any(row["applied"] and row["channel"] in _AT_WINDOW for row in tenders)
    with_fee = any(row["source_kind"] == REGISTRATION for row in items)
    return bill["status"] == InvoiceStatus.ISSUED and not at_window and not with_fee
