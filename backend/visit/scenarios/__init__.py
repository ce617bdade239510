"""What goes wrong, and what the hospital makes of it (情景演示): ``hospital visit --scenario NAME``.

Each scenario makes a session of its own, lets people act through the public interfaces, and proves what must be true.
"""

from backend.visit.scenarios.money import late_payment, lost_callback, refund
from backend.visit.scenarios.places import rush, stop_clinic, waitlist
from backend.visit.scenarios.scene import Scenario

SCENARIOS: dict[str, Scenario] = {
    "rush": rush,
    "waitlist": waitlist,
    "stop-clinic": stop_clinic,
    "lost-callback": lost_callback,
    "refund": refund,
    "late-payment": late_payment,
}

__all__ = ["SCENARIOS"]
