"""The cashier's own desk (收费员): drawers, shifts, receipts, the end of the day."""

from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.finance.ledger.commands import CloseDay, Correct
from hospital_core.finance.ledger.errors import (
    AccountingDayClosed,
    AlreadyJournalled,
    CorrectedByItsDocument,
    DayAlreadyClosed,
    DayNotOver,
    EarlierDayOpen,
)
from hospital_core.finance.ledger.queries import correctable_journals
from hospital_core.finance.ledger.views import ClosedDayView, CorrectableJournal, JournalRef
from hospital_core.finance.payments.commands import (
    CloseShift,
    DepositCash,
    OpenShift,
    PayOutRefund,
    SaveDrawer,
    VoidReceipt,
)
from hospital_core.finance.payments.errors import (
    AlreadyVoided,
    DrawerCodeTaken,
    DrawerNotUsable,
    DrawerTaken,
    NotEnoughCash,
    NotPaidOutHere,
    ShiftAlreadyOpen,
    ShiftNotOpen,
    ShiftsStillOpen,
)
from hospital_core.finance.payments.queries import drawers, own_shift, refunds_to_pay_out
from hospital_core.finance.payments.report_views import (
    AccountingDaysView,
    DayReportView,
    MyShiftView,
    SeriesReportView,
    ShiftReportView,
)
from hospital_core.finance.payments.reports import accounting_days, day_report, series_report, shift_report
from hospital_core.finance.payments.service import (
    close_accounting_day,
    close_shift,
    correct_journal,
    deposit_cash,
    open_shift,
    pay_out_refund,
    save_drawer,
    void_receipt,
)
from hospital_core.finance.payments.views import DrawerView, ReceiptView, RefundToPayOut, RefundView, ShiftView
from hospital_core.kernel.commands import Day, Page
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class DayQuery(Query):
    """Which accounting day."""

    day: Day


class SeriesQuery(Query):
    """Which drawer's receipts of which day."""

    drawer_id: UUID
    day: Day


@routes.get("/drawers", view=Page[DrawerView], permission=Permission.CASH_DESK)
async def all_drawers(call: Call[Any]) -> Page[DrawerView]:
    """Places where money is taken (收款点), with who works there."""
    return await drawers(Reading(call.ctx))


@routes.post(
    "/drawers", view=DrawerView, permission=Permission.DAY_CLOSE, command=SaveDrawer, idempotent=True,
    errors=(DrawerCodeTaken, FieldProblem),
)  # fmt: skip
async def keep_drawer(call: Call[SaveDrawer]) -> DrawerView:
    """Create or change a drawer (收款点维护)."""
    return await run(call.ctx, save_drawer, call.command)


@routes.get("/my/shift", view=MyShiftView, permission=Permission.CASH_TAKE)
async def my_shift(call: Call[Any]) -> MyShiftView:
    """My open shift with what it took so far (当前班次)."""
    mine = await own_shift(Reading(call.ctx))
    return MyShiftView(open=await shift_report(Reading(call.ctx), mine.id) if mine else None)


@routes.post(
    "/shifts", view=ShiftView, permission=Permission.CASH_TAKE, command=OpenShift, idempotent=True,
    errors=(NotFound, DrawerNotUsable, DrawerTaken, ShiftAlreadyOpen, AccountingDayClosed),
)  # fmt: skip
async def begin_shift(call: Call[OpenShift]) -> ShiftView:
    """Begin to work at a drawer (开班)."""
    return await run(call.ctx, open_shift, call.command)


@routes.post(
    "/shifts/{shift_id}/close", view=ShiftView, permission=Permission.CASH_DESK, command=CloseShift, idempotent=True,
    errors=(NotFound, ShiftNotOpen, FieldProblem, AccountingDayClosed),
)  # fmt: skip
async def end_shift(call: Call[CloseShift]) -> ShiftView:
    """End a shift with what was counted (结班)."""
    return await run(call.ctx, close_shift, call.command)


@routes.get("/shifts/{shift_id}/report", view=ShiftReportView, permission=Permission.CASH_DESK, errors=(NotFound,))
async def report_of_shift(call: Call[Any]) -> ShiftReportView:
    """A shift's report (班结单)."""
    return await shift_report(Reading(call.ctx), call.path["shift_id"])


