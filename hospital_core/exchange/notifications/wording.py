"""What messages say (消息内容): made from the present rows of their source; a message stores no data of persons.

A new kind needs one entry: a statement that gives its sources' rows by ``ANY($1)``, and the words made of a row. The
channel's template is filled from the same words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.states import (
    AppealStatus,
    AppointmentPayment,
    AppointmentStatus,
    DayPeriod,
    ServiceKind,
)
from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.money import yuan_text
from hospital_core.kernel.reading import Reading
from hospital_core.registry.patients.ages import SHANGHAI

Words = dict[str, str]
_Row = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """One message's words, and the appointment, payment or e-invoice that it opens."""

    words: Words
    appointment_id: UUID | None
    payment_id: UUID | None = None
    e_invoice_id: UUID | None = None
    online: bool = False


@dataclass(frozen=True)
class Wording:
    """How a kind reads: ``shown`` names the words of the inbox's line, in order; another title for online visits."""

    title: str
    sql: str
    words: Callable[[_Row], Words]
    shown: tuple[str, ...]
    online_title: str = ""

    def title_for(self, told: Said) -> str:
        """The inbox's heading."""
        return self.online_title if told.online and self.online_title else self.title

    def line(self, words: Words) -> str:
        """The inbox's line."""
        texts = (f"¥{words[name]}" if name == "amount" else words[name] for name in self.shown)
        return " ".join(text for text in texts if text)


_VISIT = f"""
a.id AS appointment_id, a.starts_at, a.fee_fen, a.pay_until, p.name AS patient_name, d.name AS department,
m.name AS doctor, home.name AS home_room, slot.number, a.service_kind,
a.status = '{AppointmentStatus.BOOKED}' AND a.payment_status = '{AppointmentPayment.UNPAID}' AS fee_due,
(SELECT count(*) FROM series_visit mine JOIN series_visit v ON v.series_id = mine.series_id
 WHERE mine.appointment_id = a.id) AS visits
FROM appointment a JOIN slot ON slot.id = a.slot_id JOIN schedule s ON s.id = a.schedule_id
JOIN location home ON home.id = s.room_id JOIN patient p ON p.id = a.patient_id
JOIN department d ON d.id = a.department_id JOIN staff_member m ON m.id = a.staff_id"""

_APPOINTMENT = f"SELECT a.id AS source_id, {_VISIT} WHERE a.id = ANY($1::uuid[])"

_OF_EXAMINATION = """
FROM examination_booking b JOIN charge_item c ON c.id = b.charge_item_id
JOIN examination_item e ON e.price_item_id = c.price_item_id WHERE b.appointment_id = a.id"""
_EXAMINATION = f"""
SELECT a.id AS source_id, (SELECT string_agg(DISTINCT c.name, '、') {_OF_EXAMINATION}) AS items,
       (SELECT string_agg(DISTINCT e.preparation, ' ') {_OF_EXAMINATION}) AS preparation,
       {_VISIT} WHERE a.id = ANY($1::uuid[])"""

# A patient who moved is elsewhere by now: what was stopped is told from where they were.
_DISRUPTION = """
SELECT x.id AS source_id, a.id AS appointment_id, was.starts_at, p.name AS patient_name, d.name AS department,
       before.name AS doctor, after.name AS other_doctor, a.starts_at AS new_starts_at, now_with.name AS new_doctor,
       x.answer_by
FROM disruption x JOIN clinic_change c ON c.id = x.change_id JOIN slot was ON was.id = x.from_slot_id
JOIN appointment a ON a.id = x.appointment_id JOIN patient p ON p.id = a.patient_id
JOIN department d ON d.id = a.department_id JOIN staff_member before ON before.id = c.from_staff_id
JOIN staff_member now_with ON now_with.id = a.staff_id LEFT JOIN staff_member after ON after.id = c.to_staff_id
WHERE x.id = ANY($1::uuid[])"""

