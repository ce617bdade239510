"""Writing e-invoices (电子票据). One function makes them follow the bill, whatever happened in whatever order.

``keep_true`` compares the bill with its living e-invoice and takes at most one step: ask for one, turn it red, or
replace one that was refused. Every result of the platform calls it again, so a bill that was paid and refunded however
often ends with exactly one e-invoice over what is left, or with none. Locks everywhere: the bill, then its e-invoice.
"""

from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.service import hold_invoice
from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.billing.views import InvoiceView
from hospital_core.finance.einvoicing import ladder
from hospital_core.finance.einvoicing.commands import (
    BeginTry,
    IssueEInvoice,
    RecordIssued,
    RecordReversed,
    RecordTrouble,
    RetryEInvoice,
    ScheduleNext,
)
from hospital_core.finance.einvoicing.errors import EInvoiceExists, EInvoiceNotPaid, EInvoicingOff
from hospital_core.finance.einvoicing.events import EInvoiceDue, EInvoiceIssued, EInvoiceReversed
from hospital_core.finance.einvoicing.lines import Remainder, remainder
from hospital_core.finance.einvoicing.ports import EInvoicePlatform
from hospital_core.finance.einvoicing.queries import row_view
from hospital_core.finance.einvoicing.states import E_INVOICE, EInvoiceStatus
from hospital_core.finance.einvoicing.views import EInvoiceRow, RetriedView, TryView
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.errors import NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

NO_ANSWER = "NO_ANSWER"  # our own words beside the platform's
OTHER_AMOUNT = "OTHER_AMOUNT"  # it has this bill under another amount: there is a number, though not one we take
_PARTIAL, _WHOLE = "部分退费，冲红后按余额重开", "全额退费"

_LIVING = "SELECT * FROM e_invoice WHERE invoice_id = $1 AND status NOT IN ('reversed', 'cancelled')"

_INSERT = """
INSERT INTO e_invoice (id, version, bus_no, invoice_id, patient_id, generation, kind, amount_fen, insurance_fen,
                       insurance_reference, status, requested_at, tries, refused)
SELECT $1, 0, $2 || '-' || g.n, $3, $4, g.n, $5, $6, $7, $8, $9, $10, 0, false
FROM (SELECT coalesce(max(generation), 0) + 1 AS n FROM e_invoice WHERE invoice_id = $3) g RETURNING *"""

_LINES = """
INSERT INTO e_invoice_line (id, e_invoice_id, charge_item_id, code, name, category, unit, unit_price, quantity,
                            amount_fen)
SELECT l.id, $1, l.item, l.code, l.name, l.category, l.unit, l.price, l.quantity, l.fen
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[], $9::numeric[],
            $10::bigint[]) AS l (id, item, code, name, category, unit, price, quantity, fen)"""

_TRY = f"""
UPDATE e_invoice SET tries = tries + 1
WHERE id = $1 AND status IN ('{EInvoiceStatus.REQUESTED}', '{EInvoiceStatus.REVERSING}') RETURNING tries, status"""

_WAITING = (
    "SELECT id FROM e_invoice WHERE status IN ('failed', 'reversal-failed') AND NOT refused ORDER BY id LIMIT 500"
)


_WANT_PAPER = "UPDATE e_invoice SET paper_wanted_at = $2 WHERE id = $1 AND paper_wanted_at IS NULL"


async def keep_true(uow: UnitOfWork, invoice_id: UUID) -> None:
    """Let the e-invoice of a bill follow the bill (开票、冲红、重开), by one step; nothing to do changes nothing.

    One that is on paper waits until its copy came back: the platform would refuse, and it could be claimed twice.
    Emits: EInvoiceDue. Locks: the bill.
    """
    if ports.optional(EInvoicePlatform) is None:
        return
    bill = await hold_invoice(uow, invoice_id)
    if bill.status is not InvoiceStatus.BALANCED:
        return
    left, living = await remainder(uow, invoice_id), await uow.fetch_row(_LIVING, invoice_id)
    if living is not None and living["amount_fen"] == left.amount_fen:
        return
    state = EInvoiceStatus(living["status"]) if living is not None else None
    if living is not None and state is EInvoiceStatus.ISSUED:
        if living["paper_id"] is None:
            await _reverse(uow, living, _PARTIAL if left.amount_fen else _WHOLE)
        else:
            await uow.execute(_WANT_PAPER, living["id"], uow.now)
        return
    if living is not None and _was_never_issued(living):
        await transition(uow, E_INVOICE, "cancel", living["id"])
        living = None
    if living is None and left.amount_fen:
        await _request(uow, bill, left)


