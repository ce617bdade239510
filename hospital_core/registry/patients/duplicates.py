"""Suspected duplicates (疑似重复): pairs of files that may be one person, kept until a person has looked."""

from uuid import UUID

from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.states import MatchReason

# The reason is the stronger of the two; files already merged are left to their survivors.
_LOOKALIKES = """
SELECT other.id,
       CASE WHEN other.birth_date = me.birth_date AND other.sex = me.sex AND me.sex <> 'unknown'
            THEN 'name_birth_sex' ELSE 'name_phone' END AS reason
FROM patient me JOIN patient other ON other.name = me.name AND other.id <> me.id
WHERE me.id = $1
  AND ((other.birth_date = me.birth_date AND other.sex = me.sex AND me.sex <> 'unknown')
       OR other.phone_index = me.phone_index)
  AND NOT EXISTS (SELECT 1 FROM patient_merge m WHERE m.source_id IN (me.id, other.id) AND m.undone_at IS NULL)
ORDER BY other.id LIMIT 50"""

_FLAG = """
INSERT INTO patient_duplicate (id, version, earlier_id, later_id, reason, status, found_at)
VALUES ($1, 0, least($2::uuid, $3::uuid), greatest($2::uuid, $3::uuid), $4, 'open', $5)
ON CONFLICT (earlier_id, later_id) DO NOTHING"""


async def flag_pair(uow: UnitOfWork, one: UUID, other: UUID, reason: MatchReason) -> None:
    """Put two files into the worklist, once; a pair that people have decided about stays decided."""
    await uow.execute(_FLAG, new_id(), one, other, reason.value, uow.now)


async def flag_lookalikes(uow: UnitOfWork, patient_id: UUID) -> int:
    """Find files with the same name and birth date and sex, or the same name and telephone; returns how many."""
    rows = await uow.fetch(_LOOKALIKES, patient_id)
    for row in rows:
        await flag_pair(uow, patient_id, row["id"], MatchReason(row["reason"]))
    return len(rows)
