"""Reconciliation (对账): days with their three columns, differences, and what two persons did about them."""

from datetime import date
from typing import Any

from backend.api.staff.base import PagedQuery, Query, staff_routes
from backend.http.routing import SLOW, Call
from hospital_core.finance.reconciliation.commands import (
    ApproveDisposal,
    CheckDifference,
    ProposeDisposal,
    ReconcileDay,
    RejectDisposal,
    SettleDay,
    WithdrawSettlement,
)
from hospital_core.finance.reconciliation.disposing import approve_disposal, propose_disposal, reject_disposal
from hospital_core.finance.reconciliation.errors import (
    AlreadySettled,
    ArrivedBeforePaid,
    ArrivedLess,
    DayNotEven,
    DayNotReconciled,
    NothingArrives,
    NothingToAsk,
    OwnProposal,
    ProposalChanged,
)
from hospital_core.finance.reconciliation.outside import check_difference
from hospital_core.finance.reconciliation.queries import differences, proposals, run_detail, runs
from hospital_core.finance.reconciliation.service import reconcile_day
from hospital_core.finance.reconciliation.settling import settle_day, withdraw_settlement
from hospital_core.finance.reconciliation.states import DifferenceClass, DifferenceStatus
from hospital_core.finance.reconciliation.views import DifferenceChecked, DifferenceView, RunDetail, RunView
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.errors import NotFound, OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class SpanQuery(Query):
    """Which days."""

    first: date
    last: date


class DifferencesQuery(PagedQuery):
    """Which differences of a day."""

    kind: DifferenceClass | None = None
    status: DifferenceStatus | None = None


@routes.get("/reconciliations", view=Page[RunView], permission=Permission.RECONCILE_PROPOSE, query=SpanQuery)
async def reconciliations(call: Call[Any]) -> Page[RunView]:
    """The days of a span, each channel a line (对账日历), newest first."""
    return await runs(Reading(call.ctx), call.query.first, call.query.last)


@routes.post(
    "/reconciliations/run", view=Done, permission=Permission.RECONCILE_PROPOSE, command=ReconcileDay, idempotent=True,
    limit=SLOW, errors=(NotFound, DayNotReconciled),
)  # fmt: skip
async def reconcile_again(call: Call[ReconcileDay]) -> Done:
    """Fetch a day's bill and compare it again (重新对账); the worker does it within seconds."""
    return await run(call.ctx, reconcile_day, call.command)


@routes.get("/reconciliations/{run_id}", view=RunDetail, permission=Permission.RECONCILE_PROPOSE, errors=(NotFound,))
async def one_reconciliation(call: Call[Any]) -> RunDetail:
    """A channel's day: three columns, and its differences by kind (日对账单)."""
    return await run_detail(Reading(call.ctx), call.path["run_id"])


@routes.get(
    "/reconciliations/{run_id}/differences", view=Page[DifferenceView], permission=Permission.RECONCILE_PROPOSE,
    query=DifferencesQuery,
)  # fmt: skip
async def differences_of_day(call: Call[Any]) -> Page[DifferenceView]:
    """The differences of a day, by kind and state (差异明细)."""
    asked = call.query
    return await differences(Reading(call.ctx), call.path["run_id"], asked.kind, asked.status, asked.cursor)


@routes.post(
    "/reconciliations/{run_id}/settlement", view=RunDetail, permission=Permission.RECONCILE_APPROVE, command=SettleDay,
    idempotent=True, errors=(NotFound, NothingArrives, DayNotEven, ArrivedLess, ArrivedBeforePaid, AlreadySettled),
)  # fmt: skip
async def settle_channel_day(call: Call[SettleDay]) -> RunDetail:
    """The day's money is at the bank (到账入账): clearing becomes bank and fees."""
    return await run(call.ctx, settle_day, call.command)


@routes.post(
    "/reconciliations/{run_id}/settlement/withdraw", view=RunDetail, permission=Permission.RECONCILE_APPROVE,
    command=WithdrawSettlement, idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def withdraw_channel_settlement(call: Call[WithdrawSettlement]) -> RunDetail:
    """Take a wrong arrival back (冲回到账)."""
    return await run(call.ctx, withdraw_settlement, call.command)


@routes.get("/differences/proposed", view=Page[DifferenceView], permission=Permission.RECONCILE_PROPOSE)
async def proposed_disposals(call: Call[Any]) -> Page[DifferenceView]:
    """What waits for a second person (待复核)."""
    return await proposals(Reading(call.ctx))


@routes.post(
    "/differences/{difference_id}/propose", view=DifferenceView, permission=Permission.RECONCILE_PROPOSE,
    command=ProposeDisposal, idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def propose(call: Call[ProposeDisposal]) -> DifferenceView:
    """Say what was done about a difference (提出处理)."""
    return await run(call.ctx, propose_disposal, call.command)


@routes.post(
    "/differences/{difference_id}/approve", view=DifferenceView, permission=Permission.RECONCILE_APPROVE,
    command=ApproveDisposal, idempotent=True, errors=(NotFound, OwnProposal, ProposalChanged),
)  # fmt: skip
async def approve_disposal_of(call: Call[ApproveDisposal]) -> DifferenceView:
    """Agree to it, as another person (复核通过)."""
    return await run(call.ctx, approve_disposal, call.command)


@routes.post(
    "/differences/{difference_id}/reject", view=DifferenceView, permission=Permission.RECONCILE_APPROVE,
    command=RejectDisposal, idempotent=True, errors=(NotFound, ProposalChanged),
)  # fmt: skip
async def reject(call: Call[RejectDisposal]) -> DifferenceView:
    """Send it back with the reason (退回处理)."""
    return await run(call.ctx, reject_disposal, call.command)


@routes.post(
    "/differences/{difference_id}/check", view=DifferenceChecked, permission=Permission.RECONCILE_PROPOSE,
    command=CheckDifference, idempotent=True, limit=SLOW, errors=(NotFound, NothingToAsk, OutsideUnavailable),
)  # fmt: skip
async def check(call: Call[CheckDifference]) -> DifferenceChecked:
    """Ask the channel about one difference now (向渠道查询)."""
    return await check_difference(call.ctx, call.command)