def _was_never_issued(row: Record) -> bool:
    """Refused by the platform: another may take its place. With a number there, the bill would have two."""
    return bool(row["status"] == EInvoiceStatus.FAILED and row["refused"] and row["failure_code"] != OTHER_AMOUNT)


async def issue_e_invoice(uow: UnitOfWork, command: IssueEInvoice) -> EInvoiceRow:
    """Ask for the e-invoice of a settled bill that has none (补开), e.g. of one paid before the platform was joined.

    Raises: EInvoicingOff, NotFound, EInvoiceNotPaid, EInvoiceExists. Emits: EInvoiceDue. Locks: the bill.
    """
    if ports.optional(EInvoicePlatform) is None:
        raise EInvoicingOff()
    bill = await hold_invoice(uow, command.invoice_id)
    if await uow.fetch_value(_LIVING, bill.id) is not None:
        raise EInvoiceExists()
    left = await remainder(uow, bill.id)
    if bill.status is not InvoiceStatus.BALANCED or not left.amount_fen:
        raise EInvoiceNotPaid()
    row = await _request(uow, bill, left)
    uow.audited("e_invoice", row["id"], patient_id=bill.patient_id)
    return await row_view(uow, row["id"])


async def _request(uow: UnitOfWork, bill: InvoiceView, left: Remainder) -> Record:
    row = await uow.fetch_row(
        _INSERT, new_id(), bill.invoice_no, bill.id, bill.patient_id, left.kind.value, left.amount_fen,
        left.insurance_fen, left.insurance_reference, EInvoiceStatus.REQUESTED.value, uow.now,
    )  # fmt: skip
    assert row is not None
    await uow.execute(_LINES, row["id"], [new_id() for _ in left.lines], *left.columns())
    uow.record(EInvoiceDue(e_invoice_id=row["id"], step=0))
    return row


async def _reverse(uow: UnitOfWork, living: Record, reason: str) -> None:
    await transition(
        uow, E_INVOICE, "reverse", living["id"],
        reversal_asked_at=uow.now, reversal_reason=reason, tries=0, failure_code=None, failure_text=None, refused=False,
    )  # fmt: skip
    uow.record(EInvoiceDue(e_invoice_id=living["id"], step=0))


async def begin_try(uow: UnitOfWork, command: BeginTry) -> TryView:
    """Count a call before it is made (登记调用): whoever comes after a call without an answer asks before telling."""
    row = await uow.fetch_row(_TRY, command.e_invoice_id)
    uow.audited("e_invoice", command.e_invoice_id)
    if row is None:
        return TryView(tries_before=0, status=None)
    return TryView(tries_before=row["tries"] - 1, status=row["status"])


async def record_issued(uow: UnitOfWork, fact: RecordIssued) -> Done:
    """Keep the platform's number (登记票号), once; told again it changes nothing. Raises: NotFound.

    Emits: EInvoiceIssued, and EInvoiceDue if money went back meanwhile. Locks: the bill.
    """
    row = await hold_e_invoice(uow, fact.e_invoice_id)
    if row["status"] not in (EInvoiceStatus.REQUESTED, EInvoiceStatus.FAILED):
        return Done()
    await transition(
        uow, E_INVOICE, "issue", row["id"],
        batch_code=fact.batch_code, bill_no=fact.bill_no, check_code=fact.check_code, issued_at=fact.issued_at,
        qr_png=fact.qr_png, picture_url=fact.picture_url, picture_net_url=fact.picture_net_url,
        failure_code=None, failure_text=None, refused=False,
    )  # fmt: skip
    about = {"e_invoice_id": row["id"], "invoice_id": row["invoice_id"], "patient_id": row["patient_id"]}
    uow.record(EInvoiceIssued(**about))
    await keep_true(uow, row["invoice_id"])
    return Done()


async def record_reversed(uow: UnitOfWork, fact: RecordReversed) -> Done:
    """Keep the red number (登记红票), once; what is left of the bill gets its own e-invoice. Raises: NotFound.

    Emits: EInvoiceReversed, EInvoiceDue. Locks: the bill.
    """
    row = await hold_e_invoice(uow, fact.e_invoice_id)
    if row["status"] not in (EInvoiceStatus.REVERSING, EInvoiceStatus.REVERSAL_FAILED):
        return Done()
    await transition(
        uow, E_INVOICE, "write_off", row["id"],
        red_batch_code=fact.batch_code, red_bill_no=fact.bill_no, red_check_code=fact.check_code,
        reversed_at=fact.reversed_at, red_picture_net_url=fact.picture_net_url,
        failure_code=None, failure_text=None, refused=False,
    )  # fmt: skip
    about = {"e_invoice_id": row["id"], "invoice_id": row["invoice_id"], "patient_id": row["patient_id"]}
    uow.record(EInvoiceReversed(**about))
    await keep_true(uow, row["invoice_id"])
    return Done()


