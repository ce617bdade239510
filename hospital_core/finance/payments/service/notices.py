"""What a channel told, written down once (支付通知)."""

from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork

_NOTICE = """
INSERT INTO payment_notice (id, channel, kind, business_key, amount_fen, received_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING"""


async def take_notice(
    uow: UnitOfWork, channel: PaymentChannel, kind: str, business_key: str, amount_fen: int | None = None
) -> bool:
    """Write down a channel's message by its business key; False when it was taken in before.

    A twin waits here on the unique key until the first has committed.
    """
    return bool(await uow.execute(_NOTICE, new_id(), channel.value, kind, business_key, amount_fen, uow.now))
