"""Files (患者档案): one, several, their survivors, the worklist of duplicates."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_identity, mask_phone
from hospital_core.kernel.reading import Reading
from hospital_core.registry.patients.ages import age_text
from hospital_core.registry.patients.document_validation import ValidDocument
from hospital_core.registry.patients.errors import PatientMerged
from hospital_core.registry.patients.sealing import document_index, open_number, open_phone
from hospital_core.registry.patients.states import DocumentKind, IdentifierStatus, Sex
from hospital_core.registry.patients.views import (
    AllergyView,
    DuplicateView,
    IdentifierView,
    MergedFile,
    PatientName,
    PatientView,
)

# Merged files first lead to their survivor; the depth bound only keeps a broken chain from hanging a read.
_SURVIVORS = """
WITH RECURSIVE up(asked, id, depth) AS (
    SELECT asked, asked, 0 FROM unnest($1::uuid[]) AS asked
    UNION ALL
    SELECT up.asked, m.survivor_id, up.depth + 1
    FROM up JOIN patient_merge m ON m.source_id = up.id AND m.undone_at IS NULL WHERE up.depth < 100)
SELECT DISTINCT ON (asked) asked, id FROM up ORDER BY asked, depth DESC"""

_FILES = """
SELECT p.*, (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date AS today, m.survivor_id AS merged_into,
       (SELECT count(*) FROM patient_duplicate d
        WHERE d.status = 'open' AND (d.earlier_id = p.id OR d.later_id = p.id)) AS possible_duplicates
FROM patient p LEFT JOIN patient_merge m ON m.source_id = p.id AND m.undone_at IS NULL
WHERE p.id = ANY($1::uuid[])"""

_OF_PERSON = """
SELECT asked.id AS asked, owned.* FROM unnest($1::uuid[]) AS asked(id)
CROSS JOIN LATERAL person_ids(asked.id) AS person(id)
JOIN {table} owned ON owned.patient_id = person.id
WHERE owned.status <> 'entered-in-error' ORDER BY owned.status, owned.id"""

_DUPLICATES = """
SELECT id, earlier_id, later_id, reason, found_at, version FROM patient_duplicate
WHERE status = 'open'
  AND ($1::uuid IS NULL OR (found_at, id) > (SELECT found_at, id FROM patient_duplicate WHERE id = $1))
ORDER BY found_at, id LIMIT $2"""

_MERGED = """
WITH RECURSIVE down AS (
    SELECT m.* FROM patient_merge m WHERE m.survivor_id = $1 AND m.undone_at IS NULL
    UNION SELECT m.* FROM patient_merge m JOIN down ON m.survivor_id = down.source_id AND m.undone_at IS NULL)
SELECT down.source_id AS patient_id, p.patient_no, p.name, down.survivor_id AS merged_into, down.reason,
       down.merged_at, s.name AS merged_by
FROM down JOIN patient p ON p.id = down.source_id LEFT JOIN staff_member s ON s.id = down.merged_by
ORDER BY down.merged_at, down.id"""


async def patient(reading: Reading, patient_id: UUID) -> PatientView:
    """One file with everything known of the person (患者). Raises: NotFound."""
    found = await patient_views(reading, [patient_id])
    if not found:
        raise NotFound()
    return found[0]


async def patient_views(reading: Reading, patient_ids: Sequence[UUID]) -> list[PatientView]:
    """Several files in the order asked for; unknown ids are left out."""
    if not patient_ids:
        return []
    files = {row["id"]: row for row in await reading.fetch(_FILES, patient_ids)}
    merged = [key for key, row in files.items() if row["merged_into"] is not None]
    standing = await survivors(reading, merged) if merged else {}
    identifiers = _grouped(await reading.fetch(_OF_PERSON.format(table="patient_identifier"), patient_ids))
    allergies = _grouped(await reading.fetch(_OF_PERSON.format(table="patient_allergy"), patient_ids))
    return [
        _view(files[key], standing.get(key), identifiers.get(key, []), allergies.get(key, []))
        for key in patient_ids
        if key in files
    ]


async def patient_names(reading: Reading, patient_ids: Iterable[UUID]) -> dict[UUID, PatientName]:
    """Name, sex and birth date of several patients, for lists."""
    rows = await reading.fetch(
        "SELECT id, name, sex, birth_date FROM patient WHERE id = ANY($1::uuid[])", list(patient_ids)
    )
    return {row["id"]: PatientName(row["name"], Sex(row["sex"]), row["birth_date"]) for row in rows}


async def open_duplicates(reading: Reading, cursor: UUID | None = None, limit: int = 20) -> Page[DuplicateView]:
    """The worklist of suspected duplicates (疑似重复), oldest first; the cursor is the last pair shown."""
    rows = await reading.fetch(_DUPLICATES, cursor, limit + 1)
    pairs = rows[:limit]
    wanted = list({row[side] for row in pairs for side in ("earlier_id", "later_id")})
    files = {view.id: view for view in await patient_views(reading, wanted)}
    items = [
        DuplicateView(
            id=row["id"], earlier=files[row["earlier_id"]], later=files[row["later_id"]],
            reason=row["reason"], found_at=row["found_at"], version=row["version"],
        )
        for row in pairs
    ]  # fmt: skip
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


async def merged_files(reading: Reading, patient_id: UUID) -> list[MergedFile]:
    """Files merged into this one (已并入的档案), those merged into them before included; oldest merge first."""
    return [MergedFile(**dict(row)) for row in await reading.fetch(_MERGED, patient_id)]


async def survivors(reading: Reading, patient_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """For each file the one that stands for its person now: itself when it was never merged."""
    return {row["asked"]: row["id"] for row in await reading.fetch(_SURVIVORS, patient_ids)}


async def require_live_file(reading: Reading, patient_id: UUID) -> None:
    """A command may only go to a file that stands for itself. Raises: NotFound, PatientMerged with ``survivor_id``."""
    if await reading.fetch_value("SELECT 1 FROM patient WHERE id = $1", patient_id) is None:
        raise NotFound()
    survivor = (await survivors(reading, [patient_id]))[patient_id]
    if survivor != patient_id:
        raise PatientMerged(survivor_id=str(survivor))


async def holder_of(reading: Reading, document: ValidDocument) -> UUID | None:
    """The file that a document names, its survivor when it was merged; None when there is none."""
    holder: UUID | None = await reading.fetch_value(
        "SELECT patient_id FROM patient_identifier WHERE kind = $1 AND value_index = $2 AND status = 'active'",
        document.kind.value, document_index(document),
    )  # fmt: skip
    return None if holder is None else (await survivors(reading, [holder]))[holder]


async def phone_of(reading: Reading, patient_id: UUID) -> str | None:
    """A file's telephone in clear, for sending a code to it; never for a screen. Raises: NotFound."""
    row = await reading.fetch_row("SELECT phone_sealed FROM patient WHERE id = $1", patient_id)
    if row is None:
        raise NotFound()
    return None if row["phone_sealed"] is None else open_phone(bytes(row["phone_sealed"]))


def _grouped(rows: Sequence[Any]) -> dict[UUID, list[Any]]:
    groups: dict[UUID, list[Any]] = {}
    for row in rows:
        groups.setdefault(row["asked"], []).append(row)
    return groups


def _view(file: Any, merged_into: UUID | None, identifiers: list[Any], allergies: list[Any]) -> PatientView:
    documents = [
        IdentifierView(
            id=row["id"],
            kind=row["kind"],
            number_masked=mask_identity(open_number(bytes(row["value_sealed"]))),
            status=row["status"],
        )
        for row in identifiers
    ]
    # The card people carry is shown in lists, before passports and permits.
    active = [d for d in documents if d.status is IdentifierStatus.ACTIVE]
    first = min(active, key=lambda d: d.kind is not DocumentKind.NATIONAL_ID, default=None)
    phone = file["phone_sealed"]
    return PatientView(
        merged_into=merged_into,
        age=age_text(file["birth_date"], file["today"]),
        document_kind=first.kind if first else None,
        document_masked=first.number_masked if first else "",
        phone_masked=mask_phone(open_phone(bytes(phone))) if phone is not None else "",
        identifiers=documents,
        allergies=[AllergyView(**{name: row[name] for name in AllergyView.model_fields}) for row in allergies],
        **{name: file[name] for name in _PLAIN},
    )


_PLAIN = (
    "id", "patient_no", "name", "sex", "birth_date", "temporary", "temporary_reason",
    "possible_duplicates", "created_at", "version",
)  # fmt: skip
