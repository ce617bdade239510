"""What happened to examinations."""

from uuid import UUID

from hospital_core.kernel.events import Event


class ExaminationCancelled(Event):
    """The place of an examination was given back by the house, because its money is (检查预约取消)."""

    appointment_id: UUID
