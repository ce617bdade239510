"""Cursors (翻页标记) of lists that run by time: where a page ended, in one opaque word.

Rows that were written together have one time; without the id beside it a page that ends among them would lose the rest.
"""

from datetime import datetime, timedelta
from uuid import UUID

from hospital_core.kernel.errors import FieldProblem

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_TICK = timedelta(microseconds=1)


def cursor_after(at: datetime, row_id: UUID) -> str:
    """The cursor of the page after this row."""
    return f"{(at - _EPOCH) // _TICK}.{row_id.hex}"


def place_of(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """Time and id of the last row that was shown; None both on the first page. Raises: FieldProblem."""
    if cursor is None:
        return None, None
    ticks, _, row_id = cursor.partition(".")
    try:
        if not (ticks.isascii() and ticks.isdigit() and len(ticks) <= 17):
            raise ValueError(cursor)
        return _EPOCH + int(ticks) * _TICK, UUID(hex=row_id)
    except (ValueError, OverflowError) as error:
        raise FieldProblem("/cursor", "翻页标记无效") from error
