"""Paper copies of e-invoices (换开纸质票据): blanks are drawn in order, one e-invoice has one living copy, and what has
one turns red only after it came back.

A blank is taken before the platform is told and is on top again when the platform refuses; while nothing is known, the
drawer's next blank waits. Locks everywhere: the bill, then the range of blanks.
"""

from uuid import UUID

from asyncpg import Record

from hospital_core.finance.einvoicing import ladder
from hospital_core.finance.einvoicing.errors import (
    BlankUnderWay,
    EInvoicingOff,
    NoBlankLeft,
    NotForPaper,
    OtherBlankNext,
    PaperExists,
)
from hospital_core.finance.einvoicing.events import PaperDue
from hospital_core.finance.einvoicing.lines import remainder
from hospital_core.finance.einvoicing.paper_commands import (
    HandOutBlanks,
    PaperStep,
    PrintPaper,
    RecordPaperTrouble,
    RetryPaper,
    ReturnBlanks,
    SchedulePaper,
    SpoilBlank,
    TakeBackPaper,
)
from hospital_core.finance.einvoicing.paper_queries import paper_copy, paper_stock
from hospital_core.finance.einvoicing.paper_views import PaperCopyView, PaperStockView, PaperTryView
from hospital_core.finance.einvoicing.ports import EInvoicePlatform
from hospital_core.finance.einvoicing.service import NO_ANSWER, hold_e_invoice, keep_true
from hospital_core.finance.einvoicing.states import PAPER, EInvoiceStatus, PaperStatus
from hospital_core.finance.payments.queries import drawer
from hospital_core.finance.payments.service.windows import manned_window, window_of
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require

_RANGE_MAX = 100_000
_TIMER_STEP = 1  # whoever asked calls at once; the timer is for a process that died

_HAND_OUT = """
INSERT INTO paper_stock (id, version, drawer_id, batch_code, first_number, last_number, next_number, digits,
                         handed_out_at, handed_out_by)
VALUES ($1, 0, $2, $3, $4, $5, $4, $6, $7, $8)"""

_ON_TOP = """
SELECT * FROM paper_stock WHERE drawer_id = $1 AND returned_at IS NULL AND next_number <= last_number
ORDER BY id LIMIT 1 FOR UPDATE"""

_RETURN = """
UPDATE paper_stock SET returned_from = next_number, returned_at = $2, returned_by = $3, return_reason = $4,
    version = version + 1
WHERE id = $1"""

_USE = """
INSERT INTO paper_copy (id, version, stock_id, number, paper_no, e_invoice_id, status, tries, asked_at, asked_by,
                        void_reason, void_by)
VALUES ($1, 0, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10)"""

_TRY = f"""
UPDATE paper_copy SET tries = tries + 1
WHERE id = $1 AND status IN ('{PaperStatus.REQUESTED}', '{PaperStatus.VOIDING}') RETURNING tries, status"""

_FREE = """
UPDATE e_invoice SET paper_id = NULL, paper_wanted_at = NULL, version = version + 1 WHERE id = $1 AND paper_id = $2"""


async def hand_out_blanks(uow: UnitOfWork, command: HandOutBlanks) -> PaperStockView:
    """Hand out a range of numbered blanks to a drawer (领用), once. Raises: NotFound, FieldProblem, BlanksHandedOut."""
    place = await drawer(uow, command.drawer_id)
    first, last = int(command.first_no), int(command.last_no)
    if len(command.first_no) != len(command.last_no):
        raise FieldProblem("/last_no", "首末票号位数不一致")
    if not first <= last < first + _RANGE_MAX:
        raise FieldProblem("/last_no", "末张票号应不小于首张，一次最多领用十万张")
    stock_id, digits = new_id(), len(command.first_no)
    by = uow.ctx.actor.id
    await uow.execute(_HAND_OUT, stock_id, place.id, command.batch_code, first, last, digits, uow.now, by)
    uow.audited("paper_stock", stock_id, reason=f"{command.first_no}-{command.last_no}")
    return await paper_stock(uow, stock_id)


async def print_paper(uow: UnitOfWork, command: PrintPaper) -> PaperCopyView:
    """Take the blank on top for the paper copy of an e-invoice (换开).

    Raises: EInvoicingOff, ShiftNotOpen, NotFound, PaperExists, NotForPaper, NoBlankLeft, OtherBlankNext, BlankUnderWay.
    Emits: PaperDue. Locks: the bill, the range of blanks.
    """
    _platform_is_on()
    window = await manned_window(uow)
    row = await hold_e_invoice(uow, command.e_invoice_id)
    if row["paper_id"] is not None:
        raise PaperExists()
    left = await remainder(uow, row["invoice_id"])
    if row["status"] != EInvoiceStatus.ISSUED or row["amount_fen"] != left.amount_fen:
        raise NotForPaper()
    stock = await uow.fetch_row(_ON_TOP, window.drawer_id)
    paper_id = await _use(uow, stock, command.paper_no, PaperStatus.REQUESTED, e_invoice_id=row["id"])
    await uow.execute("UPDATE e_invoice SET paper_id = $2, version = version + 1 WHERE id = $1", row["id"], paper_id)
    return await paper_copy(uow, paper_id)


