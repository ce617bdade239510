"""Charging, billing, performing, taking back. Locks are taken in one order everywhere: invoice, intent, items by id."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from hospital_core.finance.billing.commands import (
    BillOpenCharges,
    Charge,
    IssueInvoice,
    RefundLineWanted,
    UnbillInvoice,
)
from hospital_core.finance.billing.errors import AlreadyPerformed, ChargesNotBillable, NotPaidYet
from hospital_core.finance.billing.refunding import RefundableItem, RefundedPart, split_refund, take_lines
from hospital_core.finance.billing.states import CHARGE_ITEM, INVOICE, ChargeItemStatus, InvoiceStatus
from hospital_core.finance.billing.views import ChargeItemView, InvoiceView
from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount, revenue_of
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.money import fen_of
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.catalogue.queries import price_of
from hospital_core.registry.catalogue.states import FeeCategory
from hospital_core.registry.staff.permissions import Permission, require

_CHARGE = """
INSERT INTO charge_item (id, version, patient_id, encounter_id, price_item_id, name, category, unit, unit_price,
                         override_reason, quantity, performed_quantity, refunded_quantity, amount_fen, status,
                         source_kind, source_id, created_at)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING RETURNING *"""

_CHARGED_BEFORE = """
SELECT * FROM charge_item WHERE source_kind = $1 AND source_id = $2 AND price_item_id = $3
AND status IN ('billable', 'billed')"""

# What was given back in full stands for nothing any more; it stays on its bill, and the same may be charged again.
_GIVEN_BACK = f"""
UPDATE charge_item SET status = {CHARGE_ITEM.target_sql("abort")}, version = version + 1
WHERE source_kind = $1 AND source_id = $2 AND price_item_id = $3
  AND status = 'billed' AND refunded_quantity = quantity"""

_INVOICE = """
INSERT INTO invoice (id, version, invoice_no, patient_id, encounter_id, total_fen, paid_fen, status, issued_at)
VALUES ($1, 0, $2, $3, $4, $5, 0, $6, $7) RETURNING *"""

_OF_SOMEBODY_ELSE = "SELECT 1 FROM unnest($1::uuid[]) AS id WHERE id NOT IN (SELECT person_ids($2)) LIMIT 1"

_OLDER = "SELECT 1 FROM charge_item WHERE id = ANY($1::uuid[]) AND created_at < $2 LIMIT 1"

_BY_CATEGORY = """
SELECT category, sum(amount_fen)::bigint AS amount_fen FROM charge_item
WHERE invoice_id = $1 AND amount_fen > 0 GROUP BY category ORDER BY category"""

# Whether it is paid is looked at as the item is written: a bill is never unpaid again.
_PERFORM = """
UPDATE charge_item c SET performed_quantity = quantity - refunded_quantity, version = version + 1
WHERE source_kind = $1 AND source_id = $2 AND performed_quantity < quantity - refunded_quantity
  AND CASE WHEN $3 THEN status IN ('billable', 'billed')
           ELSE status = 'billed' AND EXISTS (
               SELECT 1 FROM invoice i WHERE i.id = c.invoice_id AND i.status = 'balanced') END"""

_PERFORM_ITEMS = """
UPDATE charge_item c SET performed_quantity = quantity - refunded_quantity, version = version + 1
WHERE id = ANY($1::uuid[]) AND performed_quantity < quantity - refunded_quantity AND status = 'billed'
  AND EXISTS (SELECT 1 FROM invoice i WHERE i.id = c.invoice_id AND i.status = 'balanced')"""

_UNPAID = """
SELECT 1 FROM charge_item c LEFT JOIN invoice i ON i.id = c.invoice_id
WHERE c.source_kind = $1 AND c.source_id = $2 AND c.status IN ('billable', 'billed')
  AND i.status IS DISTINCT FROM 'balanced' AND c.performed_quantity < c.quantity - c.refunded_quantity LIMIT 1"""

# The bill's conditional update decides whether money fits; the CHECK invoice_not_overpaid has the last word.
_SETTLE = f"""
UPDATE invoice SET paid_fen = paid_fen + $2, version = version + 1,
       status = CASE WHEN paid_fen + $2 = total_fen THEN {INVOICE.target_sql("settle")} ELSE status END
