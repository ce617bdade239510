"""Who asks, on whose behalf, with what proof (操作上下文)."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from hospital_core.kernel.ids import new_id


class ActorKind(StrEnum):
    """Kinds of actors the hospital knows."""

    ACCOUNT = "account"  # a WeChat account of patients or their families
    STAFF = "staff"
    DEVICE = "device"  # kiosk, screen, PDA
    KIOSK_SESSION = "kiosk_session"  # one proven patient in front of a kiosk
    SYSTEM = "system"  # relay, timers, command line
    ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Actor:
    """The person, device or program that acts. ``permissions`` are those of a staff member's roles."""

    kind: ActorKind
    id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    session_id: UUID | None = None
    device_id: UUID | None = None
    patient_id: UUID | None = None  # the only patient a kiosk session may touch

    def key(self) -> str:
        """Stable text that idempotency and limits are counted by."""
        return f"{self.kind.value}:{self.id or '-'}"


@dataclass(frozen=True)
class IdempotencyKey:
    """An Idempotency-Key header with the route and the hash of the body it came with."""

    key: str
    route: str
    body_hash: bytes


@dataclass(frozen=True)
class Context:
    """Everything a command or a read may know about its caller."""

    actor: Actor
    request_id: UUID = field(default_factory=new_id)
    on_behalf_of: UUID | None = None
    proof: str | None = None
    cause: UUID | None = None
    idempotency: IdempotencyKey | None = None

    def without_idempotency(self) -> "Context":
        """The same caller for the second half of a command whose first half already holds the key."""
        return replace(self, idempotency=None)


def system_context(cause: UUID | None = None) -> Context:
    """The hospital itself acting: relay, timers, command line. ``cause`` is the event that set it off."""
    return Context(actor=Actor(ActorKind.SYSTEM), cause=cause)


ANONYMOUS = Actor(ActorKind.ANONYMOUS)