# Who had not paid yet has nothing to answer.
_STOPPED = f"""{_DISRUPTION}
UNION ALL
SELECT a.id, a.id, a.starts_at, p.name, d.name, m.name, NULL, a.starts_at, m.name, NULL
FROM appointment a JOIN patient p ON p.id = a.patient_id JOIN department d ON d.id = a.department_id
JOIN staff_member m ON m.id = a.staff_id WHERE a.id = ANY($1::uuid[])"""

_OFFER = """
SELECT w.id AS source_id, a.id AS appointment_id, a.starts_at, a.pay_until, p.name AS patient_name,
       d.name AS department, m.name AS doctor
FROM waitlist_entry w JOIN appointment a ON a.id = w.offered_id JOIN patient p ON p.id = w.patient_id
JOIN department d ON d.id = a.department_id JOIN staff_member m ON m.id = a.staff_id
WHERE w.id = ANY($1::uuid[])"""

# Nobody's place, so no doctor or hour: what they waited for.
_ENTRY = """
SELECT w.id AS source_id, NULL::uuid AS appointment_id, w.day, w.period, p.name AS patient_name, d.name AS department,
       m.name AS doctor
FROM waitlist_entry w JOIN patient p ON p.id = w.patient_id JOIN department d ON d.id = w.department_id
LEFT JOIN staff_member m ON m.id = w.staff_id
WHERE w.id = ANY($1::uuid[])"""

_BAN = """
SELECT b.id AS source_id, NULL::uuid AS appointment_id, b.reason, b.ends_at, b.lifted_at, p.name AS patient_name,
       q.status AS appeal
FROM booking_ban b JOIN patient p ON p.id = b.patient_id LEFT JOIN ban_appeal q ON q.ban_id = b.id
WHERE b.id = ANY($1::uuid[])"""

_TICKET = """
SELECT t.id AS source_id, a.id AS appointment_id, a.starts_at, p.name AS patient_name, d.name AS department,
       m.name AS doctor, home.name AS home_room, t.display_no, r.name AS room, area.name AS area, a.service_kind
FROM queue_ticket t JOIN appointment a ON a.id = t.appointment_id JOIN schedule s ON s.id = a.schedule_id
JOIN location home ON home.id = s.room_id JOIN patient p ON p.id = t.patient_id
JOIN department d ON d.id = t.department_id JOIN staff_member m ON m.id = coalesce(t.staff_id, a.staff_id)
JOIN location area ON area.id = t.area_id LEFT JOIN location r ON r.id = t.room_id
WHERE t.id = ANY($1::uuid[])"""

_PAYMENT = """
SELECT i.id AS source_id, NULL::uuid AS appointment_id, i.id AS payment_id, i.amount_fen, i.succeeded_at AS at,
       i.purpose, p.name AS patient_name,
       (SELECT string_agg(c.name, '、' ORDER BY c.id) FROM charge_item c WHERE c.invoice_id = i.invoice_id) AS items
FROM payment_intent i JOIN patient p ON p.id = i.patient_id WHERE i.id = ANY($1::uuid[])"""

_REFUND = """
SELECT r.id AS source_id, NULL::uuid AS appointment_id, i.id AS payment_id, r.amount_fen, r.succeeded_at AS at,
       i.purpose, p.name AS patient_name,
       (SELECT string_agg(c.name, '、' ORDER BY c.id) FROM charge_item c WHERE c.invoice_id = i.invoice_id) AS items
FROM refund r JOIN payment_intent i ON i.id = r.intent_id JOIN patient p ON p.id = i.patient_id
WHERE r.id = ANY($1::uuid[])"""

_E_INVOICE = """
SELECT e.id AS source_id, NULL::uuid AS appointment_id, e.id AS e_invoice_id, e.amount_fen, e.issued_at AS at,
       e.generation, p.name AS patient_name
FROM e_invoice e JOIN patient p ON p.id = e.patient_id WHERE e.id = ANY($1::uuid[])"""


