"""Hints (唤醒): messages that only save waiting. Losing every one of them loses nothing."""

from typing import Protocol


class Hints(Protocol):
    """Sends a small text to whoever listens on a channel. Never raises, never waits long."""

    def send(self, channel: str, text: str) -> None:
        """Queue one message."""
        ...


OUTBOX = "hint:outbox"
REVOCATIONS = "hint:revocations"


def live_channel(topic: str) -> str:
    """Channel of a live topic."""
    return f"live:{topic}"
