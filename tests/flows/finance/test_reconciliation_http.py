"""Reconciliation over HTTP: a day is asked for, the worker compares it, two colleagues settle what differs."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import asyncpg
import pytest

from hospital_core.finance.reconciliation.commands import PlanRuns
from hospital_core.finance.reconciliation.service import plan_runs
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.engines import with_database
from tests.fixtures.finance import make_payer, rows, value
from tests.fixtures.people import make_staff
from tests.fixtures.reconciling import MoneyDay
from tests.fixtures.server import Party, Server

GROUP = "server"
STAFF = "/api/staff/v1"


@pytest.fixture
async def yesterday(server: Server) -> AsyncIterator[MoneyDay]:
    """Bank card payments of yesterday, one of which the ledger does not know."""
    day: date = await value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date - 1")
    world = MoneyDay(secrets.token_hex(4), day, 40, await make_payer())
    admin = await asyncpg.connect(with_database(server.database.admin, await value("SELECT current_database()")))
    await world.clear(admin)
    await world.lay(admin)
    await world.plant(admin, {"ledger_missing": 1})
    ours, theirs = f"W{world.tag}%", f"{world.tag}%"
    await admin.execute("UPDATE payment_intent SET channel = 'bank_card' WHERE out_trade_no LIKE $1", ours)
    await admin.execute(
        "UPDATE journal_line SET account = 'bank_card_clearing' WHERE account = 'wechat_clearing' "
        "AND entry_id::text LIKE $1",
        theirs,
    )
    await run(system_context(), plan_runs, PlanRuns())
    await rows("UPDATE reconciliation_run SET due_at = 'infinity' WHERE day = $1 RETURNING id", day)
    yield world
    await world.clear(admin)
    await admin.close()


async def compared(party: Party, world: MoneyDay) -> dict[str, Any]:
    """The bank cards' day, once the worker has compared it."""
    for _ in range(600):
        span = {"first": str(world.day), "last": str(world.day)}
        listed = (await party.got(f"{STAFF}/reconciliations", **span))["items"]
        (one,) = [row for row in listed if row["channel"] == "bank_card"]
        if one["status"] == "matched":
            return dict(one)
        await asyncio.sleep(0.05)
    raise AssertionError(one)


async def test_given_a_day_asked_for_then_the_worker_compares_it_and_two_colleagues_settle_it(
    server: Server, yesterday: MoneyDay
) -> None:
    cashier = await server.role(StaffRole.CASHIER)
    first = await server.staff(await make_staff(roles=[StaffRole.MANAGER]))
    second = await server.staff(await make_staff(roles=[StaffRole.MANAGER]))
    body = {"day": str(yesterday.day), "channel": "bank_card"}
    key = str(new_id())
    await cashier.did(f"{STAFF}/reconciliations/run", body, key=key)
    await cashier.did(f"{STAFF}/reconciliations/run", body, key=key)
    one = await compared(cashier, yesterday)
    assert (one["has_bill"], one["open_count"], one["totals"]["ours_paid_count"]) == (False, 1, 40)

    detail = await cashier.got(f"{STAFF}/reconciliations/{one['id']}")
    assert [(kind["kind"], kind["open_count"]) for kind in detail["kinds"]] == [("ledger_missing", 1)]
    path = f"{STAFF}/reconciliations/{one['id']}/differences"
    assert (await cashier.got(path, kind="ledger_only"))["items"] == []
    assert (await cashier.get(path, kind="nonsense")).status_code == 422
    (found,) = (await cashier.got(path, kind="ledger_missing", status="open"))["items"]
    assert ("ledger_missing", found["subject"]) in yesterday.expected
    here = f"{STAFF}/differences/{found['id']}"
    asked = await cashier.post(f"{here}/check")
    assert (asked.status_code, asked.json()["code"]) == (409, "reconciliation.nothing_to_ask")

    told = {"disposal": "corrected_in_ledger", "note": "已补记凭证"}
    assert (await cashier.post(f"{here}/propose", told | {"disposal": "forgotten"})).status_code == 422
    proposed = await first.did(f"{here}/propose", told)
    assert (await first.post(f"{here}/propose", told)).status_code == 409
    version = {"version": proposed["version"]}
    assert (await cashier.post(f"{here}/approve", version)).status_code == 403
    own = await first.post(f"{here}/approve", version)
    assert (own.status_code, own.json()["code"]) == (409, "reconciliation.own_proposal")
    stale = await second.post(f"{here}/approve", {"version": proposed["version"] + 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "reconciliation.proposal_changed")
    back = await second.did(f"{here}/reject", version | {"reason": "请附凭证号"})
    assert (back["status"], back["rejection"], back["proposer"]) == ("open", "请附凭证号", None)
    proposed = await cashier.did(f"{here}/propose", told | {"note": "已补记凭证 12 号"})
    assert found["id"] in {row["id"] for row in (await second.got(f"{STAFF}/differences/proposed"))["items"]}
    settled = await first.did(f"{here}/approve", {"version": proposed["version"]})
    assert (settled["status"], settled["disposal"]) == ("settled", "corrected_in_ledger")
    trail = await rows(
        "SELECT action FROM audit_row WHERE object_id = $1 AND outcome = 'success' ORDER BY at", found["id"]
    )
    assert [row["action"].rpartition(".")[2] for row in trail] == [
        "propose_disposal", "reject_disposal", "propose_disposal", "approve_disposal"
    ]  # fmt: skip


async def test_given_a_day_that_is_not_over_then_it_is_not_compared(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    today = await value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date::text")
    refused = await manager.post(f"{STAFF}/reconciliations/run", {"day": today})
    assert (refused.status_code, refused.json()["code"]) == (409, "reconciliation.day_out_of_reach")


async def test_given_a_span_at_the_end_of_time_then_it_is_answered(server: Server) -> None:
    manager, none = await server.role(StaffRole.MANAGER), {"items": [], "next_cursor": None}
    for first, last in (("9999-12-01", "9999-12-31"), ("0001-01-01", "9999-12-31"), ("2026-02-01", "2026-01-01")):
        assert await manager.got(f"{STAFF}/reconciliations", first=first, last=last) == none