def _time(at: Any) -> str:
    return str(at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")) if at is not None else ""


def _visit(row: _Row) -> Words:
    return {
        "patient": mask_name(row["patient_name"]),
        "department": row["department"],
        "doctor": row["doctor"],
        "time": _time(row["starts_at"]),
    }


def _booked(row: _Row) -> Words:
    due = f"到院缴费{yuan_text(row['fee_fen'])}元后签到" if row["fee_due"] else ""
    course = f"疗程预约共{row['visits']}次" if row["visits"] else ""
    place = {"number": f"{row['number']}号", "room": _where(row, row["home_room"])}
    return _visit(row) | place | {"due": due, "course": course}


def _where(row: _Row, place: str) -> str:
    """Where the patient is to be; for an online visit nowhere but at the phone."""
    return "手机视频诊室" if _is_online(row) else place


def _is_online(row: _Row) -> bool:
    return bool(row.get("service_kind") == ServiceKind.ONLINE)


def _fee_returned(row: _Row) -> Words:
    return _visit(row) | {"amount": yuan_text(row["fee_fen"]), "item": f"{row['department']}挂号费"}


def _stopped(row: _Row) -> Words:
    until = row["answer_by"]
    return _visit(row) | {"advice": f"请在{_time(until)[5:]}前改约或退号" if until else "该号已取消，请勿再支付"}


def _substituted(row: _Row) -> Words:
    return _visit(row) | {"other_doctor": row["other_doctor"], "advice": f"改由{row['other_doctor']}医生接诊"}


def _moved(row: _Row) -> Words:
    return _visit(row) | {"doctor": row["new_doctor"], "time": _time(row["new_starts_at"]), "advice": "已为您改约"}


def _offered(row: _Row) -> Words:
    return _visit(row) | {"until": _time(row["pay_until"]), "advice": f"请在{_time(row['pay_until'])[5:]}前确认"}


def _added(row: _Row) -> Words:
    until = row["pay_until"]
    words = _booked(row)
    advice = words["due"] or (f"请在{_time(until)[5:]}前支付" if row["fee_fen"] else "无需支付，按时就诊")
    return words | {"until": _time(until), "advice": advice}


def _reminder(row: _Row) -> Words:
    words = _booked(row)
    advice = "请提前在手机上签到候诊" if _is_online(row) else words["due"] or "请携带证件提前到院签到"
    return words | {"advice": advice}


def _examined(row: _Row) -> Words:
    advice = (row["preparation"] or "").strip() or "请携带证件按时到院签到"
    return _booked(row) | {"item": row["items"] or "检查", "advice": advice}


def _examination_lost(row: _Row) -> Words:
    return _examined(row) | {"advice": "检查费已退，预约已取消"}


def _waited(row: _Row) -> Words:
    when = f"{row['day']:%Y-%m-%d} {_PERIODS[DayPeriod(row['period'])]}"
    return {
        "patient": mask_name(row["patient_name"]),
        "department": row["department"],
        "doctor": row["doctor"] or "",
        "time": when,
        "item": f"{row['department']}候补",
        "advice": "候补未成功，未产生费用",
    }


def _banned(row: _Row) -> Words:
    return _about_ban(row) | {"advice": "暂停线上预约，窗口可正常挂号"}


def _lifted(row: _Row) -> Words:
    return _about_ban(row) | {"advice": "已恢复线上预约"}


def _answered(row: _Row) -> Words:
    accepted = row["appeal"] == AppealStatus.ACCEPTED
    return _about_ban(row) | {"advice": "申诉已通过，限制解除" if accepted else "申诉未通过，限制继续有效"}


def _about_ban(row: _Row) -> Words:
    return {
        "patient": mask_name(row["patient_name"]),
        "item": row["reason"],
        "time": _time(row["lifted_at"] or row["ends_at"]),
    }


def _called(row: _Row) -> Words:
    return _visit(row) | {"number": row["display_no"], "room": _where(row, row["room"] or row["home_room"])}


def _near(row: _Row) -> Words:
    room = _where(row, row["area"])
    return _visit(row) | {"number": row["display_no"], "room": room, "ahead": str(NEAR_AHEAD)}


def _money(row: _Row) -> Words:
    return {
        "patient": mask_name(row["patient_name"]),
        "item": "预存款" if row["purpose"] == "top_up" else row["items"] or "门诊费用",
        "amount": yuan_text(row["amount_fen"]),
        "time": _time(row["at"]),
    }


def _e_invoiced(row: _Row) -> Words:
    return {
        "patient": mask_name(row["patient_name"]),
        "item": "电子票据" if row["generation"] == 1 else "退费后的新电子票据",
        "amount": yuan_text(row["amount_fen"]),
        "time": _time(row["at"]),
    }


_PERIODS = {DayPeriod.MORNING: "上午", DayPeriod.AFTERNOON: "下午", DayPeriod.NIGHT: "夜间"}
NEAR_AHEAD = 2  # so many before a patient when the reminder goes out
_WHO = ("patient", "department", "doctor", "time")
_BILL = ("patient", "item", "amount", "time")
_EXAMINED = ("patient", "item", "time", "room", "number", "advice")

WORDINGS: dict[NotificationKind, Wording] = {
    NotificationKind.APPOINTMENT_CONFIRMED: Wording(
        "预约成功", _APPOINTMENT, _booked, (*_WHO, "number", "room", "course", "due")
    ),
    NotificationKind.APPOINTMENT_REFUNDED: Wording("挂号费已退回", _APPOINTMENT, _fee_returned, (*_WHO, "amount")),
    NotificationKind.EXAMINATION_BOOKED: Wording("检查预约成功", _EXAMINATION, _examined, _EXAMINED),
    NotificationKind.EXAMINATION_REMINDER: Wording("明日检查提醒", _EXAMINATION, _examined, _EXAMINED),
    NotificationKind.EXAMINATION_CANCELLED: Wording("检查预约已取消", _EXAMINATION, _examination_lost, _EXAMINED),
    NotificationKind.CLINIC_STOPPED: Wording("停诊通知", _STOPPED, _stopped, (*_WHO, "advice")),
    NotificationKind.DOCTOR_SUBSTITUTED: Wording("替诊通知", _DISRUPTION, _substituted, (*_WHO, "advice")),
    NotificationKind.APPOINTMENT_MOVED: Wording("改约成功", _DISRUPTION, _moved, _WHO),
    NotificationKind.WAITLIST_OFFERED: Wording("候补到号，请尽快确认", _OFFER, _offered, (*_WHO, "advice")),
    NotificationKind.WAITLIST_ENDED: Wording("候补未成功", _ENTRY, _waited, _WHO),
    NotificationKind.BOOKING_BANNED: Wording("线上预约已暂停", _BAN, _banned, ("patient", "item", "advice", "time")),
    NotificationKind.BAN_LIFTED: Wording("线上预约已恢复", _BAN, _lifted, ("patient", "advice")),
    NotificationKind.APPEAL_ANSWERED: Wording("申诉结果", _BAN, _answered, ("patient", "advice")),
    NotificationKind.ADD_ON_GIVEN: Wording("医生为您加号", _APPOINTMENT, _added, (*_WHO, "number", "advice")),
    NotificationKind.VISIT_REMINDER: Wording("明日就诊提醒", _APPOINTMENT, _reminder, (*_WHO, "number", "room", "due")),
    NotificationKind.TICKET_NEAR: Wording("即将轮到您就诊", _TICKET, _near, (*_WHO, "number", "room")),
    NotificationKind.TICKET_CALLED: Wording(
        "请前往诊室就诊", _TICKET, _called, (*_WHO, "number", "room"), online_title="轮到您了，请进入视频诊室"
    ),
    NotificationKind.PAYMENT_RECEIVED: Wording("缴费成功", _PAYMENT, _money, _BILL),
    NotificationKind.REFUND_FINISHED: Wording("退费到账", _REFUND, _money, _BILL),
    NotificationKind.E_INVOICE_ISSUED: Wording("电子票据已开具", _E_INVOICE, _e_invoiced, _BILL),
}


async def said(reading: Reading, kind: NotificationKind, source_ids: Sequence[UUID]) -> dict[UUID, Said]:
    """What messages of one kind say, by their sources."""
    wording = WORDINGS[kind]
    rows = await reading.fetch(wording.sql, list(source_ids))
    return {
        row["source_id"]: Said(
            wording.words(row), row["appointment_id"], row.get("payment_id"), row.get("e_invoice_id"), _is_online(row)
        )
        for row in rows
    }
