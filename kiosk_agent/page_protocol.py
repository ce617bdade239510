"""What the agent and its page say to each other on ``/agent`` (页面协议); mirrored by ``web/src/protocol.ts``."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from kiosk_agent.protocol import Answer, Body, KioskAccount, KioskAppointment, KioskTicket


class Stage(StrEnum):
    """What the page shows (页面阶段)."""

    STARTING = "starting"
    UNREGISTERED = "unregistered"
    PENDING = "pending"
    PAUSED = "paused"
    HOME = "home"
    BUSY = "busy"
    APPOINTMENTS = "appointments"
    PAYING = "paying"
    ACCOUNTS = "accounts"
    PROVEN = "proven"
    REFUSED = "refused"
    RESULT = "result"
    FAREWELL = "farewell"


class PauseReason(StrEnum):
    """Why the kiosk is out of service (暂停原因)."""

    SERVER_UNREACHABLE = "server_unreachable"
    REVOKED = "revoked"


class PrintState(StrEnum):
    """What the patient is told of the slip (打印状态)."""

    PRINTING = "printing"
    WAITING = "waiting"
    PRINTED = "printed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class PageDevice(Answer):
    """One device as the page shows it."""

    kind: str
    name: str
    state: str
    detail: str = ""


class PageRefusal(Answer):
    """A refusal: the page has its own words for a known code, ``title`` is for the others."""

    code: str
    title: str = ""
    request_id: str | None = None


class PagePayment(Answer):
    """The fee that is being paid (扫码缴费): for which appointment, how much, the code as a picture.

    Without a picture a payment code was scanned; ``awaits_phone``: its holder is to confirm. ``notice``: why the last
    code did not pay, a KioskRefusal; another may be shown.
    """

    department: str
    amount_fen: int
    picture_svg: str | None = None
    awaits_phone: bool = False
    notice: str | None = None


class PageState(Answer):
    """Everything the page shows; pushed whole at each change, so a page never holds anything of its own."""

    stage: Stage
    visit: int = 0
    hospital_name: str = ""
    device_name: str = ""
    place: str = ""
    is_simulated: bool = False
    is_online: bool = False
    pause_reason: PauseReason | None = None
    public_key_short: str = ""
    devices: list[PageDevice] = []
    patient_name_masked: str = ""
    appointments: list[KioskAppointment] = []
    payment: PagePayment | None = None
    paid_fen: int | None = None
    accounts: list[KioskAccount] = []
    proven_account: KioskAccount | None = None
    refusal: PageRefusal | None = None
    ticket: KioskTicket | None = None
    print_state: PrintState | None = None
    can_reprint: bool = False
    card_left: bool = False
    seconds_left: int | None = None
    is_warning: bool = False
    can_continue: bool = False
    is_identified: bool = False
    server_time: datetime | None = None


class StateMessage(Answer):
    """Agent → page."""

    v: Literal[1] = 1
    type: Literal["state"] = "state"
    seq: int
    data: PageState


class ReloadMessage(Answer):
    """Agent → page: fetch the page anew."""

    v: Literal[1] = 1
    type: Literal["reload"] = "reload"
    seq: int


class _FromPage(Body):
    v: Literal[1] = 1


class PageScan(_FromPage):
    """A keyboard-wedge scanner typed a code into the page."""

    type: Literal["scan"]
    text: str = Field(min_length=1, max_length=512, repr=False)


class PageCheckIn(_FromPage):
    """The patient tapped 签到."""

    type: Literal["check_in"]
    appointment_id: UUID


class PagePay(_FromPage):
    """The patient tapped 缴费取号."""

    type: Literal["pay"]
    appointment_id: UUID


class PageProve(_FromPage):
    """The patient said that this account's phone is theirs or their family's (核验)."""

    type: Literal["prove"]
    account_id: UUID


class PageAct(_FromPage):
    """A tap without data.

    ``touch`` any sign of life, ``leave`` 退出, ``accounts`` 核验手机关联, ``back`` 返回预约, ``reprint`` 重新打印,
    ``slip_taken`` 已拿到.
    """

    type: Literal["touch", "leave", "accounts", "back", "reprint", "slip_taken", "ping"]


FromPage = PageScan | PageCheckIn | PagePay | PageProve | PageAct
PageMessage = Annotated[FromPage, Field(discriminator="type")]
