"""The rights matrix (权限矩阵): for every route of the house, what each kind of caller gets.

Written by hand and on purpose not derived from the routes' own declarations: a permission that was dropped there shows
here as a difference. Who is not named gets 401 outside the route's audience and 403 inside it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hospital_core.kernel.ids import new_id

STAFF = ("doctor", "doctor_elsewhere", "nurse", "registrar", "cashier", "pharmacist", "technician", "manager",
         "system_admin", "security_admin", "audit_admin")  # fmt: skip
PHONES = ("owner", "other")
KIOSKS = ("kiosk", "kiosk_owner", "kiosk_other")
KIOSK_SESSIONS = ("kiosk_owner", "kiosk_other")
PARTIES = ("anonymous", *STAFF, *PHONES, *KIOSKS, "display")

DOCTORS = ("doctor", "doctor_elsewhere")
WINDOWS = ("registrar", "cashier")
DESK = (*DOCTORS, "nurse", "technician")
SCHEDULES = (*DOCTORS, "nurse", "registrar", "cashier", "manager", "system_admin")
PLANNERS = ("manager", "system_admin")
CATALOGUE = (*DOCTORS, "registrar", "cashier", "pharmacist", "technician", "manager", "system_admin")


@dataclass(frozen=True)
class World:
    """The things that the requests are about: all belong to ``owner``, who is a patient of ``doctor``."""

    patient_id: UUID
    link_id: UUID
    spare_link_id: UUID
    account_id: UUID
    appointment_id: UUID  # booked, tomorrow
    arrived_id: UUID  # checked in, today
    ticket_id: UUID
    disruption_id: UUID  # of a stopped clinic, not answered
    entry_id: UUID  # waits in a line
    ban_id: UUID  # not begun
    schedule_id: UUID
    department_id: UUID
    doctor_id: UUID
    room_id: UUID
    day: str
    e_invoice_id: UUID  # of the owner's paid bill


Body = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One route: ``may`` get one of ``ok``; ``instead`` are people of the right kind to whom the thing does not belong.

    ``inside`` are the parties of the route's audience. ``fresh``: the request ends the caller's session.
    """

    may: tuple[str, ...]
    inside: tuple[str, ...]
    ok: tuple[int, ...] = (200,)
    instead: dict[str, int] = field(default_factory=dict)
    path: Body | None = None
    query: Body | None = None
    body: Body | None = None
    fresh: bool = False

    def expected(self, party: str) -> tuple[int, ...]:
        """The statuses this party may get."""
        if party in self.instead:
            return (self.instead[party],)
        if party in self.may:
            return self.ok
        return (403,) if party in self.inside else (401,)


def _open(*ok: int, **more: Any) -> Row:
    return Row(PARTIES, PARTIES, ok or (200,), **more)


def _staff(*may: str, **more: Any) -> Row:
    return Row(may, STAFF, **more)


def _phone(**more: Any) -> Row:
    return Row(PHONES, PHONES, **more)


def _appointment(name: str = "appointment_id", **more: Any) -> Row:
    """Something of one appointment: the other phone may not even know that it exists."""
    return _phone(instead={"other": 404}, path=lambda w: {"appointment_id": getattr(w, name)}, **more)


def _link(name: str, **more: Any) -> Row:
    return _phone(instead={"other": 404}, path=lambda w: {"link_id": getattr(w, name)}, **more)


def _patient(**more: Any) -> Row:
    """Something of one patient: to the other phone they do not exist."""
    return _phone(instead={"other": 404}, path=lambda w: {"patient_id": w.patient_id}, **more)


def _disruption(**more: Any) -> Row:
    """A changed clinic of one patient: to the other phone it does not exist."""
    return _phone(instead={"other": 404}, path=lambda w: {"disruption_id": w.disruption_id}, **more)


def _entry(**more: Any) -> Row:
    """Somebody's place in a line: to the other phone it does not exist."""
    return _phone(instead={"other": 404}, path=lambda w: {"entry_id": w.entry_id}, **more)


def _ticket(*may: str, **instead: int) -> Row:
    return _staff(*may, ok=(200, 409), instead=instead, path=lambda w: {"ticket_id": w.ticket_id})


def _allergy(*may: str, ok: tuple[int, ...] = (404,), body: Body | None = None) -> Row:
    """Something of one file: who may write there still must know the patient."""
    return _staff(*may, ok=ok, instead={"doctor_elsewhere": 404}, body=body,
                  path=lambda w: {"patient_id": w.patient_id, "allergy_id": new_id()})  # fmt: skip


def _nothing(name: str) -> Body:
    """An id that nobody has: who may ask gets 404."""
    return lambda w: {name: new_id()}


_ELSEWHERE = {"doctor_elsewhere": 403, "technician": 403}

