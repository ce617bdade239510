"""What happens at the kiosk (自助流程): card or code → session → today's appointments → check-in → slip → leave.

On the way a patient with a card may prove that a phone which is linked to their file is theirs (核验手机关联).
The page is a picture of `PageState` and decides nothing. Offline, nothing is done but the printing of what was
already committed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from kiosk_agent import protocol
from kiosk_agent.asking import Asking
from kiosk_agent.devices.base import CardEvent, CardUnreadable, ScanEvent
from kiosk_agent.hospital import Hospital, HospitalRefused, HospitalUnreachable
from kiosk_agent.link import Standing
from kiosk_agent.page_protocol import (
    FromPage,
    PageAct,
    PageCheckIn,
    PageDevice,
    PagePay,
    PageProve,
    PageRefusal,
    PageScan,
    PageState,
    PauseReason,
    PrintState,
    Stage,
)
from kiosk_agent.paying import Paying
from kiosk_agent.printing import PrintWorker, print_state_of
from kiosk_agent.protocol import DeviceCommand, KioskRefusal, OpenSession, ProofKind
from kiosk_agent.spool import Spool
from kiosk_agent.supervisor import DeviceSupervisor, SourceEvent
from kiosk_agent.visit import IN_SESSION, Timing, Visit

log = logging.getLogger("kiosk.flow")

# What a phone can show: the code of an appointment, or of its patient.
_CODES = {"HSP1.K.": ProofKind.APPOINTMENT_QR, "HSP1.I.": ProofKind.IDENTITY_CODE}
_CODE_LENGTH_MAX = 256
_TICK_S = 0.25
_OPEN_TO_NEXT = {Stage.HOME, Stage.REFUSED, Stage.RESULT}
_BLOCKED = {
    Standing.STARTING: (Stage.STARTING, None),
    Standing.UNREGISTERED: (Stage.UNREGISTERED, None),
    Standing.PENDING: (Stage.PENDING, None),
    Standing.REVOKED: (Stage.PAUSED, PauseReason.REVOKED),
    Standing.OFFLINE: (Stage.PAUSED, PauseReason.SERVER_UNREACHABLE),
}


class Flow(Asking):
    """The one patient flow of this kiosk; ``publish()`` is called whenever the page must be drawn anew."""

    def __init__(
        self,
        hospital: Hospital,
        spool: Spool,
        *,
        timing: Timing,
        is_simulated: bool,
        hospital_name: str,
        public_key: str,
        publish: Callable[[], None],
        reload_pages: Callable[[], None],
    ) -> None:
        self._hospital, self._spool, self._timing = hospital, spool, timing
        self._is_simulated, self._public_key = is_simulated, public_key
        self._hospital_name = hospital_name
        self.publish, self._reload_pages = publish, reload_pages
        self._visit = Visit(0)
        self._identified_until = 0.0
        self._background: set[asyncio.Task[None]] = set()
        self._paying = Paying(self, self, hospital, timing)
        self.supervisor: DeviceSupervisor
        self.printing: PrintWorker

    # -- what the page shows ----------------------------------------------------------------------------------

    @property
    def hospital_name(self) -> str:
        """What stands on top of the slip."""
        device = self.link.device
        return (device.hospital_name if device is not None else "") or self._hospital_name

    def _standing(self) -> tuple[Stage, PauseReason | None] | None:
        if self.link.is_usable(self._timing.link_grace_s):
            return None
        return _BLOCKED.get(self.link.standing, (Stage.PAUSED, PauseReason.SERVER_UNREACHABLE))

    def page_state(self) -> PageState:
        """Everything the page shows now."""
        visit, device = self._visit, self.link.device
        blocked = self._standing()
        stage, reason = (visit.stage, None) if blocked is None or visit.ticket is not None else blocked
        if stage is not visit.stage:
            # Out of service in the middle of a visit: the patient leaves the glass at once.
            visit = Visit(visit.number, stage)
        left = visit.seconds_left(self._timing)
        return PageState(
            stage=stage,
            visit=visit.number,
            hospital_name=self.hospital_name,
            device_name=device.name if device is not None else "",
            place=device.location.name if device is not None and device.location is not None else "",
            is_simulated=self._is_simulated,
            is_online=self.link.standing is Standing.ONLINE,
            pause_reason=reason,
            public_key_short=self._public_key[:8],
            devices=[
                PageDevice(kind=one.driver.kind, name=one.name, state=one.status.state, detail=one.status.detail)
                for one in self.supervisor.devices
            ],
            patient_name_masked=visit.patient_name_masked,
            appointments=visit.appointments,
            payment=visit.till.shown if stage is Stage.PAYING and visit.till is not None else None,
            paid_fen=visit.paid_fen,
            accounts=visit.accounts,
            proven_account=visit.proven_account,
            refusal=visit.refusal,
            ticket=visit.ticket,
            print_state=visit.print_state,
            can_reprint=visit.print_state in {PrintState.FAILED, PrintState.UNKNOWN},
            card_left=self.supervisor.is_card_present,
            seconds_left=None if left is None else max(0, round(left)),
            is_warning=stage in IN_SESSION and left is not None and left <= self._timing.warning_s,
            can_continue=visit.session_ends_at - time.monotonic() > self._timing.warning_s,
            is_identified=time.monotonic() < self._identified_until,
            server_time=self.link.now(),
        )

    # -- what comes in ----------------------------------------------------------------------------------------

    async def on_source_event(self, event: SourceEvent) -> None:
        """A card was laid down or a code was read by a device of ours."""
        match event:
            case CardEvent(document_no, name):
                self._begin(OpenSession(proof=ProofKind.ID_CARD, document_no=document_no, name=name or None))
            case ScanEvent(text):
                self.on_scan(text)
            case CardUnreadable():
                self._begin_refused(KioskRefusal.CARD_UNREADABLE)

    def on_scan(self, text: str) -> None:
        """A code, from a scanner of ours or typed by one into the page."""
        text = text.strip()
        if self._visit.stage is Stage.PAYING:
            self._paying.on_scan(self._visit, text)
            return
        proof = next((kind for prefix, kind in _CODES.items() if text.startswith(prefix)), None)
        if proof is None or len(text) > _CODE_LENGTH_MAX:
            self._begin_refused(KioskRefusal.UNKNOWN_CODE)
        else:
            self._begin(OpenSession(proof=proof, qr=text))

    def on_page(self, message: FromPage) -> None:
        """A tap."""
        self._visit.touched_at = time.monotonic()
        match message:
            case PageScan(text=text):
                self.on_scan(text)
            case PageCheckIn(appointment_id=appointment_id):
                self._check_in(appointment_id)
            case PagePay(appointment_id=appointment_id):
                self._paying.begin(self._visit, appointment_id)
            case PageProve(account_id=account_id):
                self._prove(account_id)
            case PageAct(type="accounts"):
                self._show_accounts()
            case PageAct(type="back"):
                self._show_appointments()
            case PageAct(type="leave"):
                self.leave()
            case PageAct(type="reprint"):
                self._reprint()
            case PageAct(type="slip_taken"):
                self._visit.print_state = PrintState.PRINTED if self._visit.ticket is not None else None
        self.publish()

    def on_command(self, command: DeviceCommand) -> None:
        """An order of the hospital to this kiosk."""
        if command is DeviceCommand.RELOAD:
            self._reload_pages()
        elif command is DeviceCommand.IDENTIFY:
            self._identified_until = time.monotonic() + self._timing.identify_s
            self.publish()

    def on_print(self, job_id: str) -> None:
        """The spool moved."""
        if job_id == self._visit.job_id:
            job = self._spool.job(job_id)
            if job is not None:
                self._visit.print_state = print_state_of(job)
                self.publish()

    # -- the steps --------------------------------------------------------------------------------------------

    def _next_visit(self, proof: OpenSession | None = None) -> Visit | None:
        """A clean visit for the next patient, or None when somebody is being served or nothing may be served.

        Whoever shows another card or code stands here now: what the one before left open is not theirs to tap.
        """
        is_another = proof is not None and self._visit.stage in IN_SESSION and proof != self._visit.proof
        if self._standing() is not None or not (self._visit.stage in _OPEN_TO_NEXT or is_another):
            return None
        self._forget()
        self._visit.proof = proof
        return self._visit

    def _begin(self, body: OpenSession) -> None:
        visit = self._next_visit(body)
        if visit is not None:
            visit.enter(Stage.BUSY)
            self.spawn(self._open_session(visit, body))
            self.publish()

    def _begin_refused(self, refusal: KioskRefusal) -> None:
        visit = self._next_visit()
        if visit is not None:
            self._refuse(visit, PageRefusal(code=refusal))

    async def _open_session(self, visit: Visit, body: OpenSession) -> None:
        asked_at = time.monotonic()
        opened = await self.with_token(lambda token: self._hospital.open_session(token, body))
        visit.session_token = opened.session_token
        if visit is not self._visit:
            # They left while we asked: the session must not outlive them.
            await self._end(opened.session_token)
            return
        visit.session_ends_at = asked_at + self._timing.session_s
        visit.patient_name_masked = opened.patient_name_masked
        visit.appointments = await self.with_token(
            lambda token: self._hospital.appointments(token, opened.session_token)
        )
        if body.proof is ProofKind.ID_CARD:
            visit.accounts = await self._accounts(opened.session_token)
        if visit.appointments or visit.has_unproven_accounts:
            visit.enter(Stage.APPOINTMENTS)
        else:
            self._refuse(visit, PageRefusal(code=KioskRefusal.NO_APPOINTMENT_TODAY))

    def _check_in(self, appointment_id: UUID) -> None:
        visit = self._visit
        is_offered = any(one.id == appointment_id and one.can_check_in for one in visit.appointments)
        if visit.stage is Stage.APPOINTMENTS and is_offered and visit.session_token is not None:
            visit.enter(Stage.BUSY)
            self.spawn(self.committed_check_in(visit, visit.session_token, appointment_id))

    async def committed_check_in(self, visit: Visit, session: str, appointment_id: UUID) -> None:
        """Checks in and prints. Raises HospitalRefused."""
        key = visit.key_for(appointment_id)
        ticket = await self._checked_in(session, appointment_id, key)
        # Committed: the slip is printed whether or not the patient still stands here.
        visit.job_id = f"slip-{key}"
        visit.ticket = ticket
        visit.print_state = PrintState.PRINTING
        visit.enter(Stage.RESULT)
        self.printing.submit(visit.job_id, ticket)

    async def _checked_in(self, session: str, appointment_id: UUID, key: str) -> protocol.KioskTicket:
        body = protocol.CheckIn(appointment_id=appointment_id)
        try:
            return await self.with_retries(lambda token: self._hospital.check_in(token, session, body, key))
        except HospitalUnreachable as error:
            raise HospitalRefused(protocol.Problem(code=KioskRefusal.OUTCOME_UNKNOWN)) from error

    async def _accounts(self, session: str) -> list[protocol.KioskAccount]:
        """The linked accounts; nobody is kept from checking in because these cannot be had."""
        try:
            return await self.with_token(lambda token: self._hospital.accounts(token, session))
        except (HospitalRefused, HospitalUnreachable) as error:
            log.warning("linked accounts not known, proving is not offered: %s", error)
            return []

    def _show_accounts(self) -> None:
        if self._visit.stage is Stage.APPOINTMENTS and self._visit.has_unproven_accounts:
            self._visit.enter(Stage.ACCOUNTS)

    def _show_appointments(self) -> None:
        if self._visit.stage in {Stage.ACCOUNTS, Stage.PROVEN, Stage.PAYING}:
            self._visit.till = None
            self._visit.enter(Stage.APPOINTMENTS)

    def _prove(self, account_id: UUID) -> None:
        visit = self._visit
        # Without a telephone number the patient cannot know whose it is: a stranger may have linked the file too.
        offered = [one for one in visit.accounts if not one.proven and one.phone_masked is not None]
        account = next((one for one in offered if one.account_id == account_id), None)
        if visit.stage is Stage.ACCOUNTS and account is not None and visit.session_token is not None:
            visit.enter(Stage.BUSY)
            self.spawn(self._proven(visit, visit.session_token, account))

    async def _proven(self, visit: Visit, session: str, account: protocol.KioskAccount) -> None:
        key = visit.key_for(account.account_id)
        await self.with_retries(lambda token: self._hospital.prove(token, session, account.account_id, key))
        visit.proven_account = account.model_copy(update={"proven": True})
        visit.accounts = [visit.proven_account if one is account else one for one in visit.accounts]
        visit.enter(Stage.PROVEN)

    def _reprint(self) -> None:
        visit = self._visit
        if visit.ticket is None or visit.print_state not in {PrintState.FAILED, PrintState.UNKNOWN}:
            return
        # A new job: the old one stays what it is, failed or unknown.
        visit.reprints += 1
        visit.job_id = f"{(visit.job_id or '').split('#')[0]}#{visit.reprints}"
        visit.print_state = PrintState.PRINTING
        visit.touched_at = time.monotonic()
        self.printing.submit(visit.job_id, visit.ticket)

    def _refuse(self, visit: Visit, refusal: PageRefusal) -> None:
        visit.refusal = refusal
        visit.appointments, visit.accounts, visit.proven_account, visit.till = [], [], None, None
        visit.enter(Stage.REFUSED)
        self.publish()

    def leave(self) -> None:
        """The patient goes: session ended at the hospital, everything known of them forgotten here."""
        had_something = self._visit.stage is not Stage.HOME
        self._forget()
        if had_something:
            self._visit.enter(Stage.FAREWELL)
        self.publish()

    def _forget(self) -> None:
        old, self._visit = self._visit, Visit(self._visit.number + 1)
        old.till = None
        if old.session_token is not None:
            self.spawn(self._end(old.session_token))

    async def _end(self, session: str) -> None:
        try:
            await self.with_token(lambda token: self._hospital.end_session(token, session))
        except (HospitalRefused, HospitalUnreachable) as error:
            log.info("session not ended by us (it ends by itself): %s", error)

    # -- time and errors --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watches the clock, the line and the reader."""
        shown: PageState | None = None
        while True:
            self._tick()
            state = self.page_state()
            if shown is None or state.model_copy(update={"server_time": shown.server_time}) != shown:
                shown = state
                self.publish()
            await asyncio.sleep(_TICK_S)

    def _tick(self) -> None:
        visit, now = self._visit, time.monotonic()
        left = visit.seconds_left(self._timing)
        if left is not None and left <= 0:
            self.leave()
        elif self._standing() is not None and visit.stage is not Stage.HOME and visit.ticket is None:
            # A committed ticket stays on the screen; anything else is over.
            if visit.stage is not Stage.BUSY or self.link.standing is Standing.REVOKED:
                self._forget()
        elif visit.stage is Stage.FAREWELL:
            stays = self._timing.card_left_s if self.supervisor.is_card_present else self._timing.farewell_s
            if now - visit.stage_since > stays:
                self._forget()

    def spawn(self, step: Coroutine[Any, Any, None]) -> None:
        """Starts a step of the present visit; what it is refused is shown, if the patient still stands here."""
        visit = self._visit
        task = asyncio.create_task(self._guarded(visit, step))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _guarded(self, visit: Visit, step: Coroutine[Any, Any, None]) -> None:
        refusal: PageRefusal | None = None
        try:
            await step
        except HospitalRefused as error:
            problem = error.problem
            refusal = PageRefusal(code=problem.code, title=problem.title, request_id=problem.request_id)
        except HospitalUnreachable as error:
            log.warning("the hospital did not answer: %s", error)
            refusal = PageRefusal(code=KioskRefusal.UNAVAILABLE)
        except Exception:
            log.exception("a step of the flow failed")
            refusal = PageRefusal(code=KioskRefusal.UNAVAILABLE)
        if refusal is not None and visit is self._visit and visit.ticket is None:
            self._refuse(visit, refusal)
        self.publish()

    async def stop(self) -> None:
        """Ends the patient's session and what is under way."""
        self._forget()
        pending = list(self._background)
        if pending:
            await asyncio.wait(pending, timeout=1)
        for task in pending:
            task.cancel()
