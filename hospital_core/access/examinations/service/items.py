"""Keeping the list of examinations (维护检查项目)."""

from hospital_core.access.examinations.commands import SaveExaminationItem
from hospital_core.access.examinations.queries import examination_item
from hospital_core.access.examinations.views import ExaminationItemView
from hospital_core.kernel.errors import FieldProblem, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require

_KNOWN = """
SELECT EXISTS (SELECT 1 FROM price_item WHERE id = $1 AND active) AS price_item,
       EXISTS (SELECT 1 FROM department WHERE id = $2 AND active) AS department"""

_SAVE = """
INSERT INTO examination_item AS kept (id, version, price_item_id, department_id, preparation, lead_minutes, active)
VALUES ($1, 0, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET
    price_item_id = excluded.price_item_id, department_id = excluded.department_id,
    preparation = excluded.preparation, lead_minutes = excluded.lead_minutes, active = excluded.active,
    version = kept.version + 1
WHERE $7::int IS NULL OR kept.version = $7
RETURNING id"""


async def save_examination_item(uow: UnitOfWork, command: SaveExaminationItem) -> ExaminationItemView:
    """Say where a price item is examined, how one prepares and how long that takes (维护检查项目).

    Places that were booked stay as they are. Raises: Forbidden, FieldProblem, NotFound, StateConflict (changed by
    somebody else), ExaminationItemTaken.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    known = await uow.fetch_row(_KNOWN, command.price_item_id, command.department_id)
    assert known is not None
    if not known["price_item"]:
        raise FieldProblem("/price_item_id", "收费项目不存在或已停用")
    if not known["department"]:
        raise FieldProblem("/department_id", "科室不存在或已停用")
    item_id = command.item_id or new_id()
    if command.item_id is not None:
        await examination_item(uow, command.item_id)
    saved = await uow.fetch_row(
        _SAVE, item_id, command.price_item_id, command.department_id, command.preparation, command.lead_minutes,
        command.active, command.version,
    )  # fmt: skip
    if saved is None:
        raise StateConflict()
    uow.audited("examination_item", item_id)
    return await examination_item(uow, item_id)
