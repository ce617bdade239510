"""Charges become bills, bills are paid or taken back, and what was performed is not given back."""

import asyncio
from decimal import Decimal

import pytest

from hospital_core.finance.billing.commands import Charge, IssueInvoice
from hospital_core.finance.billing.errors import AlreadyPerformed, ChargesNotBillable
from hospital_core.finance.billing.queries import invoice, invoice_of_charge
from hospital_core.finance.billing.service import charge, issue_invoice, perform, reverse_invoice
from hospital_core.finance.billing.states import ChargeItemStatus, InvoiceStatus
from hospital_core.finance.ledger.queries import balance
from hospital_core.finance.ledger.states import LedgerAccount
from hospital_core.finance.payments.commands import RefundAtCounter, TakeCash
from hospital_core.finance.payments.service import refund_at_counter, take_cash
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.finance import (
    forged,
    make_invoice,
    make_payer,
    make_price_item,
    rows,
    run_cashier,
    run_system,
    value,
)
from tests.fixtures.findings import money_findings

pytestmark = pytest.mark.usefixtures("gateway")


async def test_given_charges_then_the_bill_is_their_sum_and_stands_as_receivable() -> None:
    bill = await make_invoice(unit_price="12.345", quantity="3", items=2)
    assert bill.invoice.total_fen == 2 * 3704  # 37.035 yuan each, half a fen up
    assert bill.invoice.status is InvoiceStatus.ISSUED
    detail = await invoice(Reading(system_context()), bill.invoice.id)
    assert [item.amount_fen for item in detail.items] == [3704, 3704]
    assert await balance(Reading(system_context()), LedgerAccount.PATIENT_RECEIVABLE, bill.patient_id) == 7408
    found = await invoice_of_charge(Reading(system_context()), "appointment", bill.source_id)
    assert found == bill.invoice
    assert await money_findings(bill.patient_id) == []


async def test_given_the_same_source_charged_and_billed_twice_then_one_charge_and_one_bill_stand() -> None:
    patient_id, encounter_id = await make_payer(), new_id()
    command = Charge(
        patient_id=patient_id,
        encounter_id=encounter_id,
        price_item_id=await make_price_item(unit_price="9.99"),
        source_kind="appointment",
        source_id=new_id(),
    )
    first, second = await run_system(charge, command), await run_system(charge, command)
    assert first.id == second.id
    assert first.amount_fen == 999
    billing = IssueInvoice(patient_id=patient_id, encounter_id=encounter_id, charge_item_ids=[first.id])
    assert (await run_system(issue_invoice, billing)).id == (await run_system(issue_invoice, billing)).id
    assert await value("SELECT count(*) FROM invoice WHERE encounter_id = $1", encounter_id) == 1


async def test_given_an_explicit_price_then_it_overrides_the_list() -> None:
    command = Charge(
        patient_id=await make_payer(),
        encounter_id=new_id(),
        price_item_id=await make_price_item(unit_price="50.00"),
        source_kind="appointment",
        source_id=new_id(),
        unit_price=Decimal("18.50"),
        override_reason="院领导批准减免",
    )
    assert (await run_system(charge, command)).amount_fen == 1850


async def test_given_a_bill_over_nothing_then_it_is_settled_at_once_without_a_journal() -> None:
    bill = await make_invoice(unit_price="0.00")
    assert bill.invoice.status is InvoiceStatus.BALANCED
    assert await rows("SELECT 1 FROM journal_entry WHERE source_id = $1", bill.invoice.id) == []


async def test_given_charges_of_another_visit_then_they_are_not_billed_together() -> None:
    mine, other = await make_invoice(), await make_invoice()
    stolen = await value("SELECT id FROM charge_item WHERE invoice_id = $1", other.invoice.id)
    command = IssueInvoice(patient_id=mine.patient_id, encounter_id=mine.encounter_id, charge_item_ids=[stolen])
    with pytest.raises(ChargesNotBillable):
        await run_system(issue_invoice, command)


async def test_given_a_total_past_the_service_then_the_database_refuses_it() -> None:
    bill = await make_invoice()
    write = forged(lambda uow: uow.execute("UPDATE invoice SET total_fen = 1 WHERE id = $1", bill.invoice.id))
    with pytest.raises(ChargesNotBillable):
        await run(system_context(), write, None)


