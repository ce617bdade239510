"""The control of the fault tests: every wrong that their checker looks for is planted once, and named.

The guards are taken off in a scratch database first: with them nobody could write these rows.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from tests.faults.checker import INTENTS, PLACES, UNDRAINED, channel_findings
from tests.fixtures.engines import Engines, drop_database, make_database, with_database
from tests.fixtures.findings import FINDINGS

pytestmark = pytest.mark.fault

_GUARDS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype IN ('f', 'c', 'u', 'x')
UNION ALL SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique AND NOT i.indisprimary
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
UNION ALL SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', oid::regclass) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"""

_NEEDED = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL"""

_FILL = {
    "uuid": "gen_random_uuid()", "timestamp with time zone": "hospital_now()", "character varying": "''", "text": "''",
    "boolean": "false", "date": "current_date", "bigint": "0", "integer": "0", "smallint": "0", "numeric": "0",
    "jsonb": "'{}'",
}  # fmt: skip


def _id(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


PATIENT, SLOT, VISIT, BILL, ITEM, PAYMENT = (_id(n) for n in ("patient", "slot", "visit", "bill", "item", "payment"))
CHARGED, PAID = _id("entry of the charge"), _id("entry of the payment")


class Scratch:
    """A database without guards, written by its owner."""

    def __init__(self, owner: asyncpg.Connection) -> None:
        self.owner = owner

    async def put(self, table: str, **columns: Any) -> None:
        """A row with what matters; the rest is filled with something."""
        needed = {name: kind for name, kind in await self.owner.fetch(_NEEDED, table) if name not in columns}
        values = [f"${number}" for number in range(1, len(columns) + 1)] + [_FILL[kind] for kind in needed.values()]
        names = ", ".join((*columns, *needed))
        await self.owner.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)})", *columns.values())

    async def found(self, sql: str) -> set[str]:
        return {row["finding"] for row in await self.owner.fetch(sql)}

    async def journal(self, entry: UUID, **amounts: int) -> None:
        """One entry of a patient's; amounts in fen by account."""
        await self.put("journal_entry", id=entry)
        for account, fen in amounts.items():
            await self.put("journal_line", entry_id=entry, account=account, amount_fen=fen, patient_id=PATIENT)

    async def sound_visit(self) -> None:
        """One booking, paid once, as it should be."""
        await self.put("slot", id=SLOT, status="taken", held_until=None)
        await self.put("appointment", id=VISIT, slot_id=SLOT, status="booked", payment_status="paid", fee_fen=5000)
        await self.put("invoice", id=BILL, patient_id=PATIENT, total_fen=5000, status="balanced", paid_fen=5000)
        await self.put(
            "charge_item", id=ITEM, invoice_id=BILL, source_id=VISIT, patient_id=PATIENT, quantity=1, unit_price=50,
            amount_fen=5000,
        )  # fmt: skip
        await self.put(
            "payment_intent", id=PAYMENT, invoice_id=BILL, patient_id=PATIENT, purpose="invoice", amount_fen=5000,
            channel="wechat_jsapi", status="succeeded", applied=True, out_trade_no="P1", transaction_id="T1",
        )  # fmt: skip
        await self.journal(CHARGED, patient_receivable=5000, revenue_registration=-5000)
        await self.journal(PAID, wechat_clearing=5000, patient_receivable=-5000)


@pytest.fixture
async def scratch(engines: Engines) -> AsyncIterator[Scratch]:
    name = f"checker_{secrets.token_hex(6)}"
    await make_database(engines, name)
    owner = await asyncpg.connect(with_database(engines.owner, name))
    try:
        for (statement,) in await owner.fetch(_GUARDS):
            await owner.execute(statement)
        made = Scratch(owner)
        await made.sound_visit()
        yield made
    finally:
        await owner.close()
        await drop_database(engines, name)


async def test_given_a_sound_visit_then_nothing_is_found(scratch: Scratch) -> None:
    assert await scratch.found(FINDINGS) == set()
    assert await scratch.found(PLACES) == set()
    assert await scratch.owner.fetchval(UNDRAINED) == 0
    assert channel_findings(_book(), await scratch.owner.fetch(INTENTS)) == []


