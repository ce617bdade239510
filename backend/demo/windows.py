"""The demo's windows (演示收款点): every registrar and cashier stands at a drawer of their own with a shift open."""

from hospital_core.finance.payments.commands import OpenShift, SaveDrawer
from hospital_core.finance.payments.service import open_shift, save_drawer
from hospital_core.kernel.context import Actor, ActorKind, Context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import permissions_of
from hospital_core.registry.staff.states import StaffRole

FLOAT_FEN = 50_000  # 备用金

# Everybody at a counter, with the drawer they worked at before and whether they work there now.
AT_COUNTERS = """
SELECT a.staff_id, a.roles[1] AS role, last.drawer_id, coalesce(last.status = 'open', false) AS at_work,
       row_number() OVER (ORDER BY s.staff_no) AS place
FROM staff_account a JOIN staff_member s ON s.id = a.staff_id
LEFT JOIN LATERAL (SELECT drawer_id, status FROM cashier_shift WHERE staff_id = s.id
                   ORDER BY opened_at DESC LIMIT 1) AS last ON true
WHERE a.active AND a.roles && ARRAY['registrar', 'cashier'] ORDER BY s.staff_no"""


async def open_windows() -> int:
    """Open a shift for whoever at a counter has none; returns how many were opened. Safe to repeat."""
    system, opened = Context(Actor(ActorKind.SYSTEM)), 0
    for row in await Reading(system).fetch(AT_COUNTERS):
        if row["at_work"]:
            continue
        drawer_id = row["drawer_id"]
        if drawer_id is None:
            drawer_id = (await run(system, save_drawer, drawer_at(row["place"]))).id
        permissions = frozenset(permissions_of([StaffRole(row["role"])]))
        cashier = Context(Actor(ActorKind.STAFF, row["staff_id"], permissions=permissions))
        await run(cashier, open_shift, OpenShift(drawer_id=drawer_id, opening_fen=FLOAT_FEN))
        opened += 1
    return opened


def drawer_at(place: int) -> SaveDrawer:
    """The drawer of whoever comes at that place among those at counters (收款点)."""
    return SaveDrawer(drawer_id=new_id(), code=f"W{place:02d}", name=f"{place} 号窗口")
