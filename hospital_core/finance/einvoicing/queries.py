"""Reading e-invoices; which of them an account may see is decided in the statement itself."""

from datetime import date
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.queries import as_old_as
from hospital_core.finance.einvoicing.ports import EInvoiceOrder, EInvoicePlatform, OrderLine, ReversalOrder
from hospital_core.finance.einvoicing.states import EInvoiceKind, EInvoiceStatus, PaperStatus
from hospital_core.finance.einvoicing.views import (
    EInvoiceCheckDetail,
    EInvoiceCheckView,
    EInvoiceCounts,
    EInvoiceDetail,
    EInvoiceDifferenceView,
    EInvoiceLineView,
    EInvoiceRow,
    EInvoiceView,
)
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import files_shown
from hospital_core.registry.care_relations.queries import PatientRow
from hospital_core.registry.catalogue.states import FeeCategory

_PAGE = 30

_E_INVOICE = """
SELECT e.*, i.invoice_no, p.patient_no, p.name AS patient_name, c.paper_no, c.status AS paper_status,
       c.failure_text AS paper_trouble, s.batch_code AS paper_batch_code, e.paper_wanted_at IS NOT NULL AS paper_wanted,
       (SELECT string_agg(l.name, '、' ORDER BY l.id) FROM e_invoice_line l WHERE l.e_invoice_id = e.id) AS items
FROM {row} e JOIN invoice i ON i.id = e.invoice_id JOIN patient p ON p.id = e.patient_id
LEFT JOIN paper_copy c ON c.id = e.paper_id LEFT JOIN paper_stock s ON s.id = c.stock_id"""
_ROWS = _E_INVOICE.format(row="e_invoice")

# An unproven link shows nothing that is older than itself, nor what was charged before it.
_MINE = files_shown("$1", as_old_as("e.requested_at", "e.invoice_id"))
_OF_ACCOUNT = f"""
{_ROWS} WHERE e.status <> 'cancelled' AND e.patient_id IN ({_MINE})
AND ($2::uuid IS NULL OR e.id < $2) ORDER BY e.id DESC LIMIT $3"""
_GUARDED = PatientRow(_E_INVOICE, "e_invoice", as_old_as("own.requested_at", "own.invoice_id"))

_FOR_STAFF = f"""
{_ROWS} WHERE ($1::text[] IS NULL OR e.status = ANY($1)) AND ($2::uuid IS NULL OR e.id < $2)
AND ($3::text IS NULL OR e.id IN (
    SELECT id FROM e_invoice WHERE bill_no = $3 UNION SELECT id FROM e_invoice WHERE red_bill_no = $3
    UNION SELECT o.id FROM invoice n JOIN e_invoice o ON o.invoice_id = n.id WHERE n.invoice_no = $3
    UNION SELECT o.id FROM patient f JOIN e_invoice o ON o.patient_id = f.id WHERE f.patient_no = $3))
AND (NOT $5::bool OR e.id IN (
    SELECT id FROM e_invoice WHERE status IN ('failed', 'reversal-failed')
    UNION SELECT id FROM e_invoice WHERE paper_wanted_at IS NOT NULL
    UNION SELECT e_invoice_id FROM paper_copy WHERE status IN ('failed', 'void-failed')))
ORDER BY e.id DESC LIMIT $4"""

_COUNTS = """
SELECT count(*) FILTER (WHERE status IN ('requested', 'reversing')) AS under_way,
       count(*) FILTER (WHERE status IN ('failed', 'reversal-failed')) AS failed,
       (SELECT count(*) FROM e_invoice WHERE paper_wanted_at IS NOT NULL) AS paper_wanted,
       (SELECT count(*) FROM paper_copy WHERE status IN ('failed', 'void-failed')) AS paper_failed
FROM e_invoice WHERE status IN ('requested', 'reversing', 'failed', 'reversal-failed')"""

_DIFFERENCES = """
SELECT d.*, i.invoice_no FROM e_invoice_difference d LEFT JOIN invoice i ON i.id = d.invoice_id
WHERE d.check_id = $1 ORDER BY d.id"""
# A platform that was away for a day leaves a gap; a week is made up for. Newest first: an old day that the platform
# refuses holds up no other.
_TO_CHECK = """
SELECT d.day FROM (
    SELECT back, ((hospital_now() - interval '2 hours') AT TIME ZONE 'Asia/Shanghai')::date - back AS day
    FROM generate_series(1, 7) AS back) AS d
WHERE NOT EXISTS (SELECT 1 FROM e_invoice_check c WHERE c.day = d.day AND c.checked_by IS NULL)
  AND (d.back = 1 OR d.day >= (SELECT (min(requested_at) AT TIME ZONE 'Asia/Shanghai')::date FROM e_invoice))
ORDER BY d.back LIMIT 1"""
_LINES = "SELECT * FROM e_invoice_line WHERE e_invoice_id = $1 ORDER BY id"
_NEXT = """
SELECT id FROM e_invoice WHERE invoice_id = $1 AND generation > $2 AND status <> 'cancelled'
ORDER BY generation LIMIT 1"""


async def my_e_invoices(reading: Reading, cursor: str | None = None) -> Page[EInvoiceView]:
    """E-invoices of everybody the account may act for, newest first (我的电子票据). Raises: FieldProblem."""
    try:
        before = UUID(cursor) if cursor else None
    except ValueError:
        raise FieldProblem("/cursor", "翻页标记无效") from None
    rows = await reading.fetch(_OF_ACCOUNT, reading.ctx.actor.id, before, _PAGE + 1)
    items = [EInvoiceView(**_mine(row)) for row in rows[:_PAGE]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > _PAGE else None)


