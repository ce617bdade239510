"""The cashier's day (收费员班次): drawers, shifts, cash to the bank, and the end of the accounting day.

A shift begins and ends with what was counted. In between the books say what lies in the drawer: every fen that goes in
or out names it. So what is expected at the end is the drawer's balance, and a difference is booked, never hidden.
"""

import orjson
from asyncpg import Record

from hospital_core.finance.ledger import service as ledger
from hospital_core.finance.ledger.commands import CloseDay, Correct, moved
from hospital_core.finance.ledger.queries import drawer_fen
from hospital_core.finance.ledger.service import post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.ledger.views import ClosedDayView, JournalRef
from hospital_core.finance.payments.commands import CloseShift, DepositCash, OpenShift, SaveDrawer
from hospital_core.finance.payments.errors import DrawerNotUsable, NotEnoughCash, ShiftNotOpen, ShiftsStillOpen
from hospital_core.finance.payments.queries import drawer, shift
from hospital_core.finance.payments.service.windows import enough_cash, manned_window
from hospital_core.finance.payments.states import CASHIER_SHIFT, DrawerKind, ShiftStatus
from hospital_core.finance.payments.views import DrawerView, ShiftView
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day
from hospital_core.registry.staff.permissions import Permission

_SAVE_DRAWER = """
INSERT INTO cash_drawer (id, version, code, name, kind, location_id, active) VALUES ($1, 0, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, location_id = excluded.location_id, active = excluded.active,
                               version = cash_drawer.version + 1
RETURNING code, kind"""

_OPEN = """
INSERT INTO cashier_shift (id, version, drawer_id, staff_id, status, opened_at, opening_fen, note)
VALUES ($1, 0, $2, $3, $4, $5, $6, '')"""

# Whoever gives cash out holds their shift, whoever opens one the drawer.
_DRAWERS_OF = """
SELECT id FROM cash_drawer WHERE id IN (SELECT drawer_id FROM journal_line WHERE entry_id = $1)
ORDER BY id FOR NO KEY UPDATE"""

_SHIFTS_AT = """
SELECT 1 FROM cashier_shift WHERE drawer_id = ANY($1::uuid[]) AND status = 'open' ORDER BY id FOR NO KEY UPDATE"""

# What was taken while the shift was waited for is in it, so it ends after that.
_LAST_RECEIPT = """
SELECT greatest($3::timestamptz, max(issued_at)) FROM receipt WHERE drawer_id = $1 AND issued_at >= $2"""

_STILL_OPEN = """
SELECT count(*) FROM cashier_shift WHERE status = 'open' AND (opened_at AT TIME ZONE 'Asia/Shanghai')::date <= $1"""


async def save_drawer(uow: UnitOfWork, command: SaveDrawer) -> DrawerView:
    """Create a drawer (收款点), or change its name, place and use; its code and kind stay, for receipts bear them.

    Raises: DrawerCodeTaken at ``cash_drawer_code_key``, FieldProblem.
    """
    place = command.location_id
    if place is not None and await uow.fetch_value("SELECT 1 FROM location WHERE id = $1", place) is None:
        raise FieldProblem("/location_id", "没有这个地点")
    drawer_id = command.drawer_id or new_id()
    row = await uow.fetch_row(
        _SAVE_DRAWER, drawer_id, command.code, command.name, command.kind.value, command.location_id, command.active
    )
    assert row is not None
    if (row["code"], row["kind"]) != (command.code, command.kind.value):
        raise FieldProblem("/code", "收款点的编码和类型不能更改")
    uow.audited("cash_drawer", drawer_id)
    return await drawer(uow, drawer_id)


async def open_shift(uow: UnitOfWork, command: OpenShift) -> ShiftView:
    """Begin to work at a drawer (开班). Money brought in or taken away since the last shift is booked with the bank.

    Raises: Forbidden (only people take cash), NotFound, DrawerNotUsable; ShiftAlreadyOpen, DrawerTaken at
    ``cashier_one_shift``, ``drawer_one_shift``. Locks: the drawer.
    """
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.STAFF:
        raise Forbidden()
    found = await uow.fetch_row("SELECT * FROM cash_drawer WHERE id = $1 FOR NO KEY UPDATE", command.drawer_id)
    if found is None:
        raise NotFound()
    if not found["active"] or found["kind"] != DrawerKind.WINDOW:
        raise DrawerNotUsable()
    shift_id = new_id()
    await uow.execute(
        _OPEN, shift_id, command.drawer_id, actor.id, ShiftStatus.OPEN.value, uow.now, command.opening_fen
    )
    brought_fen = command.opening_fen - await drawer_fen(uow, command.drawer_id)
    if brought_fen:
        lines = moved(
            brought_fen,
            debit=LedgerAccount.CASH_DRAWER,
            credit=LedgerAccount.BANK,
            patient_id=None,
            drawer_id=command.drawer_id,
        )
        await post(uow, JournalKind.CASH_DEPOSITED, "cashier_shift", shift_id, lines)
    uow.audited("cashier_shift", shift_id)
    return await shift(uow, shift_id)


