"""The twelve points at which a process may die (十二个断点), and the hook that strikes there.

Six crossings carry everything that a patient can lose: the commit of a booking, the order placed at the channel, the
commit of a payment, the refund sent, the commit of a lapse, the order closed or reversed. Each has a moment before and
one after. Production code knows nothing of this: the hook wraps functions of a process that tests start themselves.

``python -m tests.faults.killing web FD`` and ``… worker`` are those processes: the real ones, watched. What strikes is
named by the file in ``HOSPITAL_KILLING``: ``{"point": …, "pid": …}``; it strikes once.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from enum import StrEnum
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hospital_core.kernel.combining as combining
import hospital_core.kernel.relay as relay
import hospital_core.kernel.run as running

ENVIRONMENT = "HOSPITAL_KILLING"


class Crossing(StrEnum):
    """What is crossed."""

    BOOK = "book"  # commit: a place is held
    PREPAY = "prepay"  # call: the order is placed at the channel
    SUCCESS = "success"  # commit: money was taken in, by callback or by query
    REFUND = "refund"  # call: money is sent back
    LAPSE = "lapse"  # commit: an unpaid hold ends
    CLOSE = "close"  # call: nothing can be paid any more


POINTS = tuple(f"{crossing}.{side}" for crossing, side in product(Crossing, ("before", "after")))

_COMMITS = {
    "scheduling.book_appointment": Crossing.BOOK,
    "payments.record_success": Crossing.SUCCESS,
    "access.scheduling.handlers.expire": Crossing.LAPSE,
}
_CALLS = {
    "prepay": Crossing.PREPAY,
    "native": Crossing.PREPAY,
    "refund": Crossing.REFUND,
    "close": Crossing.CLOSE,
    "reverse": Crossing.CLOSE,
}

_doing: ContextVar[str] = ContextVar("doing", default="")


class Crashed(BaseException):
    """The process died here: nothing below may catch it, as nothing catches a kill."""


@contextmanager
def watched(cross: Callable[[str], None], *gateways: type) -> Iterator[None]:
    """Call ``cross`` with the name of each point that this process comes to."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (running, combining, relay):
            patch.setattr(module, "transaction", _told(module.transaction, cross))
        _named(patch, running, "_run", lambda ctx, service, *_: running.action_of(service))
        _named(patch, combining, "_run_together", lambda alone, *_: running.action_of(alone))
        _named(patch, relay, "_handle", lambda handler, *_: handler.name)
        for gateway in gateways:
            for name, crossing in _CALLS.items():
                patch.setattr(gateway, name, _called(getattr(gateway, name), crossing, cross))
        yield


@contextmanager
def dying_at(point: str, *gateways: type) -> Iterator[None]:
    """In this process: whatever comes to the point first ends with ``Crashed``."""
    armed = [point]

    def cross(reached: str) -> None:
        if reached in armed:
            armed.clear()
            raise Crashed(reached)

    with watched(cross, *gateways):
        yield


def _told(original: Any, cross: Callable[[str], None]) -> Any:
    @asynccontextmanager
    async def transaction() -> AsyncIterator[Any]:
        crossing = _COMMITS.get(_doing.get())
        async with original() as connection:
            yield connection
            if crossing:
                cross(f"{crossing}.before")
        if crossing:
            cross(f"{crossing}.after")

    return transaction


def _named(patch: pytest.MonkeyPatch, module: ModuleType, name: str, tell: Callable[..., str]) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(module, name)

    async def wrapped(*arguments: Any) -> Any:
        token = _doing.set(tell(*arguments))
        try:
            return await original(*arguments)
        finally:
            _doing.reset(token)

    patch.setattr(module, name, wrapped)


def _called(original: Any, crossing: Crossing, cross: Callable[[str], None]) -> Any:
    async def call(*arguments: Any, **more: Any) -> Any:
        cross(f"{crossing}.before")
        answer = await original(*arguments, **more)
        cross(f"{crossing}.after")
        return answer

    return call


class Killer:
    """kill -9 of the process that the file names, once, when the point that it names is reached."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arm(self, point: str, pid: int) -> None:
        """From now on."""
        assert point in POINTS
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"point": point, "pid": pid}))
        fresh.replace(self.path)

    @property
    def is_armed(self) -> bool:
        """Whether it has not struck yet."""
        return self.path.exists()

    def __call__(self, reached: str) -> None:
        """A point was reached."""
        try:
            order = json.loads(self.path.read_text())
            if order["point"] != reached:
                return
            self.path.rename(self.path.with_suffix(f".{os.getpid()}"))  # of two processes, one strikes
        except FileNotFoundError:
            return
        os.kill(order["pid"], signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Be the server or the worker, watched."""
    from backend import serving, worker
    from miniapp_api.wechat.pay import WechatPay

    with watched(Killer(Path(os.environ[ENVIRONMENT])), WechatPay):
        if arguments[0] == "web":
            serving.serve(int(arguments[1]))
        else:
            asyncio.run(worker.main())


if __name__ == "__main__":
    main(sys.argv[1:])
