"""Whether this machine's worker works (后台进程健康检查): ``python -m backend.worker_health`` for health checks.

The relay asks the database twice a second, so a worker whose sessions have been silent for half a minute hangs. Asked
of the database and not of the process table: a stuck process still exists.
"""

import asyncio
import sys

import asyncpg

from backend.settings import load_settings

_ALIVE = """
SELECT count(*) > 0 FROM pg_stat_activity
WHERE application_name = 'hospital-worker' AND usename = current_user
  AND client_addr IS NOT DISTINCT FROM inet_client_addr()
  AND state_change > clock_timestamp() - interval '30 seconds'"""


async def worker_is_alive(database_url: str) -> bool:
    """Whether a worker on this machine has spoken with the database lately (是否存活)."""
    connection = await asyncpg.connect(database_url, timeout=5)
    try:
        alive: bool = await connection.fetchval(_ALIVE)
        return alive
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(worker_is_alive(load_settings().database_url)) else 1)
