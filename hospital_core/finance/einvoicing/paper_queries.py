"""Reading blanks and paper copies (纸质票据查询); the routes hold the permissions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hospital_core.finance.einvoicing.paper_views import PaperCopyView, PaperStockView
from hospital_core.finance.einvoicing.ports import PaperNumber, PaperOrder
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading

_PAGE = 50

# With blanks left, that is neither used up nor handed back.
_IN_USE = "{0}.returned_at IS NULL AND {0}.next_number <= {0}.last_number"

_STOCKS = f"""
SELECT s.id, s.drawer_id, d.name AS drawer, s.batch_code, lpad(s.first_number::text, s.digits, '0') AS first_no,
       lpad(s.last_number::text, s.digits, '0') AS last_no,
       CASE WHEN {_IN_USE.format("s")} THEN lpad(s.next_number::text, s.digits, '0') END AS next_no,
       CASE WHEN s.returned_at IS NULL THEN s.last_number - s.next_number + 1 ELSE 0 END AS left,
       s.handed_out_at, m.name AS handed_out_by, lpad(s.returned_from::text, s.digits, '0') AS returned_no,
       coalesce(s.last_number - s.returned_from + 1, 0) AS returned_count, s.returned_at, b.name AS returned_by,
       s.return_reason,
       (SELECT count(*) FROM paper_copy c WHERE c.stock_id = s.id AND c.status = 'void') AS void_count,
       (SELECT count(*) FROM paper_copy c WHERE c.stock_id = s.id AND c.status IN ('failed', 'void-failed')) AS waiting,
       EXISTS (SELECT 1 FROM cashier_shift h WHERE h.drawer_id = s.drawer_id AND h.staff_id = $1 AND h.status = 'open')
           AS mine,
       {_IN_USE.format("s")} AND NOT EXISTS (
           SELECT 1 FROM paper_stock o WHERE o.drawer_id = s.drawer_id AND {_IN_USE.format("o")}
           AND o.id < s.id) AS on_top
FROM paper_stock s JOIN cash_drawer d ON d.id = s.drawer_id LEFT JOIN staff_member m ON m.id = s.handed_out_by
LEFT JOIN staff_member b ON b.id = s.returned_by"""

_COPIES = """
SELECT c.*, e.bill_no, a.name AS asker, v.name AS voider FROM paper_copy c
LEFT JOIN e_invoice e ON e.id = c.e_invoice_id
LEFT JOIN staff_member a ON a.id = c.asked_by LEFT JOIN staff_member v ON v.id = c.void_by"""

_CALL = """
SELECT s.batch_code, c.paper_no, c.asked_at, c.void_reason, e.batch_code AS bill_batch_code, e.bill_no
FROM paper_copy c JOIN paper_stock s ON s.id = c.stock_id LEFT JOIN e_invoice e ON e.id = c.e_invoice_id
WHERE c.id = $1"""


@dataclass(frozen=True)
class PaperCall:
    """What a call about a blank says; ``order`` is None of one that was spoiled before it became a copy."""

    paper: PaperNumber
    asked_at: datetime
    order: PaperOrder | None
    void_reason: str


async def paper_stocks(reading: Reading) -> Page[PaperStockView]:
    """Ranges of blanks, those with some left first (票据库存)."""
    rows = await reading.fetch(
        f"{_STOCKS} ORDER BY ({_IN_USE.format('s')}) DESC, d.code, s.id LIMIT 200", reading.ctx.actor.id
    )
    return Page(items=[PaperStockView(**dict(row)) for row in rows])


async def paper_stock(reading: Reading, stock_id: UUID) -> PaperStockView:
    """One range of blanks. Raises: NotFound."""
    row = await reading.fetch_row(f"{_STOCKS} WHERE s.id = $2", reading.ctx.actor.id, stock_id)
    if row is None:
        raise NotFound()
    return PaperStockView(**dict(row))


async def paper_copies(reading: Reading, stock_id: UUID, cursor: UUID | None = None) -> Page[PaperCopyView]:
    """The blanks of a range that were used, newest first (用票记录)."""
    rows = await reading.fetch(
        f"{_COPIES} WHERE c.stock_id = $1 AND ($2::uuid IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3",
        stock_id, cursor, _PAGE + 1,
    )  # fmt: skip
    items = [_copy(dict(row)) for row in rows[:_PAGE]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > _PAGE else None)


async def paper_copy(reading: Reading, paper_id: UUID) -> PaperCopyView:
    """One blank that was used. Raises: NotFound."""
    row = await reading.fetch_row(f"{_COPIES} WHERE c.id = $1", paper_id)
    if row is None:
        raise NotFound()
    return _copy(dict(row))


async def paper_call(reading: Reading, paper_id: UUID) -> PaperCall:
    """What is sent to the platform (换开、作废内容), the same each time. Raises: NotFound."""
    row = await reading.fetch_row(_CALL, paper_id)
    if row is None:
        raise NotFound()
    paper, order = PaperNumber(row["batch_code"], row["paper_no"]), None
    if row["bill_no"] is not None:
        order = PaperOrder(row["bill_batch_code"], row["bill_no"], paper, row["asked_at"])
    return PaperCall(paper, row["asked_at"], order, row["void_reason"] or "")


def _copy(row: dict[str, object]) -> PaperCopyView:
    return PaperCopyView(**{**row, "asked_by": row["asker"], "void_by": row["voider"]})
