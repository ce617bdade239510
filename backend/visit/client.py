"""How every party of a visit speaks HTTP: patiently, and repeating itself safely."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

_AGAIN = frozenset({429, 500, 502, 503, 504})


class StepFailed(Exception):
    """A step did not end as it must; the text says what happened."""


@dataclass
class Api:
    """One party's connection. Writes carry an Idempotency-Key that stays the same when they are repeated."""

    base_url: str
    patience_s: float
    headers: dict[str, str] = field(default_factory=dict)
    retries: int = 0

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=4)
        self.http = httpx.AsyncClient(base_url=self.base_url, timeout=10, trust_env=False, limits=limits)

    async def get(self, path: str, **query: Any) -> Any:
        """Read."""
        return await self.send("GET", path, query=query)

    async def post(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> Any:
        """Write."""
        return await self.send("POST", path, body=body or {}, **options)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
        fine: tuple[int, ...] = (),
    ) -> Any:
        """Ask until there is an answer or patience ends. Raises StepFailed; statuses in ``fine`` return None."""
        key = str(uuid4())
        ends = time.monotonic() + self.patience_s
        pause = 0.1
        while True:
            why = ""
            try:
                headers = {**self.headers, "Idempotency-Key": key} if method == "POST" else self.headers
                answer = await self.http.request(method, path, json=body, params=query, headers=headers)
                if answer.is_success:
                    return answer.json() if answer.content else None
                if answer.status_code in fine:
                    return None
                why = _problem(answer)
                if answer.status_code not in _AGAIN:
                    raise StepFailed(f"{method} {path}: {why}")
            except httpx.HTTPError as error:
                why = type(error).__name__
            if time.monotonic() > ends:
                raise StepFailed(f"{method} {path}: no good answer within {self.patience_s:.0f} s, last {why}")
            self.retries += 1
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 1.6)

    async def close(self) -> None:
        """Give the connections back."""
        await self.http.aclose()


def _problem(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return str(answer.status_code)
    if not isinstance(body, dict):
        return str(answer.status_code)
    text = body.get("title") or body.get("message") or body.get("errmsg") or ""
    return f"{answer.status_code} {body.get('code', '')} {text} {body.get('detail') or ''} {body.get('errors') or ''}"
