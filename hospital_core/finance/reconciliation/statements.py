"""The comparison (对账比对): three statements over whole sets, each finding its differences, keeping and closing them.

``PAYMENTS`` and ``REFUNDS`` hold the channel's bill against our payments and refunds, ``LEDGER`` these against the
journals. All take the same parameters (see ``service.match_run``):

$1 run · $2 load of its bill · $3 now · $4, $5 begin and end of the day · $6 merchant · $7 app of our orders ·
$8 special merchant of orders that name none · $9 our ways of paying · $10 the account · $11 its payment journals ·
$12 day · $13 load of the day before.

A line and a payment meet by our number, whatever the days; the channel's time decides which day the money belongs to.
So a payment at midnight is no difference: it is found in the neighbour's bill, or waits for it as ``day_differs``.
"""

from hospital_core.finance.reconciliation.states import DIFFERENCE

MIDNIGHT = "interval '30 minutes'"  # how far the two clocks, and a slow confirmation, may lie apart

# A bill stands when its run names its load; lines that are being staged, or were replaced, name another.
_STANDING = "bill_line o JOIN reconciliation_run s ON s.load_id = o.load_id"

# A difference is written once per kind and subject; found with the same figures, nothing at all is touched.
_KEEP = f"""
put AS (
    INSERT INTO reconciliation_difference AS d (
        id, version, run_id, about, kind, subject, status, channel_fen, ours_fen, ledger_fen, channel_no, our_no,
        intent_id, refund_id, channel_says, we_say, happened_at, found_at)
    SELECT gen_random_uuid(), 0, $1, '{{about}}', kind, subject, {DIFFERENCE.target_sql("find_again")}, channel_fen,
           ours_fen, ledger_fen, channel_no, our_no, intent_id, refund_id, channel_says, we_say, happened_at, $3
    FROM found
    ON CONFLICT (run_id, kind, subject) DO UPDATE SET
        status = {DIFFERENCE.target_sql("find_again")}, version = d.version + 1, found_at = excluded.found_at,
        channel_fen = excluded.channel_fen, ours_fen = excluded.ours_fen, ledger_fen = excluded.ledger_fen,
        channel_no = excluded.channel_no, our_no = excluded.our_no, intent_id = excluded.intent_id,
        refund_id = excluded.refund_id, channel_says = excluded.channel_says, we_say = excluded.we_say,
        happened_at = excluded.happened_at, closed_at = NULL, disposal = NULL, note = NULL, proposed_by = NULL,
        proposed_at = NULL, decided_by = NULL, decided_at = NULL, rejection = NULL
    WHERE {DIFFERENCE.sources_sql("find_again", "d")} AND (d.closed_at IS NOT NULL OR
        (d.channel_fen, d.ours_fen, d.ledger_fen, d.channel_says, d.we_say) IS DISTINCT FROM
        (excluded.channel_fen, excluded.ours_fen, excluded.ledger_fen, excluded.channel_says, excluded.we_say))
    RETURNING 1),
gone AS (
    UPDATE reconciliation_difference d
    SET status = {DIFFERENCE.target_sql("vanish")}, version = d.version + 1, closed_at = $3
    WHERE d.run_id = $1 AND d.about = '{{about}}' AND {DIFFERENCE.sources_sql("vanish", "d")}
      AND NOT EXISTS (SELECT 1 FROM found f WHERE f.kind = d.kind AND f.subject = d.subject)
    RETURNING 1),
changed AS (SELECT (SELECT count(*) FROM found)::int AS found, (SELECT count(*) FROM put)::int AS new,
                   (SELECT count(*) FROM gone)::int AS gone)"""

# Parameters that a statement has no use for still need a type.
_ALL = """
given AS (SELECT $1::uuid, $2::uuid, $3::timestamptz, $4::timestamptz, $5::timestamptz, $6::text, $7::text, $8::text,
                 $9::text[], $10::text, $11::text[], $12::date, $13::uuid)"""

# Only a bill most of whose lines agree on one exact rate has a rate that a line can differ from.
_RATE = """
rate AS (
    SELECT rate FROM (SELECT fee_millifen::numeric / settled_fen AS rate, count(*) AS n, sum(count(*)) OVER () AS total
                      FROM line WHERE settled_fen > 0 GROUP BY 1) AS r
    WHERE n * 2 > total)"""

