"""A channel's money at the bank (渠道到账): what the channel owed for a day becomes bank and fees, once."""

from dataclasses import dataclass

from asyncpg import Record

from hospital_core.finance.ledger.commands import Line
from hospital_core.finance.ledger.service import mirror, post
from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.finance.reconciliation.commands import SettleDay, WithdrawSettlement
from hospital_core.finance.reconciliation.errors import ArrivedBeforePaid, ArrivedLess, DayNotEven, NothingArrives
from hospital_core.finance.reconciliation.queries import owed_for, run_detail
from hospital_core.finance.reconciliation.states import ReconciledChannel
from hospital_core.finance.reconciliation.views import Owed, RunDetail
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day

SOURCE = "channel_settlement"
FEE_ONE_IN = 20  # a channel that sends no bill does not keep more than a twentieth

_LOCK = "SELECT * FROM reconciliation_run WHERE id = $1 FOR UPDATE"
_UNSETTLED = """
SELECT 1 FROM reconciliation_difference WHERE run_id = $1 AND status IN ('open', 'proposed') LIMIT 1"""

_KEEP = """
INSERT INTO channel_settlement (
    id, run_id, clearing_fen, fee_fen, bank_fen, reference, arrived_on, entry_id, settled_by, settled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""

_WITHDRAW = """
UPDATE channel_settlement SET withdrawn_by = $2, withdrawn_at = $3, withdrawal = $4
WHERE run_id = $1 AND withdrawn_at IS NULL RETURNING id, entry_id"""


@dataclass(frozen=True)
class _Arrival:
    clearing_fen: int
    fee_fen: int
    bank_fen: int

    @property
    def lines(self) -> list[Line]:
        given = ((LedgerAccount.BANK, self.bank_fen), (LedgerAccount.CHANNEL_FEES, self.fee_fen))
        return [Line(account, fen) for account, fen in given if fen]


async def settle_day(uow: UnitOfWork, command: SettleDay) -> RunDetail:
    """Book that a channel's money for a day is at the bank (到账入账), fees taken off.

    Only for a day that is compared and whose differences are all dealt with. Where the channel sends a bill, the amount
    is the bill's to the fen.
    Raises: NotFound, NothingArrives, DayNotEven, ArrivedLess, ArrivedBeforePaid, AlreadySettled (constraint).
    Locks: the run.
    """
    row = await uow.fetch_row(_LOCK, command.run_id)
    if row is None:
        raise NotFound()
    owed = await _owed(uow, row)
    if not row["day"] <= command.arrived_on <= hospital_day(uow.now):
        raise ArrivedBeforePaid()
    arrival = _arrival(owed, command.bank_fen)
    account = ReconciledChannel(row["channel"]).account
    settlement_id = new_id()
    entry_id = await post(
        uow, JournalKind.CHANNEL_SETTLED, SOURCE, settlement_id, [*arrival.lines, Line(account, -arrival.clearing_fen)]
    )
    await uow.execute(
        _KEEP, settlement_id, row["id"], arrival.clearing_fen, arrival.fee_fen, arrival.bank_fen, command.reference,
        command.arrived_on, entry_id, uow.ctx.actor.id, uow.now,
    )  # fmt: skip
    uow.audited("reconciliation_run", row["id"], reason=f"settled {command.reference}")
    return await run_detail(uow, row["id"])


async def withdraw_settlement(uow: UnitOfWork, command: WithdrawSettlement) -> RunDetail:
    """Take a wrong arrival back by its mirror image today (红字冲回); the day can then be settled again.

    Raises: NotFound (nothing stands). Locks: the settlement.
    """
    row = await uow.fetch_row(_WITHDRAW, command.run_id, uow.ctx.actor.id, uow.now, command.reason)
    if row is None:
        raise NotFound()
    await post(uow, JournalKind.CORRECTION, SOURCE, row["id"], await mirror(uow, row["entry_id"]))
    uow.audited("reconciliation_run", command.run_id, reason=command.reason)
    return await run_detail(uow, command.run_id)


async def _owed(uow: UnitOfWork, row: Record) -> Owed:
    if await uow.fetch_value(_UNSETTLED, row["id"]):
        raise DayNotEven()
    owed = await owed_for(uow, row)
    if owed is None:
        if row["matched_at"] is None and ReconciledChannel(row["channel"]).reaches_bank:
            raise DayNotEven()
        raise NothingArrives()
    return owed


def _arrival(owed: Owed, bank_fen: int) -> _Arrival:
    fee_fen = owed.clearing_fen - bank_fen
    if owed.bank_fen is not None and bank_fen != owed.bank_fen:
        raise ArrivedLess(expected_fen=owed.bank_fen)
    most_fen = abs(owed.clearing_fen) // FEE_ONE_IN
    # Where more went back than came in, the channel may give back some of what it had kept.
    least_fen = -most_fen if owed.clearing_fen < 0 else 0
    if owed.bank_fen is None and not least_fen <= fee_fen <= most_fen:
        raise ArrivedLess(expected_fen=owed.clearing_fen)
    return _Arrival(owed.clearing_fen, fee_fen, bank_fen)