async def close_shift(uow: UnitOfWork, command: CloseShift) -> ShiftView:
    """End one's shift with what was counted (结班); what differs from the books is booked as over or short (长短款).

    Raises: NotFound, ShiftNotOpen, FieldProblem (a difference without a note). Locks: the shift, alone: money that is
    being taken is waited for.
    """
    row = await uow.fetch_row("SELECT * FROM cashier_shift WHERE id = $1 FOR NO KEY UPDATE", command.shift_id)
    if row is None or not _own(uow, row):
        raise NotFound()
    if row["status"] != ShiftStatus.OPEN:
        raise ShiftNotOpen()
    expected_fen = await drawer_fen(uow, row["drawer_id"])
    over_fen = command.counted_fen - expected_fen
    if over_fen and not command.note:
        raise FieldProblem("/note", "实点现金与账面不符，请说明原因")
    if over_fen:
        lines = moved(
            over_fen,
            debit=LedgerAccount.CASH_DRAWER,
            credit=LedgerAccount.CASH_DIFFERENCE,
            patient_id=None,
            drawer_id=row["drawer_id"],
        )
        await post(uow, JournalKind.SHIFT_CLOSED, "cashier_shift", row["id"], lines)
    await transition(
        uow, CASHIER_SHIFT, "close", row["id"],
        closed_at=await uow.fetch_value(_LAST_RECEIPT, row["drawer_id"], row["opened_at"], uow.now),
        expected_fen=expected_fen, counted_fen=command.counted_fen, note=command.note,
        counted_notes=orjson.dumps([note.model_dump() for note in command.notes]).decode(),
    )  # fmt: skip
    uow.audited("cashier_shift", row["id"], reason=command.note or None)
    return await shift(uow, row["id"])


def _own(uow: UnitOfWork, row: Record) -> bool:
    """One's own; who closes days also ends the shift of somebody who has gone home."""
    actor = uow.ctx.actor
    return actor.id == row["staff_id"] or Permission.DAY_CLOSE in actor.permissions


async def deposit_cash(uow: UnitOfWork, command: DepositCash) -> JournalRef:
    """Take cash out of one's drawer to the bank (缴款). Raises: ShiftNotOpen, NotEnoughCash. Locks: the shift."""
    window = await manned_window(uow, giving=True)
    await enough_cash(uow, window, command.amount_fen)
    lines = moved(
        command.amount_fen,
        debit=LedgerAccount.BANK,
        credit=LedgerAccount.CASH_DRAWER,
        patient_id=None,
        drawer_id=window.drawer_id,
    )
    entry_id = await post(uow, JournalKind.CASH_DEPOSITED, "cash_deposit", new_id(), lines)
    uow.audited("cashier_shift", window.shift_id)
    return JournalRef(entry_id=entry_id)


async def correct_journal(uow: UnitOfWork, command: Correct) -> JournalRef:
    """Write a journal's mirror image (红字更正), unless a drawer's books would say that less than nothing lies in it.

    Raises: NotEnoughCash, what ``ledger.correct`` raises. Locks: the journal's drawers and their open shifts.
    """
    held = await uow.fetch(_DRAWERS_OF, command.entry_id)
    await uow.execute(_SHIFTS_AT, [row["id"] for row in held])
    corrected = await ledger.correct(uow, command)
    for row in held:
        left_fen = await drawer_fen(uow, row["id"])
        if left_fen < 0:
            raise NotEnoughCash(drawer_fen=left_fen)
    return corrected


async def close_accounting_day(uow: UnitOfWork, command: CloseDay) -> ClosedDayView:
    """Close an accounting day (日结); today's only when nobody works at a drawer any more.

    Raises: ShiftsStillOpen, what ``ledger.close_day`` raises. Locks: the day.
    """
    if command.day == hospital_day(uow.now):
        still_open = await uow.fetch_value(_STILL_OPEN, command.day)
        if still_open:
            raise ShiftsStillOpen(open_shifts=still_open)
    return await ledger.close_day(uow, command)
