"""Which worker runs which test (测试分组).

xdist's own ``loadgroup`` does not see its marks under the pinned pytest: it renames ``_nodeid``, pytest 9.2 keeps
``_id``. So: a file runs on one worker; files that name the same group (``GROUP = "demo"``) run on the same worker, in
the order of ``ORDER``. Whatever starts a running server comes last: its worker relays events on the run's database.
Two groups of that kind, one with a browser, share the end between them.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from xdist.scheduler.loadscope import LoadScopeScheduling

ORDER = {"demo": 0, "demo_faults": 1, "kills": 1, None: 2, "desk": 3, "server": 4}
SERVED = frozenset({"desk", "server"})
_GROUP = re.compile(r'^GROUP = "(\w+)"', re.M)


@cache
def group_of(file: str) -> str | None:
    """The group that a test file names, None for most."""
    path = Path(file)
    found = _GROUP.search(path.read_text()) if path.exists() else None
    return found[1] if found else None


class Grouped(LoadScopeScheduling):
    """Work units are groups, or single files; they are handed out in the order of collection."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return group_of(file) or file
