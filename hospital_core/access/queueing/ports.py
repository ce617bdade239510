"""What queueing needs from outside."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class VideoSeat:
    """One person's seat in the video room of a visit (视频诊室席位).

    ``visit_id`` chooses the room, which is nobody else's; the name is what the other side sees.
    """

    visit_id: UUID
    holder_id: UUID
    name: str
    moderator: bool
    valid_for: timedelta


class VideoRooms(Protocol):
    """Where online visits take place (视频诊室). Nothing is called: the address carries its own proof."""

    def address_of(self, seat: VideoSeat) -> str:
        """The address that lets the holder of a seat in, and nobody after it has expired."""
        ...
