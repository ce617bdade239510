"""The hospital over HTTP (医院接口), as DESIGN's kiosk contract has it."""

import ssl
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from kiosk_agent import protocol
from kiosk_agent.protocol import API_PREFIX, SESSION_HEADER, Problem

_Model = TypeVar("_Model", bound=BaseModel)
_TIMEOUT = httpx.Timeout(8.0, connect=3.0)


class HospitalUnreachable(Exception):
    """No answer, or an answer that is none: what was asked may or may not have happened (医院服务不可达)."""


class HospitalRefused(Exception):
    """The hospital said no (医院拒绝)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}")
        self.problem = problem


class Hospital:
    """One connection pool to one hospital. No proxy: the hospital stands in the same network."""

    def __init__(self, server: str, ca: Path | None = None) -> None:
        verify = ssl.create_default_context(cafile=ca) if ca is not None else True
        self._http = httpx.AsyncClient(
            base_url=server.rstrip("/") + API_PREFIX, timeout=_TIMEOUT, verify=verify, trust_env=False
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def enrol(self, body: protocol.Enrolment) -> protocol.Enrolled:
        """POST /enrolments."""
        return await self._call("POST", "/enrolments", protocol.Enrolled, body=body)

    async def challenge(self, device_id: UUID) -> str:
        """POST /device-challenges."""
        body = protocol.ChallengeRequest(device_id=device_id)
        return (await self._call("POST", "/device-challenges", protocol.Challenge, body=body)).challenge

    async def device_token(self, body: protocol.TokenRequest) -> protocol.DeviceToken:
        """POST /device-tokens."""
        return await self._call("POST", "/device-tokens", protocol.DeviceToken, body=body)

    async def device(self, token: str) -> protocol.KioskDevice:
        """GET /device."""
        return await self._call("GET", "/device", protocol.KioskDevice, token=token)

    async def open_session(self, token: str, body: protocol.OpenSession) -> protocol.SessionOpened:
        """POST /sessions."""
        return await self._call("POST", "/sessions", protocol.SessionOpened, token=token, body=body)

    async def end_session(self, token: str, session: str) -> None:
        """POST /sessions/end."""
        await self._send("POST", "/sessions/end", token=token, session=session)

    async def appointments(self, token: str, session: str) -> list[protocol.KioskAppointment]:
        """GET /appointments."""
        return (
            await self._call("GET", "/appointments", protocol.KioskAppointments, token=token, session=session)
        ).items

    async def check_in(self, token: str, session: str, body: protocol.CheckIn, key: str) -> protocol.KioskTicket:
        """POST /check-ins; the same key never checks in twice."""
        return await self._call(
            "POST", "/check-ins", protocol.KioskTicket, token=token, session=session, body=body, key=key
        )

    async def pay(self, token: str, session: str, appointment_id: UUID, key: str) -> protocol.FeeCode:
        """POST /appointments/{appointment_id}/payment; asked again, the same code."""
        path = f"/appointments/{appointment_id}/payment"
        return await self._call("POST", path, protocol.FeeCode, token=token, session=session, key=key)

    async def check_fee(self, token: str, session: str, appointment_id: UUID) -> protocol.FeePaid:
        """POST /appointments/{appointment_id}/payment-check."""
        path = f"/appointments/{appointment_id}/payment-check"
        return await self._call("POST", path, protocol.FeePaid, token=token, session=session)

    async def charge_code(
        self, token: str, session: str, appointment_id: UUID, body: protocol.PaymentCode, key: str
    ) -> protocol.FeePaid:
        """POST /appointments/{appointment_id}/payment-code; the same key never charges twice."""
        path = f"/appointments/{appointment_id}/payment-code"
        return await self._call("POST", path, protocol.FeePaid, token=token, session=session, body=body, key=key)

    async def accounts(self, token: str, session: str) -> list[protocol.KioskAccount]:
        """GET /accounts; for sessions that a card has opened."""
        return (await self._call("GET", "/accounts", protocol.KioskAccounts, token=token, session=session)).items

    async def prove(self, token: str, session: str, account_id: UUID, key: str) -> None:
        """POST /accounts/{account_id}/prove; doing it again changes nothing."""
        path = f"/accounts/{account_id}/prove"
        await self._call("POST", path, protocol.LinksProven, token=token, session=session, key=key)

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[_Model],
        *,
        token: str | None = None,
        session: str | None = None,
        body: BaseModel | None = None,
        key: str | None = None,
    ) -> _Model:
        response = await self._send(method, path, token=token, session=session, body=body, key=key)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise HospitalUnreachable(f"{method} {path}: an answer of another shape") from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        session: str | None = None,
        body: BaseModel | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if session is not None:
            headers[SESSION_HEADER] = session
        if key is not None:
            headers["Idempotency-Key"] = key
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = body.model_dump_json(exclude_none=True).encode()
        try:
            response = await self._http.request(method, path, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise HospitalUnreachable(f"{method} {path}: {type(error).__name__}") from error
        if response.is_success:
            return response
        raise _refusal(response)


def _refusal(response: httpx.Response) -> HospitalRefused | HospitalUnreachable:
    if response.status_code >= 500 and response.status_code != 503:
        return HospitalUnreachable(f"status {response.status_code}")
    try:
        problem = Problem.model_validate({**response.json(), "status": response.status_code})
    except (ValueError, TypeError):
        return HospitalUnreachable(f"status {response.status_code} without a problem")
    return HospitalRefused(problem)
