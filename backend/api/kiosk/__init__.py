"""Kiosks (自助机接口): ``/api/kiosk/v1`` and the topic ``device:<id>``.

Its words are those of ``kiosk_agent.protocol``.
"""

from backend.api.kiosk import accounts, devices, fees, visits
from backend.api.kiosk.feed import offer_topics
from backend.http.routing import Route

ROUTES: list[Route] = [*devices.routes.table, *visits.routes.table, *fees.routes.table, *accounts.routes.table]

__all__ = ["ROUTES", "offer_topics"]