MATRIX: dict[str, Row] = {
    "GET /healthz": _open(),
    "GET /readyz": _open(),
    "GET /metrics": _open(),
    # -- phones
    "GET /api/miniapp/v1/entry": _open(),
    "POST /api/miniapp/v1/sessions": _open(401, 422, body=lambda w: {"code": "nobody's code"}),
    "POST /api/miniapp/v1/sessions/refresh": _open(401, body=lambda w: {"refresh_token": "nobody's token"}),
    "POST /api/miniapp/v1/wechat/pay-notify": _open(400, 401, 422),
    "POST /api/miniapp/v1/wechat/refund-notify": _open(400, 401, 422),
    "GET /api/miniapp/v1/wechat/push": _open(401),
    "POST /api/miniapp/v1/wechat/push": _open(401),
    "GET /api/miniapp/v1/message-templates": _phone(),
    "POST /api/miniapp/v1/sessions/end": _phone(fresh=True),
    "POST /api/miniapp/v1/phone": _phone(ok=(422,), body=lambda w: {}),
    "GET /api/miniapp/v1/patients": _phone(),
    "POST /api/miniapp/v1/patients": _phone(ok=(422,), body=lambda w: {}),
    "POST /api/miniapp/v1/patients/{link_id}/proof-codes": _link("link_id", ok=(409,)),
    "POST /api/miniapp/v1/patients/{link_id}/prove": _link("link_id", ok=(409,), body=lambda w: {"code": "000000"}),
    "POST /api/miniapp/v1/patients/{link_id}/prefer": _link("link_id"),
    "GET /api/miniapp/v1/patients/{link_id}/identity-code": _link("link_id"),
    "GET /api/miniapp/v1/patients/{link_id}/identity-code.svg": _link("link_id"),
    "POST /api/miniapp/v1/patients/{link_id}/revoke": _link("spare_link_id", ok=(200, 409)),
    "GET /api/miniapp/v1/departments": _phone(),
    "GET /api/miniapp/v1/departments/{department_id}/doctors": _phone(
        path=lambda w: {"department_id": w.department_id}, query=lambda w: {"day": w.day}
    ),
    "GET /api/miniapp/v1/schedules/{schedule_id}/slots": _phone(path=lambda w: {"schedule_id": w.schedule_id}),
    "GET /api/miniapp/v1/search": _phone(query=lambda w: {"q": "心内科"}),
    "GET /api/miniapp/v1/guide/parts": _phone(),
    "GET /api/miniapp/v1/guide/symptoms": _phone(ok=(404,), query=lambda w: {"part": "没有的部位"}),
    "POST /api/miniapp/v1/guide/advice": _phone(
        ok=(404,), body=lambda w: {"part": "没有的部位", "symptoms": ["没有的症状"], "patient_id": str(w.patient_id)}
    ),
    "GET /api/miniapp/v1/doctors/{staff_id}": _phone(path=lambda w: {"staff_id": w.doctor_id}),
    "GET /api/miniapp/v1/doctors/{staff_id}/photo": _open(path=lambda w: {"staff_id": w.doctor_id}),
    "GET /api/miniapp/v1/appointments": _phone(),
    "POST /api/miniapp/v1/appointments": _phone(
        ok=(409,),
        instead={"other": 404},
        body=lambda w: {"patient_id": str(w.patient_id), "schedule_id": str(w.schedule_id)},
    ),
    "GET /api/miniapp/v1/appointments/{appointment_id}": _appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/qr": _appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/qr.svg": _appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/move-options": _appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/queue-place": _appointment("arrived_id"),
    "POST /api/miniapp/v1/appointments/{appointment_id}/pay": _appointment(ok=(409,)),
    "POST /api/miniapp/v1/appointments/{appointment_id}/payment-check": _appointment(),
    "POST /api/miniapp/v1/appointments/{appointment_id}/cancel": _appointment("arrived_id", ok=(409,)),
    "POST /api/miniapp/v1/appointments/{appointment_id}/reschedule": _appointment(
        "arrived_id", ok=(409,), body=lambda w: {"schedule_id": str(w.schedule_id)}
    ),
    # No code of a screen: but first of all, whose appointment it is.
    "POST /api/miniapp/v1/appointments/{appointment_id}/check-in": _appointment(
        "arrived_id", ok=(422, 400), body=lambda w: {"presence_code": "HSP1"}
    ),
    "GET /api/miniapp/v1/waitlist": _phone(),
    "POST /api/miniapp/v1/waitlist": _phone(
        ok=(409,),
        instead={"other": 404},
        body=lambda w: {
            "patient_id": str(w.patient_id),
            "department_id": str(w.department_id),
            "day": w.day,
            "period": "morning",
        },
    ),
    "GET /api/miniapp/v1/waitlist/{entry_id}": _entry(),
    "POST /api/miniapp/v1/waitlist/{entry_id}/answer": _entry(ok=(409,), body=lambda w: {"accept": False}),
    "POST /api/miniapp/v1/waitlist/{entry_id}/leave": _entry(ok=(200, 409)),
    "GET /api/miniapp/v1/bans": _phone(),
    "POST /api/miniapp/v1/bans/{ban_id}/appeal": _phone(
        ok=(200, 409),
        instead={"other": 404},
        path=lambda w: {"ban_id": w.ban_id},
        body=lambda w: {"text": "当日住院"},
    ),
    "GET /api/miniapp/v1/disruptions": _phone(),
    "GET /api/miniapp/v1/disruptions/{disruption_id}": _disruption(),
    "GET /api/miniapp/v1/disruptions/{disruption_id}/move-targets": _disruption(),
    "POST /api/miniapp/v1/disruptions/{disruption_id}/answer": _disruption(
        ok=(422,), body=lambda w: {"choice": "keep"}
    ),
    "GET /api/miniapp/v1/messages": _phone(),
    "GET /api/miniapp/v1/messages/unread": _phone(),
    "POST /api/miniapp/v1/messages/read-all": _phone(),
    # -- phones: money
    "GET /api/miniapp/v1/bills": _phone(),
    "GET /api/miniapp/v1/patients/{patient_id}/bills": _patient(),
    "POST /api/miniapp/v1/patients/{patient_id}/bills": _patient(
        ok=(409,), body=lambda w: {"charge_item_ids": [str(new_id())]}
    ),
    "GET /api/miniapp/v1/bills/{invoice_id}": _phone(ok=(404,), path=_nothing("invoice_id")),
    "POST /api/miniapp/v1/bills/{invoice_id}/pay": _phone(
        ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"how": "wechat"}
    ),
    "POST /api/miniapp/v1/bills/{invoice_id}/payment-check": _phone(ok=(404,), path=_nothing("invoice_id")),
    "POST /api/miniapp/v1/bills/{invoice_id}/cancel": _phone(ok=(404,), path=_nothing("invoice_id")),
    "POST /api/miniapp/v1/bills/{invoice_id}/receipt": _phone(ok=(404,), path=_nothing("invoice_id")),
    "GET /api/miniapp/v1/bills/{invoice_id}/receipt": _phone(ok=(404,), path=_nothing("invoice_id")),
    "GET /api/miniapp/v1/payments": _phone(),
    "GET /api/miniapp/v1/payments/{payment_id}": _phone(ok=(404,), path=_nothing("payment_id")),
    "POST /api/miniapp/v1/payments/{payment_id}/check": _phone(ok=(404,), path=_nothing("payment_id")),
    "GET /api/miniapp/v1/patients/{patient_id}/card": _patient(),
    "GET /api/miniapp/v1/patients/{patient_id}/card/movements": _patient(),
    "POST /api/miniapp/v1/patients/{patient_id}/card/top-ups": _patient(
        ok=(409,), body=lambda w: {"amount_fen": 10_000}
    ),
    "POST /api/miniapp/v1/patients/{patient_id}/card/refunds": _patient(ok=(409,)),
    "POST /api/miniapp/v1/messages/{notification_id}/read": _phone(ok=(404,), path=_nothing("notification_id")),
    "GET /api/miniapp/v1/e-invoices": _phone(),
    "GET /api/miniapp/v1/e-invoices/{e_invoice_id}": _phone(
        instead={"other": 404}, path=lambda w: {"e_invoice_id": w.e_invoice_id}
    ),
    # -- staff: signing in
    "POST /api/staff/v1/sessions": _open(422),
    "GET /api/staff/v1/session": _open(),
    "POST /api/staff/v1/session/end": _staff(*STAFF, fresh=True),
    "POST /api/staff/v1/session/password": _staff(*STAFF, ok=(422,)),
    # -- staff: calling
    "GET /api/staff/v1/my/rooms": _staff(*DESK),
    "GET /api/staff/v1/my/queue": _staff(*DESK),
    "POST /api/staff/v1/queue/call-next": _staff(
        "doctor", "nurse", ok=(200, 409), instead=_ELSEWHERE, body=lambda w: {"room_id": str(w.room_id)}
    ),
    "POST /api/staff/v1/tickets/{ticket_id}/recall": _ticket("doctor", "nurse", **_ELSEWHERE),
    "POST /api/staff/v1/tickets/{ticket_id}/pass": _ticket("doctor", "nurse", **_ELSEWHERE),
    "POST /api/staff/v1/tickets/{ticket_id}/return": _ticket("doctor", "nurse", **_ELSEWHERE),
    "POST /api/staff/v1/tickets/{ticket_id}/start": _ticket("doctor", doctor_elsewhere=403),
    "POST /api/staff/v1/tickets/{ticket_id}/finish": _ticket("doctor", doctor_elsewhere=403),
    # -- staff: patients
    "GET /api/staff/v1/patients": _staff("registrar", "cashier", query=lambda w: {"q": "张三丰"}),
    "GET /api/staff/v1/patients/{patient_id}": _staff(
        "doctor", "nurse", "registrar", "cashier",
        instead={"doctor_elsewhere": 404, "pharmacist": 404, "technician": 404},
        path=lambda w: {"patient_id": w.patient_id},
    ),
    "POST /api/staff/v1/patients": _staff("registrar", ok=(422,)),
    "POST /api/staff/v1/patients/{patient_id}/break-glass": _staff(
        *DOCTORS, "nurse", ok=(404,), path=_nothing("patient_id"), body=lambda w: {"reason": "急救需要查看病历"}
    ),
    "POST /api/staff/v1/patients/identify": _staff(
        "registrar", "cashier", ok=(422,), body=lambda w: {"code": "HSP1.I.NOBODY"}
    ),
    "POST /api/staff/v1/patients/look-up": _staff(*DOCTORS, "nurse", body=lambda w: {"number": "110101199003070011"}),
    "POST /api/staff/v1/patients/{patient_id}/complete": _staff(
        "registrar", ok=(404,), path=_nothing("patient_id"),
        body=lambda w: {"document_kind": "passport", "document_no": "E12345678"},
    ),
    "GET /api/staff/v1/patients/{patient_id}/merged": _staff(
        "doctor", "nurse", "registrar", "cashier",
        instead={"doctor_elsewhere": 404, "pharmacist": 404, "technician": 404},
        path=lambda w: {"patient_id": w.patient_id},
    ),
    "POST /api/staff/v1/patients/{patient_id}/allergies": _allergy(
        "doctor", "nurse", "registrar", ok=(200, 409), body=lambda w: {"substance": "碘造影剂", "severity": "mild"}
    ),
    "POST /api/staff/v1/patients/{patient_id}/allergies/{allergy_id}/inactivate": _allergy("doctor", "nurse"),
    "POST /api/staff/v1/patients/{patient_id}/allergies/{allergy_id}/reactivate": _allergy("doctor", "nurse"),
    "POST /api/staff/v1/patients/{patient_id}/allergies/{allergy_id}/strike": _allergy("doctor", "nurse"),
    "GET /api/staff/v1/patients/{patient_id}/accounts": _staff(
        "registrar", path=lambda w: {"patient_id": w.patient_id}
    ),
    "POST /api/staff/v1/patients/{patient_id}/accounts/{account_id}/prove": _staff(
        "registrar", path=lambda w: {"patient_id": w.patient_id, "account_id": new_id()}
    ),
    "GET /api/staff/v1/patients/duplicates": _staff("registrar"),
    "POST /api/staff/v1/patients/duplicates/{duplicate_id}/dismiss": _staff(
        "registrar", ok=(404,), path=_nothing("duplicate_id")
    ),
    "GET /api/staff/v1/refunds/attention": _staff("cashier"),
    "POST /api/staff/v1/refunds/{refund_id}/retry": _staff("cashier", ok=(404,), path=_nothing("refund_id")),
    "POST /api/staff/v1/refunds/{refund_id}/check": _staff("cashier", ok=(404,), path=_nothing("refund_id")),
    "POST /api/staff/v1/refunds/{refund_id}/redirect": _staff(
        "cashier", ok=(404,), path=_nothing("refund_id"),
        body=lambda w: {"bank_type": "ICBC_DEBIT", "bank_account": "6222020200012345678", "real_name": "张三丰"},
    ),
    "GET /api/staff/v1/payments/attention": _staff("cashier"),
    "GET /api/staff/v1/refunds/waiting": _staff("registrar", "cashier", "manager"),
    "POST /api/staff/v1/refunds/{refund_id}/pay-out": _staff(*WINDOWS, ok=(404,), path=_nothing("refund_id")),
    # -- staff: paying at the window
    "GET /api/staff/v1/patients/{patient_id}/charges": _staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "POST /api/staff/v1/patients/{patient_id}/invoices": _staff(
        *WINDOWS, ok=(404,), path=_nothing("patient_id"), body=lambda w: {"charge_item_ids": [str(new_id())]}
    ),
    "GET /api/staff/v1/patients/{patient_id}/invoices": _staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "GET /api/staff/v1/patients/{patient_id}/visits": _staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "GET /api/staff/v1/invoices": _staff(*WINDOWS, ok=(404,), query=lambda w: {"number": "W01-20200101-000001"}),
    "POST /api/staff/v1/invoices/{invoice_id}/refund-preview": _staff(
        "cashier", ok=(404,), path=_nothing("invoice_id"),
        body=lambda w: {"lines": [{"charge_item_id": str(new_id()), "quantity": "1"}]},
    ),
    "GET /api/staff/v1/invoices/{invoice_id}": _staff(*WINDOWS, ok=(404,), path=_nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/unbill": _staff(*WINDOWS, ok=(404,), path=_nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/cash": _staff(
        *WINDOWS, ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"tendered_fen": 100}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/card": _staff(*WINDOWS, ok=(404,), path=_nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/bank-card": _staff(
        *WINDOWS, ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"reference": "000123"}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/insurance": _staff(
        *WINDOWS, ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"reference": "000123"}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/code-to-scan": _staff(*WINDOWS, ok=(404,), path=_nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/payment-code": _staff(
        *WINDOWS, ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"auth_code": "130000000000000000"}
    ),
    "POST /api/staff/v1/payments/{intent_id}/check": _staff(*WINDOWS, ok=(404,), path=_nothing("intent_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/receipts": _staff(*WINDOWS, ok=(404,), path=_nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/refunds": _staff(
        "cashier", ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"reason": "退费"}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/release": _staff(
        "cashier", ok=(404,), path=_nothing("invoice_id"), body=lambda w: {"reason": "退费"}
    ),
    "POST /api/staff/v1/encounters/{encounter_id}/charges": _staff(
        *DOCTORS, ok=(404,), path=_nothing("encounter_id"), body=lambda w: {"price_item_id": str(new_id())}
    ),
    "GET /api/staff/v1/patients/{patient_id}/card": _staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "POST /api/staff/v1/patients/{patient_id}/card/cash": _staff(
        *WINDOWS, ok=(404,), path=_nothing("patient_id"), body=lambda w: {"amount_fen": 100, "tendered_fen": 100}
    ),
    "POST /api/staff/v1/patients/{patient_id}/card/refunds": _staff(
        "cashier", ok=(404,), path=_nothing("patient_id"), body=lambda w: {"reason": "退卡"}
    ),
    # -- staff: e-invoices; the hospital of these tests is joined to no platform
    "GET /api/staff/v1/e-invoices": _staff("cashier", "manager"),
    "GET /api/staff/v1/e-invoices/counts": _staff("cashier", "manager"),
    "POST /api/staff/v1/invoices/{invoice_id}/e-invoice": _staff(
        "cashier", "manager", ok=(412,), path=_nothing("invoice_id")
    ),
    "POST /api/staff/v1/e-invoices/{e_invoice_id}/retry": _staff(
        "cashier", "manager", ok=(412,), path=lambda w: {"e_invoice_id": w.e_invoice_id}
    ),
    "POST /api/staff/v1/e-invoices/retry-unanswered": _staff("cashier", "manager", ok=(412,)),
    "GET /api/staff/v1/e-invoice-checks": _staff("cashier", "manager"),
    "GET /api/staff/v1/e-invoice-checks/{check_id}": _staff(
        "cashier", "manager", ok=(404,), path=_nothing("check_id")
    ),
    "POST /api/staff/v1/e-invoice-checks": _staff("cashier", "manager", ok=(412,), body=lambda w: {"day": w.day}),
    # -- staff: the cashier's day
    "GET /api/staff/v1/drawers": _staff(*WINDOWS, "manager"),
    "POST /api/staff/v1/drawers": _staff("manager", ok=(422,)),
    "GET /api/staff/v1/my/shift": _staff(*WINDOWS),
    "POST /api/staff/v1/shifts": _staff(
        *WINDOWS, ok=(404,), body=lambda w: {"drawer_id": str(new_id()), "opening_fen": 0}
    ),
    "POST /api/staff/v1/shifts/{shift_id}/close": _staff(
        *WINDOWS, "manager", ok=(404,), path=_nothing("shift_id"), body=lambda w: {"counted_fen": 0}
    ),
    "GET /api/staff/v1/shifts/{shift_id}/report": _staff(*WINDOWS, "manager", ok=(404,), path=_nothing("shift_id")),
    "POST /api/staff/v1/cash-deposits": _staff(*WINDOWS, ok=(409,), body=lambda w: {"amount_fen": 99_999_999}),
    "POST /api/staff/v1/receipts/{receipt_id}/void": _staff(
        *WINDOWS, ok=(404,), path=_nothing("receipt_id"), body=lambda w: {"reason": "打印有误"}
    ),
    "GET /api/staff/v1/receipt-series": _staff(
        *WINDOWS, "manager", ok=(404,), query=lambda w: {"drawer_id": str(new_id()), "day": w.day}
    ),
    "GET /api/staff/v1/reconciliations": _staff(
        "cashier", "manager", query=lambda w: {"first": w.day, "last": w.day}
    ),
    "POST /api/staff/v1/reconciliations/run": _staff(
        "cashier", "manager", ok=(404, 409), body=lambda w: {"day": "2026-01-01"}
    ),
    "GET /api/staff/v1/reconciliations/{run_id}": _staff("cashier", "manager", ok=(404,), path=_nothing("run_id")),
    "GET /api/staff/v1/reconciliations/{run_id}/differences": _staff("cashier", "manager", path=_nothing("run_id")),
    "GET /api/staff/v1/differences/proposed": _staff("cashier", "manager"),
    "POST /api/staff/v1/differences/{difference_id}/propose": _staff(
        "cashier", "manager", ok=(404,), path=_nothing("difference_id"),
        body=lambda w: {"disposal": "explained", "note": "已查明"},
    ),
    "POST /api/staff/v1/differences/{difference_id}/approve": _staff(
        "manager", ok=(404,), path=_nothing("difference_id"), body=lambda w: {"version": 1}
    ),
    "POST /api/staff/v1/differences/{difference_id}/reject": _staff(
        "manager", ok=(404,), path=_nothing("difference_id"), body=lambda w: {"version": 1, "reason": "请补充说明"}
    ),
    "POST /api/staff/v1/differences/{difference_id}/check": _staff(
        "cashier", "manager", ok=(404,), path=_nothing("difference_id")
    ),
    "GET /api/staff/v1/day-report": _staff("manager", query=lambda w: {"day": w.day}),
    "GET /api/staff/v1/accounting-days": _staff("manager"),
    "GET /api/staff/v1/journals": _staff("manager", query=lambda w: {"day": w.day}),
    "POST /api/staff/v1/accounting-days/close": _staff("manager", ok=(409,), body=lambda w: {"day": "2099-01-01"}),
    "POST /api/staff/v1/journals/{entry_id}/correct": _staff(
        "manager", ok=(404,), path=_nothing("entry_id"), body=lambda w: {"reason": "金额录错"}
    ),
    "POST /api/staff/v1/payments/attention/{notice_id}/check": _staff(
        "cashier", ok=(404,), path=_nothing("notice_id")
    ),
    "POST /api/staff/v1/payments/attention/{notice_id}/settle": _staff(
        "cashier", ok=(404,), path=_nothing("notice_id"), body=lambda w: {"note": "已在商户平台退款"}
    ),
    "POST /api/staff/v1/patients/merge": _staff(
        "registrar", ok=(404,),
        body=lambda w: {"source_id": str(new_id()), "survivor_id": str(new_id()), "reason": "同一患者"},
    ),
    "POST /api/staff/v1/patients/unmerge": _staff(
        "registrar", ok=(404, 409), body=lambda w: {"source_id": str(new_id()), "reason": "合并有误"}
    ),
    "GET /api/staff/v1/schedules": _staff(
        *DOCTORS, "nurse", "registrar", "cashier", "manager", "system_admin", query=lambda w: {"day": w.day}
    ),
    "POST /api/staff/v1/walk-ins": _staff(
        "registrar", ok=(404,),
        body=lambda w: {"patient_id": str(new_id()), "schedule_id": str(w.schedule_id), "tendered_fen": 5000},
    ),
    # -- staff: people and places
    "GET /api/staff/v1/staff": _staff("manager", "system_admin", "security_admin"),
    "POST /api/staff/v1/staff": _staff("system_admin", ok=(422,)),
    "POST /api/staff/v1/staff/{staff_id}/introduction": _staff(
        "system_admin", ok=(404,), path=_nothing("staff_id"),
        body=lambda w: {"title": "主任医师", "specialty": "", "introduction": ""},
    ),
    "GET /api/staff/v1/staff/{staff_id}/photo": _staff(
        "manager", "system_admin", "security_admin", path=lambda w: {"staff_id": w.doctor_id}
    ),
    "POST /api/staff/v1/staff/{staff_id}/photo": _staff(
        "system_admin", ok=(422,), path=lambda w: {"staff_id": w.doctor_id}
    ),
    "POST /api/staff/v1/staff/{staff_id}/photo/remove": _staff(
        "system_admin", ok=(404,), path=lambda w: {"staff_id": w.doctor_id}
    ),
    "POST /api/staff/v1/staff/{staff_id}/account": _staff("system_admin", ok=(422,), path=_nothing("staff_id")),
    "POST /api/staff/v1/staff/{staff_id}/roles": _staff(
        "security_admin", ok=(404,), path=_nothing("staff_id"), body=lambda w: {"roles": ["doctor"]}
    ),
    "POST /api/staff/v1/staff/{staff_id}/disable": _staff("security_admin", ok=(404,), path=_nothing("staff_id")),
    "POST /api/staff/v1/staff/{staff_id}/enable": _staff("security_admin", ok=(404,), path=_nothing("staff_id")),
    "POST /api/staff/v1/staff/{staff_id}/reset-totp": _staff("security_admin", ok=(404,), path=_nothing("staff_id")),
    "GET /api/staff/v1/campuses": _staff(*STAFF),
    "POST /api/staff/v1/campuses/{campus_id}/locate": _staff(
        "system_admin", ok=(404,), path=_nothing("campus_id"), body=lambda w: {"latitude": 30.26, "longitude": 117.04}
    ),
    "GET /api/staff/v1/mini-program-codes/doctors/{staff_id}": _staff(*SCHEDULES, ok=(404,), path=_nothing("staff_id")),
    "GET /api/staff/v1/mini-program-codes/rooms/{location_id}": _staff(
        *SCHEDULES, ok=(404,), path=_nothing("location_id")
    ),
    "GET /api/staff/v1/sent-messages": _staff("manager", "system_admin"),
    "GET /api/staff/v1/departments": _staff(*STAFF),
    "POST /api/staff/v1/departments": _staff("system_admin", ok=(422,)),
    "GET /api/staff/v1/locations": _staff(*STAFF),
    "POST /api/staff/v1/locations": _staff("system_admin", ok=(422,)),
    # -- staff: planning
    "GET /api/staff/v1/board": _staff("manager", "system_admin"),
    "GET /api/staff/v1/release-days": _staff(*SCHEDULES),
    "GET /api/staff/v1/schedule-templates": _staff(*SCHEDULES),
    "POST /api/staff/v1/schedule-templates": _staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/schedule-templates/{template_id}/end": _staff(
        *PLANNERS, ok=(404,), path=_nothing("template_id"), body=lambda w: {"valid_until": w.day}
    ),
    "POST /api/staff/v1/schedules": _staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/schedules/generate": _staff(*PLANNERS, body=lambda w: {"day": w.day}),
    "GET /api/staff/v1/generation-problems": _staff(*SCHEDULES),
    "GET /api/staff/v1/calendar": _staff(*SCHEDULES, query=lambda w: {"first": w.day, "last": w.day}),
    "POST /api/staff/v1/calendar-days": _staff(*PLANNERS, body=lambda w: {"day": "2031-05-04", "kind": "holiday"}),
    "POST /api/staff/v1/calendar-days/clear": _staff(*PLANNERS, body=lambda w: {"day": "2031-05-04"}),
    "GET /api/staff/v1/booking-rules": _staff(*SCHEDULES),
    "POST /api/staff/v1/booking-rules": _staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/booking-rules/clear": _staff(*PLANNERS, body=lambda w: {"code": "hold_minutes"}),
    # -- staff: changes of clinics
    "GET /api/staff/v1/clinic-changes": _staff(*SCHEDULES, query=lambda w: {"day": w.day}),
    "GET /api/staff/v1/clinic-changes/{change_id}/disruptions": _staff(
        "registrar", "manager", ok=(404,), path=_nothing("change_id")
    ),
    "POST /api/staff/v1/schedules/stop": _staff(*PLANNERS, ok=(422,), body=lambda w: {"reason": "停诊"}),
    "POST /api/staff/v1/schedules/{schedule_id}/substitute": _staff(
        *PLANNERS, ok=(422,), path=lambda w: {"schedule_id": w.schedule_id}
    ),
    "POST /api/staff/v1/schedules/{schedule_id}/add-ons": _staff(
        *DOCTORS, ok=(409,), instead={"doctor_elsewhere": 404}, path=lambda w: {"schedule_id": w.schedule_id},
        body=lambda w: {"patient_id": str(w.patient_id)},
    ),
    "GET /api/staff/v1/waitlist": _staff("registrar", "manager", query=lambda w: {"day": w.day}),
    "GET /api/staff/v1/bans": _staff("registrar", "manager"),
    "POST /api/staff/v1/bans": _staff(
        "registrar", "manager", ok=(404,),
        body=lambda w: {"patient_id": str(new_id()), "kind": "scalping", "days": 7, "reason": "倒号"},
    ),
    "POST /api/staff/v1/bans/{ban_id}/lift": _staff(
        "registrar", "manager", ok=(404,), path=_nothing("ban_id"), body=lambda w: {"reason": "误判"}
    ),
    "POST /api/staff/v1/bans/{ban_id}/answer-appeal": _staff(
        "registrar", "manager", ok=(404,), path=_nothing("ban_id"), body=lambda w: {"accept": True, "answer": "属实"}
    ),
    "GET /api/staff/v1/disruptions/{disruption_id}/move-targets": _staff(
        "registrar", "manager", ok=(404,), path=_nothing("disruption_id")
    ),
    "POST /api/staff/v1/disruptions/{disruption_id}/answer": _staff(
        "registrar", "manager", ok=(404,), path=_nothing("disruption_id"), body=lambda w: {"choice": "refund"}
    ),
    # -- staff: what patients search by
    "GET /api/staff/v1/search-words": _staff(*PLANNERS),
    "POST /api/staff/v1/search-words": _staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/search-words/{word_id}/remove": _staff(*PLANNERS, ok=(404,), path=_nothing("word_id")),
    "GET /api/staff/v1/guide-rules": _staff(*PLANNERS),
    "POST /api/staff/v1/guide-rules": _staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/guide-rules/{rule_id}/move": _staff(
        *PLANNERS, ok=(404,), path=_nothing("rule_id"), body=lambda w: {"direction": "up"}
    ),
    "POST /api/staff/v1/guide-rules/{rule_id}/switch": _staff(
        *PLANNERS, ok=(404,), path=_nothing("rule_id"), body=lambda w: {"active": False}
    ),
    # -- staff: devices
    "GET /api/staff/v1/devices": _staff("system_admin"),
    "POST /api/staff/v1/devices/enrolments": _staff("system_admin", ok=(422,)),
    "POST /api/staff/v1/devices/pair": _staff("system_admin", ok=(422,)),
    "POST /api/staff/v1/devices/{device_id}/approve": _staff("system_admin", ok=(404,), path=_nothing("device_id")),
    "POST /api/staff/v1/devices/{device_id}/revoke": _staff("system_admin", ok=(404,), path=_nothing("device_id")),
    "POST /api/staff/v1/devices/{device_id}/tell": _staff(
        "system_admin", ok=(404,), path=_nothing("device_id"), body=lambda w: {"command": "identify"}
    ),
    # -- staff: catalogue
    "GET /api/staff/v1/price-items": _staff(*CATALOGUE),
    "POST /api/staff/v1/price-items": _staff("manager", "system_admin", ok=(422,)),
    "GET /api/staff/v1/price-items/{price_item_id}/prices": _staff(
        *CATALOGUE, ok=(404,), path=_nothing("price_item_id")
    ),
    "POST /api/staff/v1/price-items/{price_item_id}/prices": _staff(
        "manager", "system_admin", ok=(404,), path=_nothing("price_item_id"), body=lambda w: {"unit_price": "1.00"}
    ),
    "GET /api/staff/v1/price-categories": _staff(*CATALOGUE),
    "GET /api/staff/v1/code-systems": _staff(*CATALOGUE),
    "GET /api/staff/v1/concepts": _staff(*CATALOGUE, query=lambda w: {"system": "icd-10", "q": "高血压"}),
    # -- staff: oversight
    "GET /api/staff/v1/audit": _staff("audit_admin", query=lambda w: {"patient_id": str(w.patient_id)}),
    "GET /api/staff/v1/parked-events": _staff("system_admin"),
    "POST /api/staff/v1/parked-events/{delivery_id}/release": _staff(
        "system_admin", ok=(404,), path=_nothing("delivery_id")
    ),
    "GET /api/staff/v1/break-glass": _staff("security_admin"),
    "POST /api/staff/v1/break-glass/{break_glass_id}/review": _staff(
        "security_admin", ok=(404,), path=_nothing("break_glass_id"), body=lambda w: {"verdict": "justified"}
    ),
    # -- wards
    "GET /api/ward/v1/session": _open(),
    "GET /api/ward/v1/wards": _staff(*DOCTORS, "nurse", "manager"),
    # -- kiosks; without a patient's session a kiosk is a stranger to what belongs to patients
    "POST /api/kiosk/v1/enrolments": _open(422),
    "POST /api/kiosk/v1/device-challenges": _open(body=lambda w: {"device_id": str(new_id())}),
    "POST /api/kiosk/v1/device-tokens": _open(422),
    "GET /api/kiosk/v1/device": Row(KIOSKS, KIOSKS),
    "POST /api/kiosk/v1/sessions": Row(KIOSKS, KIOSKS, (422,)),
    "POST /api/kiosk/v1/sessions/end": Row(KIOSK_SESSIONS, KIOSK_SESSIONS, fresh=True),
    "GET /api/kiosk/v1/appointments": Row(KIOSK_SESSIONS, KIOSK_SESSIONS),
    "GET /api/kiosk/v1/accounts": Row(KIOSK_SESSIONS, KIOSK_SESSIONS),
    "POST /api/kiosk/v1/accounts/{account_id}/prove": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, instead={"kiosk_other": 404}, path=lambda w: {"account_id": w.account_id},
    ),
    "POST /api/kiosk/v1/check-ins": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, (200, 409), {"kiosk_other": 404},
        body=lambda w: {"appointment_id": str(w.arrived_id)},
    ),
    # -- screens
    "POST /api/display/v1/pairings": _open(422),
    "GET /api/display/v1/pairings/{device_id}": _open(404, path=_nothing("device_id")),
    "POST /api/display/v1/device-challenges": _open(body=lambda w: {"device_id": str(new_id())}),
    "POST /api/display/v1/device-tokens": _open(422),
    "GET /api/display/v1/device": Row(("display",), ("display",)),
    "GET /api/display/v1/board": Row(("display",), ("display",)),
    "GET /api/display/v1/presence-code": Row(("display",), ("display",)),
}  # fmt: skip
