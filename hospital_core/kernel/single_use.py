"""Things that work once (一次性凭证): a challenge, a code on a screen. The first use stands in the database."""

import hashlib
from datetime import timedelta

from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.uow import UnitOfWork

# Kept beside the counted failures: a spent text is a subject locked until nobody would accept it anyway.
_SPEND = """
INSERT INTO attempt_limit AS a (id, purpose, subject, failures, window_ends_at, locked_until)
VALUES ($1, $2, $3, 1, hospital_now() + $4::interval, hospital_now() + $4::interval)
ON CONFLICT (purpose, subject) DO UPDATE SET
    window_ends_at = excluded.window_ends_at, locked_until = excluded.locked_until
WHERE a.locked_until <= hospital_now()
RETURNING 1"""


async def spend(purpose: str, text: str, lifetime: timedelta) -> bool:
    """Use ``text`` up; whether this was its first use within ``lifetime``. Its own transaction."""
    async with pooled_connection() as connection:
        return await connection.fetchval(_SPEND, new_id(), purpose, _digest(text), lifetime) is not None


async def spend_with(uow: UnitOfWork, purpose: str, text: str, lifetime: timedelta) -> bool:
    """As ``spend``, but used up only if the command succeeds; a twin waits for its end. Locks: the text."""
    return await uow.fetch_value(_SPEND, new_id(), purpose, _digest(text), lifetime) is not None


def _digest(text: str) -> str:
    # Readers of codes overlook what stands around them: however it is padded, it is one thing.
    return hashlib.sha256(text.strip().encode()).hexdigest()
