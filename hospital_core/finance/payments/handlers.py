"""Reactions of payments: the timers that ask the channel, and refunds on their way out."""

from hospital_core.finance.payments import outside
from hospital_core.finance.payments.commands import ScheduleCheck
from hospital_core.finance.payments.events import PaymentCheckDue, RefundCheckDue, RefundRequested
from hospital_core.finance.payments.service import schedule_payment_check, schedule_refund_check
from hospital_core.kernel.context import Context
from hospital_core.kernel.events import performs
from hospital_core.kernel.run import run


@performs(PaymentCheckDue)
async def check_payment(ctx: Context, event: PaymentCheckDue) -> None:
    """Ask for an open intent; while it stays open, ask again. A lost callback is healed here (掉单补偿)."""
    await outside.check_intent_now(ctx, event.intent_id)
    if not event.once:
        await run(ctx, schedule_payment_check, ScheduleCheck(object_id=event.intent_id, step=event.step + 1))


@performs(RefundRequested)
async def send_requested_refund(ctx: Context, event: RefundRequested) -> None:
    """Send a promised refund and follow it until the channel is done with it."""
    await outside.send_refund(ctx, event.refund_id)
    await run(ctx, schedule_refund_check, ScheduleCheck(object_id=event.refund_id, step=0))


@performs(RefundCheckDue)
async def check_refund(ctx: Context, event: RefundCheckDue) -> None:
    """Ask for a refund under way; one that the channel never got is sent again under its number."""
    await outside.check_refund_now(ctx, event.refund_id)
    await run(ctx, schedule_refund_check, ScheduleCheck(object_id=event.refund_id, step=event.step + 1))
