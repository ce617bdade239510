"""The worker (后台进程): relays events, seals the audit trail, sweeps, makes the coming days, serves waitlists, checks
e-invoices.

Any number may run side by side.

``python -m backend.worker``.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable

import asyncpg

from backend.http.logs import configure_logs
from backend.realtime.link import RedisLink
from backend.settings import Settings, load_settings
from backend.wiring import wired
from hospital_core.access.scheduling.service.generating import due_days, generate_day
from hospital_core.access.scheduling.service.missing import due_misses, mark_missed
from hospital_core.access.scheduling.service.offering import serve_line
from hospital_core.access.scheduling.waitlist_queries import due_lines
from hospital_core.finance.einvoicing.checking import check_day
from hospital_core.finance.einvoicing.commands import CheckDay
from hospital_core.finance.einvoicing.ports import EInvoicePlatform
from hospital_core.finance.einvoicing.queries import day_to_check
from hospital_core.finance.reconciliation.outside import plan_days, reconcile_due
from hospital_core.kernel import hints, ports
from hospital_core.kernel.audit import seal
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import Busy, OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.relay import run_relay
from hospital_core.kernel.run import run
from hospital_core.kernel.sweeping import sweep_kernel
from hospital_core.kernel.transactions import is_database_trouble

log = logging.getLogger("hospital.worker")

SEAL_S = 5.0
SWEEP_S = 600.0
PLAN_S = 3600.0
MISS_S = 60.0
SERVE_S = 10.0
CHECK_S = 1800.0
RECONCILE_S = 5.0


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run until stopped; a lost database or Redis only pauses the loops."""
    woken = asyncio.Event()
    link = RedisLink(settings.redis_url, (hints.OUTBOX,), settings.redis_scope)
    link.on_message(lambda channel, _: woken.set())
    stop_task = asyncio.create_task(stop.wait())
    async with wired(settings, link, application="hospital-worker"):
        log.info("worker ready")
        loops = [
            asyncio.create_task(run_relay(woken, stop.is_set)),
            asyncio.create_task(_every(SEAL_S, lambda: _seal(settings))),
            asyncio.create_task(_every(SWEEP_S, _sweep)),
            asyncio.create_task(_every(PLAN_S, _plan)),
            asyncio.create_task(_every(MISS_S, _miss)),
            asyncio.create_task(_every(SERVE_S, _serve_lines)),
            asyncio.create_task(_every(CHECK_S, _check_e_invoices)),
            asyncio.create_task(_every(PLAN_S, plan_days)),
            asyncio.create_task(_every(RECONCILE_S, _reconcile)),
        ]
        await asyncio.wait([stop_task, *loops], return_when=asyncio.FIRST_COMPLETED)
        for loop in loops:
            loop.cancel()
        results = await asyncio.gather(*loops, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _every(seconds: float, call: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await call()
        except Exception as error:
            if not is_database_trouble(error):
                raise
            log.warning("housekeeping paused", extra={"error": type(error).__name__})
        await asyncio.sleep(seconds)


async def _seal(settings: Settings) -> None:
    if settings.database_sealer_url is None:
        return
    connection = await asyncpg.connect(settings.database_sealer_url, timeout=10)
    try:
        await seal(connection, bytes.fromhex(settings.audit_key), settings.anchor_path)
    finally:
        await connection.close()


async def _sweep() -> None:
    await run(system_context(), sweep_kernel, Empty())


async def _plan() -> None:
    """Make the sessions of coming days (放号), a transaction each: a day that cannot be made holds up no other."""
    for command in await due_days(Reading(system_context())):
        try:
            await run(system_context(), generate_day, command)
        except Busy:
            log.info("day is being generated elsewhere", extra={"day": command.day.isoformat()})


async def _miss() -> None:
    """Mark who did not come to the sessions that are over (爽约)."""
    for command in await due_misses(Reading(system_context())):
        await run(system_context(), mark_missed, command)


async def _serve_lines() -> None:
    """Serve the lines in which places became free by time alone (候补): a secret moment, a channel's unsold places."""
    for command in await due_lines(Reading(system_context())):
        try:
            await run(system_context(), serve_line, command)
        except Busy:
            log.info("line is being served elsewhere", extra={"day": command.day.isoformat()})


async def _reconcile() -> None:
    """Compare the days that are due (对账): a bill that came, or a person who asked for it again."""
    try:
        await reconcile_due()
    except Busy:
        log.info("reconciliation put off")


async def _check_e_invoices() -> None:
    """Compare yesterday with the e-invoice platform (票据日核对), once; one that is away is asked again later."""
    day = await day_to_check(Reading(system_context())) if ports.optional(EInvoicePlatform) is not None else None
    if day is None:
        return
    try:
        found = await check_day(system_context(), CheckDay(day=day))
        log.info("e-invoices checked", extra={"day": day.isoformat(), "differences": found.differences})
    except OutsideUnavailable:
        log.warning("e-invoice platform did not answer for the daily check", extra={"day": day.isoformat()})


async def main() -> None:
    """Entry point of the process."""
    settings = load_settings()
    configure_logs(settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await work(settings, stop)
    gc.freeze()  # nothing of this needs to be sorted out before the process ends


if __name__ == "__main__":
    asyncio.run(main())
