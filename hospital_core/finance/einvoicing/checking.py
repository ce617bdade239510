"""The daily check (日核对): our e-invoices and red ones of a business day against the platform's. Source: EB-05.

The platform is asked for its totals and for its list; the list is compared document by document. What was recorded
here only after the platform was asked cannot be missing there; what the platform lists is looked for in all we hold.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.einvoicing.commands import CheckDay, RecordCheck
from hospital_core.finance.einvoicing.errors import DayNotOver, EInvoicingOff
from hospital_core.finance.einvoicing.ports import (
    EInvoicePlatform,
    PlatformDocument,
    PlatformRefused,
    PlatformTotal,
    PlatformUnknown,
)
from hospital_core.finance.einvoicing.queries import check
from hospital_core.finance.einvoicing.states import DifferenceKind
from hospital_core.finance.einvoicing.views import EInvoiceCheckDetail
from hospital_core.kernel import ports
from hospital_core.kernel.context import ActorKind, Context
from hospital_core.kernel.errors import OutsideUnavailable
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import SHANGHAI

_SETTLES_IN = timedelta(minutes=10)  # a bill paid just now has its e-invoice on the way

_BUS_NO_MAX = 30  # ours have no more; another system that issues at the same place may write longer ones

_OURS = """
SELECT id, invoice_id, bus_no, amount_fen, batch_code, bill_no, false AS red, issued_at AS known_at FROM e_invoice
WHERE requested_at >= $1 AND requested_at < $2 AND bill_no IS NOT NULL
UNION ALL
SELECT id, invoice_id, bus_no, amount_fen, red_batch_code, red_bill_no, true, reversed_at FROM e_invoice
WHERE reversal_asked_at >= $1 AND reversal_asked_at < $2 AND red_bill_no IS NOT NULL ORDER BY 1"""

_HELD = """
SELECT batch_code, bill_no FROM e_invoice WHERE (batch_code, bill_no) IN (SELECT * FROM unnest($1::text[], $2::text[]))
UNION ALL
SELECT red_batch_code, red_bill_no FROM e_invoice
WHERE (red_batch_code, red_bill_no) IN (SELECT * FROM unnest($1::text[], $2::text[]))"""

# By the time of the last tender; money that went back before there was an e-invoice needs none.
_NOT_ISSUED = """
SELECT i.id AS invoice_id, i.total_fen - sum(p.refunded_fen)::bigint AS fen
FROM invoice i JOIN payment_intent p ON p.invoice_id = i.id AND p.applied
WHERE i.status = 'balanced' AND i.id IN (
    SELECT d.invoice_id FROM payment_intent d WHERE d.applied AND d.succeeded_at >= $1 AND d.succeeded_at < $2)
AND NOT EXISTS (SELECT 1 FROM e_invoice e WHERE e.invoice_id = i.id)
GROUP BY i.id HAVING max(p.succeeded_at) >= $1 AND max(p.succeeded_at) < least($2, $3)
   AND sum(p.refunded_fen) < i.total_fen ORDER BY i.id"""

_CHECK = """
INSERT INTO e_invoice_check (id, day, checked_at, checked_by, issued_count, issued_fen, platform_issued_count,
    platform_issued_fen, red_count, red_fen, platform_red_count, platform_red_fen, differences)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""

_DIFFERENCES = """
INSERT INTO e_invoice_difference (id, check_id, kind, red, bus_no, bill_no, invoice_id, our_fen, platform_fen)
SELECT d.id, $1, d.kind, d.red, d.bus_no, d.bill_no, d.invoice_id, d.our_fen, d.platform_fen
FROM unnest($2::uuid[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::uuid[], $8::bigint[], $9::bigint[])
     AS d (id, kind, red, bus_no, bill_no, invoice_id, our_fen, platform_fen)"""

# kind, red, bus_no, bill_no, invoice_id, our_fen, platform_fen
Difference = tuple[str, bool, str | None, str | None, UUID | None, int | None, int | None]


