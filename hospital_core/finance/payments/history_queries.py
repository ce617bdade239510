"""The record of what an account's patients paid and got back (缴费记录), and what moved on a card (预存款明细)."""

from datetime import date, datetime
from uuid import UUID

from hospital_core.finance.ledger.queries import card_balance
from hospital_core.finance.payments.allocating import allocate_amount
from hospital_core.finance.payments.self_service_commands import TOP_UP_MAX_FEN, TOP_UP_MIN_FEN
from hospital_core.finance.payments.self_service_queries import proven_patient, stage_of, title_of
from hospital_core.finance.payments.self_service_views import (
    CardMovement,
    MoneyEntry,
    MoneyEntryKind,
    MoneyMonth,
    OwnCard,
    WayBack,
)
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.kernel.commands import Page
from hospital_core.kernel.cursors import cursor_after, place_of
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import linked_patients
from hospital_core.registry.patients.ages import SHANGHAI, hospital_day

# An unproven link shows nothing that is older than itself, nor what was charged before and paid since.
_NOT_OLDER = "NOT EXISTS (SELECT 1 FROM charge_item c WHERE c.invoice_id = t.invoice_id AND c.created_at < m.since)"
_MOVED = f"""
WITH mine AS (
    SELECT DISTINCT ON (f.id) f.id, l.patient_id, l.name, l.since
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS l (patient_id, name, since),
         LATERAL (SELECT person_ids(l.patient_id) AS id) AS f
    ORDER BY f.id, l.since),
moved AS (
    SELECT 'payment' AS kind, t.id, t.id AS payment_id, m.patient_id, m.name AS patient_name_masked, t.purpose,
           t.channel, t.amount_fen, t.succeeded_at AS at, t.invoice_id, NULL AS status
    FROM payment_intent t JOIN mine m ON m.id = t.patient_id
    WHERE t.status = 'succeeded' AND t.created_at >= m.since AND {_NOT_OLDER}
    UNION ALL
    SELECT 'refund', r.id, t.id, m.patient_id, m.name, t.purpose, t.channel, r.amount_fen, r.requested_at,
           t.invoice_id, r.status
    FROM refund r JOIN payment_intent t ON t.id = r.intent_id JOIN mine m ON m.id = t.patient_id
    WHERE t.created_at >= m.since AND {_NOT_OLDER})"""

_NAMES = "(SELECT array_agg(c.name ORDER BY c.id) FROM charge_item c WHERE c.invoice_id = {of}.invoice_id) AS names"

_OF_MONTH = f"""{_MOVED}
SELECT moved.*, {_NAMES.format(of="moved")} FROM moved
WHERE at >= $4 AND at < $5 AND ($6::timestamptz IS NULL OR (at, id) < ($6, $7)) ORDER BY at DESC, id DESC LIMIT $8"""

_SUMS = f"""{_MOVED}
SELECT coalesce(sum(amount_fen) FILTER (WHERE kind = 'payment' AND at >= $4 AND at < $5 AND purpose = 'invoice'), 0)
         ::bigint AS paid_fen,
       coalesce(sum(amount_fen) FILTER (WHERE kind = 'refund' AND at >= $4 AND at < $5 AND purpose = 'invoice'), 0)
         ::bigint AS refunded_fen,
       max(at) FILTER (WHERE at < $4) AS earlier
FROM moved"""

_TOP_UPS = """
SELECT id, channel, amount_fen - refunded_fen AS rest_fen FROM payment_intent
WHERE purpose = 'top_up' AND status = 'succeeded' AND patient_id IN (SELECT person_ids($1))
ORDER BY succeeded_at DESC, id DESC"""

# The times are those of the books: a channel's clock may be ahead of ours, and the balance would not add up.
_CARD = f"""
WITH file AS (SELECT person_ids($1) AS id),
moved AS (
    SELECT 'top_up' AS kind, t.id, t.id AS payment_id, t.amount_fen, j.at, NULL::uuid AS invoice_id
    FROM payment_intent t JOIN journal_entry j
      ON j.kind = 'card_topped_up' AND j.source_kind = 'payment_intent' AND j.source_id = t.id
    WHERE t.purpose = 'top_up' AND t.patient_id IN (SELECT id FROM file)
    UNION ALL
    SELECT 'spent', t.id, t.id, -t.amount_fen, t.created_at, t.invoice_id FROM payment_intent t
    WHERE t.channel = 'card_balance' AND t.status = 'succeeded' AND t.patient_id IN (SELECT id FROM file)
    UNION ALL
    SELECT 'returned', r.id, t.id, r.amount_fen, r.succeeded_at, t.invoice_id
    FROM refund r JOIN payment_intent t ON t.id = r.intent_id
    WHERE t.channel = 'card_balance' AND r.status = 'succeeded' AND t.patient_id IN (SELECT id FROM file)
    UNION ALL
    SELECT 'withdrawn', r.id, t.id, -r.amount_fen, r.requested_at, NULL
    FROM refund r JOIN payment_intent t ON t.id = r.intent_id
    WHERE t.purpose = 'top_up' AND t.patient_id IN (SELECT id FROM file)),
added AS (SELECT moved.*, (sum(amount_fen) OVER (ORDER BY at, id))::bigint AS balance_fen FROM moved)
SELECT added.*, {_NAMES.format(of="added")} FROM added
WHERE $2::timestamptz IS NULL OR (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4"""

_EVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def money_month(
    reading: Reading,
    month: date | None = None,
    patient_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> MoneyMonth:
    """What the account's patients paid and got back in a month (月账单), newest first; this month unless named.

    Raises: NotFound (not a patient of this account), FieldProblem.
    """
    account_id = reading.ctx.actor.id
    assert account_id is not None
    links = [one for one in await linked_patients(reading, account_id) if patient_id in (None, one.patient_id)]
    if patient_id is not None and not links:
        raise NotFound()
    first = (month or hospital_day(await reading.fetch_value("SELECT hospital_now()"))).replace(day=1)
    since = [_EVER if link.proven else link.linked_at for link in links]
    whose = ([link.patient_id for link in links], [link.name_masked for link in links], since)
    bounds = _bounds(first)
    rows = await reading.fetch(_OF_MONTH, *whose, *bounds, *place_of(cursor), limit + 1)
    sums = await reading.fetch_row(_SUMS, *whose, *bounds)
    assert sums is not None
    entries = [
        MoneyEntry(
            **{name: row[name] for name in _COPIED},
            title=title_of(row["purpose"], row["names"] or []),
            stage=stage_of(row["status"], row["channel"]) if row["kind"] == MoneyEntryKind.REFUND else None,
        )
        for row in rows[:limit]
    ]
    return MoneyMonth(
        month=first, paid_fen=sums["paid_fen"], refunded_fen=sums["refunded_fen"],
        earlier=hospital_day(sums["earlier"]).replace(day=1) if sums["earlier"] else None, items=entries,
        next_cursor=cursor_after(entries[-1].at, entries[-1].id) if len(rows) > limit else None,
    )  # fmt: skip


async def own_card(reading: Reading, patient_id: UUID) -> OwnCard:
    """What is on a patient's card, and how it would go back (预存款). Raises: NotFound, CardNeedsProof."""
    await proven_patient(reading, patient_id)
    balance_fen = (await card_balance(reading, patient_id)).balance_fen
    top_ups = await reading.fetch(_TOP_UPS, patient_id)
    channel_of = {row["id"]: PaymentChannel(row["channel"]) for row in top_ups}
    back: dict[PaymentChannel, int] = {}
    for share in allocate_amount(balance_fen, [(row["id"], row["rest_fen"]) for row in top_ups]) or []:
        channel = channel_of[share.intent_id]
        back[channel] = back.get(channel, 0) + share.amount_fen
    name = await reading.fetch_value("SELECT name FROM patient WHERE id = $1", patient_id)
    return OwnCard(
        patient_id=patient_id, patient_name_masked=mask_name(name), balance_fen=balance_fen,
        ways_back=[WayBack(channel=channel, amount_fen=fen) for channel, fen in back.items()],
        top_up_min_fen=TOP_UP_MIN_FEN, top_up_max_fen=TOP_UP_MAX_FEN,
    )  # fmt: skip


async def card_movements(
    reading: Reading, patient_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[CardMovement]:
    """What moved on a patient's card, newest first (预存款明细). Raises: NotFound, CardNeedsProof, FieldProblem."""
    await proven_patient(reading, patient_id)
    rows = await reading.fetch(_CARD, patient_id, *place_of(cursor), limit + 1)
    items = [
        CardMovement(
            **{name: row[name] for name in ("kind", "id", "payment_id", "amount_fen", "balance_fen", "at")},
            title=title_of("invoice", row["names"]) if row["names"] else "",
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next_cursor=cursor_after(items[-1].at, items[-1].id) if len(rows) > limit else None)


_COPIED = [name for name in MoneyEntry.model_fields if name not in ("title", "stage")]


def _bounds(first: date) -> tuple[datetime, datetime]:
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return datetime(first.year, first.month, 1, tzinfo=SHANGHAI), datetime(
        after.year, after.month, after.day, tzinfo=SHANGHAI
    )
