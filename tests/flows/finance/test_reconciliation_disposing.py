"""What becomes of a difference: two persons settle it, or the channel is asked and it closes."""

from datetime import date, datetime

import asyncpg
import pytest

from hospital_core.finance.payments.ports import BillRow, BillRowKind
from hospital_core.finance.reconciliation.commands import (
    ApproveDisposal,
    CheckDifference,
    ProposeDisposal,
    RejectDisposal,
)
from hospital_core.finance.reconciliation.disposing import approve_disposal, propose_disposal, reject_disposal
from hospital_core.finance.reconciliation.errors import (
    NothingToAsk,
    OwnProposal,
    ProposalChanged,
)
from hospital_core.finance.reconciliation.outside import check_difference, reconcile
from hospital_core.finance.reconciliation.queries import difference, differences, proposals, run_detail
from hospital_core.finance.reconciliation.states import DifferenceClass, DifferenceStatus, Disposal
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import MERCHANT, OPENID, FakeGateway, make_intent, make_invoice, value
from tests.fixtures.reconciled import DAY, Bills, make_run, money_day, person
from tests.fixtures.reconciling import MoneyDay

_RUNS = "SELECT * FROM reconciliation_run ORDER BY id"
_DIFFERENCES = "SELECT * FROM reconciliation_difference ORDER BY id"
_LINES = "SELECT * FROM bill_line ORDER BY id"


async def test_given_whoever_proposed_then_another_decides(admin: asyncpg.Connection, bills: Bills) -> None:
    async with money_day(admin, 40, missing=1) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        one = (await differences(Reading(system_context()), run_id)).items[0]
        first, second = await person(), await person()
        wanted = ProposeDisposal(difference_id=one.id, disposal=Disposal.WRITTEN_OFF, note="核销一笔")
        one = await run(first, propose_disposal, wanted)
        name = await value("SELECT name FROM staff_member WHERE id = $1", first.actor.id)
        assert (one.proposed_by, one.proposer) == (first.actor.id, name)
        with pytest.raises(OwnProposal):
            await run(first, approve_disposal, ApproveDisposal(difference_id=one.id, version=one.version))
        with pytest.raises(ProposalChanged):
            await run(second, approve_disposal, ApproveDisposal(difference_id=one.id, version=one.version - 1))
        back = RejectDisposal(difference_id=one.id, version=one.version, reason="请附渠道回单")
        one = await run(second, reject_disposal, back)
        assert (one.status, one.disposal, one.rejection) == (DifferenceStatus.OPEN, None, "请附渠道回单")
        one = await run(first, propose_disposal, wanted)
        assert one.id in {waiting.id for waiting in (await proposals(Reading(system_context()))).items}
        one = await run(second, approve_disposal, ApproveDisposal(difference_id=one.id, version=one.version))
        assert one.status is DifferenceStatus.SETTLED
        with pytest.raises(NotFound):
            await run(second, approve_disposal, ApproveDisposal(difference_id=new_id(), version=0))


async def test_given_the_check_dropped_then_one_person_could_do_it_alone(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 40, missing=1) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        one = (await differences(Reading(system_context()), run_id)).items[0]
        first = await person()
        wanted = ProposeDisposal(difference_id=one.id, disposal=Disposal.WRITTEN_OFF, note="核销一笔")
        await run(first, propose_disposal, wanted)
        forged = (
            "UPDATE reconciliation_difference SET status = 'settled', decided_by = proposed_by, decided_at = now() "
            "WHERE id = $1"
        )
        with pytest.raises(asyncpg.CheckViolationError, match="difference_two_persons"):
            await admin.execute(forged, one.id)
        check = await admin.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'difference_two_persons'"
        )
        async with admin.transaction():  # the control: without the guard the same attack succeeds
            await admin.execute("ALTER TABLE reconciliation_difference DROP CONSTRAINT difference_two_persons")
            assert await admin.execute(forged, one.id) == "UPDATE 1"
            await admin.execute("UPDATE reconciliation_difference SET status = 'proposed' WHERE id = $1", one.id)
            await admin.execute(f"ALTER TABLE reconciliation_difference ADD CONSTRAINT difference_two_persons {check}")


async def test_given_a_payment_that_we_closed_then_asking_the_channel_takes_it_in_and_the_difference_closes(
    admin: asyncpg.Connection, gateway: FakeGateway, bills: Bills
) -> None:
    at, day = datetime.fromisoformat("2026-07-01T10:00:00+08:00"), date(2026, 7, 1)
    bill = await make_invoice()
    intent = await make_intent(gateway, invoice_id=bill.invoice.id)
    paid = gateway.pay(intent.out_trade_no, succeeded_at=at)
    bills.of[day] = [
        BillRow(
            BillRowKind.PAYMENT, at, MERCHANT.mchid, MERCHANT.appid, None, paid.transaction_id, intent.out_trade_no,
            OPENID, "JSAPI", intent.amount_fen, intent.amount_fen, intent.amount_fen * 6,
        )
    ]  # fmt: skip
    run_id = await make_run(day)
    try:
        await reconcile(run_id)
        (one,) = (await differences(Reading(system_context()), run_id)).items
        assert (one.kind, one.channel_says, one.we_say) == (DifferenceClass.PAYMENT_STATE_DIFFERS, "SUCCESS", "open")
        checked = await check_difference(system_context(), CheckDifference(difference_id=one.id))
        assert (checked.channel_state, checked.amount_fen, checked.changed) == ("SUCCESS", intent.amount_fen, True)
        assert await value("SELECT status FROM payment_intent WHERE id = $1", intent.id) == "succeeded"
        assert (await difference(Reading(system_context()), one.id)).status is DifferenceStatus.CLOSED
        totals = (await run_detail(Reading(system_context()), run_id)).totals
        assert totals.channel_paid_fen == totals.ours_paid_fen == totals.ledger_paid_fen == intent.amount_fen
    finally:
        await MoneyDay("00000000", day, 1, new_id()).clear(admin)


async def test_given_a_difference_of_our_own_books_then_no_channel_is_asked(
    admin: asyncpg.Connection, bills: Bills
) -> None:
    async with money_day(admin, 40, ledger_missing=1) as world:
        bills.of[DAY] = list(world.bill())
        run_id = await make_run(DAY)
        await reconcile(run_id)
        (one,) = (await differences(Reading(system_context()), run_id)).items
        with pytest.raises(NothingToAsk):
            await check_difference(system_context(), CheckDifference(difference_id=one.id))
