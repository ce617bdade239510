"""Reports of shifts, days and receipt series (收费报表); the routes hold the permissions.

What is closed is told as it was then: what comes later on the same date is the next accounting day's, a receipt that is
made void later is told by its series. The day's figures are read from its journals, so that they are the ledger's own;
who took the money stands on the payments and refunds behind them.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from hospital_core.finance.ledger.queries import drawer_fen, trial_balance
from hospital_core.finance.ledger.states import revenue_of
from hospital_core.finance.payments.channels import ACCOUNT_OF
from hospital_core.finance.payments.queries import SHIFT, drawer, shift
from hospital_core.finance.payments.report_views import (
    AccountingDaysView,
    CategoryRow,
    ClosedDayBrief,
    DayReportView,
    SeriesReceipt,
    SeriesReportView,
    SeriesRow,
    ShiftReportView,
    TakingsRow,
)
from hospital_core.finance.payments.states import PaymentChannel, ShiftStatus
from hospital_core.finance.payments.views import ShiftView
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.catalogue.states import FeeCategory
from hospital_core.registry.patients.ages import SHANGHAI, hospital_day

_TICK = timedelta(microseconds=1)

# Only lines of the channel's own account: the other side of a journal is not money that came or went.
_TAKINGS = """
WITH channel AS (SELECT * FROM unnest($1::text[], $2::text[]) AS c (name, account)),
money AS (
    SELECT p.channel, p.shift_id, l.amount_fen AS received_fen, 0 AS refunded_fen, p.id AS payment_id,
           NULL::uuid AS refund_id
    FROM journal_entry e JOIN payment_intent p ON p.id = e.source_id JOIN channel c ON c.name = p.channel
    JOIN journal_line l ON l.entry_id = e.id AND l.account = c.account
    WHERE e.source_kind = 'payment_intent' AND {payments}
    UNION ALL
    SELECT p.channel, r.shift_id, 0, -l.amount_fen, NULL, r.id
    FROM journal_entry e JOIN refund r ON r.id = e.source_id JOIN payment_intent p ON p.id = r.intent_id
    JOIN channel c ON c.name = p.channel JOIN journal_line l ON l.entry_id = e.id AND l.account = c.account
    WHERE e.source_kind = 'refund' AND e.kind = 'refund_paid' AND {refunds})
SELECT d.code AS drawer_code, s.name AS cashier, m.channel, sum(m.received_fen)::bigint AS received_fen,
       count(DISTINCT m.payment_id) AS received_count, sum(m.refunded_fen)::bigint AS refunded_fen,
       count(DISTINCT m.refund_id) AS refunded_count
FROM money m LEFT JOIN cashier_shift w ON w.id = m.shift_id LEFT JOIN cash_drawer d ON d.id = w.drawer_id
LEFT JOIN staff_member s ON s.id = w.staff_id
GROUP BY d.code, s.id, s.name, m.channel ORDER BY d.code NULLS LAST, s.name, m.channel"""

_OF_DAY = _TAKINGS.format(payments="e.accounting_date = $3", refunds="e.accounting_date = $3")
_OF_SHIFT = _TAKINGS.format(payments="p.shift_id = $3", refunds="r.shift_id = $3")

_CATEGORIES = """
SELECT c.category, coalesce(-sum(l.amount_fen) FILTER (WHERE l.amount_fen < 0), 0)::bigint AS charged_fen,
       coalesce(sum(l.amount_fen) FILTER (WHERE l.amount_fen > 0), 0)::bigint AS returned_fen
FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id
JOIN unnest($2::text[], $3::text[]) AS c (category, account) ON c.account = l.account
WHERE e.accounting_date = $1 GROUP BY c.category ORDER BY c.category"""

_SERIES = """
SELECT d.code AS drawer_code, min(r.receipt_no) AS first_no, max(r.receipt_no) AS last_no, count(*) AS issued,
       count(*) FILTER (WHERE v.void) AS voided,
       coalesce(sum(CASE r.kind WHEN 'refund' THEN -r.amount_fen ELSE r.amount_fen END)
                FILTER (WHERE NOT v.void), 0)::bigint AS amount_fen,
       coalesce(array_agg(r.receipt_no ORDER BY r.number) FILTER (WHERE v.void), '{}') AS voided_nos
FROM receipt r JOIN cash_drawer d ON d.id = r.drawer_id,
     LATERAL (SELECT coalesce(r.voided_at <= coalesce($6::timestamptz, 'infinity'), false) AS void) AS v
WHERE r.day >= $1 AND r.day <= $2 AND r.issued_at >= $3 AND r.issued_at < $4
  AND ($5::uuid IS NULL OR r.drawer_id = $5)
GROUP BY d.code, r.day ORDER BY d.code, r.day"""

# From when until when a day's receipts and shifts are its own: its date, or from one closing to the next.
_PERIOD = """
SELECT least($2::timestamptz, before.closed_at + interval '1 microsecond') AS since,
       least($2::timestamptz + interval '1 day', own.closed_at + interval '1 microsecond') AS until
FROM (SELECT) AS one
LEFT JOIN (SELECT closed_at FROM closed_day WHERE day < $1 ORDER BY day DESC LIMIT 1) AS before ON true
LEFT JOIN closed_day own ON own.day = $1"""

_SHIFTS = """
WHERE s.opened_at < $2 AND (s.closed_at IS NULL OR s.closed_at >= $1) ORDER BY d.code, s.opened_at"""


_CLOSED = """
SELECT c.day, c.closed_at, s.name AS closed_by,
       (SELECT coalesce(sum((value ->> 'credit_fen')::bigint - (value ->> 'debit_fen')::bigint), 0)::bigint
        FROM jsonb_each(c.totals) WHERE starts_with(key, 'revenue_')) AS revenue_fen