async def spoil_blank(uow: UnitOfWork, command: SpoilBlank) -> PaperCopyView:
    """Void the blank on top, which was spoiled (空白作废): by who works at its drawer, or who hands out.

    Raises: EInvoicingOff, NotFound, Forbidden, NoBlankLeft, OtherBlankNext, BlankUnderWay. Emits: PaperDue.
    """
    _platform_is_on()
    stock = await _hold_range(uow, command.stock_id)
    paper_id = await _use(uow, stock, command.paper_no, PaperStatus.VOIDING, reason=command.reason)
    uow.audited("paper_copy", paper_id, reason=command.reason)
    return await paper_copy(uow, paper_id)


async def return_blanks(uow: UnitOfWork, command: ReturnBlanks) -> PaperStockView:
    """Hand back the unused rest of a range (退回): by who works at its drawer, or who hands out.

    Each number stays explained: used ones by their copies, these by who brought them back and why; they may be handed
    out again. The platform is not told: it knows blanks that were used, not where others lie.
    Raises: NotFound, Forbidden, NoBlankLeft, OtherBlankNext, BlankUnderWay. Locks: the range of blanks.
    """
    stock = await _check_top(uow, await _hold_range(uow, command.stock_id), command.paper_no)
    await uow.execute(_RETURN, stock["id"], uow.now, uow.ctx.actor.id, command.reason)
    uow.audited("paper_stock", stock["id"], reason=command.reason)
    return await paper_stock(uow, stock["id"])


async def take_back_paper(uow: UnitOfWork, command: TakeBackPaper) -> PaperCopyView:
    """Void a paper copy that came back (收回作废); a refund that waits for it turns the e-invoice red then.

    Raises: EInvoicingOff, NotFound, StateConflict. Emits: PaperDue. Locks: the bill.
    """
    _platform_is_on()
    row = await _hold(uow, command.paper_id)
    await transition(
        uow, PAPER, "take_back", row["id"],
        void_reason=command.reason, void_by=uow.ctx.actor.id, tries=0, failure_code=None, failure_text=None,
    )  # fmt: skip
    _remind(uow, row["id"])
    uow.audited("paper_copy", row["id"], reason=command.reason)
    return await paper_copy(uow, row["id"])


async def retry_paper(uow: UnitOfWork, command: RetryPaper) -> PaperCopyView:
    """Ask the platform again about one that waits for a person (重试). Raises: EInvoicingOff, NotFound, StateConflict.

    Emits: PaperDue. Locks: the bill.
    """
    _platform_is_on()
    row = await _hold(uow, command.paper_id)
    move = "retry_void" if row["status"] == PaperStatus.VOID_FAILED else "retry"
    await transition(uow, PAPER, move, row["id"])
    _remind(uow, row["id"])
    return await paper_copy(uow, row["id"])


async def begin_paper_try(uow: UnitOfWork, command: PaperStep) -> PaperTryView:
    """Count a call before it is made (登记调用): whoever comes after a call without an answer asks before telling."""
    row = await uow.fetch_row(_TRY, command.paper_id)
    uow.audited("paper_copy", command.paper_id)
    if row is None:
        return PaperTryView(tries_before=0, status=None)
    return PaperTryView(tries_before=row["tries"] - 1, status=row["status"])


async def record_printed(uow: UnitOfWork, command: PaperStep) -> Done:
    """The platform noted the copy (已换开), once. Raises: NotFound. Locks: the bill."""
    row = await _hold(uow, command.paper_id)
    if row["status"] in (PaperStatus.REQUESTED, PaperStatus.FAILED):
        await transition(uow, PAPER, "print", row["id"], printed_at=uow.now, failure_code=None, failure_text=None)
    return Done()


async def record_void(uow: UnitOfWork, command: PaperStep) -> Done:
    """The platform voided the blank (已作废), once; its e-invoice is free for what waited. Raises: NotFound.

    Emits: EInvoiceDue. Locks: the bill.
    """
    row = await _hold(uow, command.paper_id)
    if row["status"] in (PaperStatus.VOIDING, PaperStatus.VOID_FAILED):
        await transition(uow, PAPER, "void", row["id"], voided_at=uow.now, failure_code=None, failure_text=None)
        await _let_go(uow, row)
    return Done()