WHERE id = $1 AND paid_fen + $2 <= total_fen AND {INVOICE.sources_sql("settle")} RETURNING *"""


async def charge(uow: UnitOfWork, command: Charge) -> ChargeItemView:
    """Charge a service or material (记费); the same source and price item again answers the first charge, unless
    that was given back in full.

    A price of one's own needs a reason and, of a person, the right to it; what a rule of the house decides (a doctor's
    fee, a free re-visit) is charged in the house's name by ``charge_by_rule``.
    Raises: FieldProblem, Forbidden, what ``price_of`` raises when the item has no price now.
    """
    if command.unit_price is not None:
        if command.override_reason is None:
            raise FieldProblem("/override_reason", "请填写改价原因")
        require(uow.ctx, Permission.PRICE_OVERRIDE)
    return await charge_by_rule(uow, command)


async def charge_by_rule(uow: UnitOfWork, command: Charge) -> ChargeItemView:
    """Charge what a rule of the house priced (按规则记费), whoever set it off. Raises: what ``price_of`` raises."""
    price = await price_of(uow, command.price_item_id, uow.now)
    unit_price = price.unit_price if command.unit_price is None else command.unit_price
    item = (
        command.patient_id, command.encounter_id, command.price_item_id, price.name, price.category.value, price.unit,
        unit_price, command.override_reason, command.quantity, fen_of(unit_price, command.quantity),
        ChargeItemStatus.BILLABLE.value, command.source_kind, command.source_id, uow.now,
    )  # fmt: skip
    same = (command.source_kind, command.source_id, command.price_item_id)
    row = await uow.fetch_row(_CHARGE, new_id(), *item)
    if row is None and await uow.execute(_GIVEN_BACK, *same):
        row = await uow.fetch_row(_CHARGE, new_id(), *item)
    if row is None:
        row = await uow.fetch_row(_CHARGED_BEFORE, *same)
    if row is None:
        raise ChargesNotBillable()  # it was taken back between the two statements
    uow.audited("charge_item", row["id"], patient_id=row["patient_id"])
    return ChargeItemView(**dict(row))


async def issue_invoice(uow: UnitOfWork, command: IssueInvoice) -> InvoiceView:
    """Bill charged items (开结算单); asking again for exactly the items of a living bill answers that bill.

    Items of several orders and visits of one person may stand on one bill, which then names no encounter. A bill over
    nothing is settled at once. Raises: ChargesNotBillable. Locks: the items, by id.
    """
    ids = sorted(set(command.charge_item_ids))
    items = await uow.fetch("SELECT * FROM charge_item WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", ids)
    encounters = {item["encounter_id"] for item in items}
    if len(items) != len(ids) or (command.encounter_id is not None and encounters != {command.encounter_id}):
        raise ChargesNotBillable()
    if await uow.fetch_value(_OF_SOMEBODY_ELSE, [item["patient_id"] for item in items], command.patient_id):
        raise ChargesNotBillable()
    if any(item["status"] != ChargeItemStatus.BILLABLE for item in items):
        return await _billed_before(uow, list(items))
    total_fen = sum(item["amount_fen"] for item in items)
    number = await next_number(uow, NumberKind.INVOICE)
    row = await uow.fetch_row(
        _INVOICE, new_id(), number, command.patient_id, encounters.pop() if len(encounters) == 1 else None, total_fen,
        InvoiceStatus.ISSUED.value, uow.now,
    )  # fmt: skip
    assert row is not None
    await uow.execute(
        f"UPDATE charge_item SET status = {CHARGE_ITEM.target_sql('bill')}, invoice_id = $2, version = version + 1 "
        f"WHERE id = ANY($1::uuid[]) AND {CHARGE_ITEM.sources_sql('bill')}",
        ids,
        row["id"],
    )
    uow.audited("invoice", row["id"], patient_id=command.patient_id)
    if total_fen == 0:
        return InvoiceView(**dict(await transition(uow, INVOICE, "settle", row["id"])))
    await _journal(uow, JournalKind.INVOICED, row)
    return InvoiceView(**dict(row))


async def _billed_before(uow: UnitOfWork, items: list[Record]) -> InvoiceView:
    bills = {item["invoice_id"] for item in items if item["status"] == ChargeItemStatus.BILLED}
    if len(bills) != 1 or any(item["status"] != ChargeItemStatus.BILLED for item in items):
        raise ChargesNotBillable()
    row = await uow.fetch_row(
        "SELECT i.* FROM invoice i WHERE i.id = $1 AND (SELECT count(*) FROM charge_item WHERE invoice_id = i.id) = $2",
        bills.pop(),
        len(items),
    )
    if row is None:
        raise ChargesNotBillable()
    return InvoiceView(**dict(row))


async def _journal(uow: UnitOfWork, kind: JournalKind, bill: Record) -> None:
    """Revenue by fee category against the patient's receivable; taken back, the same with the signs turned."""
    sign = 1 if kind is JournalKind.INVOICED else -1
    lines = [Line(LedgerAccount.PATIENT_RECEIVABLE, sign * bill["total_fen"], bill["patient_id"])]
    for row in await uow.fetch(_BY_CATEGORY, bill["id"]):
        revenue = revenue_of(FeeCategory(row["category"]))
        lines.append(Line(revenue, -sign * row["amount_fen"], bill["patient_id"]))
    await post(uow, kind, "invoice", bill["id"], lines)


