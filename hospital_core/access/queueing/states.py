"""States of a ticket in a queue."""

from enum import StrEnum

from hospital_core.access.scheduling.states import QueueTicketStatus as QueueTicketStatus
from hospital_core.kernel.states import Machine, Move


class TicketPriority(StrEnum):
    """Why somebody goes first (优先), as text on the screen."""

    NORMAL = "normal"
    ELDERLY = "elderly"
    SOLDIER = "soldier"
    EMERGENCY = "emergency"


QUEUE_TICKET = Machine(
    "queue_ticket",
    QueueTicketStatus,
    [
        Move("call", (QueueTicketStatus.WAITING, QueueTicketStatus.PASSED), QueueTicketStatus.CALLED),
        Move("recall", (QueueTicketStatus.CALLED,), QueueTicketStatus.CALLED),
        Move("pass", (QueueTicketStatus.CALLED,), QueueTicketStatus.PASSED),
        Move("return", (QueueTicketStatus.PASSED,), QueueTicketStatus.WAITING),
        Move("start", (QueueTicketStatus.CALLED,), QueueTicketStatus.SERVING),
        Move("finish", (QueueTicketStatus.SERVING,), QueueTicketStatus.FINISHED),
        Move("cancel", (QueueTicketStatus.WAITING, QueueTicketStatus.PASSED), QueueTicketStatus.CANCELLED),
    ],
)
