"""What kiosk and hospital say to each other (自助机协议): the only module of the agent the server imports.

Two conversations: HTTP under ``/api/kiosk/v1`` (bodies and answers), and the frames of ``/ws/kiosk`` as far as a kiosk
uses them. What the agent and its page say to each other stands in ``page_protocol``.
"""

import base64
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

API_PREFIX = "/api/kiosk/v1"
SOCKET_PATH = "/ws/kiosk"
SESSION_HEADER = "X-Kiosk-Session"
SESSION_SECONDS = 120
PAYMENT_CODE = r"^1[0-5][0-9]{16}$"


class Body(BaseModel):
    """What a kiosk sends: nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """What the hospital answers: a newer server may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# -- the device: enrolment, proof of its key, token --------------------------------------------------------------


class EnrolmentStatus(StrEnum):
    """Whether a kiosk may work (设备状态)."""

    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"


class Enrolment(Body):
    """POST /enrolments (open): the one-time code and the public key made on the kiosk (设备注册)."""

    code: str = Field(min_length=4, max_length=64)
    public_key: str = Field(min_length=43, max_length=44, description="Ed25519, 32 bytes, base64url without padding")
    software: str = Field(max_length=40)


class Enrolled(Answer):
    """Answer to POST /enrolments."""

    device_id: UUID
    status: EnrolmentStatus


class ChallengeRequest(Body):
    """POST /device-challenges (open)."""

    device_id: UUID


class Challenge(Answer):
    """Answer to POST /device-challenges: a short-lived text to be signed once."""

    challenge: str = Field(min_length=16)


class TokenRequest(Body):
    """POST /device-tokens (open): the signature is Ed25519 over the UTF-8 bytes of the challenge, base64url."""

    device_id: UUID
    challenge: str
    signature: str = Field(min_length=86, max_length=88)


class DeviceToken(Answer):
    """Answer to POST /device-tokens; ``expires_in`` in seconds."""

    access_token: str
    expires_in: int


class DevicePlace(Answer):
    """Where the kiosk stands (安装位置)."""

    id: UUID | None = None
    name: str = ""


class KioskDevice(Answer):
    """GET /device: how the hospital calls this kiosk. ``hospital_name`` is printed on the slip."""

    id: UUID
    name: str
    status: EnrolmentStatus
    location: DevicePlace | None = None
    hospital_name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain_location(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("location"), str):
            return {**data, "location": {"name": data["location"]}}
        return data


class DeviceRefusal(StrEnum):
    """Codes by which the hospital refuses the device itself, as 401 or 403 (设备被拒)."""

    PENDING = "device.pending"
    REVOKED = "device.revoked"
    UNKNOWN = "device.unknown"
    BAD_SIGNATURE = "device.bad_signature"
    CODE_INVALID = "device.enrolment_code_invalid"


# -- one patient in front of the kiosk ---------------------------------------------------------------------------


class ProofKind(StrEnum):
    """How the patient proved who they are (身份核验方式)."""

    ID_CARD = "id_card"
    APPOINTMENT_QR = "appointment_qr"
    IDENTITY_CODE = "identity_code"


class OpenSession(Body):
    """POST /sessions (device token): a card that was read, or the QR text that a phone shows (开始自助会话).

    The text is an appointment's (预约二维码) or its patient's (就诊码).
    """

    proof: ProofKind
    document_no: str | None = Field(default=None, max_length=32)
    name: str | None = Field(default=None, max_length=60)
    qr: str | None = Field(default=None, max_length=256)

    @model_validator(mode="after")
    def _proof_present(self) -> "OpenSession":
        needed = self.document_no if self.proof is ProofKind.ID_CARD else self.qr
        if not needed:
            raise ValueError("an id_card needs document_no, a code needs qr")
        return self


class SessionOpened(Answer):
    """Answer to POST /sessions: shown only masked."""

    session_token: str
    expires_at: datetime
    patient_name_masked: str


class KioskTicketBrief(Answer):
    """That an appointment is already checked in."""

    display_no: str
    status: str = ""


class KioskAppointment(Answer):
    """One of the patient's appointments of today (当日预约)."""

    id: UUID
    starts_at: datetime
    department: str
    doctor: str | None = None
    title: str | None = None
    room: str | None = None
    campus: str | None = None
    number: int | None = None
    can_check_in: bool
    blocked_by: str | None = Field(default=None, description="a KioskRefusal when can_check_in is false")
    check_in_opens_at: datetime | None = Field(default=None, description="what who is too early comes back at")
    fee_due_fen: int | None = Field(default=None, description="to be paid first, which can be done here (到院缴费)")
    ticket: KioskTicketBrief | None = None


class KioskAppointments(Answer):
    """GET /appointments (device token, session): today's, in order of time."""

    items: list[KioskAppointment]


class CheckIn(Body):
    """POST /check-ins (device token, session, Idempotency-Key)."""

    appointment_id: UUID


class KioskTicket(Answer):
    """Answer to POST /check-ins: what the slip says (排队凭条)."""

    display_no: str
    department: str
    doctor: str | None = None
    area: str
    room: str | None = None
    ahead: int = Field(ge=0)
    checked_in_at: datetime
    patient_name_masked: str
    barcode: str = Field(min_length=1, max_length=64)