async def test_given_each_wrong_with_money_then_it_is_named(scratch: Scratch) -> None:
    owner = scratch.owner
    intent = "UPDATE payment_intent SET {} WHERE out_trade_no = 'P1'"
    line = (
        "INSERT INTO journal_line (id, entry_id, account, amount_fen, patient_id) VALUES (gen_random_uuid(), '{}', {})"
    )
    moved = line.format(PAID, f"'{{}}', 1, '{PATIENT}'"), line.format(PAID, f"'revenue_registration', -1, '{PATIENT}'")
    somewhere = "gen_random_uuid()"
    planted: dict[str, tuple[str, ...]] = {
        "journal does not balance": (line.format(CHARGED, "'revenue_registration', 1, NULL"),),
        "journal without lines": (f"DELETE FROM journal_line WHERE entry_id = '{CHARGED}'",),
        "journal in a day that was closed": (
            f"INSERT INTO closed_day (id, day, closed_at, totals) SELECT {somewhere}, accounting_date, "
            f"at - interval '1 hour', '{{}}' FROM journal_entry WHERE id = '{CHARGED}'",
        ),
        "refunded outside 0..paid": (intent.format("refunded_fen = 5001"),),
        "refunds differ from the intent": (intent.format("refunded_fen = 100"),),
        "items do not explain the refunds": ("UPDATE charge_item SET refunded_quantity = 1",),
        "refund lines differ from the items": ("UPDATE charge_item SET refunded_quantity = 1",),
        "surplus kept": (intent.format("applied = false"),),
        "top-up lost": (intent.format("purpose = 'top_up', applied = false"),),
        "paid part differs from the tenders": ("UPDATE invoice SET paid_fen = 4999",),
        "balanced unless paid in full": ("UPDATE invoice SET status = 'issued'",),
        "receivable differs from unpaid bills": (moved[0].format("patient_receivable"), moved[1]),
        "refund payable differs from promised refunds": (moved[0].format("refund_payable"), moved[1]),
        "card balance differs from the ledger": (moved[0].format("patient_card"), moved[1]),
        "unapplied receipts left": (moved[0].format("unapplied_receipts"), moved[1]),
        "drawer below nothing": (
            "INSERT INTO journal_line (id, entry_id, account, amount_fen, drawer_id) "
            f"VALUES ({somewhere}, '{PAID}', 'cash_drawer', -1, {somewhere})",
        ),
        "cash without a shift": (intent.format("channel = 'cash'"),),
        "receipt for what is not paid": (
            "INSERT INTO receipt (id, receipt_no, drawer_id, day, number, kind, patient_id, source_id, amount_fen, "
            f"issued_at) VALUES ({somewhere}, 'R1', {somewhere}, current_date, 1, 'payment', '{PATIENT}', '{BILL}', "
            "4999, hospital_now())",
        ),
        "receipt number missing": (
            "INSERT INTO receipt_series (id, drawer_id, day, last_number) "
            f"VALUES ({somewhere}, {somewhere}, current_date, 1)",
        ),
    }
    for wrong, statements in planted.items():
        planting = owner.transaction()
        await planting.start()
        for statement in statements:
            await owner.execute(statement)
        assert wrong in await scratch.found(FINDINGS)
        await planting.rollback()
    named = {part.split("'")[1] for part in FINDINGS.split("SELECT ")[1:] if part.startswith("'")}
    assert named == set(planted), "a wrong that is looked for has no control"


_TWIN = (
    "INSERT INTO appointment SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).* "
    "FROM appointment a"
)


async def _places_found(scratch: Scratch, *statements: str) -> set[str]:
    """What is found once the statements have been carried out; they are taken back."""
    planting = scratch.owner.transaction()
    await planting.start()
    try:
        for statement in statements:
            await scratch.owner.execute(statement)
        return await scratch.found(PLACES)
    finally:
        await planting.rollback()


async def test_given_each_wrong_with_places_then_it_is_named(scratch: Scratch) -> None:
    free, pending = "UPDATE slot SET status = 'free'", "UPDATE appointment SET status = 'pending'"
    planted: dict[str, tuple[tuple[str, ...], ...]] = {
        "sold twice": ((_TWIN,), (_TWIN, "UPDATE appointment SET status = 'fulfilled'")),
        "sold but free": ((free,), ("UPDATE slot SET held_until = hospital_now()",)),
        "sold but closed": (("UPDATE slot SET status = 'closed'",),),
        "held but free": ((free, pending), ("UPDATE slot SET status = 'closed'", pending)),
        "taken by nobody": (
            ("UPDATE appointment SET status = 'cancelled'",),
            (
                "UPDATE appointment SET status = 'cancelled'",
                "UPDATE slot SET held_until = hospital_now() + interval '1 minute'",
            ),
        ),
    }
    for wrong, ways in planted.items():
        for statements in ways:
            assert await _places_found(scratch, *statements) == {wrong}, statements
    named = {part.split("'")[1] for part in PLACES.split("SELECT ")[1:] if part.startswith("'")}
    assert named == set(planted), "a wrong that is looked for has no control"


