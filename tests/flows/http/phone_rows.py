"""The rights matrix of patients' phones (患者端)."""

from hospital_core.kernel.ids import new_id
from tests.flows.http.rows import (
    Row,
    appointment,
    disruption,
    entry,
    everybody,
    examination,
    link,
    nothing,
    patient,
    phone,
)

PHONE_ROWS: dict[str, Row] = {
    # -- phones
    "GET /api/miniapp/v1/entry": everybody(),
    "POST /api/miniapp/v1/sessions": everybody(401, 422, body=lambda w: {"code": "nobody's code"}),
    "POST /api/miniapp/v1/sessions/refresh": everybody(401, body=lambda w: {"refresh_token": "nobody's token"}),
    "POST /api/miniapp/v1/wechat/pay-notify": everybody(400, 401, 422),
    "POST /api/miniapp/v1/wechat/refund-notify": everybody(400, 401, 422),
    "GET /api/miniapp/v1/wechat/push": everybody(401),
    "POST /api/miniapp/v1/wechat/push": everybody(401),
    "GET /api/miniapp/v1/message-templates": phone(),
    "POST /api/miniapp/v1/sessions/end": phone(fresh=True),
    "POST /api/miniapp/v1/phone": phone(ok=(422,), body=lambda w: {}),
    "GET /api/miniapp/v1/patients": phone(),
    "POST /api/miniapp/v1/patients": phone(ok=(422,), body=lambda w: {}),
    "POST /api/miniapp/v1/patients/{link_id}/proof-codes": link("link_id", ok=(409,)),
    "POST /api/miniapp/v1/patients/{link_id}/prove": link("link_id", ok=(409,), body=lambda w: {"code": "000000"}),
    "POST /api/miniapp/v1/patients/{link_id}/prefer": link("link_id"),
    "GET /api/miniapp/v1/patients/{link_id}/identity-code": link("link_id"),
    "GET /api/miniapp/v1/patients/{link_id}/identity-code.svg": link("link_id"),
    "POST /api/miniapp/v1/patients/{link_id}/revoke": link("spare_link_id", ok=(200, 409)),
    "GET /api/miniapp/v1/departments": phone(),
    "GET /api/miniapp/v1/departments/{department_id}/doctors": phone(
        path=lambda w: {"department_id": w.department_id}, query=lambda w: {"day": w.day}
    ),
    "GET /api/miniapp/v1/schedules/{schedule_id}/slots": phone(path=lambda w: {"schedule_id": w.schedule_id}),
    "GET /api/miniapp/v1/search": phone(query=lambda w: {"q": "心内科"}),
    "GET /api/miniapp/v1/guide/parts": phone(),
    "GET /api/miniapp/v1/guide/symptoms": phone(ok=(404,), query=lambda w: {"part": "没有的部位"}),
    "POST /api/miniapp/v1/guide/advice": phone(
        ok=(404,), body=lambda w: {"part": "没有的部位", "symptoms": ["没有的症状"], "patient_id": str(w.patient_id)}
    ),
    "GET /api/miniapp/v1/doctors/{staff_id}": phone(path=lambda w: {"staff_id": w.doctor_id}),
    "GET /api/miniapp/v1/doctors/{staff_id}/photo": everybody(path=lambda w: {"staff_id": w.doctor_id}),
    "GET /api/miniapp/v1/appointments": phone(),
    "POST /api/miniapp/v1/appointments": phone(
        ok=(409,),
        instead={"other": 404},
        body=lambda w: {"patient_id": str(w.patient_id), "schedule_id": str(w.schedule_id)},
    ),
    "GET /api/miniapp/v1/appointments/{appointment_id}": appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/qr": appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/qr.svg": appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/move-options": appointment(),
    "GET /api/miniapp/v1/appointments/{appointment_id}/queue-place": appointment("arrived_id"),
    "GET /api/miniapp/v1/appointments/{appointment_id}/fee": appointment(),
    "POST /api/miniapp/v1/appointments/{appointment_id}/pay": appointment(ok=(409,), body=lambda w: {"how": "card"}),
    "POST /api/miniapp/v1/appointments/{appointment_id}/payment-check": appointment(),
    "POST /api/miniapp/v1/appointments/{appointment_id}/cancel": appointment("arrived_id", ok=(409,)),
    "POST /api/miniapp/v1/appointments/{appointment_id}/reschedule": appointment(
        "arrived_id", ok=(409,), body=lambda w: {"schedule_id": str(w.schedule_id)}
    ),
    # No code of a screen: but first of all, whose appointment it is.
    "POST /api/miniapp/v1/appointments/{appointment_id}/check-in": appointment(
        "arrived_id", ok=(422, 400), body=lambda w: {"presence_code": "HSP1"}
    ),
    # A visit in the house has no video room, and nobody waits for it at home.
    "GET /api/miniapp/v1/appointments/{appointment_id}/room": appointment("arrived_id", ok=(409,)),
    "POST /api/miniapp/v1/appointments/{appointment_id}/online-check-in": appointment("arrived_id", ok=(409,)),
    "GET /api/miniapp/v1/waitlist": phone(),
    "POST /api/miniapp/v1/waitlist": phone(
        ok=(409,),
        instead={"other": 404},
        body=lambda w: {
            "patient_id": str(w.patient_id),
            "department_id": str(w.department_id),
            "day": w.day,
            "period": "morning",
        },
    ),
    "GET /api/miniapp/v1/waitlist/{entry_id}": entry(),
    "POST /api/miniapp/v1/waitlist/{entry_id}/answer": entry(ok=(409,), body=lambda w: {"accept": False}),
    "POST /api/miniapp/v1/waitlist/{entry_id}/leave": entry(ok=(200, 409)),
    "GET /api/miniapp/v1/bans": phone(),
    "POST /api/miniapp/v1/bans/{ban_id}/appeal": phone(
        ok=(200, 409),
        instead={"other": 404},
        path=lambda w: {"ban_id": w.ban_id},
        body=lambda w: {"text": "当日住院"},
    ),
    "GET /api/miniapp/v1/examinations": phone(),
    "GET /api/miniapp/v1/examinations/{charge_item_id}/places": examination(),
    "POST /api/miniapp/v1/examinations/{charge_item_id}/appointments": examination(
        ok=(404,), body=lambda w: {"slot_id": str(new_id())}
    ),
    "POST /api/miniapp/v1/examinations/{charge_item_id}/join": examination(
        ok=(404,), body=lambda w: {"appointment_id": str(new_id())}
    ),
    "GET /api/miniapp/v1/appointments/{appointment_id}/examinations": appointment(),
    "GET /api/miniapp/v1/disruptions": phone(),
    "GET /api/miniapp/v1/disruptions/{disruption_id}": disruption(),
    "GET /api/miniapp/v1/disruptions/{disruption_id}/move-targets": disruption(),
    "POST /api/miniapp/v1/disruptions/{disruption_id}/answer": disruption(
        ok=(422,), body=lambda w: {"choice": "keep"}
    ),
    "GET /api/miniapp/v1/messages": phone(),
    "GET /api/miniapp/v1/messages/unread": phone(),
    "POST /api/miniapp/v1/messages/read-all": phone(),
    # -- phones: money
    "GET /api/miniapp/v1/bills": phone(),
    "GET /api/miniapp/v1/patients/{patient_id}/bills": patient(),
    "POST /api/miniapp/v1/patients/{patient_id}/bills": patient(
        ok=(409,), body=lambda w: {"charge_item_ids": [str(new_id())]}
    ),
    "GET /api/miniapp/v1/bills/{invoice_id}": phone(ok=(404,), path=nothing("invoice_id")),
    "POST /api/miniapp/v1/bills/{invoice_id}/pay": phone(
        ok=(404,), path=nothing("invoice_id"), body=lambda w: {"how": "wechat"}
    ),
    "POST /api/miniapp/v1/bills/{invoice_id}/payment-check": phone(ok=(404,), path=nothing("invoice_id")),
    "POST /api/miniapp/v1/bills/{invoice_id}/cancel": phone(ok=(404,), path=nothing("invoice_id")),
    "POST /api/miniapp/v1/bills/{invoice_id}/receipt": phone(ok=(404,), path=nothing("invoice_id")),
    "GET /api/miniapp/v1/bills/{invoice_id}/receipt": phone(ok=(404,), path=nothing("invoice_id")),
    "GET /api/miniapp/v1/series": phone(),
    "POST /api/miniapp/v1/series/plan": phone(
        ok=(409,), instead={"other": 404},
        body=lambda w: {"patient_id": str(w.patient_id), "schedule_id": str(w.schedule_id), "every_days": 7,
                        "visits": 2},
    ),
    "POST /api/miniapp/v1/series": phone(
        ok=(404,), body=lambda w: {"patient_id": str(w.patient_id), "every_days": 7,
                                   "schedule_ids": [str(w.schedule_id), str(new_id())]},
    ),
    "GET /api/miniapp/v1/series/{series_id}": phone(ok=(404,), path=nothing("series_id")),
    "POST /api/miniapp/v1/series/{series_id}/cancel": phone(ok=(404,), path=nothing("series_id")),
    "GET /api/miniapp/v1/payments": phone(),
    "GET /api/miniapp/v1/payments/{payment_id}": phone(ok=(404,), path=nothing("payment_id")),
    "POST /api/miniapp/v1/payments/{payment_id}/check": phone(ok=(404,), path=nothing("payment_id")),
    "GET /api/miniapp/v1/patients/{patient_id}/card": patient(),
    "GET /api/miniapp/v1/patients/{patient_id}/card/movements": patient(),
    "POST /api/miniapp/v1/patients/{patient_id}/card/top-ups": patient(
        ok=(409,), body=lambda w: {"amount_fen": 10_000}
    ),
    "POST /api/miniapp/v1/patients/{patient_id}/card/refunds": patient(ok=(409,)),
    "POST /api/miniapp/v1/messages/{notification_id}/read": phone(ok=(404,), path=nothing("notification_id")),
    "GET /api/miniapp/v1/e-invoices": phone(),
    "GET /api/miniapp/v1/e-invoices/{e_invoice_id}": phone(
        instead={"other": 404}, path=lambda w: {"e_invoice_id": w.e_invoice_id}
    ),
}  # fmt: skip
