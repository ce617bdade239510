"""Key rotation (密钥轮换): values sealed with an older key are sealed again in small batches, while everybody works."""

from hospital_core.kernel.run import keyring
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.commands import ResealStale
from hospital_core.registry.patients.sealing import IDENTIFIER_COLUMN, PHONE_COLUMN
from hospital_core.registry.patients.views import Resealed

# The first byte of a sealed value is its key's version. Rows in use are skipped and found by the next batch.
_STALE = """
SELECT id, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL AND get_byte({column}, 0) <> $1
ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED"""

_RESEAL = """
UPDATE {table} SET {column} = fresh.sealed FROM unnest($1::uuid[], $2::bytea[]) AS fresh(id, sealed)
WHERE {table}.id = fresh.id"""

_PLACES = (("patient_identifier", "value_sealed", IDENTIFIER_COLUMN), ("patient", "phone_sealed", PHONE_COLUMN))


async def reseal_stale(uow: UnitOfWork, command: ResealStale) -> Resealed:
    """Seal up to ``batch`` identifiers and telephones each again with the current key; repeat until none is left.

    Blind indexes stay: they hang on the index key, which does not rotate. Raises: UnreadableSecret. Locks: the rows.
    """
    count = 0
    for table, column, bound in _PLACES:
        rows = await uow.fetch(_STALE.format(table=table, column=column), keyring().current, command.batch)
        if not rows:
            continue
        fresh = [_again(bytes(row["sealed"]), bound) for row in rows]
        await uow.execute(_RESEAL.format(table=table, column=column), [row["id"] for row in rows], fresh)
        count += len(rows)
    return Resealed(count=count)


def _again(sealed: bytes, bound: str) -> bytes:
    ring = keyring()
    return ring.seal(ring.open_bytes(sealed, bound), bound)
