"""``hospital visit`` (走一遍就诊流程): real visits through the public HTTP and websocket interfaces only.

Scenarios (``--scenario``) may besides let the time to pay of one hold pass, in the demo's own database.
"""

from backend.visit.scenarios.telling import play
from backend.visit.walk import walk

__all__ = ["play", "walk"]
