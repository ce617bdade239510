"""The rights matrix of money at the desk: the window, e-invoices, the cashier's day (收费)."""

from hospital_core.kernel.ids import new_id
from tests.flows.http.rows import DOCTORS, WINDOWS, Row, nothing, staff

MONEY_ROWS: dict[str, Row] = {
    # -- staff: paying at the window
    "GET /api/staff/v1/patients/{patient_id}/charges": staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "POST /api/staff/v1/patients/{patient_id}/invoices": staff(
        *WINDOWS, ok=(404,), path=nothing("patient_id"), body=lambda w: {"charge_item_ids": [str(new_id())]}
    ),
    "GET /api/staff/v1/patients/{patient_id}/invoices": staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "GET /api/staff/v1/patients/{patient_id}/visits": staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "GET /api/staff/v1/invoices": staff(*WINDOWS, ok=(404,), query=lambda w: {"number": "W01-20200101-000001"}),
    "POST /api/staff/v1/invoices/{invoice_id}/refund-preview": staff(
        "cashier", ok=(404,), path=nothing("invoice_id"),
        body=lambda w: {"lines": [{"charge_item_id": str(new_id()), "quantity": "1"}]},
    ),
    "GET /api/staff/v1/invoices/{invoice_id}": staff(*WINDOWS, ok=(404,), path=nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/unbill": staff(*WINDOWS, ok=(404,), path=nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/cash": staff(
        *WINDOWS, ok=(404,), path=nothing("invoice_id"), body=lambda w: {"tendered_fen": 100}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/card": staff(*WINDOWS, ok=(404,), path=nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/bank-card": staff(
        *WINDOWS, ok=(404,), path=nothing("invoice_id"), body=lambda w: {"reference": "000123"}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/insurance": staff(
        *WINDOWS, ok=(404,), path=nothing("invoice_id"), body=lambda w: {"reference": "000123"}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/code-to-scan": staff(*WINDOWS, ok=(404,), path=nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/payment-code": staff(
        *WINDOWS, ok=(404,), path=nothing("invoice_id"), body=lambda w: {"auth_code": "130000000000000000"}
    ),
    "POST /api/staff/v1/payments/{intent_id}/check": staff(*WINDOWS, ok=(404,), path=nothing("intent_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/receipts": staff(*WINDOWS, ok=(404,), path=nothing("invoice_id")),
    "POST /api/staff/v1/invoices/{invoice_id}/refunds": staff(
        "cashier", ok=(404,), path=nothing("invoice_id"), body=lambda w: {"reason": "退费"}
    ),
    "POST /api/staff/v1/invoices/{invoice_id}/release": staff(
        "cashier", ok=(404,), path=nothing("invoice_id"), body=lambda w: {"reason": "退费"}
    ),
    "POST /api/staff/v1/encounters/{encounter_id}/charges": staff(
        *DOCTORS,
        "technician",
        ok=(404,),
        path=nothing("encounter_id"),
        body=lambda w: {"price_item_id": str(new_id())},
    ),
    "GET /api/staff/v1/patients/{patient_id}/card": staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "POST /api/staff/v1/patients/{patient_id}/card/cash": staff(
        *WINDOWS, ok=(404,), path=nothing("patient_id"), body=lambda w: {"amount_fen": 100, "tendered_fen": 100}
    ),
    "POST /api/staff/v1/patients/{patient_id}/card/bank-card": staff(
        *WINDOWS, ok=(404,), path=nothing("patient_id"), body=lambda w: {"amount_fen": 100, "reference": "000123"}
    ),
    "POST /api/staff/v1/patients/{patient_id}/card/payment-code": staff(
        *WINDOWS, ok=(404,), path=nothing("patient_id"),
        body=lambda w: {"amount_fen": 100, "auth_code": "130000000000000000"},
    ),
    "POST /api/staff/v1/patients/{patient_id}/card/refunds": staff(
        "cashier", ok=(404,), path=nothing("patient_id"), body=lambda w: {"reason": "退卡"}
    ),
    # -- staff: e-invoices; the hospital of these tests is joined to no platform
    "GET /api/staff/v1/e-invoices": staff("cashier", "manager"),
    "GET /api/staff/v1/e-invoices/counts": staff("cashier", "manager"),
    "POST /api/staff/v1/invoices/{invoice_id}/e-invoice": staff(
        "cashier", "manager", ok=(412,), path=nothing("invoice_id")
    ),
    "POST /api/staff/v1/e-invoices/{e_invoice_id}/retry": staff(
        "cashier", "manager", ok=(412,), path=lambda w: {"e_invoice_id": w.e_invoice_id}
    ),
    "POST /api/staff/v1/e-invoices/retry-unanswered": staff("cashier", "manager", ok=(412,)),
    "GET /api/staff/v1/e-invoice-checks": staff("cashier", "manager"),
    "GET /api/staff/v1/e-invoice-checks/{check_id}": staff(
        "cashier", "manager", ok=(404,), path=nothing("check_id")
    ),
    "POST /api/staff/v1/e-invoice-checks": staff("cashier", "manager", ok=(412,), body=lambda w: {"day": w.day}),
    "GET /api/staff/v1/paper-stocks": staff("cashier", "manager"),
    "POST /api/staff/v1/paper-stocks": staff(
        "manager", ok=(404,),
        body=lambda w: {"drawer_id": str(w.patient_id), "batch_code": "P1", "first_no": "0001", "last_no": "0002"},
    ),
    "GET /api/staff/v1/paper-stocks/{stock_id}/copies": staff("cashier", "manager", path=nothing("stock_id")),
    "POST /api/staff/v1/paper-stocks/{stock_id}/spoil": staff(
        "cashier", "manager", ok=(412,), path=nothing("stock_id"), body=lambda w: {"paper_no": "0001", "reason": "卡纸"}
    ),
    "POST /api/staff/v1/paper-stocks/{stock_id}/return": staff(
        "cashier", "manager", ok=(404,), path=nothing("stock_id"), body=lambda w: {"paper_no": "0001", "reason": "撤窗"}
    ),
    "POST /api/staff/v1/e-invoices/{e_invoice_id}/paper": staff(
        "cashier", "manager", ok=(412,), path=lambda w: {"e_invoice_id": w.e_invoice_id},
        body=lambda w: {"paper_no": "0001"},
    ),
    "POST /api/staff/v1/paper-copies/{paper_id}/take-back": staff(
        "cashier", "manager", ok=(412,), path=nothing("paper_id"), body=lambda w: {"reason": "退费收回"}
    ),
    "POST /api/staff/v1/paper-copies/{paper_id}/retry": staff(
        "cashier", "manager", ok=(412,), path=nothing("paper_id")
    ),
    # -- staff: the cashier's day
    "GET /api/staff/v1/drawers": staff(*WINDOWS, "manager"),
    "POST /api/staff/v1/drawers": staff("manager", ok=(422,)),
    "GET /api/staff/v1/my/shift": staff(*WINDOWS),
    "POST /api/staff/v1/shifts": staff(
        *WINDOWS, ok=(404,), body=lambda w: {"drawer_id": str(new_id()), "opening_fen": 0}
    ),
    "POST /api/staff/v1/shifts/{shift_id}/close": staff(
        *WINDOWS, "manager", ok=(404,), path=nothing("shift_id"), body=lambda w: {"counted_fen": 0}
    ),
    "GET /api/staff/v1/shifts/{shift_id}/report": staff(*WINDOWS, "manager", ok=(404,), path=nothing("shift_id")),
    "POST /api/staff/v1/cash-deposits": staff(*WINDOWS, ok=(409,), body=lambda w: {"amount_fen": 99_999_999}),
    "POST /api/staff/v1/receipts/{receipt_id}/void": staff(
        *WINDOWS, ok=(404,), path=nothing("receipt_id"), body=lambda w: {"reason": "打印有误"}
    ),
    "GET /api/staff/v1/receipt-series": staff(
        *WINDOWS, "manager", ok=(404,), query=lambda w: {"drawer_id": str(new_id()), "day": w.day}
    ),
    "GET /api/staff/v1/reconciliations": staff(
        "cashier", "manager", query=lambda w: {"first": w.day, "last": w.day}
    ),
    "POST /api/staff/v1/reconciliations/run": staff(
        "cashier", "manager", ok=(404, 409), body=lambda w: {"day": "2026-01-01"}
    ),
    "GET /api/staff/v1/reconciliations/{run_id}": staff("cashier", "manager", ok=(404,), path=nothing("run_id")),
    "POST /api/staff/v1/reconciliations/{run_id}/settlement": staff(
        "manager", ok=(404,), path=nothing("run_id"),
        body=lambda w: {"bank_fen": 100, "arrived_on": "2026-01-02", "reference": "B1"},
    ),
    "POST /api/staff/v1/reconciliations/{run_id}/settlement/withdraw": staff(
        "manager", ok=(404,), path=nothing("run_id"), body=lambda w: {"reason": "登记有误"}
    ),
    "GET /api/staff/v1/reconciliations/{run_id}/differences": staff("cashier", "manager", path=nothing("run_id")),
    "GET /api/staff/v1/differences/proposed": staff("cashier", "manager"),
    "POST /api/staff/v1/differences/{difference_id}/propose": staff(
        "cashier", "manager", ok=(404,), path=nothing("difference_id"),
        body=lambda w: {"disposal": "explained", "note": "已查明"},
    ),
    "POST /api/staff/v1/differences/{difference_id}/approve": staff(
        "manager", ok=(404,), path=nothing("difference_id"), body=lambda w: {"version": 1}
    ),
    "POST /api/staff/v1/differences/{difference_id}/reject": staff(
        "manager", ok=(404,), path=nothing("difference_id"), body=lambda w: {"version": 1, "reason": "请补充说明"}
    ),
    "POST /api/staff/v1/differences/{difference_id}/check": staff(
        "cashier", "manager", ok=(404,), path=nothing("difference_id")
    ),
    "GET /api/staff/v1/day-report": staff("manager", query=lambda w: {"day": w.day}),
    "GET /api/staff/v1/accounting-days": staff("manager"),
    "GET /api/staff/v1/journals": staff("manager", query=lambda w: {"day": w.day}),
    "POST /api/staff/v1/accounting-days/close": staff("manager", ok=(409,), body=lambda w: {"day": "2099-01-01"}),
    "POST /api/staff/v1/journals/{entry_id}/correct": staff(
        "manager", ok=(404,), path=nothing("entry_id"), body=lambda w: {"reason": "金额录错"}
    ),
    "POST /api/staff/v1/payments/attention/{notice_id}/check": staff(
        "cashier", ok=(404,), path=nothing("notice_id")
    ),
    "POST /api/staff/v1/payments/attention/{notice_id}/settle": staff(
        "cashier", ok=(404,), path=nothing("notice_id"), body=lambda w: {"note": "已在商户平台退款"}
    ),
    "POST /api/staff/v1/patients/merge": staff(
        "registrar", ok=(404,),
        body=lambda w: {"source_id": str(new_id()), "survivor_id": str(new_id()), "reason": "同一患者"},
    ),
    "POST /api/staff/v1/patients/unmerge": staff(
        "registrar", ok=(404, 409), body=lambda w: {"source_id": str(new_id()), "reason": "合并有误"}
    ),
    "GET /api/staff/v1/schedules": staff(
        *DOCTORS, "nurse", "registrar", "cashier", "manager", "system_admin", query=lambda w: {"day": w.day}
    ),
    "GET /api/staff/v1/patients/{patient_id}/fees-due": staff(*WINDOWS, path=lambda w: {"patient_id": w.patient_id}),
    "POST /api/staff/v1/appointments/{appointment_id}/bill": staff(
        *WINDOWS, ok=(404,), path=nothing("appointment_id")
    ),
    "POST /api/staff/v1/appointments/{appointment_id}/check-in": staff(
        "registrar", ok=(404,), path=nothing("appointment_id")
    ),
    "POST /api/staff/v1/walk-ins": staff(
        "registrar", ok=(404,),
        body=lambda w: {"patient_id": str(new_id()), "schedule_id": str(w.schedule_id), "tendered_fen": 5000},
    ),
}  # fmt: skip
