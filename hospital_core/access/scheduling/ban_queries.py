"""Reading bans and their appeals; which a patient may see is decided here."""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.ban_views import AppealView, BanView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow

_BAN = """
SELECT b.*, p.patient_no, p.name AS patient_name, b.lifted_at IS NULL AND b.ends_at > hospital_now() AS live,
       q.status AS appeal_status, q.text, q.made_at AS appealed_at, q.answer, q.answered_at
FROM {row} b JOIN patient p ON p.id = b.patient_id LEFT JOIN ban_appeal q ON q.ban_id = b.id"""
_BANS = _BAN.format(row="booking_ban") + " WHERE "
_GUARDED = PatientRow(_BAN, "booking_ban", "own.made_at")

_OF_ACCOUNT = f"""
b.patient_id IN ({files_shown("$1", "b.made_at")}) ORDER BY b.made_at DESC LIMIT 50"""

_FOR_STAFF = """
($1::uuid IS NULL OR b.patient_id IN (SELECT person_ids($1)))
AND (NOT $2 OR b.lifted_at IS NULL AND b.ends_at > hospital_now() OR $3) AND (NOT $3 OR q.status = 'open')
ORDER BY b.made_at DESC LIMIT 500"""


async def my_bans(reading: Reading) -> Page[BanView]:
    """Bans of everybody the account may act for, past ones too (我的限约)."""
    actor = reading.ctx.actor
    rows = await reading.fetch(_BANS + _OF_ACCOUNT, actor.id) if actor.kind is ActorKind.ACCOUNT else ()
    return Page(items=[ban_view(row) for row in rows])


async def bans(
    reading: Reading, patient_id: UUID | None = None, *, live: bool = True, appealed: bool = False
) -> Page[BanView]:
    """Bans as staff work on them (限约名单): the live ones, those with an open appeal, over or not, or all."""
    rows = await reading.fetch(_BANS + _FOR_STAFF, patient_id, live, appealed)
    return Page(items=[ban_view(row) for row in rows])


async def ban(reading: Reading, ban_id: UUID) -> BanView:
    """One ban, for callers that already decided who may see it. Raises NotFound."""
    row = await reading.fetch_row(_BANS + "b.id = $1", ban_id)
    if row is None:
        raise NotFound()
    return ban_view(row)


async def permitted_ban(reading: Reading, ban_id: UUID) -> Record:
    """A ban's row, only if the actor may know its patient; else NotFound."""
    return await _GUARDED.of(reading, ban_id)


def ban_view(row: Record) -> BanView:
    """Shape of one row."""
    appeal = None
    if row["appeal_status"] is not None:
        appeal = AppealView(
            status=row["appeal_status"], text=row["text"], made_at=row["appealed_at"], answer=row["answer"],
            answered_at=row["answered_at"],
        )  # fmt: skip
    copied = BanView.model_fields.keys() - {"patient_name_masked", "can_appeal", "appeal"}
    return BanView(
        **{name: row[name] for name in copied},
        patient_name_masked=mask_name(row["patient_name"]),
        can_appeal=row["live"] and appeal is None,
        appeal=appeal,
    )
