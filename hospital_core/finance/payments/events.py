"""What happened to money. At least once, no order promised: handlers read the present state."""

from uuid import UUID

from hospital_core.kernel.events import Event


class PaymentSucceeded(Event):
    """Money for a bill arrived (支付成功). ``settled``: with it the bill is paid in full.

    ``applied``: the bill took it; if not, it was surplus and is being sent back.
    """

    intent_id: UUID
    invoice_id: UUID
    encounter_id: UUID | None
    applied: bool
    settled: bool


class InvoicePaid(Event):
    """A bill is paid in full (结清). ``encounter_id`` None: it merges several visits."""

    invoice_id: UUID
    encounter_id: UUID | None
    patient_id: UUID


class CardToppedUp(Event):
    """A patient paid ahead (预存款到账)."""

    intent_id: UUID
    patient_id: UUID


class PaymentIntentClosed(Event):
    """No money will arrive for this intent (支付关闭), as the channel confirmed. Without bill: a top-up."""

    intent_id: UUID
    invoice_id: UUID | None
    encounter_id: UUID | None


class RefundRequested(Event):
    """A refund is promised and must be sent to its channel (待退款)."""

    refund_id: UUID


class ItemsRefunded(Event):
    """Items of a paid bill are being given back (退费明细): what was promised for them is not done any more."""

    invoice_id: UUID
    charge_item_ids: tuple[UUID, ...]


class RefundSucceeded(Event):
    """Money went back (退款成功). ``complete``: with it everything that the source asked for is back."""

    refund_id: UUID
    intent_id: UUID
    invoice_id: UUID | None
    encounter_id: UUID | None
    source_kind: str
    source_id: UUID
    complete: bool


class PaymentCheckDue(Event):
    """Timer: ask the channel whether an open intent was paid (查单). ``once``: no further timer follows this one."""

    intent_id: UUID
    step: int
    once: bool = False


class RefundCheckDue(Event):
    """Timer: ask the channel how a refund stands (查退款)."""

    refund_id: UUID
    step: int
