"""What the channel says of a refund (退款结果): recorded once, told again or out of order it changes nothing."""

from uuid import UUID

from hospital_core.finance.payments import ladder
from hospital_core.finance.payments.commands import (
    ChannelRefundResult,
    RefundRedirected,
    RefundRefused,
    RetryRefund,
    ScheduleCheck,
)
from hospital_core.finance.payments.errors import RefundMismatch
from hospital_core.finance.payments.events import RefundCheckDue, RefundRequested
from hospital_core.finance.payments.ports import ChannelRefundStatus
from hospital_core.finance.payments.service.refunds import HOLD_SOURCE, INTENT, paid_back
from hospital_core.finance.payments.states import REFUND, PaymentChannel, RefundStatus
from hospital_core.finance.payments.views import RefundView
from hospital_core.kernel.commands import Done
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

_PENDING = (RefundStatus.REQUESTED, RefundStatus.PROCESSING)
NO_RESULT = "NO_RESULT"  # our own word beside the channel's


async def record_refund_result(uow: UnitOfWork, fact: ChannelRefundResult) -> Done:
    """Take in what the channel says of a refund (记录退款结果); told again or out of order, success stays success.

    ABNORMAL and CLOSED wait for a person. Raises: RefundMismatch. Emits: RefundSucceeded.
    Locks: the refunds of the source.
    """
    held = await uow.fetch(HOLD_SOURCE.format(column="out_refund_no"), fact.out_refund_no)
    refund = next((row for row in held if row["out_refund_no"] == fact.out_refund_no), None)
    if refund is None or fact.amount_fen != refund["amount_fen"]:
        raise RefundMismatch()
    intent = await uow.fetch_row(INTENT, refund["intent_id"])
    assert intent is not None
    if not PaymentChannel(intent["channel"]).is_wechat or fact.mchid not in (None, intent["mchid"]):
        raise RefundMismatch()
    uow.audited("refund", refund["id"], patient_id=intent["patient_id"])
    state = RefundStatus(refund["status"])
    if fact.status is ChannelRefundStatus.SUCCESS and state is not RefundStatus.SUCCEEDED:
        at = fact.succeeded_at or uow.now
        await paid_back(uow, refund, intent, channel_refund_id=fact.refund_id, succeeded_at=at)
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


async def refund_redirected(uow: UnitOfWork, command: RefundRedirected) -> RefundView:
    """An abnormal refund is on its way to a bank card (登记改退), and asked for until it is there.

    Raises: NotFound, StateConflict (decided meanwhile). Emits: RefundCheckDue.
    """
    row = await transition(uow, REFUND, "redirect", command.refund_id, channel_refund_id=command.channel_refund_id)
    uow.record(RefundCheckDue(refund_id=row["id"], step=0), not_before=ladder.next_refund_check(uow.now, 0))
    uow.audited("refund", row["id"], reason="redirected to a bank card")
    return RefundView(**dict(row))


async def schedule_refund_check(uow: UnitOfWork, command: ScheduleCheck) -> Done:
    """Ask the channel again on the next rung while a refund is under way (下次查退款); after a week a person looks."""
    if await uow.fetch_value("SELECT status FROM refund WHERE id = $1", command.object_id) not in _PENDING:
        return Done()
    if command.step >= ladder.REFUND_CHECKS_MAX:
        await _abnormal(uow, command.object_id, NO_RESULT)
        return Done()
    due = ladder.next_refund_check(uow.now, command.step)
    uow.record(RefundCheckDue(refund_id=command.object_id, step=command.step), not_before=due)
    return Done()
