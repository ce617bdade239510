"""What happened to money. At least once, no order promised: handlers read the present state."""

from uuid import UUID

from hospital_core.kernel.events import Event


class PaymentSucceeded(Event):
    """Money arrived (支付成功). ``applied``: it settled the bill; if not, it was surplus and is being sent back."""

    intent_id: UUID
    invoice_id: UUID
    encounter_id: UUID
    applied: bool


class PaymentIntentClosed(Event):
    """No money will arrive for this intent (支付关闭), as the channel confirmed."""

    intent_id: UUID
    invoice_id: UUID
    encounter_id: UUID


class RefundRequested(Event):
    """A refund is promised and must be sent to its channel (待退款)."""

    refund_id: UUID


class RefundSucceeded(Event):
    """Money went back (退款成功)."""

    refund_id: UUID
    intent_id: UUID
    invoice_id: UUID
    encounter_id: UUID
    source_kind: str
    source_id: UUID


class PaymentCheckDue(Event):
    """Timer: ask the channel whether an open intent was paid (查单)."""

    intent_id: UUID
    step: int


class RefundCheckDue(Event):
    """Timer: ask the channel how a refund stands (查退款)."""

    refund_id: UUID
    step: int
