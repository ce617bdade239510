"""Kinds of live topics (主题种类): a closed list of human-paced things, each with a snapshot and a right to look."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from hospital_core.kernel.commands import View
from hospital_core.kernel.context import Actor
from hospital_core.kernel.reading import Reading


class Mode(StrEnum):
    """``data``: snapshot and changes; ``hint``: only that something changed (the page then reads by HTTP)."""

    DATA = "data"
    HINT = "hint"


@dataclass(frozen=True)
class TopicKind:
    """``name`` is what stands before the colon of a topic."""

    name: str
    snapshot: Callable[[Reading, UUID], Awaitable[View]]
    may_see: Callable[[Reading, Actor, UUID, Mode], Awaitable[bool]]


class Topics:
    """The kinds a process serves."""

    def __init__(self) -> None:
        self._kinds: dict[str, TopicKind] = {}

    def offer(self, kind: TopicKind) -> None:
        """Add a kind."""
        self._kinds[kind.name] = kind

    def find(self, topic: str) -> tuple[TopicKind, UUID] | None:
        """The kind and id of a topic name, None when there is no such topic."""
        name, _, text = topic.partition(":")
        kind = self._kinds.get(name)
        if kind is None:
            return None
        try:
            return kind, UUID(text)
        except ValueError:
            return None
