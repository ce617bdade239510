"""The hospital's subscribe message templates 订阅消息模板 as they would stand in the mini program's back office.

The keyword prefix (thing, name, time …) is WeChat's value rule; `messages.py` enforces it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

_TEMPLATES: tuple[tuple[str, str, bool, dict[str, str]], ...] = (
    (
        "appointment_booked",
        "预约挂号成功通知",
        False,
        {"name1": "就诊人", "thing2": "就诊科室", "name3": "就诊医生", "time4": "就诊时间", "thing5": "就诊地点"},
    ),
    (
        "appointment_cancelled",
        "预约取消通知",
        False,
        {"name1": "就诊人", "thing2": "就诊科室", "time3": "就诊时间", "thing4": "取消原因"},
    ),
    (
        "clinic_stopped",
        "停诊通知",
        True,
        {"name1": "就诊人", "thing2": "就诊科室", "name3": "停诊医生", "time4": "原就诊时间", "thing5": "处理说明"},
    ),
    (
        "appointment_changed",
        "就诊变更通知",
        True,
        {"name1": "就诊人", "thing2": "就诊科室", "name3": "就诊医生", "time4": "就诊时间", "thing5": "变更说明"},
    ),
    (
        "waitlist_offer",
        "候补到号通知",
        False,
        {"name1": "就诊人", "thing2": "就诊科室", "name3": "就诊医生", "time4": "就诊时间", "time5": "请在此前确认"},
    ),
    (
        "add_on_given",
        "医生加号通知",
        False,
        {"name1": "就诊人", "thing2": "就诊科室", "name3": "就诊医生", "time4": "就诊时间", "thing5": "支付提示"},
    ),
    (
        "waitlist_ended",
        "候补结果通知",
        False,
        {"name1": "就诊人", "thing2": "候补科室", "thing3": "候补时段", "thing4": "结果说明"},
    ),
    (
        "booking_restricted",
        "预约权限变更通知",
        True,
        {"name1": "就诊人", "thing2": "变更原因", "thing3": "变更说明"},
    ),
    (
        "queue_near",
        "候诊提醒",
        False,
        {"name1": "就诊人", "character_string2": "排队号码", "number3": "前面人数", "thing4": "候诊地点"},
    ),
    (
        "visit_reminder",
        "就诊提醒",
        True,
        {"name1": "就诊人", "thing2": "就诊科室", "time3": "就诊时间", "thing4": "温馨提示"},
    ),
    (
        "queue_called",
        "叫号通知",
        False,
        {"name1": "就诊人", "character_string2": "排队号码", "thing3": "就诊位置", "phrase4": "当前状态"},
    ),
    (
        "payment_received",
        "缴费成功通知",
        False,
        {"name1": "就诊人", "thing2": "缴费项目", "amount3": "缴费金额", "time4": "缴费时间"},
    ),
    (
        "refund_finished",
        "退款结果通知",
        False,
        {"thing1": "退款项目", "amount2": "退款金额", "phrase3": "退款状态", "thing4": "到账说明"},
    ),
    (
        "report_ready",
        "报告出具通知",
        True,
        {"name1": "就诊人", "thing2": "检查项目", "time3": "出具时间", "thing4": "温馨提示"},
    ),
)


def template_id(appid: str, key: str) -> str:
    """43 characters like WeChat's own, the same for the same mini program and template."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"{appid}/{key}".encode()).digest()).decode().rstrip("=")


def default_templates(appid: str) -> list[dict[str, Any]]:
    """The `templates` entry of the simulator's configuration."""
    return [
        {"key": key, "template_id": template_id(appid, key), "title": title, "long_term": long_term, "fields": fields}
        for key, title, long_term, fields in _TEMPLATES
    ]
