"""One patient in front of the kiosk (一次自助办理): what is known of them, and nothing after they leave."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from kiosk_agent.page_protocol import PagePayment, PageRefusal, PrintState, Stage
from kiosk_agent.protocol import SESSION_SECONDS, KioskAccount, KioskAppointment, KioskTicket, OpenSession

# The patient reads and taps; what they see is theirs only as long as their session.
IN_SESSION = frozenset({Stage.APPOINTMENTS, Stage.PAYING, Stage.ACCOUNTS, Stage.PROVEN})


@dataclass(frozen=True)
class Timing:
    """How long each page stays. Seconds."""

    session_s: float = SESSION_SECONDS
    idle_s: float = 60
    # A phone has to be found, its code scanned, a password typed: nobody touches the glass meanwhile.
    paying_s: float = 180
    payment_check_s: float = 2
    warning_s: float = 20
    refusal_s: float = 20
    result_s: float = 30
    result_waiting_s: float = 90
    farewell_s: float = 2.5
    card_left_s: float = 60
    link_grace_s: float = 2
    identify_s: float = 15


@dataclass(eq=False)
class Till:
    """One going to pay (一次缴费): what it shows, and the code that was held under the scanner since."""

    appointment_id: UUID
    shown: PagePayment
    code: str | None = field(default=None, repr=False)
    scanned: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, **changes: Any) -> None:
        """Shows something else of it."""
        self.shown = self.shown.model_copy(update=changes)

    def take_code(self) -> str | None:
        """The code that was scanned, once."""
        code, self.code = self.code, None
        self.scanned.clear()
        return code


@dataclass
class Visit:
    """The present visit; a new one is made for every patient, so nothing can be left over from the last."""

    number: int
    stage: Stage = Stage.HOME
    proof: OpenSession | None = field(default=None, repr=False)
    session_token: str | None = None
    session_ends_at: float = 0.0
    patient_name_masked: str = ""
    appointments: list[KioskAppointment] = field(default_factory=list)
    till: Till | None = None
    paid_fen: int | None = None
    accounts: list[KioskAccount] = field(default_factory=list)
    proven_account: KioskAccount | None = None
    refusal: PageRefusal | None = None
    ticket: KioskTicket | None = None
    job_id: str | None = None
    reprints: int = 0
    print_state: PrintState | None = None
    stage_since: float = field(default_factory=time.monotonic)
    touched_at: float = field(default_factory=time.monotonic)
    # One key per appointment or account: a second tap, or a retry after silence, is the same act.
    keys: dict[UUID, str] = field(default_factory=dict)

    def enter(self, stage: Stage) -> None:
        """Goes to a stage and starts its time."""
        self.stage = stage
        self.stage_since = self.touched_at = time.monotonic()

    def key_for(self, thing_id: UUID) -> str:
        """The Idempotency-Key of checking this appointment in, or of proving this account."""
        return self.keys.setdefault(thing_id, str(uuid4()))

    @property
    def has_unproven_accounts(self) -> bool:
        """Whether somebody's phone waits for the patient's word."""
        return any(not one.proven for one in self.accounts)

    def seconds_left(self, timing: Timing) -> float | None:
        """Until this page leaves by itself; None when it does not."""
        now = time.monotonic()
        if self.stage in IN_SESSION:
            idle_s = timing.paying_s if self.stage is Stage.PAYING else timing.idle_s
            return min(self.session_ends_at, self.touched_at + idle_s + timing.warning_s) - now
        if self.stage is Stage.REFUSED:
            return self.touched_at + timing.refusal_s - now
        if self.stage is Stage.RESULT:
            waits = self.print_state in {PrintState.PRINTING, PrintState.WAITING, PrintState.UNKNOWN, PrintState.FAILED}
            return self.touched_at + (timing.result_waiting_s if waits else timing.result_s) - now
        return None
