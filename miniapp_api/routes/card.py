"""A patient's card (预存款): what is on it, putting money on it, having it back."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.finance.ledger.errors import AccountingDayClosed, CardBalanceTooLow
from hospital_core.finance.payments.errors import CardNeedsProof, ChannelRefused, PayingTimeOver
from hospital_core.finance.payments.history_queries import card_movements, own_card
from hospital_core.finance.payments.outside import prepare_payment
from hospital_core.finance.payments.queries import payment_intent
from hospital_core.finance.payments.self_service_commands import TopUpCard, WithdrawCard
from hospital_core.finance.payments.self_service_views import CardMovement, OwnCard
from hospital_core.finance.payments.service import top_up_by_phone, withdraw_card
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound, OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.paying import money_back, payment_started
from miniapp_api.routes.base import routes
from miniapp_api.views import CursorQuery, MoneyBack, PaymentStarted


@routes.get(
    "/patients/{patient_id}/card", view=OwnCard, owner=Owner.PATIENT, errors=(NotFound, CardNeedsProof), etag=True
)
async def get_card(call: Call[Any]) -> OwnCard:
    """What is on the card, and how it would go back (预存款余额)."""
    return await own_card(Reading(call.ctx), call.path["patient_id"])


@routes.get(
    "/patients/{patient_id}/card/movements", view=Page[CardMovement], owner=Owner.PATIENT, query=CursorQuery,
    errors=(NotFound, CardNeedsProof, FieldProblem), etag=True,
)  # fmt: skip
async def list_card_movements(call: Call[Any]) -> Page[CardMovement]:
    """What moved on the card, newest first (预存款明细)."""
    return await card_movements(Reading(call.ctx), call.path["patient_id"], call.query.cursor)


@routes.post(
    "/patients/{patient_id}/card/top-ups", view=PaymentStarted, owner=Owner.PATIENT, command=TopUpCard, idempotent=True,
    errors=(NotFound, CardNeedsProof, PayingTimeOver, ChannelRefused, FieldProblem, OutsideUnavailable),
)  # fmt: skip
async def post_top_up(call: Call[TopUpCard]) -> PaymentStarted:
    """Put money on the card by WeChat (预存款充值); ask ``/payments/{payment_id}/check`` when back from paying."""
    wanted = await run(call.ctx, top_up_by_phone, call.command)
    intent = await payment_intent(Reading(call.ctx), wanted.id)
    return payment_started(intent, await prepare_payment(call.ctx, intent))


@routes.post(
    "/patients/{patient_id}/card/refunds", view=MoneyBack, owner=Owner.PATIENT, command=WithdrawCard, idempotent=True,
    errors=(NotFound, CardNeedsProof, CardBalanceTooLow, AccountingDayClosed),
)  # fmt: skip
async def post_card_refund(call: Call[WithdrawCard]) -> MoneyBack:
    """Have the card's money back the way it came (预存款退款)."""
    return await money_back(Reading(call.ctx), await run(call.ctx, withdraw_card, call.command))