@routes.post(
    "/cash-deposits", view=JournalRef, permission=Permission.CASH_TAKE, command=DepositCash, idempotent=True,
    errors=(ShiftNotOpen, NotEnoughCash, AccountingDayClosed),
)  # fmt: skip
async def deposit_in_bank(call: Call[DepositCash]) -> JournalRef:
    """Take cash from my drawer to the bank (缴款)."""
    return await run(call.ctx, deposit_cash, call.command)


@routes.get("/refunds/waiting", view=Page[RefundToPayOut], permission=Permission.CASH_DESK)
async def refunds_waiting(call: Call[Any]) -> Page[RefundToPayOut]:
    """Refunds that wait at the window (待退付)."""
    return await refunds_to_pay_out(Reading(call.ctx))


@routes.post(
    "/refunds/{refund_id}/pay-out", view=RefundView, permission=Permission.CASH_TAKE, command=PayOutRefund,
    idempotent=True, errors=(NotFound, ShiftNotOpen, NotPaidOutHere, NotEnoughCash, StateConflict, FieldProblem),
)  # fmt: skip
async def pay_out(call: Call[PayOutRefund]) -> RefundView:
    """Give a promised refund over the counter (窗口退付)."""
    return await run(call.ctx, pay_out_refund, call.command)


@routes.post(
    "/receipts/{receipt_id}/void", view=ReceiptView, permission=Permission.CASH_TAKE, command=VoidReceipt,
    idempotent=True, errors=(NotFound, AlreadyVoided),
)  # fmt: skip
async def make_receipt_void(call: Call[VoidReceipt]) -> ReceiptView:
    """Make a receipt void (作废收据)."""
    return await run(call.ctx, void_receipt, call.command)


@routes.get(
    "/receipt-series", view=SeriesReportView, permission=Permission.CASH_DESK, query=SeriesQuery, errors=(NotFound,)
)
async def receipt_numbers(call: Call[Any]) -> SeriesReportView:
    """Every receipt number of a drawer and day (收据号段核对)."""
    return await series_report(Reading(call.ctx), call.query.drawer_id, call.query.day)


@routes.get("/day-report", view=DayReportView, permission=Permission.DAY_CLOSE, query=DayQuery)
async def report_of_day(call: Call[Any]) -> DayReportView:
    """An accounting day's report (日报表), before and after it is closed."""
    return await day_report(Reading(call.ctx), call.query.day)


@routes.get("/accounting-days", view=AccountingDaysView, permission=Permission.DAY_CLOSE)
async def days_closed(call: Call[Any]) -> AccountingDaysView:
    """Closed accounting days, and which is to be closed next (日结进度)."""
    return await accounting_days(Reading(call.ctx))


@routes.post(
    "/accounting-days/close", view=ClosedDayView, permission=Permission.DAY_CLOSE, command=CloseDay, idempotent=True,
    errors=(DayNotOver, DayAlreadyClosed, EarlierDayOpen, ShiftsStillOpen),
)  # fmt: skip
async def end_day(call: Call[CloseDay]) -> ClosedDayView:
    """Close an accounting day (日结)."""
    return await run(call.ctx, close_accounting_day, call.command)


@routes.get("/journals", view=Page[CorrectableJournal], permission=Permission.DAY_CLOSE, query=DayQuery)
async def journals_to_correct(call: Call[Any]) -> Page[CorrectableJournal]:
    """Journals of a day that only a red correction can set right (可红冲凭证)."""
    return Page(items=await correctable_journals(Reading(call.ctx), call.query.day))


@routes.post(
    "/journals/{entry_id}/correct", view=JournalRef, permission=Permission.DAY_CLOSE, command=Correct, idempotent=True,
    errors=(NotFound, CorrectedByItsDocument, AlreadyJournalled, AccountingDayClosed, NotEnoughCash),
)  # fmt: skip
async def red_correction(call: Call[Correct]) -> JournalRef:
    """Correct a journal by its mirror image (红字更正)."""
    return await run(call.ctx, correct_journal, call.command)
