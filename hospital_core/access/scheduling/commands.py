"""What can be asked of scheduling."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from hospital_core.access.scheduling.pools import PoolQuota
from hospital_core.access.scheduling.states import DayPeriod, ServiceKind
from hospital_core.finance.payments.self_service_commands import PayHow
from hospital_core.kernel.commands import Command
from hospital_core.kernel.money import Fen


class MakeSchedule(Command):
    """Plan a session and its places (新增排班). Patients can book at once, or from ``released_at`` on (放号).

    Without ``period`` the part of the day follows from the start. ``pools`` keep places for channels.
    """

    department_id: UUID
    staff_id: UUID
    room_id: UUID
    service_kind: ServiceKind
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    price_item_id: UUID
    places: int = Field(ge=1, le=500)
    period: DayPeriod | None = None
    released_at: AwareDatetime | None = None
    sought_after: bool = False
    pools: tuple[PoolQuota, ...] = ()


class BookAppointment(Command):
    """Hold a place until it is paid (预约挂号); without ``slot_id`` the lowest free number."""

    patient_id: UUID
    schedule_id: UUID
    slot_id: UUID | None = None


class PayAppointment(Command):
    """Ask for the means to pay for a held place (支付挂号费)."""

    appointment_id: UUID
    payer_openid: str | None = Field(default=None, max_length=128)


class PayFee(Command):
    """Pay an appointment's fee from the phone (支付挂号费): by WeChat, from the card, or from both."""

    appointment_id: UUID
    how: PayHow = PayHow.WECHAT


class ShowFeeCode(Command):
    """Ask for a code that anybody can scan to pay an appointment's fee (扫码缴挂号费)."""

    appointment_id: UUID


class ChargeFeeCode(Command):
    """Be ready to charge a payment code that was scanned with an appointment's fee (付款码缴挂号费)."""

    appointment_id: UUID


class BillFee(Command):
    """Bill an appointment's fee at the window (窗口缴挂号费)."""

    appointment_id: UUID


class CancelAppointment(Command):
    """Give a place back (取消预约)."""

    appointment_id: UUID
    reason: str = Field(default="", max_length=40)


class RescheduleAppointment(Command):
    """Have another place instead (改约); without ``slot_id`` the lowest free number of the session."""

    appointment_id: UUID
    schedule_id: UUID
    slot_id: UUID | None = None


class RegisterWalkIn(Command):
    """Sell a place of a running session at the window for cash (现场挂号)."""

    patient_id: UUID
    schedule_id: UUID
    tender: Literal["cash"] = "cash"
    tendered_fen: Fen
    priority: str | None = Field(default=None, max_length=10)