async def test_given_a_closed_place_then_only_a_stopped_clinic_and_an_open_question_explain_its_patient(
    scratch: Scratch,
) -> None:
    session = uuid5(UUID(int=0), "session")
    await scratch.owner.execute("UPDATE slot SET status = 'closed', schedule_id = $1, number = 5", session)
    change, question = _id("change"), _id("question")
    await scratch.put("clinic_change", id=change, schedule_id=session, kind="stop", slot_from=4, slot_to=6)
    await scratch.put(
        "disruption", id=question, change_id=change, appointment_id=VISIT, from_slot_id=SLOT, status="open"
    )
    seen = "UPDATE appointment SET status = '{}'"
    sound: list[tuple[str, ...]] = [
        (),
        ("UPDATE clinic_change SET slot_from = NULL, slot_to = NULL",),
        # Who had checked in, or had been seen, when the clinic was stopped is not asked.
        (seen.format("checked-in"), "DELETE FROM disruption"),
        (seen.format("fulfilled"), "DELETE FROM disruption"),
    ]
    for statements in sound:
        assert await _places_found(scratch, *statements) == set(), statements
    wrong: list[tuple[str, ...]] = [
        ("DELETE FROM disruption",),
        *((f"UPDATE disruption SET status = '{answer}'",) for answer in ("moved", "kept", "refunded", "lapsed")),
        ("UPDATE disruption SET from_slot_id = gen_random_uuid()",),
        ("UPDATE disruption SET appointment_id = gen_random_uuid()",),
        ("UPDATE clinic_change SET kind = 'substitute'",),
        ("UPDATE clinic_change SET slot_from = 6",),
        ("UPDATE clinic_change SET schedule_id = gen_random_uuid()",),
        (seen.format("checked-in"), "DELETE FROM clinic_change"),
        (seen.format("fulfilled"), "UPDATE clinic_change SET kind = 'substitute'"),
        (seen.format("noshow"),),
    ]
    for statements in wrong:
        assert await _places_found(scratch, *statements) == {"sold but closed"}, statements


async def test_given_a_delivery_that_is_late_or_parked_then_it_is_counted(scratch: Scratch) -> None:
    for state in ("due", "parked"):
        await scratch.put("outbox_delivery", state=state, handler="tests.none")
    assert await scratch.owner.fetchval(UNDRAINED) == 2


def _book(**order: Any) -> dict[str, Any]:
    paid = {"out_trade_no": "P1", "transaction_id": "T1", "total_fen": 5000, **order}
    return {"orders": {"P1": paid}, "refunds": {}}


async def test_given_each_difference_to_the_channels_book_then_it_is_named(scratch: Scratch) -> None:
    (row,) = await scratch.owner.fetch(INTENTS)
    ours = dict(row)
    refunded = _book() | {"refunds": {"R1": {"out_trade_no": "P1", "refund_fen": 5000}}}
    in_part = _book() | {"refunds": {"R1": {"out_trade_no": "P1", "refund_fen": 100}}}
    cases: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
        ("in our book twice", _book(), [ours, dict(ours)]),
        ("paid, but not for us", _book(), []),
        ("paid, but not for us", _book(), [ours | {"status": "closed"}]),
        ("never paid", _book(transaction_id=None), [ours]),
        ("another amount or transaction", _book(total_fen=4999), [ours]),
        ("another amount or transaction", _book(transaction_id="T2"), [ours]),
        ("refunds differ", refunded, [ours]),
        ("given back in part", in_part, [ours | {"refunded_fen": 100}]),
        ("paid for nothing", _book(), [ours | {"applied": False}]),
        ("paid for nothing", _book(), [ours | {"appointment": "cancelled"}]),
    ]
    for wrong, book, rows in cases:
        assert channel_findings(book, rows) == [(wrong, "P1")], wrong
