"""What must be true after any amount of bad luck (独立核对): judged by SQL and by the channel's own book.

Money inside our book is judged by ``tests.fixtures.findings.FINDINGS``; ``test_checker_finds.py`` plants one wrong of
each kind and sees it named, so that an empty list means something.
"""

from collections.abc import Mapping, Sequence
from typing import Any

# A sold place is closed only where its clinic was stopped: its patient came before that and is being seen, or is asked
# what they want instead. Any answer takes them off the place, and nobody misses what does not take place.
_PLACES = """
WITH live AS (
    SELECT slot_id, count(*) AS claims, bool_or(status <> 'pending') AS sold FROM appointment
    WHERE status IN ('pending', 'booked', 'checked-in', 'fulfilled', 'noshow') {which} GROUP BY slot_id)
SELECT 'sold twice' AS finding, slot_id AS id FROM live WHERE claims > 1
UNION ALL SELECT 'sold but free', l.slot_id FROM live l JOIN slot s ON s.id = l.slot_id
    WHERE l.sold AND s.status <> 'closed' AND NOT (s.status = 'taken' AND s.held_until IS NULL)
UNION ALL SELECT 'sold but closed', l.slot_id FROM live l JOIN slot s ON s.id = l.slot_id
    WHERE l.sold AND s.status = 'closed' AND NOT (
        EXISTS (SELECT 1 FROM clinic_change c WHERE c.schedule_id = s.schedule_id AND c.kind = 'stop'
                AND (c.slot_from IS NULL OR s.number BETWEEN c.slot_from AND c.slot_to))
        AND NOT EXISTS (
            SELECT 1 FROM appointment a WHERE a.slot_id = s.id AND a.status IN ('booked', 'noshow')
            AND (a.status = 'noshow' OR NOT EXISTS (
                SELECT 1 FROM disruption d JOIN clinic_change c ON c.id = d.change_id AND c.kind = 'stop'
                WHERE d.appointment_id = a.id AND d.from_slot_id = s.id AND d.status = 'open'))))
UNION ALL SELECT 'held but free', l.slot_id FROM live l JOIN slot s ON s.id = l.slot_id
    WHERE NOT l.sold AND s.status <> 'taken'
UNION ALL SELECT 'taken by nobody', s.id FROM slot s LEFT JOIN live l ON l.slot_id = s.id
    WHERE s.status = 'taken' AND l.slot_id IS NULL AND (s.held_until IS NULL OR s.held_until > hospital_now())
          {which}"""
PLACES = _PLACES.format(which="")
PLACES_OF = _PLACES.format(which="AND schedule_id = ANY($1)")  # what a step touched: those sessions

UNDRAINED = """
SELECT count(*) FROM outbox_delivery
WHERE state = 'parked' OR state = 'due' AND not_before <= hospital_now()"""

INTENTS = """
SELECT p.out_trade_no, p.amount_fen, p.status, p.applied, p.refunded_fen, p.transaction_id, a.status AS appointment,
       a.payment_status
FROM payment_intent p JOIN charge_item c ON c.invoice_id = p.invoice_id
JOIN appointment a ON a.id = c.source_id WHERE p.channel LIKE 'wechat%'"""

_STANDS = {("paid", "booked"), ("paid", "checked-in"), ("paid", "fulfilled")}


def channel_findings(book: Mapping[str, Any], ours: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Where the channel's book and our ``INTENTS`` differ: a paid order stands once, applied or given back whole."""
    paid = {number: order for number, order in book["orders"].items() if order["transaction_id"]}
    known = {row["out_trade_no"]: row for row in ours}
    found = [("in our book twice", row["out_trade_no"]) for row in ours if known[row["out_trade_no"]] is not row]
    found += [
        ("paid, but not for us", number)
        for number in paid
        if number not in known or known[number]["status"] != "succeeded"
    ]
    for number, row in known.items():
        if row["status"] != "succeeded":
            continue
        if number not in paid:
            found.append(("never paid", number))
            continue
        order = paid[number]
        back = sum(r["refund_fen"] for r in book["refunds"].values() if r["out_trade_no"] == number)
        if (row["transaction_id"], row["amount_fen"]) != (order["transaction_id"], order["total_fen"]):
            found.append(("another amount or transaction", number))
        if back != row["refunded_fen"]:
            found.append(("refunds differ", number))
        if back not in (0, row["amount_fen"]):
            found.append(("given back in part", number))
        if back == 0 and not (row["applied"] and (row["payment_status"], row["appointment"]) in _STANDS):
            found.append(("paid for nothing", number))
    return found