async def my_e_invoice(reading: Reading, e_invoice_id: UUID) -> EInvoiceDetail:
    """One e-invoice of somebody the account may act for (票据详情). Raises: NotFound."""
    row = await _GUARDED.of(reading, e_invoice_id)
    if row["status"] == EInvoiceStatus.CANCELLED:
        raise NotFound()
    lines = [EInvoiceLineView(**dict(line)) for line in await reading.fetch(_LINES, e_invoice_id)]
    replaced_by = None
    if row["status"] == EInvoiceStatus.REVERSED:
        replaced_by = await reading.fetch_value(_NEXT, row["invoice_id"], row["generation"])
    return EInvoiceDetail(**_mine(row), lines=lines, replaced_by=replaced_by)


async def e_invoices(
    reading: Reading,
    statuses: list[EInvoiceStatus] | None = None,
    number: str | None = None,
    cursor: UUID | None = None,
    *,
    waiting: bool = False,
) -> Page[EInvoiceRow]:
    """E-invoices for the cashier's desk, newest first (电子票据管理); the route holds the permission.

    ``number``: of the bill, the e-invoice, the red one, or the patient's. ``waiting``: only what waits for a person.
    """
    wanted = [status.value for status in statuses] if statuses else None
    rows = await reading.fetch(_FOR_STAFF, wanted, cursor, number or None, _PAGE + 1, waiting)
    items = [EInvoiceRow(**_masked(row)) for row in rows[:_PAGE]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > _PAGE else None)


async def counts(reading: Reading) -> EInvoiceCounts:
    """How many are under way and how many wait for a person (待办数); the route holds the permission."""
    row = await reading.fetch_row(_COUNTS)
    assert row is not None
    return EInvoiceCounts(on=ports.optional(EInvoicePlatform) is not None, **dict(row))


async def row_view(reading: Reading, e_invoice_id: UUID) -> EInvoiceRow:
    """One e-invoice for callers that decided who may see it. Raises: NotFound."""
    row = await reading.fetch_row(f"{_ROWS} WHERE e.id = $1", e_invoice_id)
    if row is None:
        raise NotFound()
    return EInvoiceRow(**_masked(row))


async def order_of(reading: Reading, e_invoice_id: UUID) -> EInvoiceOrder:
    """What is sent to the platform (开票内容), the same each time. Raises: NotFound."""
    row = await reading.fetch_row(f"{_ROWS} WHERE e.id = $1", e_invoice_id)
    if row is None:
        raise NotFound()
    lines = [
        OrderLine(
            line["code"], line["name"], FeeCategory(line["category"]), line["unit"], line["unit_price"],
            line["quantity"], line["amount_fen"],
        )
        for line in await reading.fetch(_LINES, e_invoice_id)
    ]  # fmt: skip
    return EInvoiceOrder(
        bus_no=row["bus_no"], kind=EInvoiceKind(row["kind"]), bus_at=row["requested_at"], payer=row["patient_name"],
        patient_no=row["patient_no"], amount_fen=row["amount_fen"], insurance_fen=row["insurance_fen"],
        insurance_reference=row["insurance_reference"], lines=lines,
    )  # fmt: skip


async def reversal_of(reading: Reading, e_invoice_id: UUID) -> ReversalOrder:
    """What is sent to turn it red (冲红内容). Raises: NotFound."""
    row = await reading.fetch_row("SELECT * FROM e_invoice WHERE id = $1", e_invoice_id)
    if row is None or row["reversal_asked_at"] is None:
        raise NotFound()
    return ReversalOrder(row["batch_code"], row["bill_no"], row["reversal_reason"], row["reversal_asked_at"])


async def checks(reading: Reading, limit: int = 60) -> Page[EInvoiceCheckView]:
    """The latest check of each day, newest day first (日核对); the route holds the permission."""
    rows = await reading.fetch(
        "SELECT * FROM (SELECT DISTINCT ON (day) * FROM e_invoice_check ORDER BY day DESC, checked_at DESC) c "
        "ORDER BY day DESC LIMIT $1",
        limit,
    )
    return Page(items=[EInvoiceCheckView(**dict(row)) for row in rows])


async def check(reading: Reading, check_id: UUID) -> EInvoiceCheckDetail:
    """One check with its differences (核对明细). Raises: NotFound."""
    row = await reading.fetch_row("SELECT * FROM e_invoice_check WHERE id = $1", check_id)
    if row is None:
        raise NotFound()
    found = await reading.fetch(_DIFFERENCES, check_id)
    return EInvoiceCheckDetail(**dict(row), items=[EInvoiceDifferenceView(**dict(one)) for one in found])


async def day_to_check(reading: Reading) -> date | None:
    """The latest day not checked yet (待核对日): yesterday from two in the morning, then what was missed before."""
    day: date | None = await reading.fetch_value(_TO_CHECK)
    return day


def _masked(row: Record) -> dict[str, object]:
    return {**dict(row), "items": row["items"] or "", "patient_name_masked": mask_name(row["patient_name"])}


def _mine(row: Record) -> dict[str, object]:
    """As its patient sees it: a copy is on paper once the platform noted it, and until it noted that it is void."""
    on_paper = row["paper_status"] not in (None, PaperStatus.REQUESTED, PaperStatus.FAILED)
    return _masked(row) | {"paper_no": row["paper_no"] if on_paper else None}
