"""How the flow asks the hospital (询问医院): with the device's token, and again where that is safe."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kiosk_agent.hospital import HospitalRefused, HospitalUnreachable
from kiosk_agent.link import HospitalLink
from kiosk_agent.protocol import DeviceRefusal, KioskRefusal

log = logging.getLogger("kiosk.asking")
_T = TypeVar("_T")
_TRIES = 3


class Asking:
    """Calls of one kiosk; ``link`` has its token."""

    link: HospitalLink

    async def with_token(self, call: Callable[[str], Awaitable[_T]]) -> _T:
        """Calls with the device's token, once more with a new one when the hospital no longer takes the old."""
        try:
            return await call(await self.link.token())
        except HospitalRefused as error:
            if error.problem.status != 401 or error.problem.code in {KioskRefusal.SESSION_ENDED, DeviceRefusal.REVOKED}:
                raise
        return await call(await self.link.token(fresh=True))

    async def with_retries(self, call: Callable[[str], Awaitable[_T]]) -> _T:
        """For writes that carry a key: what was done but not heard of is not done twice. Raises HospitalUnreachable."""
        for attempt in range(_TRIES - 1):
            try:
                return await self.with_token(call)
            except HospitalUnreachable as error:
                log.warning("unanswered, attempt %d; the same key is tried again: %s", attempt + 1, error)
                await asyncio.sleep(0.5 * 2**attempt)
        return await self.with_token(call)
