"""What the board of the day shows (今日看板)."""

from datetime import date, datetime
from uuid import UUID

from hospital_core.finance.payments.states import PaymentChannel
from hospital_core.kernel.commands import View


class BoardDepartment(View):
    """A department's day (科室概况). ``booked`` are places sold, missed ones too; ``arrived`` got a number."""

    department_id: UUID
    department: str
    places: int
    places_free: int
    booked: int
    no_show: int
    arrived: int
    waiting: int
    serving: int
    finished: int


class BoardCampus(View):
    """A campus that can be looked at alone (院区)."""

    id: UUID
    name: str


class BoardQuarter(View):
    """A quarter of an hour (一刻钟): who arrived, whose visit ended, and how many waited at its end or now."""

    starts_at: datetime
    arrived: int
    finished: int
    waiting: int


class BoardHour(View):
    """Money of one hour (每小时收款), 0–23 of the hospital's clock."""

    hour: int
    received_fen: int
    refunded_fen: int


class BoardTakings(View):
    """Money of one channel (渠道收款)."""

    channel: PaymentChannel
    received_fen: int
    received_count: int
    refunded_fen: int
    refunded_count: int


class BoardMoney(View):
    """Money that came and went (收退款), and what is still on its way: ``abnormal`` refunds wait for a person."""

    takings: list[BoardTakings]
    hours: list[BoardHour]
    payments_open: int
    payments_open_fen: int
    refunds_pending: int
    refunds_pending_fen: int
    refunds_abnormal: int


class BoardStopped(View):
    """A session that was stopped (停诊)."""

    schedule_id: UUID
    department: str
    doctor: str
    starts_at: datetime
    ends_at: datetime


class DayBoardView(View):
    """The hospital's day at a glance (今日看板). Holds no time of its own: an unchanged day is an unchanged answer.

    ``campus_id``: these are the figures of one campus; the campuses' together are the whole's, but for money that
    belongs to none of them (top-ups by phone).
    ``sessions`` and ``places`` are those that take place, ``held`` places whose payment is awaited. Waiting for places
    (候补) and unanswered changes of clinics are those of all coming days.
    """

    day: date
    campus_id: UUID | None
    campuses: list[BoardCampus]
    sessions: int
    places: int
    places_free: int
    held: int
    booked: int
    no_show: int
    arrived: int
    waiting: int
    called: int
    serving: int
    passed: int
    finished: int
    waitlist_waiting: int
    waitlist_offered: int
    disruptions_open: int
    stopped: list[BoardStopped]
    departments: list[BoardDepartment]
    quarters: list[BoardQuarter]
    money: BoardMoney
