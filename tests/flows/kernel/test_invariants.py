"""docs/INVARIANTS.md and the database name the same rules."""

import re
from pathlib import Path

import pytest

from hospital_core.kernel.context import Actor, ActorKind, Context
from hospital_core.kernel.reading import Reading

pytestmark = pytest.mark.usefixtures("core")

# Checks and exclusions, deferred triggers, and unique rules by their own names; generated names are business numbers.
_NAMED = """
SELECT conname AS name FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u', 'x', 't')
UNION SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class c ON c.oid = indrelid
WHERE indisunique AND indpred IS NOT NULL AND c.relnamespace = 'public'::regnamespace"""

_BUSINESS_NUMBER = re.compile(r"_known$|_key$|^uid_")


async def test_given_the_page_then_it_names_exactly_the_databases_rules(repository: Path) -> None:
    rows = await Reading(Context(Actor(ActorKind.SYSTEM))).fetch(_NAMED)
    kept = {row["name"] for row in rows if not _BUSINESS_NUMBER.search(row["name"])}
    page = (repository / "docs/INVARIANTS.md").read_text()
    cells = [line.split("|")[3] for line in page.splitlines() if re.match(r"\| \d+ \|", line)]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    not_constraints = {
        "price_only_closes", "history_stays", "hospital_app", "card_follows_ledger", "receipt_only_voids",
        "accounting_day_is_open", "e_invoice_number_stays", "paper_number_stays",
    }  # fmt: skip
    assert named - not_constraints == kept


@pytest.mark.parametrize(
    "table",
    [
        "journal_entry",
        "journal_line",
        "audit_row",
        "outbox_event",
        "payment_notice",
        "closed_day",
        "refund_line",
        "mismatch_settlement",
        "e_invoice_line",
        "e_invoice_check",
        "e_invoice_difference",
    ],
)
async def test_given_history_then_a_trigger_keeps_even_the_owner_from_changing_it(table: str) -> None:
    trigger = await Reading(Context(Actor(ActorKind.SYSTEM))).fetch_value(
        "SELECT tgenabled::text FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname = 'history_stays'", table
    )
    assert trigger == "O"


async def test_given_the_clock_then_hospital_now_is_now() -> None:
    shift = await Reading(Context(Actor(ActorKind.SYSTEM))).fetch_value("SELECT hospital_now() - now()")
    assert shift.total_seconds() == 0