PAYMENTS = f"""
WITH {_ALL},
line AS (
    SELECT l.*, row_number() OVER (PARTITION BY l.transaction_id ORDER BY l.line_no)
                + (b.transaction_id IS NOT NULL)::int AS nth
    FROM bill_line l LEFT JOIN (
        SELECT DISTINCT transaction_id FROM bill_line WHERE load_id = $13 AND kind = 'payment') AS b
        ON b.transaction_id = l.transaction_id
    WHERE l.load_id = $2 AND l.kind = 'payment'),
{_RATE},
reversed AS (
    SELECT DISTINCT o.out_trade_no FROM {_STANDING}
    WHERE o.kind = 'reversal' AND s.mchid = $6 AND s.day BETWEEN $12 AND $12 + 1),
-- Two lines for one of our numbers: the one with the transaction that we know is ours, else the first.
pair AS (
    SELECT l.at, l.mchid, l.appid, l.sub_mchid, l.transaction_id, l.out_trade_no, l.amount_fen, l.settled_fen,
           l.fee_millifen, p.id AS intent_id, p.status, p.amount_fen AS ours_fen, p.mchid AS our_mchid,
           p.sub_mchid AS our_sub_mchid, p.transaction_id AS our_transaction, p.succeeded_at,
           v.out_trade_no IS NOT NULL AS reversed,
           row_number() OVER (PARTITION BY l.out_trade_no
                              ORDER BY (l.transaction_id = p.transaction_id) DESC NULLS LAST, l.line_no) AS place
    FROM line l LEFT JOIN payment_intent p ON p.out_trade_no = l.out_trade_no AND p.channel = ANY($9)
    LEFT JOIN reversed v ON v.out_trade_no = l.out_trade_no
    WHERE l.nth = 1),
judged AS (
    SELECT pair.*, succeeded_at < $4 OR succeeded_at >= $5 AS crossed, CASE
        WHEN intent_id IS NULL OR place > 1 THEN 'channel_only_payment'
        WHEN our_transaction <> transaction_id AND EXISTS (
            SELECT 1 FROM {_STANDING} WHERE o.out_trade_no = pair.out_trade_no AND o.kind = 'payment'
            AND o.transaction_id = pair.our_transaction) THEN 'channel_only_payment'
        WHEN mchid <> our_mchid OR appid <> $7 OR coalesce(our_sub_mchid, $8) IS DISTINCT FROM sub_mchid
            THEN 'merchant_differs'
        WHEN amount_fen <> ours_fen THEN 'payment_amount_differs'
        WHEN (status = 'succeeded') = reversed THEN 'payment_state_differs'
        WHEN status = 'succeeded' AND our_transaction IS DISTINCT FROM transaction_id THEN 'transaction_differs'
        WHEN abs(fee_millifen - settled_fen * (SELECT rate FROM rate)) > 0.5 THEN 'fee_differs'
        WHEN (succeeded_at < $4 OR succeeded_at >= $5) AND greatest(succeeded_at - at, at - succeeded_at) > {MIDNIGHT}
            THEN 'day_differs'
        END AS kind
    FROM pair),
ours_only AS (
    SELECT p.*, CASE
        WHEN p.mchid <> $6 THEN 'merchant_differs'
        WHEN p.succeeded_at >= $5 - {MIDNIGHT} AND NOT EXISTS (
            SELECT 1 FROM reconciliation_run n WHERE n.channel = 'wechat' AND n.mchid = $6 AND n.day = $12 + 1
            AND n.status = 'matched') THEN 'day_differs'
        WHEN p.succeeded_at < $4 + {MIDNIGHT} AND EXISTS (
            SELECT 1 FROM reconciliation_run n WHERE n.channel = 'wechat' AND n.mchid = $6 AND n.day = $12 - 1
            AND n.status = 'waiting') THEN 'day_differs'
        ELSE 'ours_only_payment' END AS kind
    FROM payment_intent p
    WHERE p.succeeded_at >= $4 AND p.succeeded_at < $5 AND p.status = 'succeeded' AND p.channel = ANY($9)
      AND NOT EXISTS (SELECT 1 FROM {_STANDING} WHERE o.kind = 'payment' AND o.out_trade_no = p.out_trade_no)),
found AS MATERIALIZED (
    SELECT 'duplicated_in_bill' AS kind, transaction_id AS subject, sum(amount_fen)::bigint AS channel_fen,
           NULL::bigint AS ours_fen, NULL::bigint AS ledger_fen, transaction_id AS channel_no,
           min(out_trade_no) AS our_no, NULL::uuid AS intent_id, NULL::uuid AS refund_id,
           (count(*) + 1)::text AS channel_says, NULL::text AS we_say, min(at) AS happened_at
    FROM line WHERE nth > 1 GROUP BY transaction_id
    UNION ALL
    SELECT kind, CASE WHEN kind = 'channel_only_payment' THEN transaction_id ELSE out_trade_no END, amount_fen,
           CASE WHEN kind <> 'channel_only_payment' THEN ours_fen END, NULL, transaction_id, out_trade_no, intent_id,
           NULL,
           CASE kind WHEN 'payment_state_differs' THEN CASE WHEN reversed THEN 'REVOKED' ELSE 'SUCCESS' END
                     WHEN 'merchant_differs' THEN concat_ws('/', mchid, sub_mchid)
                     WHEN 'fee_differs' THEN fee_millifen::text
                     WHEN 'day_differs' THEN to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') END,
           CASE kind WHEN 'payment_state_differs' THEN status
                     WHEN 'transaction_differs' THEN our_transaction
                     WHEN 'merchant_differs' THEN concat_ws('/', our_mchid, coalesce(our_sub_mchid, $8))
                     WHEN 'fee_differs' THEN round(settled_fen * (SELECT rate FROM rate))::text
                     WHEN 'day_differs' THEN to_char(succeeded_at AT TIME ZONE 'Asia/Shanghai',
                                                     'YYYY-MM-DD HH24:MI:SS') END,
           at
    FROM judged WHERE kind IS NOT NULL
    UNION ALL
    SELECT kind, out_trade_no, NULL, amount_fen, NULL, transaction_id, out_trade_no, id, NULL, NULL,
           CASE kind WHEN 'merchant_differs' THEN concat_ws('/', mchid, sub_mchid) ELSE status END, succeeded_at
    FROM ours_only),
{_KEEP.replace("{about}", "payment")},
-- What was paid and reversed never was: it stands in no column.
theirs AS (
    SELECT count(*) AS n, coalesce(sum(l.amount_fen), 0)::bigint AS fen, coalesce(sum(l.fee_millifen), 0)::bigint AS fee
    FROM line l LEFT JOIN reversed v ON v.out_trade_no = l.out_trade_no WHERE v.out_trade_no IS NULL),
mine AS (
    SELECT count(*) AS n, coalesce(sum(ours_fen), 0)::bigint AS fen, count(*) FILTER (WHERE kind IS NULL) AS even,
           count(*) FILTER (WHERE crossed) AS crossed,
           coalesce(sum(ours_fen) FILTER (WHERE crossed), 0)::bigint AS over_fen
    FROM judged WHERE status = 'succeeded' AND kind IS DISTINCT FROM 'channel_only_payment'),
alone AS (SELECT count(*) AS n, coalesce(sum(amount_fen), 0)::bigint AS fen FROM ours_only)
SELECT c.*, t.n AS channel_paid_count, t.fen AS channel_paid_fen, t.fee AS fee_millifen, m.n + o.n AS ours_paid_count,
       m.fen + o.fen AS ours_paid_fen, m.even AS matched_count, m.crossed AS crossed_count, m.over_fen AS crossed_fen
FROM changed c, theirs t, mine m, alone o"""

