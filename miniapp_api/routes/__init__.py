"""Routes of the phone (患者端接口): ``/api/miniapp/v1``."""

from backend.http.routing import Route
from miniapp_api.routes import (
    appointments,
    booking,
    catalogue,
    disruptions,
    finding,
    messages,
    notify,
    patients,
    push,
    sessions,
)
from miniapp_api.routes.base import routes

__all__ = [
    "ROUTES",
    "appointments",
    "booking",
    "catalogue",
    "disruptions",
    "finding",
    "messages",
    "notify",
    "patients",
    "push",
    "sessions",
]

ROUTES: list[Route] = routes.table
