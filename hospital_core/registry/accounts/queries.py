"""Reads of accounts and links."""

from uuid import UUID

from asyncpg import Record

from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name, mask_phone
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import keyring
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.accounts.views import LinkBasis, LinkedAccount, LinkView
from hospital_core.registry.patients.queries import patient_views, phone_of, survivors

# A guardian's link ends on the child's eighteenth birthday, whether or not somebody has tidied up.
_EFFECTIVE = """
    l.status = 'active' AND NOT (l.relation = 'child' AND p.birth_date IS NOT NULL
        AND p.birth_date <= (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date - interval '18 years')"""

_LINKS = f"""
SELECT l.id, l.account_id, l.patient_id, l.relation, l.linked_at, l.proven_at
FROM account_link l JOIN patient p ON p.id = l.patient_id WHERE {_EFFECTIVE}"""

# The latest choice that still stands; nobody chosen: the holder, then whoever was added first.
_DEFAULT = f"""
SELECT l.id FROM account_link l JOIN patient p ON p.id = l.patient_id WHERE {_EFFECTIVE} AND l.account_id = $1
ORDER BY l.preferred_at DESC NULLS LAST, l.relation <> 'self', l.place LIMIT 1"""


def files_shown(account: str, since: str) -> str:
    """SQL: ids of the files of which an account may see what is of ``since`` (可见档案).

    Of a proven link everything, of another what is not older than itself, of a guardian's nothing once the child is 18.
    """
    return (
        f"SELECT person_ids(l.patient_id) FROM account_link l JOIN patient p ON p.id = l.patient_id WHERE {_EFFECTIVE}"
        f" AND l.account_id = {account} AND (l.proven_at IS NOT NULL OR l.linked_at <= {since})"
    )


def own_row(table: str, account: str, row_id: str, since: str = "own.created_at") -> str:
    """SQL: the row ``own`` of this id if its file is shown to an account (本人可见的一行), as by ``files_shown``.

    The account's files are found first and the row is looked for under each of them, with a fence (``OFFSET 0``) about
    each step: another's row costs what a missing one costs, and nothing is joined to either.
    """
    return (
        "(SELECT own.* FROM (SELECT person_ids(l.patient_id) AS file_id, l.proven_at, l.linked_at"
        f" FROM account_link l JOIN patient p ON p.id = l.patient_id WHERE {_EFFECTIVE} AND l.account_id = {account}"
        f" OFFSET 0) AS shown CROSS JOIN LATERAL (SELECT own.* FROM {table} AS own WHERE own.id = {row_id}"
        f" AND own.patient_id = shown.file_id AND (shown.proven_at IS NOT NULL OR shown.linked_at <= {since})"
        " OFFSET 0) AS own LIMIT 1)"
    )


def accounts_acting(patient: str, *, proven: bool = False, since: str | None = None) -> str:
    """SQL: ids of the accounts that may act for a patient now, whichever file of theirs is linked (关联的微信账户).

    ``proven``: only those that are certain to be theirs. ``since``: only those that may see what is of then, as by
    ``files_shown``.
    """
    sql = (
        f"SELECT l.account_id FROM account_link l JOIN patient p ON p.id = l.patient_id WHERE {_EFFECTIVE}"
        f" AND l.patient_id IN (SELECT person_ids({patient}))"
    )
    if proven:
        return f"{sql} AND l.proven_at IS NOT NULL"
    return sql if since is None else f"{sql} AND (l.proven_at IS NOT NULL OR l.linked_at <= {since})"


async def linked_patients(reading: Reading, account_id: UUID) -> list[LinkView]:
    """The patients an account may act for (就诊人列表), in the order of their places."""
    return await _views(
        reading, list(await reading.fetch(f"{_LINKS} AND l.account_id = $1 ORDER BY place", account_id))
    )


async def accounts_of_patient(reading: Reading, patient_id: UUID) -> list[LinkedAccount]:
    """The accounts linked to a person's files (关联的微信账户), unproven ones first; the caller decides who may ask."""
    rows = await reading.fetch(
        f"SELECT DISTINCT ON (x.account_id) x.account_id, x.relation, x.linked_at, x.proven_at, a.phone_sealed "
        f"FROM ({_LINKS} AND l.patient_id IN (SELECT person_ids($1))) AS x "
        "JOIN patient_account a ON a.id = x.account_id "
        "ORDER BY x.account_id, x.proven_at IS NULL",
        patient_id,
    )
    found = [
        LinkedAccount(
            account_id=row["account_id"],
            phone_masked=_masked(row["phone_sealed"]),
            relation=row["relation"],
            linked_at=row["linked_at"],
            proven=row["proven_at"] is not None,
        )
        for row in rows
    ]
    return sorted(found, key=lambda account: (account.proven, account.linked_at))


