"""The cashier's printed reports (收费报表). Units: fen."""

from datetime import date, datetime

from hospital_core.finance.ledger.views import AccountDay
from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.finance.payments.views import ReceiptView, ShiftView
from hospital_core.kernel.commands import View
from hospital_core.registry.catalogue.states import FeeCategory


class TakingsRow(View):
    """What one cashier took and gave back by one channel (收款汇总); without drawer: phones, kiosks, the house."""

    drawer_code: str | None
    cashier: str | None
    channel: PaymentChannel
    received_fen: int
    received_count: int
    refunded_fen: int
    refunded_count: int


class CategoryRow(View):
    """Revenue of one fee category (分类收入): billed, and taken back by reversal or refund."""

    category: FeeCategory
    charged_fen: int
    returned_fen: int


class SeriesRow(View):
    """The receipts of one drawer on one day (收据号段). ``amount_fen``: of what stands, less what went back."""

    drawer_code: str
    first_no: str
    last_no: str
    issued: int
    voided: int
    amount_fen: int
    voided_nos: list[str]


class ShiftReportView(View):
    """One shift as it is signed for (班结单): opening + in − out − deposited = expected."""

    shift: ShiftView
    cash_in_fen: int
    cash_out_fen: int
    deposited_fen: int
    expected_fen: int
    takings: list[TakingsRow]
    receipts: list[SeriesRow]


class MyShiftView(View):
    """The shift of whoever asks (我的班次); None: they have none open."""

    open: ShiftReportView | None


class ClosedDayBrief(View):
    """A closed accounting day in a list (已结日): who closed it, and the day's revenue after what was taken back."""

    day: date
    closed_at: datetime
    closed_by: str | None
    revenue_fen: int


class AccountingDaysView(View):
    """How far the days are closed (日结进度). ``next_day``: the one to be closed now."""

    next_day: date
    closed: list[ClosedDayBrief]


class DayReportView(View):
    """One accounting day as it is printed (日报表): by drawer and cashier, channel, category, receipts, accounts."""

    day: date
    closed: bool
    closed_at: datetime | None
    closed_by: str | None
    takings: list[TakingsRow]
    categories: list[CategoryRow]
    receipts: list[SeriesRow]
    shifts: list[ShiftView]
    accounts: list[AccountDay]


class SeriesReceipt(ReceiptView):
    """A receipt in its series, with whose it is (收据登记)."""

    patient_no: str
    patient_name_masked: str


class SeriesReportView(View):
    """Every number of a drawer's series of a day (收据号段核对); ``missing`` ones would be unexplained."""

    drawer_code: str
    day: date
    last_number: int
    missing: list[int]
    receipts: list[SeriesReceipt]