# The bill tells a refund on the day it was accepted, in the state it had when the bill was made, and never again.
REFUNDS = f"""
WITH {_ALL},
line AS (
    SELECT l.*, coalesce(l.refund_id, l.transaction_id) AS number,
           row_number() OVER (PARTITION BY coalesce(l.refund_id, l.transaction_id) ORDER BY l.line_no) AS nth
    FROM bill_line l WHERE l.load_id = $2 AND l.kind = 'refund'),
pair AS (
    SELECT l.at, l.mchid, l.appid, l.sub_mchid, l.out_trade_no, l.out_refund_no, l.number, l.amount_fen, l.status,
           f.id AS refund, f.amount_fen AS ours_fen, f.status AS ours, f.succeeded_at, f.abnormal_at,
           f.intent_id AS intent, p.out_trade_no AS our_order, p.mchid AS our_mchid, p.sub_mchid AS our_sub_mchid,
           row_number() OVER (PARTITION BY l.out_refund_no
                              ORDER BY (l.refund_id = f.channel_refund_id) DESC NULLS LAST, l.line_no) AS place,
           $5 + interval '9 hours' AS made_at
    FROM line l LEFT JOIN (refund f JOIN payment_intent p ON p.id = f.intent_id AND p.channel = ANY($9))
        ON f.out_refund_no = l.out_refund_no
    WHERE l.nth = 1),
judged AS (
    SELECT pair.*, CASE
        WHEN refund IS NULL OR place > 1 THEN 'channel_only_refund'
        WHEN out_trade_no <> our_order THEN 'refund_order_differs'
        WHEN mchid <> our_mchid OR appid <> $7 OR coalesce(our_sub_mchid, $8) IS DISTINCT FROM sub_mchid
            THEN 'merchant_differs'
        WHEN amount_fen <> ours_fen THEN 'refund_amount_differs'
        WHEN CASE pair.status
            WHEN 'SUCCESS' THEN ours <> 'succeeded'
            WHEN 'PROCESSING' THEN (ours = 'succeeded' AND succeeded_at < made_at)
                                OR (ours = 'abnormal' AND abnormal_at < made_at)
            ELSE ours = 'processing' OR (ours = 'succeeded' AND succeeded_at < made_at) END THEN 'refund_state_differs'
        END AS kind
    FROM pair),
-- Accepted on one of the days since it was promised: all their bills must be there before it is missed.
ours_only AS (
    SELECT f.*, p.out_trade_no, CASE
        WHEN p.mchid <> $6 THEN 'merchant_differs'
        WHEN (SELECT count(*) FROM reconciliation_run n WHERE n.channel = 'wechat' AND n.mchid = $6
              AND n.status = 'matched' AND n.day BETWEEN asked.day AND asked.until) < asked.until - asked.day + 1
            THEN 'day_differs'
        ELSE 'ours_only_refund' END AS kind
    FROM refund f JOIN payment_intent p ON p.id = f.intent_id AND p.channel = ANY($9),
    LATERAL (SELECT (f.requested_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
                    $12 + (f.requested_at >= $5 - {MIDNIGHT})::int AS until) AS asked
    WHERE f.succeeded_at >= $4 AND f.succeeded_at < $5 AND f.status = 'succeeded'
      AND asked.day >= (SELECT min(n.day) FROM reconciliation_run n WHERE n.channel = 'wechat' AND n.mchid = $6)
      AND NOT EXISTS (SELECT 1 FROM {_STANDING} WHERE o.kind = 'refund' AND o.out_refund_no = f.out_refund_no)),
found AS MATERIALIZED (
    SELECT 'duplicated_in_bill' AS kind, number AS subject, sum(amount_fen)::bigint AS channel_fen,
           NULL::bigint AS ours_fen, NULL::bigint AS ledger_fen, number AS channel_no, min(out_refund_no) AS our_no,
           NULL::uuid AS intent_id, NULL::uuid AS refund_id, (count(*) + 1)::text AS channel_says,
           NULL::text AS we_say, min(at) AS happened_at
    FROM line WHERE nth > 1 GROUP BY number
    UNION ALL
    SELECT kind, CASE WHEN kind = 'channel_only_refund' THEN number ELSE out_refund_no END, amount_fen,
           CASE WHEN kind <> 'channel_only_refund' THEN ours_fen END, NULL, number,
           CASE WHEN kind = 'channel_only_refund' THEN out_trade_no ELSE out_refund_no END, intent, refund,
           CASE kind WHEN 'refund_order_differs' THEN out_trade_no
                     WHEN 'merchant_differs' THEN concat_ws('/', mchid, sub_mchid) ELSE status END,
           CASE kind WHEN 'refund_order_differs' THEN our_order
                     WHEN 'merchant_differs' THEN concat_ws('/', our_mchid, coalesce(our_sub_mchid, $8)) ELSE ours END,
           at
    FROM judged WHERE kind IS NOT NULL
    UNION ALL
    -- Reversed although we know no such order: money went back that we never heard of.
    SELECT DISTINCT ON (transaction_id) 'channel_only_refund', coalesce(l.refund_id, l.transaction_id), l.amount_fen,
           NULL::bigint, NULL::bigint, l.transaction_id, l.out_trade_no, NULL::uuid, NULL::uuid, 'REVOKED', NULL, l.at
    FROM bill_line l WHERE l.load_id = $2 AND l.kind = 'reversal'
      AND NOT EXISTS (SELECT 1 FROM payment_intent p WHERE p.out_trade_no = l.out_trade_no)
    UNION ALL
    SELECT kind, out_refund_no, NULL, amount_fen, NULL, channel_refund_id, out_refund_no, intent_id, id, NULL, status,
           succeeded_at
    FROM ours_only),
{_KEEP.replace("{about}", "refund")},
theirs AS (SELECT count(*) AS n, coalesce(sum(amount_fen), 0)::bigint AS fen FROM line),
mine AS (
    SELECT count(*) AS n, coalesce(sum(ours_fen), 0)::bigint AS fen, count(*) FILTER (WHERE kind IS NULL) AS even,
           count(*) FILTER (WHERE ours <> 'succeeded') AS pending,
           coalesce(sum(ours_fen) FILTER (WHERE ours <> 'succeeded'), 0)::bigint AS pending_fen
    FROM judged WHERE kind IS DISTINCT FROM 'channel_only_refund'),
alone AS (SELECT count(*) AS n, coalesce(sum(amount_fen), 0)::bigint AS fen FROM ours_only)
SELECT c.*, t.n AS channel_refund_count, t.fen AS channel_refund_fen, m.n + o.n AS ours_refund_count,
       m.fen + o.fen AS ours_refund_fen, m.even AS matched_count, m.pending AS pending_count,
       m.pending_fen AS pending_fen
FROM changed c, theirs t, mine m, alone o"""