async def hold_invoice(uow: UnitOfWork, invoice_id: UUID) -> InvoiceView:
    """Lock a bill for the rest of the transaction; first of the locks that money takes. Raises NotFound."""
    row = await uow.fetch_row("SELECT * FROM invoice WHERE id = $1 FOR UPDATE", invoice_id)
    if row is None:
        raise NotFound()
    return InvoiceView(**dict(row))


async def settle_invoice(uow: UnitOfWork, invoice_id: UUID, amount_fen: int) -> InvoiceView | None:
    """Add a tender to a bill that waits for at least as much (收款), balanced once it is paid in full.

    None: the bill does not want this money, which is then surplus. The caller marks the tender as applied.
    """
    row = await uow.fetch_row(_SETTLE, invoice_id, amount_fen)
    return InvoiceView(**dict(row)) if row else None


async def release_tender(uow: UnitOfWork, invoice_id: UUID, amount_fen: int) -> None:
    """Take a tender off an unpaid bill again (退回部分已付); the caller holds the bill and unmarks the tender."""
    await uow.execute(
        "UPDATE invoice SET paid_fen = paid_fen - $2, version = version + 1 WHERE id = $1 AND status = 'issued'",
        invoice_id,
        amount_fen,
    )


async def reverse_invoice(uow: UnitOfWork, invoice_id: UUID) -> InvoiceView:
    """Take back an unpaid bill with its charges (作废未付结算单); money that still arrives is then sent back.

    Raises: NotFound, StateConflict (paid or taken back), InvoicePartlyPaid, AlreadyPerformed.
    Locks: the invoice, then its items.
    """
    row = await transition(uow, INVOICE, "cancel", invoice_id)
    if row["total_fen"]:
        await _journal(uow, JournalKind.INVOICE_REVERSED, row)
    await uow.execute(
        f"UPDATE charge_item SET status = {CHARGE_ITEM.target_sql('abort')}, version = version + 1 "
        f"WHERE invoice_id = $1 AND performed_quantity = 0 AND {CHARGE_ITEM.sources_sql('abort')}",
        invoice_id,
    )
    done = "SELECT 1 FROM charge_item WHERE invoice_id = $1 AND performed_quantity > 0 LIMIT 1"
    if await uow.fetch_value(done, invoice_id):
        raise AlreadyPerformed()
    uow.audited("invoice", invoice_id, patient_id=row["patient_id"])
    return InvoiceView(**dict(row))


async def drop_charges(uow: UnitOfWork, invoice_id: UUID, source_kind: str, source_id: UUID) -> None:
    """Take a source's charges back with their unpaid bill (冲销未付费用); others' charges on a merged bill stay open.

    Raises: as ``reverse_invoice``. Locks: the invoice, then its items.
    """
    others = "SELECT 1 FROM charge_item WHERE invoice_id = $1 AND (source_kind, source_id) <> ($2, $3) LIMIT 1"
    bill = await hold_invoice(uow, invoice_id)
    if not await uow.fetch_value(others, bill.id, source_kind, source_id):
        await reverse_invoice(uow, bill.id)
        return
    await unbill(uow, UnbillInvoice(invoice_id=bill.id))
    if not await drop_open_charges(uow, source_kind, source_id):
        raise AlreadyPerformed()


async def drop_open_charges(uow: UnitOfWork, source_kind: str, source_id: UUID) -> int:
    """Take a source's charges back that stand on no bill (冲销未结费用); returns how many there were."""
    return await uow.execute(
        f"UPDATE charge_item SET status = {CHARGE_ITEM.target_sql('abort')}, version = version + 1 "
        f"WHERE source_kind = $1 AND source_id = $2 AND invoice_id IS NULL AND performed_quantity = 0 "
        f"AND {CHARGE_ITEM.sources_sql('abort')}",
        source_kind,
        source_id,
    )


async def unbill(uow: UnitOfWork, command: UnbillInvoice) -> InvoiceView:
    """Take an unpaid bill back and keep its charges open (撤销结算), to be paid together with others.

    Raises: NotFound, StateConflict (paid or taken back), InvoicePartlyPaid. Locks: the invoice, then its items.
    """
    row = await transition(uow, INVOICE, "void", command.invoice_id)
    if row["total_fen"]:
        await _journal(uow, JournalKind.INVOICE_REVERSED, row)
    await uow.execute(
        f"UPDATE charge_item SET status = {CHARGE_ITEM.target_sql('unbill')}, invoice_id = NULL, version = version + 1 "
        f"WHERE invoice_id = $1 AND {CHARGE_ITEM.sources_sql('unbill')}",
        command.invoice_id,
    )
    uow.audited("invoice", row["id"], patient_id=row["patient_id"])
    return InvoiceView(**dict(row))


