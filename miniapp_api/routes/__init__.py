"""Routes of the phone (患者端接口): ``/api/miniapp/v1``."""

from backend.http.routing import Route
from miniapp_api.routes import (
    appointments,
    arriving,
    bans,
    booking,
    catalogue,
    disruptions,
    finding,
    messages,
    notify,
    patients,
    push,
    sessions,
    waitlist,
)
from miniapp_api.routes.base import routes

__all__ = [
    "ROUTES",
    "appointments",
    "arriving",
    "bans",
    "booking",
    "catalogue",
    "disruptions",
    "finding",
    "messages",
    "notify",
    "patients",
    "push",
    "sessions",
    "waitlist",
]

ROUTES: list[Route] = routes.table
