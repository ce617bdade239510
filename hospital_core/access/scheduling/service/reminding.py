"""Reminding of a visit (就诊提醒): the evening before, once, if the visit still stands."""

from datetime import datetime, timedelta
from uuid import UUID

from hospital_core.access.scheduling.days import day_of, minute_of
from hospital_core.access.scheduling.events import VisitReminderDue
from hospital_core.access.scheduling.rules import RuleCode, rule_book
from hospital_core.kernel.uow import UnitOfWork


async def remind_later(uow: UnitOfWork, appointment_id: UUID, starts_at: datetime) -> bool:
    """Set the timer of a visit's reminder; whether there was time for one.

    Who books for the same day, or late in the evening before, has just been told. Emits: VisitReminderDue (timer).
    """
    minute = (await rule_book(uow)).value(RuleCode.REMINDER_MINUTE)
    due = minute_of(day_of(starts_at) - timedelta(days=1), minute)
    if due <= uow.now:
        return False
    uow.record(VisitReminderDue(appointment_id=appointment_id), not_before=due)
    return True