# A payment is asked for its journals on the day that it stands in; a refund on the day that it reached its payer.
LEDGER = f"""
WITH {_ALL},
paid AS (
    SELECT p.id, p.out_trade_no, p.amount_fen, p.succeeded_at FROM payment_intent p
    WHERE p.status = 'succeeded' AND p.channel = ANY($9)
      AND p.out_trade_no IN (SELECT out_trade_no FROM bill_line WHERE load_id = $2 AND kind = 'payment')
    UNION ALL
    SELECT p.id, p.out_trade_no, p.amount_fen, p.succeeded_at FROM payment_intent p
    WHERE p.status = 'succeeded' AND p.channel = ANY($9) AND p.succeeded_at >= $4 AND p.succeeded_at < $5
      AND NOT EXISTS (SELECT 1 FROM {_STANDING} WHERE o.kind = 'payment' AND o.out_trade_no = p.out_trade_no)),
booked AS (
    SELECT q.*, b.fen FROM paid q LEFT JOIN (
        SELECT e.source_id, sum(l.amount_fen)::bigint AS fen
        FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id AND l.account = $10
        WHERE e.source_kind = 'payment_intent' AND e.kind = ANY($11) AND e.source_id IN (SELECT id FROM paid)
        GROUP BY e.source_id) AS b ON b.source_id = q.id),
back AS (
    SELECT f.id, f.intent_id, f.out_refund_no, f.amount_fen, f.succeeded_at, f.status,
           f.succeeded_at >= $4 AND f.succeeded_at < $5 AS of_day,
           here.out_refund_no IS NOT NULL OR NOT EXISTS (
               SELECT 1 FROM {_STANDING} WHERE o.kind = 'refund' AND o.out_refund_no = f.out_refund_no) AS counted
    FROM (SELECT DISTINCT r.id FROM bill_line l JOIN refund r ON r.out_refund_no = l.out_refund_no
          WHERE l.load_id = $2 AND l.kind = 'refund'
          UNION SELECT r.id FROM refund r WHERE r.succeeded_at >= $4 AND r.succeeded_at < $5) AS asked
    JOIN refund f ON f.id = asked.id JOIN payment_intent p ON p.id = f.intent_id AND p.channel = ANY($9)
    LEFT JOIN (SELECT DISTINCT out_refund_no FROM bill_line WHERE load_id = $2 AND kind = 'refund') AS here
        ON here.out_refund_no = f.out_refund_no
    WHERE f.status = 'succeeded'),
returned AS (
    SELECT q.*, b.fen FROM back q LEFT JOIN (
        SELECT e.source_id, -sum(l.amount_fen)::bigint AS fen
        FROM journal_entry e JOIN journal_line l ON l.entry_id = e.id AND l.account = $10
        WHERE e.source_kind = 'refund' AND e.kind = 'refund_paid' AND e.source_id IN (SELECT id FROM back)
        GROUP BY e.source_id) AS b ON b.source_id = q.id),
stray AS (
    SELECT e.id, e.kind, e.at, e.source_id, e.source_kind FROM journal_entry e
    WHERE e.accounting_date = $12 AND e.source_kind = 'payment_intent' AND e.kind = ANY($11) AND NOT EXISTS (
        SELECT 1 FROM payment_intent p WHERE p.id = e.source_id AND p.status = 'succeeded')
    UNION ALL
    SELECT e.id, e.kind, e.at, e.source_id, e.source_kind FROM journal_entry e
    WHERE e.accounting_date = $12 AND e.source_kind = 'refund' AND e.kind = 'refund_paid' AND NOT EXISTS (
        SELECT 1 FROM refund f WHERE f.id = e.source_id AND f.status = 'succeeded')),
found AS MATERIALIZED (
    SELECT CASE WHEN fen IS NULL THEN 'ledger_missing' ELSE 'ledger_amount_differs' END AS kind,
           out_trade_no AS subject, NULL::bigint AS channel_fen, amount_fen AS ours_fen, fen AS ledger_fen,
           NULL::text AS channel_no, out_trade_no AS our_no, id AS intent_id, NULL::uuid AS refund_id,
           NULL::text AS channel_says, 'succeeded' AS we_say, succeeded_at AS happened_at
    FROM booked WHERE fen IS DISTINCT FROM amount_fen
    UNION ALL
    SELECT CASE WHEN fen IS NULL THEN 'refund_ledger_missing' ELSE 'refund_ledger_amount_differs' END, out_refund_no,
           NULL, amount_fen, fen, NULL, out_refund_no, intent_id, id, NULL, 'succeeded', succeeded_at
    FROM returned WHERE of_day AND fen IS DISTINCT FROM amount_fen
    UNION ALL
    SELECT 'ledger_only', s.id::text, NULL, NULL, sum(l.amount_fen)::bigint, NULL, s.id::text,
           CASE WHEN s.source_kind = 'payment_intent' THEN s.source_id END,
           CASE WHEN s.source_kind = 'refund' THEN s.source_id END, NULL, s.kind, s.at
    FROM stray s JOIN journal_line l ON l.entry_id = s.id AND l.account = $10
    GROUP BY s.id, s.source_kind, s.source_id, s.kind, s.at),
{_KEEP.replace("{about}", "ledger")},
mine AS (SELECT count(*) AS n, coalesce(sum(amount_fen), 0)::bigint AS owed, count(fen) AS booked,
                coalesce(sum(fen), 0)::bigint AS fen FROM booked),
given_back AS (SELECT count(*) AS n, coalesce(sum(amount_fen), 0)::bigint AS owed, count(fen) AS booked,
                      coalesce(sum(fen), 0)::bigint AS fen FROM returned WHERE counted)
SELECT c.*, m.n AS ours_paid_count, m.owed AS ours_paid_fen, m.booked AS ledger_paid_count, m.fen AS ledger_paid_fen,
       g.n AS ours_refund_count, g.owed AS ours_refund_fen, g.booked AS ledger_refund_count, g.fen AS ledger_refund_fen,
       (SELECT count(*) FROM booked WHERE fen = amount_fen) AS matched_count
FROM changed c, mine m, given_back g"""
