"""Money going back (退款): promised in a transaction, then given by the way it came.

What settled a bill goes back item by item, to its tenders newest first. Card balance is there at once, cash from the
drawer of an open shift; what a terminal or the insurance gave waits at the window; WeChat is asked outside.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.refunding import RefundedPart
from hospital_core.finance.billing.service import hold_invoice, refund_items
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.errors import CardBalanceTooLow
from hospital_core.finance.ledger.queries import card_parts, drawer_fen
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount, revenue_of
from hospital_core.finance.payments.allocating import TenderShare, allocate, allocate_amount
from hospital_core.finance.payments.cards import Purse
from hospital_core.finance.payments.channels import ACCOUNT_OF
from hospital_core.finance.payments.commands import (
    PayOutRefund,
    RefundAtCounter,
    RefundCardAtCounter,
    RefundTopUp,
    RequestRefund,
)
from hospital_core.finance.payments.errors import NotPaid, NotPaidOutHere, RefundTooLarge
from hospital_core.finance.payments.events import ItemsRefunded, RefundRequested, RefundSucceeded
from hospital_core.finance.payments.service.receipts import receipt_of_shift
from hospital_core.finance.payments.service.windows import Window, enough_cash, manned_window, window_of
from hospital_core.finance.payments.states import (
    REFUND,
    PaymentChannel,
    PaymentIntentStatus,
    PaymentPurpose,
    ReceiptKind,
    RefundStatus,
)
from hospital_core.finance.payments.views import RefundsView, RefundView
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient

INTENT = """
SELECT p.*, i.encounter_id FROM payment_intent p LEFT JOIN invoice i ON i.id = p.invoice_id WHERE p.id = $1"""

_TENDERS = """
SELECT * FROM payment_intent WHERE invoice_id = $1 AND applied ORDER BY succeeded_at DESC, id DESC FOR UPDATE"""

_TOP_UPS = """
SELECT * FROM payment_intent
WHERE purpose = 'top_up' AND status = 'succeeded' AND patient_id IN (SELECT person_ids($1))
ORDER BY succeeded_at DESC, id DESC FOR UPDATE"""

# The guard of every refund; the CHECK refunds_within_payment has the last word.
PROMISE = """
UPDATE payment_intent SET refunded_fen = refunded_fen + $2, version = version + 1
WHERE id = $1 AND status = 'succeeded' AND refunded_fen + $2 <= amount_fen"""

_REFUND = """
INSERT INTO refund (id, version, out_refund_no, intent_id, amount_fen, requested_by, status, reason, source_kind,
                    source_id, requested_at)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *"""

_LINES = """
INSERT INTO refund_line (id, refund_id, charge_item_id, quantity, amount_fen)
SELECT line.id, $1, line.item, line.quantity, line.fen
FROM unnest($2::uuid[], $3::uuid[], $4::numeric[], $5::bigint[]) AS line (id, item, quantity, fen)"""

_BEFORE = "SELECT * FROM refund WHERE source_kind = $1 AND source_id = $2 ORDER BY id"

# All refunds of one source, always in one order: the last of them to succeed knows that it is the last.
HOLD_SOURCE = """
SELECT r.* FROM refund r JOIN refund asked ON asked.source_kind = r.source_kind AND asked.source_id = r.source_id
WHERE asked.{column} = $1 ORDER BY r.id FOR UPDATE OF r"""

_REST = "SELECT 1 FROM refund WHERE source_kind = $1 AND source_id = $2 AND status <> 'succeeded' LIMIT 1"


async def request_refund(uow: UnitOfWork, command: RequestRefund) -> RefundsView:
    """Promise money back (申请退款), by items or by amount; the same source again answers the first refunds.

    What settled a bill is given back item by item, never for performed ones, and to its tenders newest first; a surplus
    has no items. Raises: NotFound, NotPaid, RefundTooLarge, AlreadyPerformed, NothingToRefund, RefundNotDivisible.
    Emits: ItemsRefunded, RefundRequested (WeChat), RefundSucceeded (card, cash at a window).
    Locks: the invoice, its tenders, its items; the shift.
    """
    tenders = await _tenders_of(uow, command)
    before = await uow.fetch(_BEFORE, command.source_kind, command.source_id)
    if before:
        return _together(before)
    if not tenders:
        raise NotPaid()
    if not tenders[0]["applied"]:
        rest_fen = _rest(tenders[0])
        shares = allocate_amount(command.amount_fen or rest_fen, [(tenders[0]["id"], rest_fen)])
    else:
        at_most_fen = _rest(tenders[0]) if command.intent_id else None
        parts = await refund_items(
            uow, tenders[0]["invoice_id"], command.amount_fen, command.lines, at_most_fen=at_most_fen
        )
        shares = allocate(parts, [(row["id"], _rest(row)) for row in tenders])
        given_back = tuple(part.charge_item_id for part in parts)
        uow.record(ItemsRefunded(invoice_id=tenders[0]["invoice_id"], charge_item_ids=given_back))
    if not shares:
        raise RefundTooLarge(refundable_fen=sum(_rest(row) for row in tenders))
    patient_id = tenders[0]["patient_id"]
    made = [await _promise(uow, command, share, patient_id, _debit(patient_id, share)) for share in shares]
    uow.audited("payment_intent", tenders[0]["id"], patient_id=patient_id, reason=command.reason)
    return await _set_off(uow, made, {row["id"]: row for row in tenders})


async def refund_at_counter(uow: UnitOfWork, command: RefundAtCounter) -> RefundsView:
    """Give back parts of a paid bill over the counter (窗口退费), each asking being its own source.

    Raises and emits: as ``request_refund``.
    """
    return await request_refund(
        uow,
        RequestRefund(
            invoice_id=command.invoice_id,
            amount_fen=command.amount_fen,
            lines=command.lines,
            reason=command.reason,
            source_kind="counter",
            source_id=new_id(),
        ),
    )


async def refund_top_up(uow: UnitOfWork, command: RefundTopUp) -> RefundsView:
    """Give back what a person paid ahead and has not spent (预存款退款), to the payments it came from, newest first.

    The card is charged at once, so that it cannot be spent meanwhile.
    Raises: NotFound, CardBalanceTooLow. Emits: RefundRequested, RefundSucceeded. Locks: the top-ups, the balance.
    """
    await permitted_patient(uow, command.patient_id)
    top_ups = await uow.fetch(_TOP_UPS, command.patient_id)
    before = await uow.fetch(_BEFORE, command.source_kind, command.source_id)
    if before:
        return _together(before)
    purse = Purse(await card_parts(uow, command.patient_id))
    amount_fen = purse.left_fen if command.amount_fen is None else command.amount_fen
    shares = allocate_amount(amount_fen, [(row["id"], _rest(row)) for row in top_ups])
    if not shares or amount_fen > purse.left_fen:
        raise CardBalanceTooLow(balance_fen=purse.left_fen)
    intents = {row["id"]: row for row in top_ups}
    made = []
    for share in shares:
        patient_id = intents[share.intent_id]["patient_id"]
        made.append(await _promise(uow, command, share, patient_id, purse.take(share.amount_fen)))
    uow.audited("patient", command.patient_id, patient_id=command.patient_id, reason=command.reason)
    return await _set_off(uow, made, intents)


async def refund_card_at_counter(uow: UnitOfWork, command: RefundCardAtCounter) -> RefundsView:
    """Give back over the counter what was paid ahead (窗口退预存款), each asking being its own source.

    Raises and emits: as ``refund_top_up``.
    """
    return await refund_top_up(uow, RefundTopUp(**command.model_dump()))


async def pay_out_refund(uow: UnitOfWork, command: PayOutRefund) -> RefundView:
    """Give a promised refund over the counter (窗口退付): cash, or what the terminal gave back, under its number.

    Raises: NotFound, ShiftNotOpen, NotPaidOutHere, StateConflict, NotEnoughCash, FieldProblem.
    Emits: RefundSucceeded. Locks: the shift, the refunds of the source.
    """
    window = await manned_window(uow, giving=True)
    held = await uow.fetch(HOLD_SOURCE.format(column="id"), command.refund_id)
    refund = next((row for row in held if row["id"] == command.refund_id), None)
    if refund is None:
        raise NotFound()
    intent = await uow.fetch_row(INTENT, refund["intent_id"])
    assert intent is not None
    channel = PaymentChannel(intent["channel"])
    if channel.is_wechat or channel is PaymentChannel.CARD_BALANCE:
        raise NotPaidOutHere()
    if refund["status"] != RefundStatus.REQUESTED:
        raise StateConflict(state=refund["status"], command="pay_out")
    if channel is PaymentChannel.CASH:
        await enough_cash(uow, window, refund["amount_fen"])
    elif command.reference is None:
        raise FieldProblem("/reference", "请填写退款凭证号")
    row = await paid_back(uow, refund, intent, window=window, channel_refund_id=command.reference)
    uow.audited("refund", row["id"], patient_id=intent["patient_id"])
    return RefundView(**dict(row))


async def paid_back(
    uow: UnitOfWork, refund: Record, intent: Record, *, window: Window | None = None, **facts: Any
) -> Record:
    """Book that a refund is with its payer (退款到账). Emits: RefundSucceeded.

    The caller holds all refunds of its source, so that exactly one of them completes it.
    """
    facts = {"succeeded_at": uow.now, "shift_id": window.shift_id if window else None} | facts
    row = await transition(uow, REFUND, "succeed", refund["id"], **facts)
    account, patient_id = ACCOUNT_OF[PaymentChannel(intent["channel"])], intent["patient_id"]
    drawer_id = window.drawer_id if window and account is LedgerAccount.CASH_DRAWER else None
    lines = [
        Line(LedgerAccount.REFUND_PAYABLE, refund["amount_fen"], patient_id),
        Line(account, -refund["amount_fen"], patient_id, drawer_id),
    ]
    await post(uow, JournalKind.REFUND_PAID, "refund", refund["id"], lines)
    source = (refund["source_kind"], refund["source_id"])
    uow.record(
        RefundSucceeded(
            refund_id=refund["id"],
            intent_id=intent["id"],
            invoice_id=intent["invoice_id"],
            encounter_id=intent.get("encounter_id"),
            source_kind=source[0],
            source_id=source[1],
            complete=await uow.fetch_value(_REST, *source) is None,
        )
    )
    await receipt_of_shift(uow, row["shift_id"], ReceiptKind.REFUND, patient_id, row["id"], row["amount_fen"])
    return row


async def _tenders_of(uow: UnitOfWork, command: RequestRefund) -> Sequence[Record]:
    """The payments that money may go back to, newest first: a bill's, or the one that is named."""
    if command.invoice_id is not None:
        bill = await hold_invoice(uow, command.invoice_id)
        return await uow.fetch(_TENDERS, bill.id) if bill.status is InvoiceStatus.BALANCED else []
    named = await uow.fetch_row(INTENT, command.intent_id)
    if named is None or named["purpose"] != PaymentPurpose.INVOICE:
        raise NotFound()
    bill = await hold_invoice(uow, named["invoice_id"])
    row = await uow.fetch_row("SELECT * FROM payment_intent WHERE id = $1 FOR UPDATE", command.intent_id)
    assert row is not None
    if row["status"] != PaymentIntentStatus.SUCCEEDED or (row["applied"] and bill.status is not InvoiceStatus.BALANCED):
        return []
    return [row]


