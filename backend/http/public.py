"""Public routes (公共接口): health, metrics, the API's own description."""

import os
from typing import Any

from backend.http import metrics
from backend.http.routing import Audience, Call, Limit, Raw, Routes
from hospital_core.kernel.commands import View
from hospital_core.kernel.errors import OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.migrating import newest

_PROBE = Limit(per_minute=6000, burst=1000)

routes = Routes("public", "", Audience.OPEN)


class Health(View):
    """The process answers."""

    status: str = "ok"


class Readiness(View):
    """The process can do its work: database reached and of the right shape."""

    status: str
    migration: str
    server_time: str


@routes.get("/healthz", view=Health, limit=_PROBE)
async def healthz(call: Call[Any]) -> Health:
    """Whether the process is alive (存活检查)."""
    return Health()


@routes.get("/readyz", view=Readiness, errors=(OutsideUnavailable,), limit=_PROBE)
async def readyz(call: Call[Any]) -> Readiness:
    """Whether the process can serve (就绪检查)."""
    row = await Reading(call.ctx).fetch_row(
        "SELECT max(name) AS name, hospital_now() AS now FROM tortoise_migrations WHERE app = 'hospital'"
    )
    assert row is not None
    if row["name"] < newest():
        raise OutsideUnavailable("数据库正在升级")
    return Readiness(status="ready", migration=row["name"], server_time=row["now"].isoformat())


@routes.get("/metrics", view=None, media="text/plain", limit=_PROBE)
async def prometheus(call: Call[Any]) -> Raw:
    """Metrics for Prometheus (指标)."""
    body = metrics.exposition(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    return Raw(body, "text/plain; version=0.0.4; charset=utf-8", headers={"Cache-Control": "no-store"})
