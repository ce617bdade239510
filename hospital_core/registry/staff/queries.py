"""Reads of staff and their sessions."""

from collections.abc import Iterable
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.tokens import token_hash
from hospital_core.registry.staff.permissions import permissions_of
from hospital_core.registry.staff.portraits import Portrait, drawn_portrait
from hospital_core.registry.staff.states import StaffRole
from hospital_core.registry.staff.views import StaffSessionView, StaffView

_STAFF = """
SELECT s.*, d.name AS department, a.login, a.roles, coalesce(a.active, false) AS account_active,
       left(photo.digest, 12) AS photo_version
FROM staff_member s JOIN department d ON d.id = s.department_id LEFT JOIN staff_account a ON a.staff_id = s.id
LEFT JOIN staff_photo photo ON photo.staff_id = s.id"""

_PORTRAIT = """
SELECT m.name, p.media_type, p.content, p.digest FROM staff_member m LEFT JOIN staff_photo p ON p.staff_id = m.id
WHERE m.id = $1 AND ($2 OR m.active AND m.profession = 'doctor')"""

# Idle sessions end after 30 minutes. Being seen is noted once a minute: bookkeeping of the session itself, no command.
_SESSION = """
WITH live AS (
    SELECT x.id AS session_id, x.account_id, x.last_seen_at, x.expires_at, x.csrf_hash, a.roles,
           a.provisional_since IS NOT NULL AS must_change_password,
           s.id AS staff_id, s.name, s.title, s.department_id, d.name AS department
    FROM staff_session x JOIN staff_account a ON a.id = x.account_id JOIN staff_member s ON s.id = a.staff_id
    JOIN department d ON d.id = s.department_id
    WHERE x.token_hash = $1 AND x.ended_at IS NULL AND x.expires_at > hospital_now()
      AND x.last_seen_at > hospital_now() - interval '30 minutes' AND a.active AND s.active),
seen AS (
    UPDATE staff_session SET last_seen_at = hospital_now()
    WHERE $2 AND id = (SELECT session_id FROM live WHERE last_seen_at < hospital_now() - interval '1 minute'))
SELECT * FROM live"""


async def session_of(reading: Reading, token: str, *, touch: bool = True) -> StaffSessionView | None:
    """The live session a token opens, with its owner's present roles; None when it ended, idled out or is unknown.

    While the password is one that a colleague chose, the session permits nothing but choosing another.
    ``touch=False`` looks without keeping the session awake (an open socket is no sign of a person).
    """
    row = await reading.fetch_row(_SESSION, token_hash(token), touch)
    if row is None:
        return None
    roles = [StaffRole(role) for role in row["roles"]]
    values = {name: value for name, value in row.items() if name != "roles"}
    permissions = [] if row["must_change_password"] else sorted(permissions_of(roles))
    return StaffSessionView(roles=roles, permissions=permissions, **values)


async def staff_member(reading: Reading, staff_id: UUID) -> StaffView:
    """One staff member (职工). Raises NotFound."""
    row = await reading.fetch_row(f"{_STAFF} WHERE s.id = $1", staff_id)
    if row is None:
        raise NotFound()
    return _view(row)


async def staff_members(
    reading: Reading, q: str = "", department_id: UUID | None = None, cursor: str | None = None, limit: int = 50
) -> Page[StaffView]:
    """Staff in the order of their numbers, found by number, name or pinyin initials; the cursor is the last number."""
    rows = await reading.fetch(
        f"{_STAFF} WHERE s.staff_no > $1 AND ($2 = '' OR starts_with(s.staff_no, $2) OR strpos(s.name, $2) > 0 "
        "OR starts_with(s.initials, lower($2))) AND ($3::uuid IS NULL OR s.department_id = $3) "
        "ORDER BY s.staff_no LIMIT $4",
        cursor or "", q.strip(), department_id, limit + 1,
    )  # fmt: skip
    items = [_view(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].staff_no if len(rows) > limit else None)


async def staff_names(reading: Reading, staff_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names by id, for lists that show who did something."""
    rows = await reading.fetch("SELECT id, name FROM staff_member WHERE id = ANY($1::uuid[])", list(set(staff_ids)))
    return {row["id"]: row["name"] for row in rows}


async def portrait(reading: Reading, staff_id: UUID, *, for_colleagues: bool = False) -> Portrait:
    """Somebody's photo (照片), or their surname drawn when they gave none.

    The public sees doctors who work here, colleagues everybody. Raises: NotFound.
    """
    row = await reading.fetch_row(_PORTRAIT, staff_id, for_colleagues)
    if row is None:
        raise NotFound()
    if row["digest"] is None:
        return drawn_portrait(row["name"])
    return Portrait(row["media_type"], bytes(row["content"]), row["digest"])


def _view(row: Record) -> StaffView:
    return StaffView(
        id=row["id"], staff_no=row["staff_no"], name=row["name"], title=row["title"], profession=row["profession"],
        department_id=row["department_id"], department=row["department"], specialty=row["specialty"],
        introduction=row["introduction"], photo_version=row["photo_version"], version=row["version"],
        active=row["active"], login=row["login"], roles=row["roles"] or [], account_active=row["account_active"],
    )  # fmt: skip