class FeeCode(Answer):
    """Answer to POST /appointments/{id}/payment (session, Idempotency-Key): what a phone scans (扫码缴费)."""

    amount_fen: int
    pay_until: datetime
    picture_svg: str = Field(max_length=20_000)


class PaymentCode(Body):
    """POST /appointments/{id}/payment-code (device token, session, Idempotency-Key): a phone's code (付款码).

    It pays for a minute whatever is asked of it: it is in nothing that is shown, logged or kept.
    """

    auth_code: str = Field(pattern=PAYMENT_CODE, repr=False)


class FeePaid(Answer):
    """Answer to POST /appointments/{id}/payment-check and …/payment-code: whether the money is there (到账).

    ``awaited_fen``: not known yet, the holder of a payment code is to confirm so much on the phone.
    """

    paid: bool
    awaited_fen: int | None = None


class KioskAccount(Answer):
    """A WeChat account that says it may act for the patient (关联的微信账户).

    ``relation`` is what the patient is to its holder; without a telephone number nobody can tell whose it is.
    """

    account_id: UUID
    phone_masked: str | None = None
    relation: str
    linked_at: datetime
    proven: bool


class KioskAccounts(Answer):
    """GET /accounts (device token, session opened by a card): unproven ones first."""

    items: list[KioskAccount]


class LinksProven(Answer):
    """Answer to POST /accounts/{account_id}/prove (device token, session opened by a card, Idempotency-Key)."""

    proven: int


class KioskRefusal(StrEnum):
    """Why a kiosk says no (自助机拒绝原因): closed, each has its own plain words on the page.

    The first block is answered by the hospital as ``code`` of a problem; the second is found by the agent itself.
    """

    PATIENT_NOT_FOUND = "kiosk.patient_not_found"
    NAME_MISMATCH = "kiosk.name_mismatch"
    DOCUMENT_INVALID = "kiosk.document_invalid"
    TOO_MANY_ATTEMPTS = "kiosk.too_many_attempts"
    QR_INVALID = "kiosk.qr_invalid"
    QR_EXPIRED = "kiosk.qr_expired"
    QR_USED = "kiosk.qr_used"
    SESSION_ENDED = "kiosk.session_ended"
    TOO_EARLY = "kiosk.too_early"
    TOO_LATE = "kiosk.too_late"
    NOT_TODAY = "kiosk.not_today"
    NOT_PAID = "kiosk.not_paid"
    FEE_DUE = "kiosk.fee_due"
    PAY_AT_WINDOW = "kiosk.pay_at_window"
    APPOINTMENT_CANCELLED = "kiosk.appointment_cancelled"
    ALREADY_CHECKED_IN = "kiosk.already_checked_in"
    ALREADY_SEEN = "kiosk.already_seen"
    APPOINTMENT_NOT_FOUND = "kiosk.appointment_not_found"
    CLINIC_STOPPED = "kiosk.clinic_stopped"
    ONLINE_VISIT = "kiosk.online_visit"
    WRONG_CAMPUS = "kiosk.wrong_campus"
    CARD_NEEDED = "kiosk.card_needed"
    LINK_UNPROVEN = "kiosk.link_unproven"
    ACCOUNT_NOT_FOUND = "kiosk.account_not_found"
    PAYMENT_CODE_INVALID = "kiosk.payment_code_invalid"
    PAYMENT_CODE_EXPIRED = "kiosk.payment_code_expired"
    BALANCE_TOO_LOW = "kiosk.balance_too_low"
    PAYMENT_REFUSED = "kiosk.payment_refused"
    BUSY = "kiosk.busy"

    NO_APPOINTMENT_TODAY = "kiosk.no_appointment_today"
    UNKNOWN_CODE = "kiosk.unknown_code"
    CARD_UNREADABLE = "kiosk.card_unreadable"
    NOT_A_PAYMENT_CODE = "kiosk.not_a_payment_code"
    PAYMENT_NOT_MADE = "kiosk.payment_not_made"
    PAID_NO_NUMBER = "kiosk.paid_no_number"
    OUTCOME_UNKNOWN = "kiosk.outcome_unknown"
    UNAVAILABLE = "kiosk.unavailable"


class Problem(Answer):
    """RFC 9457 problem as the hospital writes it."""

    title: str = ""
    status: int = 500
    code: str = ""
    request_id: str | None = None


# -- the hospital's socket ---------------------------------------------------------------------------------------


def device_topic(device_id: UUID) -> str:
    """The live topic on which the hospital speaks to one device."""
    return f"device:{device_id}"


class CloseCode:
    """Close codes of /ws/* (关闭码)."""

    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    NO_AUTH_IN_TIME = 4408
    TOO_SLOW = 4429


class DeviceCommand(StrEnum):
    """``data.command`` of a change on the device's topic."""

    IDENTIFY = "identify"
    RELOAD = "reload"


def encode_bytes(data: bytes) -> str:
    """Keys and signatures as text: base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_bytes(text: str) -> bytes:
    """The reverse of `encode_bytes`; padding is tolerated."""
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
