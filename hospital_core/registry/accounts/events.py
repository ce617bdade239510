"""What happens to accounts and links."""

from uuid import UUID

from hospital_core.kernel.events import Event


class LinkRevoked(Event):
    """A patient was removed from an account (移除就诊人)."""

    link_id: UUID


class ProofCodeRequested(Event):
    """A code is to be sent to the phone of a link's file. The code is not in here: it follows from the id by a key."""

    challenge_id: UUID
