"""What is done about differences (差异处理): one person proposes, another decides."""

from asyncpg import Record

from hospital_core.finance.reconciliation.commands import ApproveDisposal, ProposeDisposal, RejectDisposal
from hospital_core.finance.reconciliation.errors import OwnProposal, ProposalChanged
from hospital_core.finance.reconciliation.queries import difference
from hospital_core.finance.reconciliation.states import DIFFERENCE
from hospital_core.finance.reconciliation.views import DifferenceView
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork

# The guard of the second person; the CHECK difference_two_persons has the last word.
_APPROVE = f"""
UPDATE reconciliation_difference
SET status = {DIFFERENCE.target_sql("approve")}, decided_by = $2, decided_at = $3, version = version + 1
WHERE id = $1 AND {DIFFERENCE.sources_sql("approve")} AND version = $4 AND proposed_by <> $2 RETURNING id"""

_REJECT = f"""
UPDATE reconciliation_difference
SET status = {DIFFERENCE.target_sql("reject")}, rejection = $5, disposal = NULL, note = NULL, proposed_by = NULL,
    proposed_at = NULL, decided_by = $2, decided_at = $3, version = version + 1
WHERE id = $1 AND {DIFFERENCE.sources_sql("reject")} AND version = $4 RETURNING id"""


async def propose_disposal(uow: UnitOfWork, command: ProposeDisposal) -> DifferenceView:
    """Say what was done about a difference (提出处理); it counts once another person agrees.

    Raises: Forbidden, NotFound, StateConflict.
    """
    actor_id = uow.ctx.actor.id
    if actor_id is None:
        raise Forbidden()
    await transition(
        uow, DIFFERENCE, "propose", command.difference_id, disposal=command.disposal.value, note=command.note,
        proposed_by=actor_id, proposed_at=uow.now, decided_by=None, decided_at=None, rejection=None,
    )  # fmt: skip
    uow.audited("reconciliation_difference", command.difference_id, reason=command.disposal.value)
    return await difference(uow, command.difference_id)


async def approve_disposal(uow: UnitOfWork, command: ApproveDisposal) -> DifferenceView:
    """Agree to what was proposed (复核通过), as another person than the one who proposed it.

    Raises: Forbidden, NotFound, OwnProposal, ProposalChanged.
    """
    actor_id = uow.ctx.actor.id
    if actor_id is None:
        raise Forbidden()
    if await uow.fetch_row(_APPROVE, command.difference_id, actor_id, uow.now, command.version) is None:
        known = await _known(uow, command)
        if known["status"] == "proposed" and known["version"] == command.version:
            raise OwnProposal()
        raise ProposalChanged()
    uow.audited("reconciliation_difference", command.difference_id)
    return await difference(uow, command.difference_id)


async def reject_disposal(uow: UnitOfWork, command: RejectDisposal) -> DifferenceView:
    """Send a proposal back with the reason (退回处理); its own author may take it back in the same way.

    Raises: Forbidden, NotFound, ProposalChanged.
    """
    actor_id = uow.ctx.actor.id
    if actor_id is None:
        raise Forbidden()
    row = await uow.fetch_row(_REJECT, command.difference_id, actor_id, uow.now, command.version, command.reason)
    if row is None:
        await _known(uow, command)
        raise ProposalChanged()
    uow.audited("reconciliation_difference", command.difference_id, reason=command.reason)
    return await difference(uow, command.difference_id)


async def _known(uow: UnitOfWork, command: ApproveDisposal | RejectDisposal) -> Record:
    row = await uow.fetch_row(
        "SELECT status, version FROM reconciliation_difference WHERE id = $1", command.difference_id
    )
    if row is None:
        raise NotFound()
    return row
