"""The rights matrix (权限矩阵): for every route of the house, what each kind of caller gets.

Written by hand and on purpose not derived from the routes' own declarations: a permission that was dropped there shows
here as a difference. Who is not named gets 401 outside the route's audience and 403 inside it.
Rows of phones stand in ``phone_rows.py``, of money at the desk in ``money_rows.py``, the kinds of rows in ``rows.py``.
"""

from hospital_core.kernel.ids import new_id
from tests.flows.http.money_rows import MONEY_ROWS
from tests.flows.http.phone_rows import PHONE_ROWS
from tests.flows.http.rows import (
    CATALOGUE,
    DESK,
    DOCTORS,
    ELSEWHERE,
    EXAMINATIONS,
    KIOSK_SESSIONS,
    KIOSKS,
    PARTIES,
    PHONES,
    PLANNERS,
    SCHEDULES,
    STAFF,
    WINDOWS,
    Row,
    World,
    allergy,
    everybody,
    examination_at_desk,
    nothing,
    staff,
    ticket,
)

__all__ = ["KIOSK_SESSIONS", "MATRIX", "PARTIES", "PHONES", "World"]

_HOUSE_ROWS: dict[str, Row] = {
    "GET /healthz": everybody(),
    "GET /readyz": everybody(),
    "GET /metrics": everybody(),
    # -- staff: signing in
    "POST /api/staff/v1/sessions": everybody(422),
    "GET /api/staff/v1/session": everybody(),
    "POST /api/staff/v1/session/end": staff(*STAFF, fresh=True),
    "POST /api/staff/v1/session/password": staff(*STAFF, ok=(422,)),
    # -- staff: calling
    "GET /api/staff/v1/my/rooms": staff(*DESK),
    "GET /api/staff/v1/my/queue": staff(*DESK),
    "POST /api/staff/v1/queue/call-next": staff(
        "doctor", "nurse", ok=(200, 409), instead=ELSEWHERE, body=lambda w: {"room_id": str(w.room_id)}
    ),
    "POST /api/staff/v1/tickets/{ticket_id}/recall": ticket("doctor", "nurse", **ELSEWHERE),
    "POST /api/staff/v1/tickets/{ticket_id}/pass": ticket("doctor", "nurse", **ELSEWHERE),
    "POST /api/staff/v1/tickets/{ticket_id}/return": ticket("doctor", "nurse", **ELSEWHERE),
    "POST /api/staff/v1/tickets/{ticket_id}/start": ticket("doctor", doctor_elsewhere=403),
    "POST /api/staff/v1/tickets/{ticket_id}/finish": ticket("doctor", doctor_elsewhere=403),
    "GET /api/staff/v1/tickets/{ticket_id}/room": ticket("doctor", doctor_elsewhere=403),
    # -- staff: patients
    "GET /api/staff/v1/patients": staff("registrar", "cashier", query=lambda w: {"q": "张三丰"}),
    "GET /api/staff/v1/patients/{patient_id}": staff(
        "doctor", "nurse", "registrar", "cashier",
        instead={"doctor_elsewhere": 404, "pharmacist": 404, "technician": 404},
        path=lambda w: {"patient_id": w.patient_id},
    ),
    "POST /api/staff/v1/patients": staff("registrar", ok=(422,)),
    "POST /api/staff/v1/patients/{patient_id}/break-glass": staff(
        *DOCTORS, "nurse", ok=(404,), path=nothing("patient_id"), body=lambda w: {"reason": "急救需要查看病历"}
    ),
    "POST /api/staff/v1/patients/identify": staff(
        "registrar", "cashier", ok=(422,), body=lambda w: {"code": "HSP1.I.NOBODY"}
    ),
    "POST /api/staff/v1/patients/look-up": staff(*DOCTORS, "nurse", body=lambda w: {"number": "110101199003070011"}),
    "POST /api/staff/v1/patients/{patient_id}/complete": staff(
        "registrar", ok=(404,), path=nothing("patient_id"),
        body=lambda w: {"document_kind": "passport", "document_no": "E12345678"},
    ),
    "GET /api/staff/v1/patients/{patient_id}/merged": staff(
        "doctor", "nurse", "registrar", "cashier",
        instead={"doctor_elsewhere": 404, "pharmacist": 404, "technician": 404},
        path=lambda w: {"patient_id": w.patient_id},
    ),
    "POST /api/staff/v1/patients/{patient_id}/allergies": allergy(
        "doctor", "nurse", "registrar", ok=(200, 409), body=lambda w: {"substance": "碘造影剂", "severity": "mild"}
    ),
    "POST /api/staff/v1/patients/{patient_id}/allergies/{allergy_id}/inactivate": allergy("doctor", "nurse"),
    "POST /api/staff/v1/patients/{patient_id}/allergies/{allergy_id}/reactivate": allergy("doctor", "nurse"),
    "POST /api/staff/v1/patients/{patient_id}/allergies/{allergy_id}/strike": allergy("doctor", "nurse"),
    "GET /api/staff/v1/patients/{patient_id}/accounts": staff(
        "registrar", path=lambda w: {"patient_id": w.patient_id}
    ),
    "POST /api/staff/v1/patients/{patient_id}/accounts/{account_id}/prove": staff(
        "registrar", path=lambda w: {"patient_id": w.patient_id, "account_id": new_id()}
    ),
    "GET /api/staff/v1/patients/duplicates": staff("registrar"),
    "POST /api/staff/v1/patients/duplicates/{duplicate_id}/dismiss": staff(
        "registrar", ok=(404,), path=nothing("duplicate_id")
    ),
    "GET /api/staff/v1/refunds/attention": staff("cashier"),
    "POST /api/staff/v1/refunds/{refund_id}/retry": staff("cashier", ok=(404,), path=nothing("refund_id")),
    "POST /api/staff/v1/refunds/{refund_id}/check": staff("cashier", ok=(404,), path=nothing("refund_id")),
    "POST /api/staff/v1/refunds/{refund_id}/redirect": staff(
        "cashier", ok=(404,), path=nothing("refund_id"),
        body=lambda w: {"bank_type": "ICBC_DEBIT", "bank_account": "6222020200012345678", "real_name": "张三丰"},
    ),
    "GET /api/staff/v1/payments/attention": staff("cashier"),
    "GET /api/staff/v1/refunds/waiting": staff("registrar", "cashier", "manager"),
    "POST /api/staff/v1/refunds/{refund_id}/pay-out": staff(*WINDOWS, ok=(404,), path=nothing("refund_id")),
    # -- staff: people and places
    "GET /api/staff/v1/staff": staff("manager", "system_admin", "security_admin"),
    "POST /api/staff/v1/staff": staff("system_admin", ok=(422,)),
    "POST /api/staff/v1/staff/{staff_id}/introduction": staff(
        "system_admin", ok=(404,), path=nothing("staff_id"),
        body=lambda w: {"title": "主任医师", "specialty": "", "introduction": ""},
    ),
    "GET /api/staff/v1/staff/{staff_id}/photo": staff(
        "manager", "system_admin", "security_admin", path=lambda w: {"staff_id": w.doctor_id}
    ),
    "POST /api/staff/v1/staff/{staff_id}/photo": staff(
        "system_admin", ok=(422,), path=lambda w: {"staff_id": w.doctor_id}
    ),
    "POST /api/staff/v1/staff/{staff_id}/photo/remove": staff(
        "system_admin", ok=(404,), path=lambda w: {"staff_id": w.doctor_id}
    ),
    "POST /api/staff/v1/staff/{staff_id}/account": staff("system_admin", ok=(422,), path=nothing("staff_id")),
    "POST /api/staff/v1/staff/{staff_id}/roles": staff(
        "security_admin", ok=(404,), path=nothing("staff_id"), body=lambda w: {"roles": ["doctor"]}
    ),
    "POST /api/staff/v1/staff/{staff_id}/disable": staff("security_admin", ok=(404,), path=nothing("staff_id")),
    "POST /api/staff/v1/staff/{staff_id}/enable": staff("security_admin", ok=(404,), path=nothing("staff_id")),
    "POST /api/staff/v1/staff/{staff_id}/reset-totp": staff("security_admin", ok=(404,), path=nothing("staff_id")),
    "GET /api/staff/v1/campuses": staff(*STAFF),
    "POST /api/staff/v1/campuses/{campus_id}/locate": staff(
        "system_admin", ok=(404,), path=nothing("campus_id"), body=lambda w: {"latitude": 30.26, "longitude": 117.04}
    ),
    "GET /api/staff/v1/mini-program-codes/doctors/{staff_id}": staff(*SCHEDULES, ok=(404,), path=nothing("staff_id")),
    "GET /api/staff/v1/mini-program-codes/rooms/{location_id}": staff(
        *SCHEDULES, ok=(404,), path=nothing("location_id")
    ),
    "GET /api/staff/v1/sent-messages": staff("manager", "system_admin"),
    "GET /api/staff/v1/departments": staff(*STAFF),
    "POST /api/staff/v1/departments": staff("system_admin", ok=(422,)),
    "GET /api/staff/v1/locations": staff(*STAFF),
    "POST /api/staff/v1/locations": staff("system_admin", ok=(422,)),
    # -- staff: planning
    "GET /api/staff/v1/board": staff("manager", "system_admin"),
    "GET /api/staff/v1/release-days": staff(*SCHEDULES),
    "GET /api/staff/v1/schedule-templates": staff(*SCHEDULES),
    "POST /api/staff/v1/schedule-templates": staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/schedule-templates/{template_id}/end": staff(
        *PLANNERS, ok=(404,), path=nothing("template_id"), body=lambda w: {"valid_until": w.day}
    ),
    "POST /api/staff/v1/schedules": staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/schedules/generate": staff(*PLANNERS, body=lambda w: {"day": w.day}),
    "GET /api/staff/v1/generation-problems": staff(*SCHEDULES),
    "GET /api/staff/v1/calendar": staff(*SCHEDULES, query=lambda w: {"first": w.day, "last": w.day}),
    "POST /api/staff/v1/calendar-days": staff(*PLANNERS, body=lambda w: {"day": "2031-05-04", "kind": "holiday"}),
    "POST /api/staff/v1/calendar-days/clear": staff(*PLANNERS, body=lambda w: {"day": "2031-05-04"}),
    "GET /api/staff/v1/booking-rules": staff(*SCHEDULES),
    "POST /api/staff/v1/booking-rules": staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/booking-rules/clear": staff(*PLANNERS, body=lambda w: {"code": "hold_minutes"}),
    # -- staff: changes of clinics
    "GET /api/staff/v1/clinic-changes": staff(*SCHEDULES, query=lambda w: {"day": w.day}),
    "GET /api/staff/v1/clinic-changes/{change_id}/disruptions": staff(
        "registrar", "manager", ok=(404,), path=nothing("change_id")
    ),
    "POST /api/staff/v1/schedules/stop": staff(*PLANNERS, ok=(422,), body=lambda w: {"reason": "停诊"}),
    "POST /api/staff/v1/schedules/{schedule_id}/substitute": staff(
        *PLANNERS, ok=(422,), path=lambda w: {"schedule_id": w.schedule_id}
    ),
    "POST /api/staff/v1/schedules/{schedule_id}/add-ons": staff(
        *DOCTORS, ok=(409,), instead={"doctor_elsewhere": 404}, path=lambda w: {"schedule_id": w.schedule_id},
        body=lambda w: {"patient_id": str(w.patient_id)},
    ),
    "GET /api/staff/v1/patients/{patient_id}/series": staff(
        *DOCTORS, "registrar", instead={"doctor_elsewhere": 404}, path=lambda w: {"patient_id": w.patient_id}
    ),
    "POST /api/staff/v1/series/plan": staff(
        *DOCTORS, "registrar", ok=(200, 409), instead={"doctor_elsewhere": 404},
        body=lambda w: {"patient_id": str(w.patient_id), "schedule_id": str(w.schedule_id), "every_days": 7,
                        "visits": 2},
    ),
    "POST /api/staff/v1/series": staff(
        *DOCTORS, "registrar", ok=(404,), body=lambda w: {
            "patient_id": str(w.patient_id), "every_days": 7, "schedule_ids": [str(w.schedule_id), str(new_id())]},
    ),
    "POST /api/staff/v1/series/{series_id}/cancel": staff(
        *DOCTORS, "registrar", ok=(404,), path=nothing("series_id")
    ),
    "GET /api/staff/v1/waitlist": staff("registrar", "manager", query=lambda w: {"day": w.day}),
    "GET /api/staff/v1/bans": staff("registrar", "manager"),
    "POST /api/staff/v1/bans": staff(
        "registrar", "manager", ok=(404,),
        body=lambda w: {"patient_id": str(new_id()), "kind": "scalping", "days": 7, "reason": "倒号"},
    ),
    "POST /api/staff/v1/bans/{ban_id}/lift": staff(
        "registrar", "manager", ok=(404,), path=nothing("ban_id"), body=lambda w: {"reason": "误判"}
    ),
    "POST /api/staff/v1/bans/{ban_id}/answer-appeal": staff(
        "registrar", "manager", ok=(404,), path=nothing("ban_id"), body=lambda w: {"accept": True, "answer": "属实"}
    ),
    "GET /api/staff/v1/disruptions/{disruption_id}/move-targets": staff(
        "registrar", "manager", ok=(404,), path=nothing("disruption_id")
    ),
    "POST /api/staff/v1/disruptions/{disruption_id}/answer": staff(
        "registrar", "manager", ok=(404,), path=nothing("disruption_id"), body=lambda w: {"choice": "refund"}
    ),
    # -- staff: what patients search by
    "GET /api/staff/v1/search-words": staff(*PLANNERS),
    "POST /api/staff/v1/search-words": staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/search-words/{word_id}/remove": staff(*PLANNERS, ok=(404,), path=nothing("word_id")),
    "GET /api/staff/v1/examination-items": staff(*SCHEDULES),
    "POST /api/staff/v1/examination-items": staff(
        *PLANNERS, ok=(422,), body=lambda w: {"price_item_id": str(new_id()), "department_id": str(w.department_id)}
    ),
    "GET /api/staff/v1/patients/{patient_id}/examinations": staff(
        *EXAMINATIONS, instead={"technician": 404}, path=lambda w: {"patient_id": w.patient_id}
    ),
    "GET /api/staff/v1/appointments/{appointment_id}/examinations": staff(
        *DESK,
        "registrar",
        "manager",
        instead=dict.fromkeys(("doctor_elsewhere", "technician", "manager"), 404),
        path=lambda w: {"appointment_id": w.appointment_id},
    ),
    "GET /api/staff/v1/examinations/{charge_item_id}/places": examination_at_desk(),
    "POST /api/staff/v1/examinations/{charge_item_id}/appointments": examination_at_desk(
        ok=(404,), body=lambda w: {"slot_id": str(new_id())}
    ),
    "POST /api/staff/v1/examinations/{charge_item_id}/join": examination_at_desk(
        ok=(404,), body=lambda w: {"appointment_id": str(new_id())}
    ),
    "POST /api/staff/v1/examinations/{charge_item_id}/cancel": examination_at_desk(ok=(404,)),
    "GET /api/staff/v1/guide-rules": staff(*PLANNERS),
    "POST /api/staff/v1/guide-rules": staff(*PLANNERS, ok=(422,)),
    "POST /api/staff/v1/guide-rules/{rule_id}/move": staff(
        *PLANNERS, ok=(404,), path=nothing("rule_id"), body=lambda w: {"direction": "up"}
    ),
    "POST /api/staff/v1/guide-rules/{rule_id}/switch": staff(
        *PLANNERS, ok=(404,), path=nothing("rule_id"), body=lambda w: {"active": False}
    ),
    # -- staff: devices
    "GET /api/staff/v1/devices": staff("system_admin"),
    "POST /api/staff/v1/devices/enrolments": staff("system_admin", ok=(422,)),
    "POST /api/staff/v1/devices/pair": staff("system_admin", ok=(422,)),
    "POST /api/staff/v1/devices/{device_id}/approve": staff("system_admin", ok=(404,), path=nothing("device_id")),
    "POST /api/staff/v1/devices/{device_id}/revoke": staff("system_admin", ok=(404,), path=nothing("device_id")),
    "POST /api/staff/v1/devices/{device_id}/tell": staff(
        "system_admin", ok=(404,), path=nothing("device_id"), body=lambda w: {"command": "identify"}
    ),
    # -- staff: catalogue
    "GET /api/staff/v1/price-items": staff(*CATALOGUE),
    "POST /api/staff/v1/price-items": staff("manager", "system_admin", ok=(422,)),
    "GET /api/staff/v1/price-items/{price_item_id}/prices": staff(
        *CATALOGUE, ok=(404,), path=nothing("price_item_id")
    ),
    "POST /api/staff/v1/price-items/{price_item_id}/prices": staff(
        "manager", "system_admin", ok=(404,), path=nothing("price_item_id"), body=lambda w: {"unit_price": "1.00"}
    ),
    "GET /api/staff/v1/price-categories": staff(*CATALOGUE),
    "GET /api/staff/v1/code-systems": staff(*CATALOGUE),
    "GET /api/staff/v1/concepts": staff(*CATALOGUE, query=lambda w: {"system": "icd-10", "q": "高血压"}),
    # -- staff: oversight
    "GET /api/staff/v1/audit": staff("audit_admin", query=lambda w: {"patient_id": str(w.patient_id)}),
    "GET /api/staff/v1/parked-events": staff("system_admin"),
    "POST /api/staff/v1/parked-events/{delivery_id}/release": staff(
        "system_admin", ok=(404,), path=nothing("delivery_id")
    ),
    "GET /api/staff/v1/break-glass": staff("security_admin"),
    "POST /api/staff/v1/break-glass/{break_glass_id}/review": staff(
        "security_admin", ok=(404,), path=nothing("break_glass_id"), body=lambda w: {"verdict": "justified"}
    ),
    # -- wards
    "GET /api/ward/v1/session": everybody(),
    "GET /api/ward/v1/wards": staff(*DOCTORS, "nurse", "manager"),
    # -- kiosks; without a patient's session a kiosk is a stranger to what belongs to patients
    "POST /api/kiosk/v1/enrolments": everybody(422),
    "POST /api/kiosk/v1/device-challenges": everybody(body=lambda w: {"device_id": str(new_id())}),
    "POST /api/kiosk/v1/device-tokens": everybody(422),
    "GET /api/kiosk/v1/device": Row(KIOSKS, KIOSKS),
    "POST /api/kiosk/v1/sessions": Row(KIOSKS, KIOSKS, (422,)),
    "POST /api/kiosk/v1/sessions/end": Row(KIOSK_SESSIONS, KIOSK_SESSIONS, fresh=True),
    "GET /api/kiosk/v1/appointments": Row(KIOSK_SESSIONS, KIOSK_SESSIONS),
    "GET /api/kiosk/v1/accounts": Row(KIOSK_SESSIONS, KIOSK_SESSIONS),
    "POST /api/kiosk/v1/accounts/{account_id}/prove": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, instead={"kiosk_other": 404}, path=lambda w: {"account_id": w.account_id},
    ),
    "POST /api/kiosk/v1/appointments/{appointment_id}/payment": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, (409,), {"kiosk_other": 404}, path=lambda w: {"appointment_id": w.arrived_id}
    ),
    "POST /api/kiosk/v1/appointments/{appointment_id}/payment-check": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, (200,), {"kiosk_other": 404}, path=lambda w: {"appointment_id": w.arrived_id}
    ),
    "POST /api/kiosk/v1/appointments/{appointment_id}/payment-code": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, (200,), {"kiosk_other": 404},
        path=lambda w: {"appointment_id": w.arrived_id}, body=lambda w: {"auth_code": "130000000000000000"},
    ),
    "POST /api/kiosk/v1/check-ins": Row(
        KIOSK_SESSIONS, KIOSK_SESSIONS, (200, 409), {"kiosk_other": 404},
        body=lambda w: {"appointment_id": str(w.arrived_id)},
    ),
    # -- screens
    "POST /api/display/v1/pairings": everybody(422),
    "GET /api/display/v1/pairings/{device_id}": everybody(404, path=nothing("device_id")),
    "POST /api/display/v1/device-challenges": everybody(body=lambda w: {"device_id": str(new_id())}),
    "POST /api/display/v1/device-tokens": everybody(422),
    "GET /api/display/v1/device": Row(("display",), ("display",)),
    "GET /api/display/v1/board": Row(("display",), ("display",)),
    "GET /api/display/v1/presence-code": Row(("display",), ("display",)),
}  # fmt: skip

MATRIX = {**PHONE_ROWS, **MONEY_ROWS, **_HOUSE_ROWS}
assert len(MATRIX) == len(PHONE_ROWS) + len(MONEY_ROWS) + len(_HOUSE_ROWS), "a route has two rows"
