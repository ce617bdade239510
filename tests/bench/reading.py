"""Reads (读): one appointment with all checks, and an anonymous answer through the whole edge."""

from dataclasses import dataclass, field

from tests.bench.ground import Ground
from tests.bench.load import Get, Load, reads

SECONDS = 3.0


@dataclass
class Pair:
    """The same work by us and by the limit, in turns."""

    what: str
    limit_name: str
    target: float | None
    ours: list[Load] = field(default_factory=list)
    limit: list[Load] = field(default_factory=list)


def read_gets(ground: Ground) -> tuple[list[Get], list[Get]]:
    """``GET /appointments/{id}`` of many phones, and the limit's address of the same rows."""
    ours = [Get(f"/api/miniapp/v1/appointments/{held.id}", ground.token(person)) for person, held in ground.booked]
    limit = [Get(f"/row/{held.id}/{person.account_id}/{person.patient_id}") for person, held in ground.booked]
    return ours, limit


async def measure_reads(ground: Ground, rounds: int, seconds: float = SECONDS) -> list[Pair]:
    """Both pairs, limit and ours in turns."""
    ours, limit = read_gets(ground)
    entry = "/api/miniapp/v1/entry"
    plans = [
        (Pair("GET /api/miniapp/v1/appointments/{id}", "bare Sanic, same SELECTs", 0.4), ours, limit),
        (Pair("GET /api/miniapp/v1/entry, anonymous", "bare Sanic JSON", 0.35), [Get(entry)], [Get("/json")]),
    ]
    for _, warm, bare in plans:
        await reads(ground.port, warm, 1)
        await reads(ground.bare_port, bare, 1)
    for _ in range(rounds):
        for pair, mine, bare in plans:
            pair.limit.append(await reads(ground.bare_port, bare, seconds))
            pair.ours.append(await reads(ground.port, mine, seconds))
    return [pair for pair, _, _ in plans]