async def bill_open_charges(uow: UnitOfWork, command: BillOpenCharges) -> InvoiceView:
    """Put a person's open charges on one bill (合并缴费), for whoever may act for them; see ``queries.open_charges``.

    Raises: NotFound, ChargesNotBillable. Locks: the items, by id.
    """
    since = (await permitted_patient(uow, command.patient_id)).since
    if since is not None and await uow.fetch_value(_OLDER, command.charge_item_ids, since):
        raise ChargesNotBillable()
    return await issue_invoice(
        uow, IssueInvoice(patient_id=command.patient_id, charge_item_ids=command.charge_item_ids)
    )


async def perform(uow: UnitOfWork, source_kind: str, source_id: UUID, *, allow_unpaid: bool = False) -> int:
    """Mark what was charged for a source as done (执行): everything not refunded. Returns how many items it was.

    Called by whoever executes, in their own transaction. Performed parts are never refunded; doing it twice changes
    nothing. Only what is paid is done, unless an emergency allows otherwise. Raises: NotPaidYet. Locks: the items.
    """
    done = await uow.execute(_PERFORM, source_kind, source_id, allow_unpaid)
    if not allow_unpaid and await uow.fetch_value(_UNPAID, source_kind, source_id):
        raise NotPaidYet()
    return done


async def perform_items(uow: UnitOfWork, charge_item_ids: Sequence[UUID]) -> int:
    """Mark charged items as done (按明细执行): of one source, one may be done here and another there.

    Only what is paid and not refunded; returns how many items it was. Locks: the items.
    """
    return await uow.execute(_PERFORM_ITEMS, list(charge_item_ids))


async def unperform(uow: UnitOfWork, source_kind: str, source_id: UUID) -> int:
    """Take back that a source was done (撤销执行): drugs returned, an examination not made after all.

    Returns how many items it was; they may then be refunded.
    """
    return await uow.execute(
        "UPDATE charge_item SET performed_quantity = 0, version = version + 1 "
        "WHERE source_kind = $1 AND source_id = $2 AND performed_quantity > 0",
        source_kind,
        source_id,
    )


async def carry_charges(uow: UnitOfWork, source_kind: str, from_id: UUID, to_id: UUID) -> int:
    """Let what one source was charged stand for another (费用随改约转移); bill and payment stay as they are.

    Only of the same patient and the same visit: the caller sees to that. Returns how many items it was.
    """
    return await uow.execute(
        "UPDATE charge_item SET source_id = $3, version = version + 1 "
        "WHERE source_kind = $1 AND source_id = $2 AND status = 'billed'",
        source_kind,
        from_id,
        to_id,
    )


async def refund_items(
    uow: UnitOfWork,
    invoice_id: UUID,
    amount_fen: int | None,
    lines: Sequence[RefundLineWanted] | None = None,
    *,
    at_most_fen: int | None = None,
) -> list[RefundedPart]:
    """Take a refund off a bill's items (退费分摊) and return what each gives back.

    ``lines`` name items and quantities; without them an amount is spread, ``None`` being all that is left, up to
    ``at_most_fen``.

    Raises: NothingToRefund, AlreadyPerformed, RefundNotDivisible. Locks: the items, by id.
    """
    rows = await uow.fetch("SELECT * FROM charge_item WHERE invoice_id = $1 ORDER BY id FOR UPDATE", invoice_id)
    items = [
        RefundableItem(
            row["id"], row["unit_price"], row["quantity"], row["performed_quantity"], row["refunded_quantity"]
        )
        for row in rows
    ]
    if lines is not None:
        quantities = take_lines(items, {line.charge_item_id: line.quantity for line in lines})
    else:
        if amount_fen is None and at_most_fen is not None and at_most_fen < sum(item.rest_fen for item in items):
            amount_fen = at_most_fen
        _, quantities = split_refund(items, amount_fen)
    await uow.execute(
        "UPDATE charge_item c SET refunded_quantity = part.quantity, version = c.version + 1 "
        "FROM unnest($1::uuid[], $2::numeric[]) AS part (id, quantity) WHERE c.id = part.id",
        list(quantities),
        list[Decimal](quantities.values()),
    )
    categories = {row["id"]: FeeCategory(row["category"]) for row in rows}
    return [
        RefundedPart(item.id, categories[item.id], quantity - item.refunded, item.part_fen(quantity))
        for item in items
        if (quantity := quantities.get(item.id, item.refunded)) > item.refunded
    ]