async def record_paper_trouble(uow: UnitOfWork, fact: RecordPaperTrouble) -> Done:
    """Keep why a call brought nothing (登记失败原因). Refused: the blank is on top again, or a person looks.

    Raises: NotFound. Locks: the bill, the range of blanks.
    """
    row = await _hold(uow, fact.paper_id)
    if not PaperStatus(row["status"]).is_under_way:
        return Done()
    if not fact.refused:
        sql = "UPDATE paper_copy SET failure_code = $2, failure_text = $3 WHERE id = $1"
        await uow.execute(sql, row["id"], fact.code, fact.text)
    elif row["status"] == PaperStatus.VOIDING:
        await transition(uow, PAPER, "fail_void", row["id"], failure_code=fact.code, failure_text=fact.text)
    else:
        await transition(uow, PAPER, "refuse", row["id"], failure_code=fact.code, failure_text=fact.text)
        again = "UPDATE paper_stock SET next_number = $2, version = version + 1 WHERE id = $1 AND next_number = $2 + 1"
        await uow.execute(again, row["stock_id"], row["number"])
        await _let_go(uow, row)
    return Done()


async def schedule_paper(uow: UnitOfWork, command: SchedulePaper) -> Done:
    """Ask again on the next rung while it is under way (下次查询); after the last one a person looks.

    Emits: PaperDue. Locks: the bill.
    """
    row = await _hold(uow, command.paper_id)
    if not PaperStatus(row["status"]).is_under_way:
        return Done()
    at = ladder.next_try(uow.now, command.step)
    if at is not None:
        uow.record(PaperDue(paper_id=row["id"], step=command.step + 1), not_before=at)
        return Done()
    move = "fail" if row["status"] == PaperStatus.REQUESTED else "fail_void"
    await transition(uow, PAPER, move, row["id"], failure_code=row["failure_code"] or NO_ANSWER)
    return Done()


def _platform_is_on() -> None:
    if ports.optional(EInvoicePlatform) is None:
        raise EInvoicingOff()


async def _use(
    uow: UnitOfWork,
    stock: Record | None,
    paper_no: str,
    status: PaperStatus,
    *,
    e_invoice_id: UUID | None = None,
    reason: str | None = None,
) -> UUID:
    """Use the blank on top of a locked range; it must be the one that was seen."""
    stock = await _check_top(uow, stock, paper_no)
    paper_id, by = new_id(), uow.ctx.actor.id
    await uow.execute(
        _USE, paper_id, stock["id"], stock["next_number"], paper_no, e_invoice_id, status.value, uow.now, by, reason,
        by if reason else None,
    )  # fmt: skip
    sql = "UPDATE paper_stock SET next_number = next_number + 1, version = version + 1 WHERE id = $1"
    await uow.execute(sql, stock["id"])
    _remind(uow, paper_id)
    return paper_id


async def _hold_range(uow: UnitOfWork, stock_id: UUID) -> Record:
    """Lock a range for who works at its drawer, or who hands out. Raises: NotFound, Forbidden."""
    window = await window_of(uow)
    stock = await uow.fetch_row("SELECT * FROM paper_stock WHERE id = $1 FOR UPDATE", stock_id)
    if stock is None:
        raise NotFound()
    if window is None or window.drawer_id != stock["drawer_id"]:
        require(uow.ctx, Permission.E_INVOICE_PAPER)
    return stock


async def _check_top(uow: UnitOfWork, stock: Record | None, paper_no: str) -> Record:
    """A locked range, if its blank on top is the one that was seen, and is sure to be unused."""
    if stock is None or stock["returned_at"] is not None or stock["next_number"] > stock["last_number"]:
        raise NoBlankLeft()
    open_one = "SELECT 1 FROM paper_copy WHERE stock_id = $1 AND status IN ('requested', 'failed')"
    if await uow.fetch_value(open_one, stock["id"]) is not None:
        raise BlankUnderWay()
    next_no = str(stock["next_number"]).zfill(stock["digits"])
    if paper_no != next_no:
        raise OtherBlankNext(next_no=next_no)
    return stock


def _remind(uow: UnitOfWork, paper_id: UUID) -> None:
    uow.record(PaperDue(paper_id=paper_id, step=_TIMER_STEP), not_before=ladder.next_try(uow.now, _TIMER_STEP))


async def _let_go(uow: UnitOfWork, row: Record) -> None:
    """The e-invoice has no paper any more: what waited for it goes on."""
    if row["e_invoice_id"] is not None:
        await uow.execute(_FREE, row["e_invoice_id"], row["id"])
        invoice_id = await uow.fetch_value("SELECT invoice_id FROM e_invoice WHERE id = $1", row["e_invoice_id"])
        await keep_true(uow, invoice_id)


async def _hold(uow: UnitOfWork, paper_id: UUID) -> Record:
    """Lock the bill of a paper copy, then read it; a spoiled blank has none and is locked itself. Raises: NotFound."""
    row = await uow.fetch_row("SELECT * FROM paper_copy WHERE id = $1", paper_id)
    if row is None:
        raise NotFound()
    patient_id = None
    if row["e_invoice_id"] is not None:
        patient_id = (await hold_e_invoice(uow, row["e_invoice_id"]))["patient_id"]
    row = await uow.fetch_row("SELECT * FROM paper_copy WHERE id = $1 FOR UPDATE", paper_id)
    assert row is not None, "nothing removes a blank that was used"
    uow.audited("paper_copy", paper_id, patient_id=patient_id)
    return row
