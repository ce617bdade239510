"""Drawers (收款点)."""

from uuid import UUID

from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork

_SHARED_DRAWER = """
INSERT INTO cash_drawer (id, version, code, name, kind, active) VALUES ($1, 0, 'W00', '公共收款点', 'window', true)
ON CONFLICT (code) DO UPDATE SET version = cash_drawer.version RETURNING id"""


async def shared_drawer(uow: UnitOfWork) -> UUID:
    """The drawer of cash that no shift answers for."""
    drawer_id: UUID = await uow.fetch_value(_SHARED_DRAWER, new_id())
    return drawer_id