FROM closed_day c LEFT JOIN staff_member s ON s.id = c.closed_by"""

# Days close in order: the first one after the last closed with anything booked, else today.
_NEXT_DAY = """
SELECT least(coalesce(min(accounting_date), today.day), greatest(today.day, last.day + 1))
FROM (SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date AS day) AS today
CROSS JOIN (SELECT max(day) AS day FROM closed_day) AS last
LEFT JOIN journal_entry ON accounting_date > coalesce(last.day, '-infinity')
GROUP BY today.day, last.day"""


async def shift_report(reading: Reading, shift_id: UUID) -> ShiftReportView:
    """A shift's takings and what lies in its drawer (班结单), while it runs and afterwards. Raises: NotFound."""
    one = await shift(reading, shift_id)
    takings = await _takings(reading, _OF_SHIFT, shift_id)
    cash = [row for row in takings if row.channel is PaymentChannel.CASH]
    came_fen, went_fen = sum(row.received_fen for row in cash), sum(row.refunded_fen for row in cash)
    expected_fen = one.expected_fen
    if one.status is ShiftStatus.OPEN or expected_fen is None:
        expected_fen = await drawer_fen(reading, one.drawer_id)
    until = (one.closed_at or await reading.fetch_value("SELECT hospital_now()")) + _TICK
    series = await _series(reading, one.opened_at, until, drawer_id=one.drawer_id, as_of=one.closed_at)
    return ShiftReportView(
        shift=one,
        cash_in_fen=came_fen,
        cash_out_fen=went_fen,
        deposited_fen=one.opening_fen + came_fen - went_fen - expected_fen,
        expected_fen=expected_fen,
        takings=takings,
        receipts=series,
    )


async def day_report(reading: Reading, day: date) -> DayReportView:
    """An accounting day (日报表): money by drawer, cashier and channel, revenue by category, receipts, accounts."""
    categories = list(FeeCategory)
    revenue = await reading.fetch(
        _CATEGORIES, day, [c.value for c in categories], [revenue_of(c).value for c in categories]
    )
    closed = await reading.fetch_row(f"{_CLOSED} WHERE c.day = $1", day)
    closed_at = closed["closed_at"] if closed else None
    midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    period = await reading.fetch_row(_PERIOD, day, midnight)
    assert period is not None
    shifts = await reading.fetch(f"{SHIFT} {_SHIFTS}", period["since"], period["until"])
    return DayReportView(
        day=day,
        closed=closed is not None,
        closed_at=closed_at,
        closed_by=closed["closed_by"] if closed else None,
        takings=await _takings(reading, _OF_DAY, day),
        categories=[CategoryRow(**dict(row)) for row in revenue],
        receipts=await _series(reading, period["since"], period["until"], as_of=closed_at),
        shifts=[_as_of(closed_at, ShiftView(**dict(row))) for row in shifts],
        accounts=await trial_balance(reading, day),
    )


async def accounting_days(reading: Reading, limit: int = 60) -> AccountingDaysView:
    """The closed accounting days, newest first, and the day that is to be closed next (日结进度)."""
    rows = await reading.fetch(f"{_CLOSED} ORDER BY c.day DESC LIMIT $1", limit)
    return AccountingDaysView(
        next_day=await reading.fetch_value(_NEXT_DAY), closed=[ClosedDayBrief(**dict(row)) for row in rows]
    )


async def series_report(reading: Reading, drawer_id: UUID, day: date) -> SeriesReportView:
    """Every number that a drawer drew on a day, with what became of it (收据号段核对). Raises: NotFound."""
    place = await drawer(reading, drawer_id)
    last_number = await reading.fetch_value(
        "SELECT last_number FROM receipt_series WHERE drawer_id = $1 AND day = $2", drawer_id, day
    )
    rows = await reading.fetch(
        "SELECT r.*, p.patient_no, p.name FROM receipt r JOIN patient p ON p.id = r.patient_id "
        "WHERE r.drawer_id = $1 AND r.day = $2 ORDER BY r.number",
        drawer_id,
        day,
    )
    drawn = {row["number"] for row in rows}
    return SeriesReportView(
        drawer_code=place.code,
        day=day,
        last_number=last_number or 0,
        missing=[number for number in range(1, (last_number or 0) + 1) if number not in drawn],
        receipts=[SeriesReceipt(**dict(row), patient_name_masked=mask_name(row["name"])) for row in rows],
    )


async def _takings(reading: Reading, sql: str, of: date | UUID) -> list[TakingsRow]:
    channels = [channel.value for channel in ACCOUNT_OF]
    accounts = [account.value for account in ACCOUNT_OF.values()]
    return [TakingsRow(**dict(row)) for row in await reading.fetch(sql, channels, accounts, of)]


async def _series(
    reading: Reading, since: datetime, until: datetime, *, drawer_id: UUID | None = None, as_of: datetime | None
) -> list[SeriesRow]:
    """The receipts drawn before ``until``; what was made void after ``as_of`` still stands there."""
    first, last = hospital_day(since), hospital_day(until)
    rows = await reading.fetch(_SERIES, first, last, since, until, drawer_id, as_of)
    return [SeriesRow(**dict(row)) for row in rows]


def _as_of(closed_at: datetime | None, shift: ShiftView) -> ShiftView:
    """A shift as it was when its day was closed: one that went on had not been counted."""
    if closed_at is None or shift.closed_at is None or shift.closed_at <= closed_at:
        return shift
    running = {"status": ShiftStatus.OPEN, "closed_at": None, "expected_fen": None, "counted_fen": None}
    return shift.model_copy(update={**running, "counted_notes": [], "note": ""})
