"""The worker's health is that it speaks with the database, not that a process exists."""

from unittest.mock import patch

import asyncpg

from backend import worker_health
from backend.worker_health import worker_is_alive
from tests.fixtures.engines import Engines


async def test_given_a_worker_that_speaks_then_it_is_alive_and_one_that_hangs_is_not(hospital: Engines) -> None:
    assert not await worker_is_alive(hospital.app)
    worker = await asyncpg.connect(hospital.app, server_settings={"application_name": "hospital-worker"})
    try:
        await worker.fetchval("SELECT 1")
        assert await worker_is_alive(hospital.app)
        with patch.object(worker_health, "_ALIVE", worker_health._ALIVE.replace("30 seconds", "0 seconds")):
            assert not await worker_is_alive(hospital.app)
    finally:
        await worker.close()
