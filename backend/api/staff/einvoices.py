"""E-invoices at the cashier's desk (电子票据): where each stands, sending failed ones again, comparing a day."""

from typing import Any

from backend.api.staff.base import PagedQuery, staff_routes
from backend.http.routing import SLOW, Call
from hospital_core.finance.einvoicing.checking import check_day
from hospital_core.finance.einvoicing.commands import CheckDay, IssueEInvoice, RetryEInvoice
from hospital_core.finance.einvoicing.errors import DayNotOver, EInvoiceExists, EInvoiceNotPaid, EInvoicingOff
from hospital_core.finance.einvoicing.queries import check, checks, counts, e_invoices
from hospital_core.finance.einvoicing.service import issue_e_invoice, retry_e_invoice, retry_unanswered
from hospital_core.finance.einvoicing.states import EInvoiceStatus
from hospital_core.finance.einvoicing.views import (
    EInvoiceCheckDetail,
    EInvoiceCheckView,
    EInvoiceCounts,
    EInvoiceRow,
    RetriedView,
)
from hospital_core.kernel.commands import Empty, Page
from hospital_core.kernel.errors import NotFound, OutsideUnavailable, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()
_MANAGE = Permission.E_INVOICE_MANAGE


class EInvoicesQuery(PagedQuery):
    """``status``: one of them; ``waiting``: those that wait for a person. ``number``: of bill, e-invoice or patient."""

    status: EInvoiceStatus | None = None
    waiting: bool = False
    number: str = ""

    @property
    def statuses(self) -> list[EInvoiceStatus] | None:
        """The states that are asked for."""
        return [self.status] if self.status and not self.waiting else None


@routes.get(
    "/e-invoices", view=Page[EInvoiceRow], permission=_MANAGE, query=EInvoicesQuery, audit="e_invoices.read"
)  # fmt: skip
async def list_e_invoices(call: Call[Any]) -> Page[EInvoiceRow]:
    """E-invoices, newest first (电子票据)."""
    query = call.query
    return await e_invoices(Reading(call.ctx), query.statuses, query.number, query.cursor, waiting=query.waiting)


@routes.get("/e-invoices/counts", view=EInvoiceCounts, permission=_MANAGE)
async def e_invoice_counts(call: Call[Any]) -> EInvoiceCounts:
    """How many are under way and how many wait for a person (待办数)."""
    return await counts(Reading(call.ctx))


@routes.post(
    "/invoices/{invoice_id}/e-invoice", view=EInvoiceRow, permission=_MANAGE, command=IssueEInvoice, idempotent=True,
    errors=(NotFound, EInvoicingOff, EInvoiceNotPaid, EInvoiceExists),
)  # fmt: skip
async def post_e_invoice(call: Call[IssueEInvoice]) -> EInvoiceRow:
    """Ask for the e-invoice of a settled bill that has none (补开)."""
    return await run(call.ctx, issue_e_invoice, call.command)


@routes.post(
    "/e-invoices/{e_invoice_id}/retry", view=EInvoiceRow, permission=_MANAGE, command=RetryEInvoice, idempotent=True,
    errors=(NotFound, EInvoicingOff, StateConflict),
)  # fmt: skip
async def retry_einvoice(call: Call[RetryEInvoice]) -> EInvoiceRow:
    """Send a failed one on its way again, under its own number (重试)."""
    return await run(call.ctx, retry_e_invoice, call.command)


@routes.post(
    "/e-invoices/retry-unanswered", view=RetriedView, permission=_MANAGE, idempotent=True, limit=SLOW,
    errors=(EInvoicingOff,),
)  # fmt: skip
async def retry_all(call: Call[Empty]) -> RetriedView:
    """Send all that got no answer on their way again (批量重试), after the platform was away."""
    return await run(call.ctx, retry_unanswered, call.command)


@routes.get("/e-invoice-checks", view=Page[EInvoiceCheckView], permission=_MANAGE)
async def list_checks(call: Call[Any]) -> Page[EInvoiceCheckView]:
    """The latest check of each day (日核对)."""
    return await checks(Reading(call.ctx))


@routes.get("/e-invoice-checks/{check_id}", view=EInvoiceCheckDetail, permission=_MANAGE, errors=(NotFound,))
async def get_check(call: Call[Any]) -> EInvoiceCheckDetail:
    """A check with every difference (核对明细)."""
    return await check(Reading(call.ctx), call.path["check_id"])


@routes.post(
    "/e-invoice-checks", view=EInvoiceCheckDetail, permission=_MANAGE, command=CheckDay, idempotent=True, limit=SLOW,
    errors=(EInvoicingOff, DayNotOver, OutsideUnavailable),
)  # fmt: skip
async def post_check(call: Call[CheckDay]) -> EInvoiceCheckDetail:
    """Compare a day with the platform now (立即核对)."""
    return await check_day(call.ctx, call.command)