async def test_given_an_unpaid_bill_taken_back_then_nothing_is_owed_and_the_source_can_be_charged_again() -> None:
    bill = await make_invoice()
    reversed_ = await run_system(reverse_invoice, bill.invoice.id)
    assert reversed_.status is InvoiceStatus.CANCELLED
    assert await balance(Reading(system_context()), LedgerAccount.PATIENT_RECEIVABLE, bill.patient_id) == 0
    (item,) = await rows("SELECT * FROM charge_item WHERE invoice_id = $1", bill.invoice.id)
    assert item["status"] == ChargeItemStatus.ABORTED
    again = Charge(
        patient_id=bill.patient_id,
        encounter_id=bill.encounter_id,
        price_item_id=item["price_item_id"],
        source_kind="appointment",
        source_id=bill.source_id,
    )
    assert (await run_system(charge, again)).id != item["id"]
    assert await money_findings(bill.patient_id) == []


async def test_given_a_paid_bill_then_it_cannot_be_taken_back() -> None:
    bill = await make_invoice()
    await run_cashier(take_cash, TakeCash(invoice_id=bill.invoice.id, tendered_fen=5000))
    with pytest.raises(StateConflict):
        await run_system(reverse_invoice, bill.invoice.id)


async def test_given_performed_items_then_an_unpaid_bill_cannot_be_taken_back() -> None:
    bill = await make_invoice()
    assert await _perform(bill.source_id) == 1
    assert await _perform(bill.source_id) == 0, "performing twice changes nothing"
    with pytest.raises(AlreadyPerformed):
        await run_system(reverse_invoice, bill.invoice.id)


async def _perform(source_id: object) -> int:
    counts: list[int] = []

    async def write(uow: object) -> None:
        counts.append(await perform(uow, "appointment", source_id, allow_unpaid=True))  # type: ignore[arg-type]

    await run(system_context(), forged(write), None)
    return counts[0]


async def test_given_more_performed_and_refunded_than_charged_then_the_database_refuses() -> None:
    bill = await make_invoice()
    write = forged(
        lambda uow: uow.execute(
            "UPDATE charge_item SET performed_quantity = 0.6, refunded_quantity = 0.5 WHERE invoice_id = $1",
            bill.invoice.id,
        )
    )
    with pytest.raises(AlreadyPerformed):
        await run(system_context(), write, None)


async def test_given_a_charge_that_went_back_in_full_then_the_same_may_be_charged_and_paid_again() -> None:
    patient_id, encounter_id = await make_payer(), new_id()
    order = Charge(
        patient_id=patient_id, encounter_id=encounter_id, price_item_id=await make_price_item(),
        source_kind="visit", source_id=encounter_id,
    )  # fmt: skip
    first = await run_system(charge, order)
    issued = IssueInvoice(patient_id=patient_id, charge_item_ids=[first.id])
    bill = await run_system(issue_invoice, issued)
    await run_cashier(take_cash, TakeCash(invoice_id=bill.id, tendered_fen=5000))
    assert (await run_system(charge, order)).id == first.id, "charged twice, it stands once"
    half = RefundAtCounter(invoice_id=bill.id, amount_fen=2000, reason="退费")
    await run_cashier(refund_at_counter, half)
    assert (await run_system(charge, order)).id == first.id, "part of it still stands"
    await run_cashier(refund_at_counter, RefundAtCounter(invoice_id=bill.id, reason="退费"))
    made = await asyncio.gather(*(run_system(charge, order) for _ in range(6)))
    assert {one.id for one in made} != {first.id}
    assert len({one.id for one in made}) == 1
    again = await run_system(issue_invoice, IssueInvoice(patient_id=patient_id, charge_item_ids=[made[0].id]))
    await run_cashier(take_cash, TakeCash(invoice_id=again.id, tendered_fen=5000))
    await run_system(forged(lambda uow: perform(uow, "visit", encounter_id)), None)
    done = "SELECT performed_quantity FROM charge_item WHERE id = ANY($1::uuid[]) ORDER BY id"
    assert [row[0] for row in await rows(done, [first.id, made[0].id])] == [0, 1]
    assert await money_findings(patient_id) == []
