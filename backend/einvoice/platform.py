"""Calls to the platform (平台调用): one bounded POST each, its answer verified before it is believed.

What a code means: ``S0000`` done; S9xxx, E1xxx signature trouble, no answer, an HTTP error or an answer that does not
verify are *unknown* (it may have acted); the "already" codes are questions to ask; every other code is a clear no.
"""

import logging
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import httpx

from backend.einvoice import bodies
from backend.einvoice.envelope import SUCCESS, BadEnvelope, seal, unseal
from backend.settings import EInvoiceSettings
from hospital_core.finance.einvoicing.ports import (
    AlreadyIssuedThere,
    AlreadyOnPaperThere,
    AlreadyRedThere,
    AlreadyVoidThere,
    EInvoiceOrder,
    IssuedThere,
    PaperNumber,
    PaperOrder,
    PlatformDocument,
    PlatformRefused,
    PlatformTotal,
    PlatformUnknown,
    ReversalOrder,
)

log = logging.getLogger(__name__)

Read = TypeVar("Read")

_NOT_FOUND = "E0404"
_ISSUED_BEFORE = "E0409"
_RED_BEFORE = "E0410"
_PRINTED_BEFORE = "E0411"
_VOID_BEFORE = "E0412"
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_PAGE = 200
_PAGES_MAX = 2000  # 400,000 documents a day; a platform that pages for ever is refused


class HttpEInvoicePlatform:
    """The ``EInvoicePlatform`` port over HTTP."""

    def __init__(self, settings: EInvoiceSettings) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/") + "/api/medical/"
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def issue(self, order: EInvoiceOrder) -> IssuedThere:
        """Issue, once per ``bus_no``. Raises: PlatformUnknown, PlatformRefused, AlreadyIssuedThere."""
        answer = await self._call(bodies.METHODS[order.kind], bodies.order_body(self._settings, order))
        return _issued_under(order.bus_no, answer)

    async def find(self, bus_no: str) -> IssuedThere | None:
        """What was issued under our number, or None. Raises: PlatformUnknown, PlatformRefused."""
        try:
            return _issued_under(bus_no, await self._call("getEBillByBusNo", {"busNo": bus_no}))
        except PlatformRefused as refusal:
            if refusal.code == _NOT_FOUND:
                return None
            raise

    async def reverse(self, order: ReversalOrder) -> IssuedThere:
        """Turn a whole e-invoice red. Raises: PlatformUnknown, PlatformRefused, AlreadyRedThere."""
        return _red(await self._call("writeOffEBill", bodies.reversal_body(self._settings, order)))

    async def red_of(self, batch_code: str, bill_no: str) -> IssuedThere | None:
        """The red one of an e-invoice, or None. Raises: PlatformUnknown, PlatformRefused."""
        answer = await self._call("getEBillStatesByBillInfo", {"billBatchCode": batch_code, "billNo": bill_no})
        return _red(answer) if str(answer.get("isScarlet")) == "1" else None

    async def print_paper(self, order: PaperOrder) -> None:
        """Note the paper copy of an e-invoice. Raises: PlatformUnknown, PlatformRefused, AlreadyOnPaperThere."""
        await self._call("turnPaper", bodies.print_body(self._settings, order))

    async def paper_of(self, batch_code: str, bill_no: str) -> PaperNumber | None:
        """The living paper copy of an e-invoice, or None. Raises: PlatformUnknown, PlatformRefused."""
        answer = await self._call("getEBillStatesByBillInfo", {"billBatchCode": batch_code, "billNo": bill_no})
        return _read(bodies.paper, answer)

    async def void_paper(self, paper: PaperNumber, reason: str, bus_at: datetime) -> None:
        """Void a blank, used or not. Raises: PlatformUnknown, PlatformRefused, AlreadyVoidThere."""
        await self._call("invalidPaper", bodies.void_body(self._settings, paper, reason, bus_at))

    async def totals(self, day: date) -> tuple[PlatformTotal, PlatformTotal]:
        """Issued and red documents of a business day. Raises: PlatformUnknown, PlatformRefused."""
        body = bodies.day_span(day) | {"placeCode": self._settings.place_code}
        issued = _read(bodies.total, await self._call("checkTotalData", body))
        return issued, _read(bodies.total, await self._call("checkWriteOffData", body))

    async def documents(self, day: date) -> list[PlatformDocument]:
        """All documents of a business day. Raises: PlatformUnknown, PlatformRefused."""
        found: list[PlatformDocument] = []
        for page in range(1, _PAGES_MAX + 1):
            body = bodies.day_span(day) | {"placeCode": self._settings.place_code, "pageNo": page, "pageSize": _PAGE}
            answer = await self._call("getBillByBusDate", body)
            rows = _read(lambda message: list(message["billList"]), answer)
            found += [_read(bodies.document, row) for row in rows]
            if not _goes_on(answer, len(found), len(rows)):
                return found
        raise PlatformUnknown("ENDLESS", "平台返回的页数过多")

    async def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """The message of a successful answer."""
        sealed = seal(self._settings.appid, self._settings.key, body)
        try:
            got = await self._http.post(self._url + method, json=sealed)
        except httpx.HTTPError as error:
            raise PlatformUnknown("NO_ANSWER", "平台没有应答") from error
        if not got.is_success:
            raise PlatformUnknown(f"HTTP_{got.status_code}", "平台服务异常")
        try:
            answer = unseal(self._settings.appid, self._settings.key, got.content)
        except BadEnvelope as error:
            log.error("e-invoice platform's answer does not verify", extra={"method": method, "why": str(error)})
            raise PlatformUnknown("BAD_ANSWER", "平台应答未通过验签") from error
        if answer.result == SUCCESS and isinstance(answer.message, dict):
            return answer.message
        log.warning("e-invoice platform refused", extra={"method": method, "code": answer.result})
        raise _meaning(answer.result, answer.text)


def _goes_on(answer: dict[str, Any], found: int, here: int) -> bool:
    """Whether another page follows: a platform may give less on a page than was asked for, but says how many in all."""
    total = answer.get("total")
    return here > 0 and (found < total if isinstance(total, int) else here == _PAGE)


def _meaning(code: str, text: str) -> Exception:
    if code == _ISSUED_BEFORE:
        return AlreadyIssuedThere()
    if code == _RED_BEFORE:
        return AlreadyRedThere()
    if code == _PRINTED_BEFORE:
        return AlreadyOnPaperThere()
    if code == _VOID_BEFORE:
        return AlreadyVoidThere()
    if code == SUCCESS or code.startswith(("S9", "E1")):
        return PlatformUnknown(code, text)
    return PlatformRefused(code, text)


def _issued_under(bus_no: str, answer: dict[str, Any]) -> IssuedThere:
    """A number, if it is the one asked for: an answer to another question is none."""
    if answer.get("busNo", bus_no) != bus_no:
        raise PlatformUnknown("BAD_ANSWER", "平台应答的业务流水号不符")
    return _read(bodies.issued, answer)


def _red(answer: dict[str, Any]) -> IssuedThere:
    return _read(lambda message: bodies.issued(message, "eScarlet"), answer)


def _read(read: Callable[[Any], Read], message: Any) -> Read:
    """What a verified answer says; one that lacks what it must have is as good as none."""
    try:
        return read(message)
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        log.error("e-invoice platform's answer is incomplete", extra={"why": repr(error)})
        raise PlatformUnknown("BAD_ANSWER", "平台应答内容不完整") from error
