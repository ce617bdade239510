"""Reading live topics (实时主题): where a topic stands and what changed since."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from hospital_core.kernel.reading import Reading


@dataclass(frozen=True)
class Position:
    """Epoch and number of a topic's last change; a topic nobody wrote to stands at zero."""

    epoch: UUID
    seq: int


NOWHERE = Position(UUID(int=0), 0)


async def position(reading: Reading, topic: str) -> Position:
    """Where a topic stands now. Read it *before* the snapshot: a change in between is then told twice, never lost."""
    row = await reading.fetch_row("SELECT epoch, seq FROM live_topic WHERE topic = $1", topic)
    return Position(row["epoch"], row["seq"]) if row else NOWHERE


async def changes_after(reading: Reading, topic: str, seq: int, limit: int = 500) -> list[tuple[int, dict[str, Any]]]:
    """Changes numbered above ``seq`` in order; a hole or an aged-out change means: take a snapshot."""
    rows = await reading.fetch(
        "SELECT seq, data FROM live_change WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3", topic, seq, limit
    )
    return [(row["seq"], orjson.loads(row["data"])) for row in rows]
