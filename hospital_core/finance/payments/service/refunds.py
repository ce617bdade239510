"""Money going back (退款): promised in a transaction, sent outside of it, booked when the channel confirms."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.service import refund_items
from hospital_core.finance.ledger.commands import moved
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.payments import ladder
from hospital_core.finance.payments.commands import (
    ChannelRefundResult,
    RefundRefused,
    RequestRefund,
    RetryRefund,
    ScheduleCheck,
)
from hospital_core.finance.payments.errors import NotPaid, RefundMismatch, RefundTooLarge
from hospital_core.finance.payments.events import RefundCheckDue, RefundRequested, RefundSucceeded
from hospital_core.finance.payments.ports import ChannelRefundStatus
from hospital_core.finance.payments.states import REFUND, PaymentChannel, PaymentIntentStatus, RefundStatus
from hospital_core.finance.payments.views import RefundView
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

_INTENT = """
SELECT p.*, i.patient_id, i.encounter_id FROM payment_intent p JOIN invoice i ON i.id = p.invoice_id WHERE p.id = $1"""
_INTENT_LOCKED = _INTENT + " FOR UPDATE OF p"

# The guard of every refund; the CHECK refunds_within_payment has the last word.
PROMISE = """
UPDATE payment_intent SET refunded_fen = refunded_fen + $2, version = version + 1
WHERE id = $1 AND status = 'succeeded' AND refunded_fen + $2 <= amount_fen"""

_REFUND = """
INSERT INTO refund (id, version, out_refund_no, intent_id, amount_fen, status, reason, source_kind, source_id,
                    requested_at)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *"""

_PENDING = (RefundStatus.REQUESTED, RefundStatus.PROCESSING)
NO_RESULT = "NO_RESULT"  # our own word beside the channel's


async def request_refund(uow: UnitOfWork, command: RequestRefund) -> RefundView:
    """Promise money back (申请退款); the same source again answers the first refund. Cash goes back at once.

    What settled a bill is given back item by item, and never for performed ones; a surplus has no items.
    Raises: NotFound, NotPaid, RefundTooLarge, AlreadyPerformed, NothingToRefund, RefundNotDivisible.
    Emits: RefundRequested, or RefundSucceeded for cash. Locks: the intent, then the bill's items.
    """
    intent = await _paid_intent(uow, command)
    uow.audited("payment_intent", intent["id"], patient_id=intent["patient_id"], reason=command.reason)
    before = await uow.fetch_row(
        "SELECT * FROM refund WHERE source_kind = $1 AND source_id = $2", command.source_kind, command.source_id
    )
    if before is not None:
        return RefundView(**dict(before))
    if intent["applied"]:
        amount_fen = await refund_items(uow, intent["invoice_id"], command.amount_fen)
    else:
        amount_fen = command.amount_fen or intent["amount_fen"] - intent["refunded_fen"]
    if amount_fen <= 0 or not await uow.execute(PROMISE, intent["id"], amount_fen):
        raise RefundTooLarge(refundable_fen=intent["amount_fen"] - intent["refunded_fen"])
    row = await _promised(uow, command, intent, amount_fen)
    if intent["channel"] == PaymentChannel.CASH:
        row = await _paid_back(uow, row, intent, channel_refund_id=None, at=uow.now)
    else:
        uow.record(RefundRequested(refund_id=row["id"]))
    return RefundView(**dict(row))


async def _paid_intent(uow: UnitOfWork, command: RequestRefund) -> Record:
    intent_id = command.intent_id or await uow.fetch_value(
        "SELECT id FROM payment_intent WHERE invoice_id = $1 AND applied", command.invoice_id
    )
    intent = await uow.fetch_row(_INTENT_LOCKED, intent_id) if intent_id else None
    if intent is None and command.intent_id:
        raise NotFound()
    if intent is None or intent["status"] != PaymentIntentStatus.SUCCEEDED:
        raise NotPaid()
    return intent


async def _promised(uow: UnitOfWork, command: RequestRefund, intent: Record, amount_fen: int) -> Record:
    row = await uow.fetch_row(
        _REFUND, new_id(), await next_number(uow, NumberKind.REFUND), intent["id"], amount_fen,
        RefundStatus.REQUESTED.value, command.reason, command.source_kind, command.source_id, uow.now,
    )  # fmt: skip
    assert row is not None
    source = LedgerAccount.OUTPATIENT_REVENUE if intent["applied"] else LedgerAccount.UNAPPLIED_RECEIPTS
    lines = moved(amount_fen, debit=source, credit=LedgerAccount.REFUND_PAYABLE, patient_id=intent["patient_id"])
    await post(uow, JournalKind.REFUND_PROMISED, "refund", row["id"], lines)
    return row


async def _paid_back(
    uow: UnitOfWork, refund: Record, intent: Record, *, channel_refund_id: str | None, at: datetime
) -> Record:
    row = await transition(uow, REFUND, "succeed", refund["id"], channel_refund_id=channel_refund_id, succeeded_at=at)
    cash = intent["channel"] == PaymentChannel.CASH
    lines = moved(
        refund["amount_fen"],
        debit=LedgerAccount.REFUND_PAYABLE,
        credit=LedgerAccount.CASH_DRAWER if cash else LedgerAccount.WECHAT_CLEARING,
        patient_id=intent["patient_id"],
    )
    await post(uow, JournalKind.REFUND_PAID, "refund", refund["id"], lines)
    uow.record(
        RefundSucceeded(
            refund_id=refund["id"],
            intent_id=intent["id"],
            invoice_id=intent["invoice_id"],
            encounter_id=intent["encounter_id"],
            source_kind=refund["source_kind"],
            source_id=refund["source_id"],
        )
    )
    return row


async def record_refund_result(uow: UnitOfWork, fact: ChannelRefundResult) -> Done:
    """Take in what the channel says of a refund (记录退款结果); told again or out of order, success stays success.

    ABNORMAL and CLOSED wait for a person. Raises: RefundMismatch. Emits: RefundSucceeded. Locks: the refund.
    """
    refund = await uow.fetch_row("SELECT * FROM refund WHERE out_refund_no = $1 FOR UPDATE", fact.out_refund_no)
    if refund is None or fact.amount_fen != refund["amount_fen"]:
        raise RefundMismatch()
    intent = await uow.fetch_row(_INTENT, refund["intent_id"])
    assert intent is not None
    if fact.mchid is not None and fact.mchid != intent["mchid"]:
        raise RefundMismatch()
    uow.audited("refund", refund["id"], patient_id=intent["patient_id"])
    state = RefundStatus(refund["status"])
    if fact.status is ChannelRefundStatus.SUCCESS and state is not RefundStatus.SUCCEEDED:
        at = fact.succeeded_at or uow.now
        await _paid_back(uow, refund, intent, channel_refund_id=fact.refund_id, at=at)
    elif fact.status is ChannelRefundStatus.PROCESSING and state is RefundStatus.REQUESTED:
        await transition(uow, REFUND, "accept", refund["id"], channel_refund_id=fact.refund_id)
    elif fact.status in (ChannelRefundStatus.ABNORMAL, ChannelRefundStatus.CLOSED) and state in _PENDING:
        await _abnormal(uow, refund["id"], fact.status.value)
    return Done()


async def record_refund_refused(uow: UnitOfWork, command: RefundRefused) -> Done:
    """The channel will not give this money back (渠道拒绝退款): a person looks. Raises: NotFound, StateConflict."""
    await _abnormal(uow, command.refund_id, command.code)
    return Done()


async def _abnormal(uow: UnitOfWork, refund_id: UUID, why: str) -> None:
    await transition(uow, REFUND, "fail", refund_id, abnormal_at=uow.now, abnormal_code=why)
    uow.audited("refund", refund_id, reason=why)


async def retry_refund(uow: UnitOfWork, command: RetryRefund) -> RefundView:
    """Send an abnormal refund again under its own number (重新退款). Raises: NotFound, StateConflict."""
    row = await transition(uow, REFUND, "retry", command.refund_id)
    uow.record(RefundRequested(refund_id=row["id"]))
    uow.audited("refund", row["id"])
    return RefundView(**dict(row))


async def schedule_refund_check(uow: UnitOfWork, command: ScheduleCheck) -> Done:
    """Ask the channel again on the next rung while a refund is under way (下次查退款); after a week a person looks."""
    row = await uow.fetch_row("SELECT status, requested_at FROM refund WHERE id = $1", command.object_id)
    if row is None or row["status"] not in _PENDING:
        return Done()
    if uow.now - row["requested_at"] > ladder.REFUND_GIVEN_UP:
        await _abnormal(uow, command.object_id, NO_RESULT)
        return Done()
    due = ladder.next_refund_check(uow.now, command.step)
    uow.record(RefundCheckDue(refund_id=command.object_id, step=command.step), not_before=due)
    return Done()
