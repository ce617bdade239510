"""Sealing everything again with the current field key (密钥轮换), while the house works: `hospital rotate-keys`.

Patients' documents and telephones are resealed by their own context's service, the few other sealed columns here.
Stored answers of Idempotency-Keys are left: they live seven days. Blind indexes hang on the index key, which stays.
"""

import asyncio
from collections.abc import Callable

from hospital_core.kernel.context import system_context
from hospital_core.kernel.run import keyring, run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.service.sessions import PHONE_COLUMN as ACCOUNT_PHONE_COLUMN
from hospital_core.registry.patients.commands import ResealStale
from hospital_core.registry.patients.rotation import reseal_stale
from hospital_core.registry.patients.views import Resealed
from hospital_core.registry.staff.service.accounts import TOTP_COLUMN

_OTHERS = (("staff_account", "totp_secret", TOTP_COLUMN), ("patient_account", "phone_sealed", ACCOUNT_PHONE_COLUMN))

_STALE = """
SELECT id, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL AND get_byte({column}, 0) <> $1
ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED"""

# Conditional on the old value: a secret that was set anew in between is not overwritten.
_RESEAL = "UPDATE {table} SET {column} = $2 WHERE id = $1 AND {column} = $3"


async def reseal_accounts(uow: UnitOfWork, command: ResealStale) -> Resealed:
    """Reseal TOTP secrets and accounts' telephones (账号密文). Raises: UnreadableSecret. Locks: the rows."""
    count = 0
    for table, column, bound in _OTHERS:
        rows = await uow.fetch(_STALE.format(table=table, column=column), keyring().current, command.batch)
        for row in rows:
            old = bytes(row["sealed"])
            fresh = keyring().seal(keyring().open_bytes(old, bound), bound)
            await uow.execute(_RESEAL.format(table=table, column=column), row["id"], fresh, old)
        count += len(rows)
    return Resealed(count=count)


async def rotate_field_keys(progress: Callable[[str, int, int], object] | None = None, *, batch: int = 500) -> int:
    """Reseal all that is sealed with an older key (轮换字段密钥); returns how many values.

    Safe to break off and to repeat. The core must be connected with a ring that holds the old keys and the new
    current one. Rows locked by others are left for the next call. Raises: UnreadableSecret when an old key is missing.
    """
    done = 0
    for name, service in (("patients", reseal_stale), ("accounts", reseal_accounts)):
        while count := (await run(system_context(), service, ResealStale(batch=batch))).count:
            done += count
            if progress is not None:
                progress(name, done, done)
            await asyncio.sleep(0)
    return done
