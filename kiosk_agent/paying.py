"""Paying a fee at the kiosk (自助缴费): the patient scans the code that is shown, or holds their own under the scanner.

One loop asks the hospital and charges, one thing after the other, so that no answer is older than the last deed. What
the page says follows from the hospital's answer alone.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID, uuid4

from kiosk_agent.asking import Asking
from kiosk_agent.hospital import Hospital, HospitalRefused, HospitalUnreachable
from kiosk_agent.page_protocol import PagePayment, Stage
from kiosk_agent.protocol import PAYMENT_CODE, FeePaid, KioskRefusal, PaymentCode, Problem
from kiosk_agent.visit import Till, Timing, Visit

log = logging.getLogger("kiosk.paying")

_PAYMENT_CODE = re.compile(PAYMENT_CODE)
# Another code may pay: these are said on the page, which stays. Everything else ends the visit.
_TRY_AGAIN = frozenset(
    {
        KioskRefusal.PAYMENT_CODE_INVALID,
        KioskRefusal.PAYMENT_CODE_EXPIRED,
        KioskRefusal.BALANCE_TOO_LOW,
        KioskRefusal.PAYMENT_REFUSED,
        KioskRefusal.TOO_MANY_ATTEMPTS,
    }
)
_TOO_MANY = 429


class Around(Protocol):
    """What paying needs of the flow around it, besides asking."""

    publish: Callable[[], None]

    def spawn(self, step: Coroutine[Any, Any, None]) -> None:
        """Starts a step of the present visit."""
        ...

    async def committed_check_in(self, visit: Visit, session: str, appointment_id: UUID) -> None:
        """Checks in and prints."""
        ...


class Paying:
    """The paying page of one kiosk."""

    def __init__(self, around: Around, asking: Asking, hospital: Hospital, timing: Timing) -> None:
        self._around, self._asking, self._hospital, self._timing = around, asking, hospital, timing

    def begin(self, visit: Visit, appointment_id: UUID) -> None:
        """The patient wants to pay what is due for one of their appointments."""
        due = next((one for one in visit.appointments if one.id == appointment_id and one.fee_due_fen), None)
        if visit.stage is Stage.APPOINTMENTS and due is not None and visit.session_token is not None:
            shown = PagePayment(department=due.department, amount_fen=due.fee_due_fen or 0)
            visit.till = Till(appointment_id, shown)
            visit.enter(Stage.BUSY)
            self._around.spawn(self._paid_and_checked_in(visit, visit.till, visit.session_token))

    def on_scan(self, visit: Visit, text: str) -> None:
        """A code was scanned while the page stands; one at a time, and none while a phone is to confirm."""
        till = visit.till
        if till is None or till.code is not None or till.shown.awaits_phone:
            return
        visit.touched_at = time.monotonic()
        if _PAYMENT_CODE.match(text) is None:
            till.show(notice=KioskRefusal.NOT_A_PAYMENT_CODE)
        else:
            # What was shown is withdrawn at the hospital: nobody is to scan it any more.
            till.show(notice=None, awaits_phone=True, picture_svg=None)
            till.code = text
            till.scanned.set()
        self._around.publish()

    async def _paid_and_checked_in(self, visit: Visit, till: Till, session: str) -> None:
        """Asks and charges until the fee is paid, then checks in what can be; who has left may pay all the same."""
        while not (answer := await self._asked(visit, till, session)).paid:
            if visit.till is not till:
                return
            await self._show(visit, till, session, answer)
            with suppress(TimeoutError):  # nothing was scanned: it is asked again
                async with asyncio.timeout(self._timing.payment_check_s):
                    await till.scanned.wait()
            if visit.till is not till:
                return
        if visit.till is not till:
            return
        visit.till, visit.paid_fen = None, till.shown.amount_fen
        visit.enter(Stage.BUSY)
        self._around.publish()
        try:
            await self._number_for_paid(visit, till, session)
        except (HospitalRefused, HospitalUnreachable) as error:
            # The money has arrived, and that is what has to be said of it.
            log.warning("paid, but no number was drawn: %s", error)
            raise HospitalRefused(Problem(code=KioskRefusal.PAID_NO_NUMBER)) from error

    async def _number_for_paid(self, visit: Visit, till: Till, session: str) -> None:
        visit.appointments = await self._asking.with_token(lambda token: self._hospital.appointments(token, session))
        if any(one.id == till.appointment_id and one.can_check_in for one in visit.appointments):
            await self._around.committed_check_in(visit, session, till.appointment_id)
        else:
            visit.enter(Stage.APPOINTMENTS)

    async def _asked(self, visit: Visit, till: Till, session: str) -> FeePaid:
        """Charges what was scanned, else asks; an answer keeps the session, without one nothing is known."""
        asked_at, code = time.monotonic(), till.take_code()
        try:
            answer = await (self._charged(till, session, code) if code is not None else self._checked(till, session))
        except HospitalUnreachable as error:
            log.warning("not known whether it is paid, asked again: %s", error)
            return FeePaid(paid=False, awaited_fen=till.shown.amount_fen if till.shown.awaits_phone else None)
        visit.session_ends_at = asked_at + self._timing.session_s
        return answer

    async def _checked(self, till: Till, session: str) -> FeePaid:
        return await self._asking.with_token(
            lambda token: self._hospital.check_fee(token, session, till.appointment_id)
        )

    async def _charged(self, till: Till, session: str, code: str) -> FeePaid:
        body, key = PaymentCode(auth_code=code), str(uuid4())
        try:
            return await self._asking.with_retries(
                lambda token: self._hospital.charge_code(token, session, till.appointment_id, body, key)
            )
        except HospitalRefused as refused:
            notice = _notice_of(refused)
            if notice is None:
                raise
            till.show(notice=notice, awaits_phone=False)
            return FeePaid(paid=False)

    async def _show(self, visit: Visit, till: Till, session: str, answer: FeePaid) -> None:
        """Draws the page as the answer has it: a phone is to confirm, or a code is there to be scanned."""
        if answer.awaited_fen is not None:
            till.show(awaits_phone=True, picture_svg=None, notice=None, amount_fen=answer.awaited_fen)
        elif till.code is None:
            if till.shown.awaits_phone:
                till.show(awaits_phone=False, picture_svg=None, notice=KioskRefusal.PAYMENT_NOT_MADE)
            if till.shown.picture_svg is None:
                await self._show_code(till, session)
        if visit.till is till and visit.stage is Stage.BUSY:
            visit.enter(Stage.PAYING)
        self._around.publish()

    async def _show_code(self, till: Till, session: str) -> None:
        key = str(uuid4())
        code = await self._asking.with_retries(
            lambda token: self._hospital.pay(token, session, till.appointment_id, key)
        )
        if till.code is None:
            till.show(picture_svg=code.picture_svg, amount_fen=code.amount_fen)


def _notice_of(refused: HospitalRefused) -> KioskRefusal | None:
    """What the page says of a refused code; None when another code would be refused as well."""
    known = next((one for one in _TRY_AGAIN if one == refused.problem.code), None)
    return known or (KioskRefusal.BUSY if refused.problem.status == _TOO_MANY else None)
