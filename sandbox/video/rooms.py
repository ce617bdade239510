"""Rooms while the program runs 诊室: who sits there on which connections, and what was written. Nothing is kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.video.tokens import Seat

WORDS_MAX = 500
_KEPT = 200


class Line(Protocol):
    """A connection to one page."""

    async def send(self, text: str) -> None: ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


@dataclass
class Room:
    """One consulting room: the doctor's seat and the patient's, each on as many pages as they opened."""

    name: str
    sitting: dict[Line, Seat] = field(default_factory=dict)
    said: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    known: dict[bool, str] = field(default_factory=dict)

    def seats(self) -> list[dict[str, Any]]:
        """Both seats as the pages show them, the doctor's first."""
        return [
            {
                "side": "doctor" if moderator else "patient",
                "name": self.known.get(moderator, ""),
                "present": any(seat.moderator is moderator for seat in self.sitting.values()),
            }
            for moderator in (True, False)
        ]

    async def sit(self, line: Line, seat: Seat) -> None:
        """Somebody comes in, and sees what was written before."""
        self.sitting[line] = seat
        self.known[seat.moderator] = seat.name
        await line.send(_text({"type": "welcome", "side": side_of(seat), "said": list(self.said)}))
        await self.tell({"type": "seats", "seats": self.seats()})

    async def leave(self, line: Line) -> None:
        """A page was closed."""
        if self.sitting.pop(line, None) is not None:
            await self.tell({"type": "seats", "seats": self.seats()})

    async def write(self, seat: Seat, words: str) -> None:
        """Somebody writes to the other side."""
        entry = {"side": side_of(seat), "name": seat.name, "words": words[:WORDS_MAX], "at_ms": int(time.time() * 1000)}
        self.said.append(entry)
        await self.tell({"type": "said", "entry": entry})

    async def end(self) -> None:
        """The moderator ends the visit for everybody."""
        await self.tell({"type": "ended"})
        await asyncio.gather(*(line.close() for line in list(self.sitting)), return_exceptions=True)

    async def tell(self, message: dict[str, Any]) -> None:
        """To every page in the room; one that is gone is forgotten by its own connection."""
        await asyncio.gather(*(line.send(_text(message)) for line in list(self.sitting)), return_exceptions=True)


class Rooms:
    """All rooms that somebody has entered."""

    def __init__(self) -> None:
        self.by_name: dict[str, Room] = {}

    def room(self, name: str) -> Room:
        """A room; it exists as soon as somebody has a key to it."""
        return self.by_name.setdefault(name, Room(name))


def side_of(seat: Seat) -> str:
    """The moderator is the doctor."""
    return "doctor" if seat.moderator else "patient"


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False)
