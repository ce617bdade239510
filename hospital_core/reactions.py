"""Loading every context's handlers (事件处理注册), so that what is recorded finds who reacts to it.

Every process that writes or relays events calls ``load`` before its first unit of work.
"""

from importlib import import_module
from importlib.util import find_spec

from hospital_core.db import CONTEXTS


def load() -> None:
    """Import ``handlers`` and ``errors`` of every context that has them."""
    for context in CONTEXTS:
        for module in ("errors", "handlers"):
            name = f"hospital_core.{context}.{module}"
            if find_spec(name) is not None:
                import_module(name)