async def link(reading: Reading, link_id: UUID) -> LinkView:
    """One link as its account sees it. Raises NotFound."""
    views = await _views(reading, list(await reading.fetch(f"{_LINKS} AND l.id = $1", link_id)))
    if not views:
        raise NotFound()
    return views[0]


async def own_active_link(reading: Reading, account_id: UUID, link_id: UUID, *, lock: bool = False) -> Record:
    """A link of this account that still stands. Raises NotFound, for those of others too."""
    row = await reading.fetch_row(
        "SELECT id, patient_id, relation, linked_at, proven_at, proof FROM account_link "
        "WHERE id = $1 AND account_id = $2 AND status = 'active'" + (" FOR NO KEY UPDATE" if lock else ""),
        link_id, account_id,
    )  # fmt: skip
    if row is None:
        raise NotFound()
    return row


async def identifying_link(reading: Reading, link_id: UUID, account_id: UUID | None = None) -> Record | None:
    """A link that still stands, of this account only when one is given, with the clock; None for all others alike."""
    return await reading.fetch_row(
        f"SELECT x.*, hospital_now() AS now FROM ({_LINKS}) AS x "
        "WHERE x.id = $1 AND ($2::uuid IS NULL OR x.account_id = $2)",
        link_id, account_id,
    )  # fmt: skip


async def link_basis(reading: Reading, account_id: UUID, patient_id: UUID) -> LinkBasis | None:
    """Why an account may act for a patient, or None. Every file of the person counts; the widest link is taken.

    This is what ``care_relations.permitted_patient`` asks: an unproven link shows nothing older than ``linked_at``.
    """
    row = await reading.fetch_row(
        f"{_LINKS} AND l.account_id = $1 AND l.patient_id IN (SELECT person_ids($2)) "
        "ORDER BY l.proven_at IS NULL, l.linked_at LIMIT 1",
        account_id, patient_id,
    )  # fmt: skip
    return LinkBasis(row["id"], Relation(row["relation"]), row["linked_at"], row["proven_at"]) if row else None


async def session_is_live(reading: Reading, session_id: UUID) -> bool:
    """Whether a phone's session still stands; what the edge asks when its set of revocations is too old."""
    live: bool = await reading.fetch_value(
        "SELECT EXISTS (SELECT 1 FROM refresh_session s JOIN patient_account a ON a.id = s.account_id WHERE s.id = $1 "
        "AND s.ended_at IS NULL AND s.expires_at > hospital_now() AND a.disabled_at IS NULL)",
        session_id,
    )
    return live


async def account_phone_masked(reading: Reading, account_id: UUID) -> str | None:
    """The account's own phone number, masked."""
    sealed = await reading.fetch_value("SELECT phone_sealed FROM patient_account WHERE id = $1", account_id)
    return _masked(sealed)


def _masked(sealed: bytes | None) -> str | None:
    return mask_phone(keyring().open(bytes(sealed), "patient_account.phone")) if sealed is not None else None


async def file_phone(reading: Reading, patient_id: UUID) -> str | None:
    """The phone of the file that stands for a patient now, in clear, for sending to it."""
    return await phone_of(reading, (await survivors(reading, [patient_id]))[patient_id])


async def _views(reading: Reading, rows: list[Record]) -> list[LinkView]:
    """Links as their account sees them; a file that was merged is shown and named by the one it is part of now."""
    standing = await survivors(reading, [row["patient_id"] for row in rows]) if rows else {}
    files = {view.id: view for view in await patient_views(reading, list(set(standing.values())))}
    default_id = await reading.fetch_value(_DEFAULT, rows[0]["account_id"]) if rows else None
    views = []
    for row in rows:
        file, proven = files[standing[row["patient_id"]]], row["proven_at"] is not None
        views.append(
            LinkView(
                link_id=row["id"], patient_id=file.id, name_masked=mask_name(file.name),
                relation=row["relation"], proven=proven, linked_at=row["linked_at"],
                document_masked=file.document_masked if proven else None,
                patient_no=file.patient_no if proven else None,
                is_default=row["id"] == default_id,
            )
        )  # fmt: skip
    return views