async def _promise(
    uow: UnitOfWork,
    command: RequestRefund | RefundTopUp,
    share: TenderShare,
    patient_id: UUID,
    debit: Sequence[Line],
) -> Record:
    if not await uow.execute(PROMISE, share.intent_id, share.amount_fen):
        raise RefundTooLarge()
    row = await uow.fetch_row(
        _REFUND, new_id(), await next_number(uow, NumberKind.REFUND), share.intent_id, share.amount_fen,
        uow.ctx.actor.id, RefundStatus.REQUESTED.value, command.reason, command.source_kind, command.source_id, uow.now,
    )  # fmt: skip
    assert row is not None
    credit = Line(LedgerAccount.REFUND_PAYABLE, -share.amount_fen, patient_id)
    await post(uow, JournalKind.REFUND_PROMISED, "refund", row["id"], [*debit, credit])
    taking = [part for part in share.parts if part.quantity or part.amount_fen]
    if taking:
        await uow.execute(
            _LINES, row["id"], [new_id() for _ in taking], [part.charge_item_id for part in taking],
            [part.quantity for part in taking], [part.amount_fen for part in taking],
        )  # fmt: skip
    return row


def _debit(patient_id: UUID, share: TenderShare) -> list[Line]:
    """Where a bill's refund comes from: the revenue of its items, or receipts that were nobody's."""
    if not share.parts:
        return [Line(LedgerAccount.UNAPPLIED_RECEIPTS, share.amount_fen, patient_id)]
    return [_revenue(part, patient_id) for part in share.parts if part.amount_fen]


