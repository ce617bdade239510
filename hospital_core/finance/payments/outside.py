"""Talking to the channel (与支付渠道对话), always with no transaction open.

Each function runs small commands around bounded calls. A call without an answer changes nothing: the ladder asks again.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from hospital_core.finance.payments import queries
from hospital_core.finance.payments.commands import (
    BeginCharge,
    ChannelRefundResult,
    ChannelSuccess,
    CheckMismatch,
    CloseIntent,
    NoteMismatch,
    RecordPrepay,
    RedirectRefund,
    RefundRedirected,
    RefundRefused,
    Reversal,
)
from hospital_core.finance.payments.errors import (
    BeingReversed,
    ChannelRefused,
    PayingTimeOver,
    PaymentMismatch,
    RefundNotRedirected,
)
from hospital_core.finance.payments.ports import (
    ChannelOrder,
    ChannelRefund,
    ChannelRefundStatus,
    CloseResult,
    CodeOrder,
    GatewayRefused,
    GatewayUnknown,
    NativeOrder,
    PaymentGateway,
    PrepayOrder,
    RefundOrder,
    RefundRedirect,
    ReverseResult,
    TradeState,
)
from hospital_core.finance.payments.service import (
    begin_charge,
    begin_reversal,
    close_intent,
    note_mismatch,
    record_prepay,
    record_refund_refused,
    record_refund_result,
    record_success,
    refund_redirected,
    reversal_refused,
)
from hospital_core.finance.payments.states import PaymentChannel, PaymentIntentStatus, RefundStatus
from hospital_core.finance.payments.views import MismatchChecked, PaymentIntentView, RefundView
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run

log = logging.getLogger(__name__)

# The channel reverses nothing within 15 s of the charge.
_REVERSED_FROM = timedelta(seconds=16)
# Whether there is time to pay left. 1 intent, 2 its payment code failed, 3 how old it is when it can be reversed
_MAY_BE_PAID = """
SELECT hospital_now() < CASE WHEN $2 THEN least(pay_until, created_at + $3::interval) ELSE pay_until END
FROM payment_intent WHERE id = $1"""
_PENDING = (RefundStatus.REQUESTED, RefundStatus.PROCESSING)


async def take_in_success(ctx: Context, fact: ChannelSuccess) -> Done:
    """Take in a verified success from wherever it came (callback, query): ``record_success``, and if that refuses the
    fact, a note where staff see it. Duplicates answer Done.

    Raises: PaymentMismatch, after noting it; BeingReversed.
    """
    quiet = ctx.without_idempotency()
    try:
        return await run(quiet, record_success, fact)
    except PaymentMismatch as refusal:
        log.warning("payment refused", extra={"mismatch": refusal.mismatch.value, "source": fact.source})
        note = NoteMismatch(
            kind=refusal.mismatch, out_trade_no=fact.out_trade_no, transaction_id=fact.transaction_id,
            amount_fen=fact.amount_fen if fact.currency == "CNY" else None,
        )  # fmt: skip
        await run(quiet, note_mismatch, note)
        raise


async def prepare_payment(ctx: Context, intent: PaymentIntentView) -> dict[str, str]:
    """Place the order of an open intent at the channel, once, and return what is needed to pay (调起支付参数).

    For a phone the parameters of its payment sheet; for a window or kiosk the ``code_url`` to show as a QR code.
    Raises: PayingTimeOver, OutsideUnavailable (no answer: tap again, the same order is used), ChannelRefused.
    """
    quiet = ctx.without_idempotency()
    if intent.status is not PaymentIntentStatus.OPEN:
        raise PayingTimeOver()
    try:
        if intent.channel is PaymentChannel.WECHAT_NATIVE:
            return {"code_url": intent.code_url or await _code_to_show(quiet, intent)}
        return await _payment_sheet(quiet, intent)
    except GatewayUnknown as error:
        raise OutsideUnavailable() from error
    except GatewayRefused as error:
        log.warning("order refused by the channel", extra={"code": error.code, "intent_id": str(intent.id)})
        raise ChannelRefused(channel_code=error.code) from error


async def _payment_sheet(ctx: Context, intent: PaymentIntentView) -> dict[str, str]:
    if intent.payer_openid is None:
        raise PayingTimeOver()
    gateway, prepay_id = ports.use(PaymentGateway), intent.prepay_id
    if prepay_id is None:
        prepay_id = await gateway.prepay(
            PrepayOrder(
                intent.out_trade_no, intent.amount_fen, intent.description, intent.payer_openid, intent.pay_until,
                intent.sub_mchid,
            )
        )  # fmt: skip
        await run(ctx, record_prepay, RecordPrepay(intent_id=intent.id, prepay_id=prepay_id))
    return await gateway.pay_parameters(prepay_id)


async def _code_to_show(ctx: Context, intent: PaymentIntentView) -> str:
    order = NativeOrder(intent.out_trade_no, intent.amount_fen, intent.description, intent.pay_until, intent.sub_mchid)
    code_url = await ports.use(PaymentGateway).native(order)
    await run(ctx, record_prepay, RecordPrepay(intent_id=intent.id, code_url=code_url))
    return code_url


async def charge_payment_code(ctx: Context, intent: PaymentIntentView, auth_code: str, place: str) -> PaymentIntentView:
    """Take money from a payment code that was scanned (付款码支付); returns the intent afterwards.

    Still open: the payer types a password, or no answer came; ask with ``check_intent_now`` until it is decided. After
    its time the order is reversed, never charged again. The code itself is kept nowhere.
    Asked again, it does not charge again but looks how the first time went.
    Raises: ChannelRefused (nothing was taken; the intent is closed), PaymentMismatch.
    """
    quiet = ctx.without_idempotency()
    if not (await run(quiet, begin_charge, BeginCharge(intent_id=intent.id))).begun:
        return await check_intent_now(ctx, intent.id)
    order = CodeOrder(intent.out_trade_no, intent.amount_fen, intent.description, place, intent.sub_mchid)
    try:
        answer = await ports.use(PaymentGateway).charge_code(order, auth_code)
    except GatewayUnknown:
        log.warning("payment code without an answer", extra={"intent_id": str(intent.id)})
    except GatewayRefused as error:
        await _close(quiet, intent.id)
        raise ChannelRefused(channel_code=error.code) from error
    else:
        if answer.state.is_paid:
            await _taken_in(quiet, answer)
    return await queries.payment_intent(Reading(quiet), intent.id)


async def check_intent_now(ctx: Context, intent_id: UUID) -> PaymentIntentView:
    """Ask the channel how a payment stands and act on it (查单); returns the intent afterwards.

    For the phone coming back from paying, the ladder, and reconciliation. Without an answer nothing changes. Past the
    time to pay an unpaid order is closed: query, close, query again, and only then the intent; a payment code that was
    declined as soon as the channel reverses it.
    Raises: NotFound, PaymentMismatch.
    """
    quiet = ctx.without_idempotency()
    intent = await queries.payment_intent(Reading(quiet), intent_id)
    if not intent.channel.is_wechat or intent.status is PaymentIntentStatus.SUCCEEDED:
        return intent
    try:
        await _ask_and_act(quiet, intent)
    except GatewayUnknown:
        log.warning("channel did not answer", extra={"intent_id": str(intent_id)})
    except GatewayRefused as error:
        log.warning("channel refused to answer", extra={"intent_id": str(intent_id), "code": error.code})
    return await queries.payment_intent(Reading(quiet), intent_id)


async def _ask_and_act(ctx: Context, intent: PaymentIntentView) -> None:
    gateway = ports.use(PaymentGateway)
    order = await gateway.query(intent.out_trade_no, intent.sub_mchid)
    if order.state.is_paid and await _taken_in(ctx, order):
        return
    if intent.status is not PaymentIntentStatus.OPEN:
        return
    if not order.state.is_over:
        # Declined, or refused by the payer's bank: this code pays nothing any more.
        failed = order.state is TradeState.PAYERROR and intent.channel is PaymentChannel.WECHAT_CODEPAY
        if await Reading(ctx).fetch_value(_MAY_BE_PAID, intent.id, failed, _REVERSED_FROM):
            return
        closed = await _let_nothing_arrive(ctx, gateway, intent)
        if closed is None:
            return
        order = await gateway.query(intent.out_trade_no, intent.sub_mchid)  # money may have come in before the close
        if order.state.is_paid and await _taken_in(ctx, order):
            return
        if closed is CloseResult.ALREADY_PAID or not (order.state.is_over or order.state is TradeState.ABSENT):
            return  # the channel contradicts itself for the moment: the next rung asks again
    await _close(ctx, intent.id)


async def _taken_in(ctx: Context, order: ChannelOrder) -> bool:
    """Take in what the channel says was paid; False while it is being reversed, and goes back."""
    try:
        await take_in_success(ctx, _success_of(order))
    except BeingReversed:
        log.info("paid while being reversed", extra={"out_trade_no": order.out_trade_no})
        return False
    return True


async def _let_nothing_arrive(ctx: Context, gateway: PaymentGateway, intent: PaymentIntentView) -> CloseResult | None:
    """Close the order; a payment code's is reversed, which also gives back what was taken from it.

    That must not happen to money that somebody else took in meanwhile: reversing is written down first, and holds until
    the channel has answered; where it found nothing to reverse, what may come yet counts. None: it was taken in.
    """
    if intent.channel is not PaymentChannel.WECHAT_CODEPAY:
        return await gateway.close(intent.out_trade_no, intent.sub_mchid)
    if not (await run(ctx, begin_reversal, Reversal(intent_id=intent.id))).begun:
        return None
    try:
        answer = await gateway.reverse(intent.out_trade_no, intent.sub_mchid)
    except GatewayRefused:
        await run(ctx, reversal_refused, Reversal(intent_id=intent.id))
        raise
    if answer is ReverseResult.ABSENT:
        await run(ctx, reversal_refused, Reversal(intent_id=intent.id))
    return CloseResult.CLOSED


async def _close(ctx: Context, intent_id: UUID) -> None:
    try:
        await run(ctx, close_intent, CloseIntent(intent_id=intent_id))
    except StateConflict:
        log.info("intent was settled or closed meanwhile", extra={"intent_id": str(intent_id)})


def _success_of(order: ChannelOrder) -> ChannelSuccess:
    if order.transaction_id is None or order.amount_fen is None or order.succeeded_at is None:
        raise GatewayUnknown("a paid order without its transaction, amount or time")
    return ChannelSuccess(
        out_trade_no=order.out_trade_no,
        transaction_id=order.transaction_id,
        amount_fen=order.amount_fen,
        currency=order.currency or "",
        mchid=order.mchid,
        appid=order.appid,
        sub_mchid=order.sub_mchid,
        payer_openid=order.payer_openid,
        succeeded_at=order.succeeded_at,
        source="query",
    )


async def check_mismatch_now(ctx: Context, command: CheckMismatch) -> MismatchChecked:
    """Ask the channel again about a payment that differed (重新查单), and take it in if it fits our order by now.

    Money that was given back on the channel's own page is reported and never taken in.
    Raises: NotFound (none, or settled already), BeingReversed, OutsideUnavailable.
    """
    quiet = ctx.without_idempotency()
    known = await queries.mismatch(Reading(quiet), command.notice_id)
    ours = await queries.payment_intent(Reading(quiet), known.intent_id) if known.intent_id else None
    differs, taken = None, False
    try:
        order = await ports.use(PaymentGateway).query(known.out_trade_no, ours.sub_mchid if ours else None)
        if order.state is TradeState.SUCCESS and known.intent_id is not None:
            await take_in_success(quiet, _success_of(order))
            taken = True
    except PaymentMismatch as refusal:
        differs = refusal.mismatch
    except (GatewayUnknown, GatewayRefused) as error:
        log.warning("channel did not answer", extra={"notice_id": str(known.id), "error": type(error).__name__})
        raise OutsideUnavailable() from error
    amount_fen = order.amount_fen if order.currency == "CNY" else None
    return MismatchChecked(state=order.state, amount_fen=amount_fen, taken=taken, differs=differs)


async def send_refund(ctx: Context, refund_id: UUID) -> None:
    """Send a refund to its channel (提交退款), under the same number however often."""
    refund = await queries.refund(Reading(ctx), refund_id)
    if refund.status in _PENDING:
        await _act_on(ctx, refund, _send)


async def check_refund_now(ctx: Context, refund_id: UUID) -> RefundView:
    """Ask the channel how a refund stands (查退款); one it does not know is sent again. Returns it afterwards."""
    quiet = ctx.without_idempotency()
    refund = await queries.refund(Reading(quiet), refund_id)
    if refund.status is not RefundStatus.SUCCEEDED:
        await _act_on(quiet, refund, _query_or_send)
    return await queries.refund(Reading(quiet), refund_id)


async def redirect_refund_now(ctx: Context, command: RedirectRefund) -> RefundView:
    """Let an abnormal refund reach a bank card of its payer (异常退款改退); returns it afterwards.

    The channel is asked first: what it calls ABNORMAL is redirected, under its own number; what is under way already
    (an answer got lost) is followed. Without an answer nothing is known, and the refund stays in the list.
    Raises: NotFound, RefundNotRedirected, OutsideUnavailable.
    """
    quiet = ctx.without_idempotency()
    refund = await queries.refund(Reading(quiet), command.refund_id)
    if refund.status is not RefundStatus.ABNORMAL:
        raise RefundNotRedirected(status=refund.status.value)
    intent = await queries.payment_intent(Reading(quiet), refund.intent_id)
    gateway = ports.use(PaymentGateway)
    try:
        known = await gateway.query_refund(refund.out_refund_no, intent.sub_mchid)
        if known.refund_id is None or known.status in (ChannelRefundStatus.CLOSED, ChannelRefundStatus.ABSENT):
            raise RefundNotRedirected(channel_code=known.status.value)
        if known.status is ChannelRefundStatus.ABNORMAL:
            card = (command.bank_type, command.bank_account, command.real_name)
            await gateway.redirect_refund(
                RefundRedirect(known.refund_id, refund.out_refund_no, *card, intent.sub_mchid)
            )
    except GatewayUnknown as error:
        raise OutsideUnavailable() from error
    except GatewayRefused as error:
        log.warning("redirect refused by the channel", extra={"refund_id": str(refund.id), "code": error.code})
        raise RefundNotRedirected(channel_code=error.code) from error
    if known.status is ChannelRefundStatus.SUCCESS:
        return await check_refund_now(quiet, refund.id)
    sent = RefundRedirected(refund_id=refund.id, channel_refund_id=known.refund_id)
    try:
        return await run(quiet, refund_redirected, sent)
    except StateConflict:
        log.info("refund was decided meanwhile", extra={"refund_id": str(refund.id)})
    return await queries.refund(Reading(quiet), refund.id)


Asking = Callable[[Context, RefundView], Awaitable[ChannelRefund | None]]


async def _act_on(ctx: Context, refund: RefundView, ask: Asking) -> None:
    intent = await queries.payment_intent(Reading(ctx), refund.intent_id)
    if not intent.channel.is_wechat:
        return  # it waits at the window
    try:
        answer = await ask(ctx, refund)
    except (GatewayUnknown, GatewayRefused) as error:
        log.warning("channel did not answer", extra={"refund_id": str(refund.id), "error": type(error).__name__})
        return
    if answer is None or answer.status is ChannelRefundStatus.ABSENT or answer.amount_fen is None:
        return
    fact = ChannelRefundResult(
        out_refund_no=answer.out_refund_no,
        status=answer.status,
        amount_fen=answer.amount_fen,
        refund_id=answer.refund_id,
        succeeded_at=answer.succeeded_at,
    )
    await run(ctx, record_refund_result, fact)


async def _send(ctx: Context, refund: RefundView) -> ChannelRefund | None:
    intent = await queries.payment_intent(Reading(ctx), refund.intent_id)
    assert intent.transaction_id is not None, "only paid intents are refunded"
    order = RefundOrder(
        out_refund_no=refund.out_refund_no,
        out_trade_no=intent.out_trade_no,
        transaction_id=intent.transaction_id,
        amount_fen=refund.amount_fen,
        total_fen=intent.amount_fen,
        reason=refund.reason,
        sub_mchid=intent.sub_mchid,
    )
    try:
        return await ports.use(PaymentGateway).refund(order)
    except GatewayRefused as error:
        log.warning("refund refused by the channel", extra={"refund_id": str(refund.id), "code": error.code})
        try:
            await run(ctx, record_refund_refused, RefundRefused(refund_id=refund.id, code=error.code[:40]))
        except StateConflict:
            log.info("refund was decided meanwhile", extra={"refund_id": str(refund.id)})
        return None


async def _query_or_send(ctx: Context, refund: RefundView) -> ChannelRefund | None:
    intent = await queries.payment_intent(Reading(ctx), refund.intent_id)
    answer = await ports.use(PaymentGateway).query_refund(refund.out_refund_no, intent.sub_mchid)
    if answer.status is ChannelRefundStatus.ABSENT and refund.status in _PENDING:
        return await _send(ctx, refund)
    return answer
