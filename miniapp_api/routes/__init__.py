"""Routes of the phone (患者端接口): ``/api/miniapp/v1``."""

from backend.http.routing import Route
from miniapp_api.routes import (
    appointments,
    arriving,
    bans,
    bills,
    booking,
    card,
    catalogue,
    disruptions,
    examinations,
    finding,
    identity,
    invoices,
    messages,
    notify,
    patients,
    payments,
    push,
    series,
    sessions,
    settings,
    waitlist,
)
from miniapp_api.routes.base import routes

__all__ = [
    "ROUTES",
    "appointments",
    "arriving",
    "bans",
    "bills",
    "booking",
    "card",
    "catalogue",
    "disruptions",
    "examinations",
    "finding",
    "identity",
    "invoices",
    "messages",
    "notify",
    "patients",
    "payments",
    "push",
    "series",
    "sessions",
    "settings",
    "waitlist",
]

ROUTES: list[Route] = routes.table