def _revenue(part: RefundedPart, patient_id: UUID) -> Line:
    return Line(revenue_of(part.category), part.amount_fen, patient_id)


async def _set_off(uow: UnitOfWork, made: list[Record], intents: Mapping[UUID, Record]) -> RefundsView:
    """Give at once what can be given at once; cash without a window, or without enough in it, waits there."""
    after = []
    for refund in made:
        intent = intents[refund["intent_id"]]
        channel = PaymentChannel(intent["channel"])
        if channel.is_wechat:
            uow.record(RefundRequested(refund_id=refund["id"]))
        elif channel is PaymentChannel.CARD_BALANCE:
            refund = await _given(uow, refund, intent, None)
        elif channel is PaymentChannel.CASH:
            window = await window_of(uow, giving=True)
            if window and await drawer_fen(uow, window.drawer_id) >= refund["amount_fen"]:
                refund = await _given(uow, refund, intent, window)
        after.append(refund)
    return _together(after)


async def _given(uow: UnitOfWork, refund: Record, tender: Record, window: Window | None) -> Record:
    intent = await uow.fetch_row(INTENT, tender["id"])
    assert intent is not None
    return await paid_back(uow, refund, intent, window=window)


def _rest(intent: Record) -> int:
    rest: int = intent["amount_fen"] - intent["refunded_fen"]
    return rest


def _together(refunds: Sequence[Record]) -> RefundsView:
    views = [RefundView(**dict(row)) for row in refunds]
    return RefundsView(amount_fen=sum(view.amount_fen for view in views), refunds=views)
