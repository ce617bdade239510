"""What a cashier looks up at the window (窗口查询): a person's bills, a bill by its number, what a refund would do."""

from uuid import UUID

from hospital_core.finance.billing.queries import invoice
from hospital_core.finance.billing.refunding import RefundableItem, RefundedPart, take_lines
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.ledger.queries import card_balance, drawer_fen
from hospital_core.finance.payments.allocating import allocate
from hospital_core.finance.payments.commands import PreviewRefund
from hospital_core.finance.payments.errors import NotPaid, RefundTooLarge
from hospital_core.finance.payments.queries import invoice_money, own_shift
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.finance.payments.views import (
    Arrival,
    BillBrief,
    CardAtWindow,
    InvoiceMoneyView,
    PaymentIntentView,
    RefundLineView,
    RefundPreview,
    TenderShareView,
)
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.catalogue.states import FeeCategory

_BILLS = """
SELECT i.*,
       (SELECT r.receipt_no FROM receipt r
        WHERE r.kind = 'payment' AND r.source_id = i.id AND r.voided_at IS NULL) AS receipt_no,
       (SELECT coalesce(sum(p.refunded_fen), 0)::bigint FROM payment_intent p
        WHERE p.invoice_id = i.id AND p.applied) AS refunded_fen,
       (SELECT string_agg(c.name, '、' ORDER BY c.id) FROM charge_item c WHERE c.invoice_id = i.id) AS items
FROM invoice i
WHERE i.patient_id IN (SELECT person_ids($1)) AND i.status IN ('issued', 'balanced')
  AND ($2::timestamptz IS NULL OR i.issued_at >= $2)
ORDER BY i.issued_at DESC, i.id DESC LIMIT $3"""

# Whatever is printed on a receipt leads to its bill: a refund's receipt by way of the payment it gave back.
_NUMBERED = """
SELECT id FROM invoice WHERE invoice_no = $1
UNION ALL
SELECT coalesce(i.id, p.invoice_id) FROM receipt r LEFT JOIN invoice i ON i.id = r.source_id
LEFT JOIN refund b ON b.id = r.source_id LEFT JOIN payment_intent p ON p.id = b.intent_id
WHERE r.receipt_no = $1 LIMIT 1"""

_TENDERS = """
SELECT id, channel, amount_fen - refunded_fen AS rest_fen FROM payment_intent
WHERE invoice_id = $1 AND applied ORDER BY succeeded_at DESC, id DESC"""


# Of the acting cashier's open shift: what a phone is still asked for stands here, however its first answer got lost.
_TOP_UPS = """
SELECT p.*, r.receipt_no FROM payment_intent p
JOIN cashier_shift s ON s.id = p.shift_id AND s.staff_id = $2 AND s.status = 'open'
LEFT JOIN receipt r ON r.kind = 'top_up' AND r.source_id = p.id AND r.voided_at IS NULL
WHERE p.patient_id IN (SELECT person_ids($1)) AND p.purpose = 'top_up' AND p.status <> 'closed'
ORDER BY p.created_at DESC, p.id DESC LIMIT $3"""


async def card_at_window(reading: Reading, patient_id: UUID, limit: int = 20) -> CardAtWindow:
    """What a patient has paid ahead, and what this shift took of it, newest first (窗口预存款). Raises: NotFound."""
    await permitted_patient(reading, patient_id)
    rows = await reading.fetch(_TOP_UPS, patient_id, reading.ctx.actor.id, limit)
    return CardAtWindow(
        patient_id=patient_id,
        balance_fen=(await card_balance(reading, patient_id)).balance_fen,
        top_ups=[PaymentIntentView(**dict(row)) for row in rows],
    )


async def bills_of(reading: Reading, patient_id: UUID, limit: int = 50) -> Page[BillBrief]:
    """A person's bills (结算单), newest first, if the actor may know them. Raises: NotFound."""
    permitted = await permitted_patient(reading, patient_id)
    rows = await reading.fetch(_BILLS, patient_id, permitted.since, limit)
    return Page[BillBrief](items=[BillBrief(**dict(row)) for row in rows])


async def bill_numbered(reading: Reading, number: str) -> InvoiceMoneyView:
    """The bill that a receipt's or a bill's number names (按票号查账单). Raises: NotFound."""
    invoice_id = await reading.fetch_value(_NUMBERED, number)
    if invoice_id is None:
        raise NotFound()
    return await invoice_money(reading, invoice_id)


async def preview_refund(reading: Reading, command: PreviewRefund) -> RefundPreview:
    """What giving back these lines would do (退费试算): how much, to which tenders, and when it is with the payer.

    Nothing is promised: ``request_refund`` decides again, under its locks.
    Raises: NotFound, NotPaid, NothingToRefund, AlreadyPerformed, RefundTooLarge.
    """
    bill = await invoice(reading, command.invoice_id)
    if bill.status is not InvoiceStatus.BALANCED:
        raise NotPaid()
    items = [
        RefundableItem(item.id, item.unit_price, item.quantity, item.performed_quantity, item.refunded_quantity)
        for item in bill.items
    ]
    quantities = take_lines(items, {line.charge_item_id: line.quantity for line in command.lines})
    categories = {item.id: FeeCategory(item.category) for item in bill.items}
    parts = [
        RefundedPart(
            item.id, categories[item.id], quantities[item.id] - item.refunded, item.part_fen(quantities[item.id])
        )
        for item in items
        if item.id in quantities
    ]
    tenders = await reading.fetch(_TENDERS, bill.id)
    shares = allocate(parts, [(row["id"], row["rest_fen"]) for row in tenders])
    if shares is None:
        raise RefundTooLarge(refundable_fen=sum(row["rest_fen"] for row in tenders))
    channels = {row["id"]: PaymentChannel(row["channel"]) for row in tenders}
    in_drawer_fen = await _in_own_drawer(reading)
    views = []
    for share in shares:
        channel = channels[share.intent_id]
        arrives = _arrival(channel, share.amount_fen, in_drawer_fen)
        in_drawer_fen -= share.amount_fen if channel is PaymentChannel.CASH else 0
        views.append(
            TenderShareView(intent_id=share.intent_id, channel=channel, amount_fen=share.amount_fen, arrives=arrives)
        )
    lines = [
        RefundLineView(charge_item_id=part.charge_item_id, quantity=part.quantity, amount_fen=part.amount_fen)
        for part in parts
    ]
    return RefundPreview(amount_fen=sum(part.amount_fen for part in parts), lines=lines, tenders=views)


async def _in_own_drawer(reading: Reading) -> int:
    mine = await own_shift(reading)
    return await drawer_fen(reading, mine.drawer_id) if mine else -1


def _arrival(channel: PaymentChannel, amount_fen: int, in_drawer_fen: int) -> Arrival:
    if channel.is_wechat:
        return Arrival.BY_CHANNEL
    if channel is PaymentChannel.CARD_BALANCE or (channel is PaymentChannel.CASH and amount_fen <= in_drawer_fen):
        return Arrival.AT_ONCE
    return Arrival.AT_WINDOW