async def check_day(ctx: Context, command: CheckDay) -> EInvoiceCheckDetail:
    """Compare a day with the platform and keep what was found (日核对); again as often as one likes.

    Raises: EInvoicingOff, DayNotOver, OutsideUnavailable.
    """
    platform = ports.optional(EInvoicePlatform)
    if platform is None:
        raise EInvoicingOff()
    asked_at: datetime = await Reading(ctx).fetch_value("SELECT hospital_now()")
    if command.day > asked_at.astimezone(SHANGHAI).date():
        raise DayNotOver()
    try:
        total, red_total = await platform.totals(command.day)
        documents = await platform.documents(command.day)
    except (PlatformUnknown, PlatformRefused) as trouble:
        raise OutsideUnavailable(trouble.text or None) from trouble
    by = ctx.actor.id if ctx.actor.kind is ActorKind.STAFF else None
    fact = RecordCheck(
        day=command.day, asked_at=asked_at, checked_by=by, total=total, red_total=red_total, documents=tuple(documents)
    )
    return await run(ctx.without_idempotency(), record_check, fact)


async def record_check(uow: UnitOfWork, fact: RecordCheck) -> EInvoiceCheckDetail:
    """Compare the platform's list with ours and write down every difference (登记核对结果)."""
    since, until = bounds(fact.day)
    ours = await uow.fetch(_OURS, since, until)
    found = [*_totals_that_differ(fact), *_compared(fact, ours, await _held(uow, fact.documents))]
    for row in await uow.fetch(_NOT_ISSUED, since, until, fact.asked_at - _SETTLES_IN):
        found.append((DifferenceKind.NOT_ISSUED.value, False, None, None, row["invoice_id"], row["fen"], None))
    blue, red = _sums(ours, red=False), _sums(ours, red=True)
    check_id = new_id()
    await uow.execute(
        _CHECK, check_id, fact.day, uow.now, fact.checked_by, *blue, fact.total.count, fact.total.amount_fen, *red,
        fact.red_total.count, fact.red_total.amount_fen, len(found),
    )  # fmt: skip
    if found:
        columns = [list(column) for column in zip(*found, strict=True)]
        await uow.execute(_DIFFERENCES, check_id, [new_id() for _ in found], *columns)
    uow.audited("e_invoice_check", check_id)
    return await check(uow, check_id)


def bounds(day: date) -> tuple[datetime, datetime]:
    """A business day's first moment and the next one's."""
    first = datetime.combine(day, time(), SHANGHAI)
    return first.astimezone(UTC), (first + timedelta(days=1)).astimezone(UTC)


async def _held(uow: UnitOfWork, documents: tuple[PlatformDocument, ...]) -> set[tuple[str, str]]:
    rows = await uow.fetch(_HELD, [one.batch_code for one in documents], [one.bill_no for one in documents])
    return {(row["batch_code"], row["bill_no"]) for row in rows}


def _sums(ours: Sequence[Record], *, red: bool) -> tuple[int, int]:
    amounts = [int(row["amount_fen"]) for row in ours if row["red"] is red]
    return len(amounts), sum(amounts)


def _totals_that_differ(fact: RecordCheck) -> list[Difference]:
    found: list[Difference] = []
    for total, red in ((fact.total, False), (fact.red_total, True)):
        amounts = [one.amount_fen for one in fact.documents if one.red is red]
        if PlatformTotal(len(amounts), sum(amounts)) != total:
            kind = DifferenceKind.TOTAL_DIFFERS.value
            found.append((kind, red, None, None, None, sum(amounts), total.amount_fen))
    return found


def _compared(fact: RecordCheck, ours: Sequence[Record], held: set[tuple[str, str]]) -> list[Difference]:
    theirs = {(one.batch_code, one.bill_no): one for one in fact.documents}
    found: list[Difference] = []
    for row in ours:
        known = theirs.get((row["batch_code"], row["bill_no"]))
        where = (row["red"], row["bus_no"], row["bill_no"], row["invoice_id"])
        if known is None and row["known_at"] < fact.asked_at:
            found.append((DifferenceKind.MISSING_THERE.value, *where, row["amount_fen"], None))
        elif known is not None and known.amount_fen != row["amount_fen"]:
            found.append((DifferenceKind.AMOUNT_DIFFERS.value, *where, row["amount_fen"], known.amount_fen))
    for number, one in theirs.items():
        if number not in held:
            kind = DifferenceKind.MISSING_HERE.value
            found.append((kind, one.red, one.bus_no[:_BUS_NO_MAX], one.bill_no, None, None, one.amount_fen))
    return found
