"""What readers of paper copies see."""

from datetime import datetime
from uuid import UUID

from hospital_core.finance.einvoicing.states import PaperStatus
from hospital_core.kernel.commands import View


class PaperStockView(View):
    """A range of blanks of a drawer (领用的票据). ``next_no`` is on top, None when all are used.

    ``mine``: of the drawer at which the reader works now; ``on_top``: the range its drawer draws from. ``returned_no``:
    the first of ``returned_count`` blanks that came back unused (退回).
    """

    id: UUID
    drawer_id: UUID
    drawer: str
    batch_code: str
    first_no: str
    last_no: str
    next_no: str | None
    left: int
    void_count: int
    waiting: int
    mine: bool
    on_top: bool
    handed_out_at: datetime
    handed_out_by: str | None
    returned_no: str | None
    returned_count: int
    returned_at: datetime | None
    returned_by: str | None
    return_reason: str | None


class PaperCopyView(View):
    """One blank that was used (用票记录). Without ``bill_no`` it was spoiled before."""

    id: UUID
    stock_id: UUID
    paper_no: str
    status: PaperStatus
    e_invoice_id: UUID | None
    bill_no: str | None
    asked_at: datetime
    asked_by: str | None
    printed_at: datetime | None
    void_reason: str | None
    void_by: str | None
    voided_at: datetime | None
    failure_code: str | None
    failure_text: str | None


class PaperTryView(View):
    """A call may be made; ``tries_before`` > 0: an earlier one may have acted. ``status`` None: nothing to do."""

    tries_before: int
    status: PaperStatus | None
