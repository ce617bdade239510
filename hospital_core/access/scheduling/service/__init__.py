"""The commands of scheduling (排班与预约)."""

from hospital_core.access.scheduling.service.book import book_appointment
from hospital_core.access.scheduling.service.cancel import cancel_appointment
from hospital_core.access.scheduling.service.hold import (
    SOURCE,
    confirm_paid,
    expire_hold,
    record_refund,
    settle_unpaid,
)
from hospital_core.access.scheduling.service.pay import (
    bill_fee,
    charge_fee_code,
    pay_appointment,
    pay_fee,
    show_fee_code,
)
from hospital_core.access.scheduling.service.reschedule import reschedule_appointment
from hospital_core.access.scheduling.service.rush import book_in_rush
from hospital_core.access.scheduling.service.sessions import make_schedule
from hospital_core.access.scheduling.service.visit import arrive, fulfil
from hospital_core.access.scheduling.service.walk_in import register_walk_in

__all__ = [
    "SOURCE",
    "arrive",
    "bill_fee",
    "book_appointment",
    "book_in_rush",
    "cancel_appointment",
    "charge_fee_code",
    "confirm_paid",
    "expire_hold",
    "fulfil",
    "make_schedule",
    "pay_appointment",
    "pay_fee",
    "record_refund",
    "register_walk_in",
    "reschedule_appointment",
    "settle_unpaid",
    "show_fee_code",
]
