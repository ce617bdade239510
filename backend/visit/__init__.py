"""``hospital visit`` (走一遍就诊流程): real visits through the public HTTP and websocket interfaces only."""

from backend.visit.walk import walk

__all__ = ["walk"]
