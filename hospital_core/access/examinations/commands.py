"""What can be asked of examinations."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command


class SaveExaminationItem(Command):
    """Say where a price item is examined and how one prepares (维护检查项目); with ``item_id`` change one."""

    item_id: UUID | None = None
    version: int | None = None
    price_item_id: UUID
    department_id: UUID
    preparation: Annotated[str, Field(max_length=500)] = ""
    lead_minutes: Annotated[int, Field(ge=0, le=14 * 24 * 60)] = 0
    active: bool = True


class BookExamination(Command):
    """Take a place for a paid examination (预约检查), and for others of that department done along with it."""

    charge_item_id: UUID
    slot_id: UUID
    also: Annotated[tuple[UUID, ...], Field(max_length=20)] = ()


class JoinExamination(Command):
    """Have a paid examination done at an appointment that stands already (并入已有预约)."""

    charge_item_id: UUID
    appointment_id: UUID


class CancelExamination(Command):
    """Give the place of an examination back at the desk (取消检查预约)."""

    charge_item_id: UUID
