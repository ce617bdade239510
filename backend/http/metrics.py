"""Metrics (指标) for Prometheus, summed over the worker processes.

``PROMETHEUS_MULTIPROC_DIR`` must be set before this module is imported; the supervisor empties it at start and marks
dead workers. Labels are route templates and closed lists only.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

REQUESTS = Counter("hospital_http_requests_total", "Requests by route and status", ["route", "status"])
SECONDS = Histogram(
    "hospital_http_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
SOCKETS = Gauge("hospital_websockets", "Open websockets", ["audience"], multiprocess_mode="livesum")
LIVE_FRAMES = Counter("hospital_live_frames_total", "Frames sent to websockets", ["kind"])
SLOW_CLIENTS = Counter("hospital_live_slow_clients_total", "Websockets dropped because they read too slowly", [])
REDIS_UP = Gauge("hospital_redis_up", "1 while the realtime link to Redis stands", [], multiprocess_mode="livemin")


def exposition(multiprocess_dir: str | None) -> bytes:
    """The text Prometheus reads."""
    if multiprocess_dir is None:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=multiprocess_dir)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