async def record_trouble(uow: UnitOfWork, fact: RecordTrouble) -> Done:
    """Keep why a call brought no number (登记失败原因). Refused: a person looks; unknown: the ladder goes on.

    A refused e-invoice over money that went back meanwhile is replaced at once. Raises: NotFound. Locks: the bill.
    """
    row = await hold_e_invoice(uow, fact.e_invoice_id)
    if not EInvoiceStatus(row["status"]).is_under_way:
        return Done()
    if fact.refused:
        await _give_up(uow, row, fact.code, fact.text, refused=True)
        await keep_true(uow, row["invoice_id"])
        return Done()
    await uow.execute(
        "UPDATE e_invoice SET failure_code = $2, failure_text = $3 WHERE id = $1", row["id"], fact.code, fact.text
    )
    return Done()


async def schedule_next(uow: UnitOfWork, command: ScheduleNext) -> Done:
    """Ask again on the next rung while it is under way (下次查询); after the last one a person looks.

    Emits: EInvoiceDue. Locks: the bill.
    """
    row = await hold_e_invoice(uow, command.e_invoice_id)
    if not EInvoiceStatus(row["status"]).is_under_way:
        return Done()
    at = ladder.next_try(uow.now, command.step)
    if at is None:
        await _give_up(uow, row, row["failure_code"] or NO_ANSWER, row["failure_text"] or "", refused=False)
    else:
        uow.record(EInvoiceDue(e_invoice_id=row["id"], step=command.step + 1), not_before=at)
    return Done()


async def retry_e_invoice(uow: UnitOfWork, command: RetryEInvoice) -> EInvoiceRow:
    """Send a failed one on its way again, under its own number (重试). Raises: EInvoicingOff, NotFound, StateConflict.

    Emits: EInvoiceDue.
    """
    if ports.optional(EInvoicePlatform) is None:
        raise EInvoicingOff()
    await _retry(uow, command.e_invoice_id)
    uow.audited("e_invoice", command.e_invoice_id)
    return await row_view(uow, command.e_invoice_id)


async def retry_unanswered(uow: UnitOfWork, _: Empty) -> RetriedView:
    """Send all that got no answer on their way again (批量重试), 500 at once; what the platform refused needs a person.

    Raises: EInvoicingOff. Emits: EInvoiceDue.
    """
    if ports.optional(EInvoicePlatform) is None:
        raise EInvoicingOff()
    ids = [row["id"] for row in await uow.fetch(f"{_WAITING} FOR UPDATE SKIP LOCKED")]
    for e_invoice_id in ids:
        await _retry(uow, e_invoice_id)
    return RetriedView(retried=len(ids))


async def _retry(uow: UnitOfWork, e_invoice_id: UUID) -> None:
    state = await uow.fetch_value("SELECT status FROM e_invoice WHERE id = $1", e_invoice_id)
    if state is None:
        raise NotFound()
    move = "retry_reversal" if state == EInvoiceStatus.REVERSAL_FAILED else "retry"
    # ``tries`` stays: an earlier call may have acted, so the platform is asked first.
    await transition(uow, E_INVOICE, move, e_invoice_id, refused=False)
    uow.record(EInvoiceDue(e_invoice_id=e_invoice_id, step=0))


async def hold_e_invoice(uow: UnitOfWork, e_invoice_id: UUID) -> Record:
    """Lock the bill of an e-invoice, then read it (锁定票据). Raises: NotFound."""
    invoice_id = await uow.fetch_value("SELECT invoice_id FROM e_invoice WHERE id = $1", e_invoice_id)
    if invoice_id is None:
        raise NotFound()
    await hold_invoice(uow, invoice_id)
    row = await uow.fetch_row("SELECT * FROM e_invoice WHERE id = $1", e_invoice_id)
    assert row is not None, "nothing removes an e-invoice"
    uow.audited("e_invoice", e_invoice_id, patient_id=row["patient_id"])
    return row


async def _give_up(uow: UnitOfWork, row: Record, code: str, text: str, *, refused: bool) -> None:
    move = "fail" if row["status"] == EInvoiceStatus.REQUESTED else "fail_reversal"
    try:
        await transition(
            uow, E_INVOICE, move, row["id"], failure_code=code[:40], failure_text=text[:200], refused=refused
        )
    except StateConflict:  # a retry that a person pressed twice; whoever was first decides
        return
    uow.audited("e_invoice", row["id"], patient_id=row["patient_id"], reason=code[:40])
