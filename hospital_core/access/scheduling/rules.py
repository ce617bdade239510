"""What booking obeys (预约规则): numbers that staff may change, each with its reach, bounds and words.

A rule of a service kind wins over the department's, that over the hospital's, that over the default here. Readers take
a ``RuleBook`` that is at most a second old, so a change acts everywhere within a second or two.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from hospital_core.access.scheduling.states import RuleForm, RuleScope, ServiceKind
from hospital_core.kernel.reading import Reading

FRESH_S = 1.0


class RuleCode(StrEnum):
    """Every rule there is (规则项)."""

    HOLD_MINUTES = "hold_minutes"
    WINDOW_DAYS = "window_days"
    RELEASE_MINUTE = "release_minute"
    CANCEL_BEFORE_MINUTES = "cancel_before_minutes"
    PATIENT_BOOKINGS_PER_DAY = "patient_bookings_per_day"
    ACCOUNT_BOOKINGS_PER_DAY = "account_bookings_per_day"
    DEVICE_BOOKINGS_PER_DAY = "device_bookings_per_day"
    REAL_NAME_REQUIRED = "real_name_required"
    REVISIT_DAYS = "revisit_days"
    REVISIT_PERCENT = "revisit_percent"
    HIDDEN_MINUTES_MIN = "hidden_minutes_min"
    HIDDEN_MINUTES_MAX = "hidden_minutes_max"
    ADD_ON_PER_SESSION = "add_on_per_session"
    NO_SHOW_COUNT = "no_show_count"
    NO_SHOW_WINDOW_DAYS = "no_show_window_days"
    NO_SHOW_BAN_DAYS = "no_show_ban_days"
    WAITLIST_ANSWER_MINUTES = "waitlist_answer_minutes"
    WAITLIST_CLOSES_MINUTE = "waitlist_closes_minute"
    DISRUPTION_ANSWER_HOURS = "disruption_answer_hours"
    CHECK_IN_OPENS_MINUTES = "check_in_opens_minutes"
    ONLINE_CHECK_IN_MINUTES = "online_check_in_minutes"
    RESCHEDULES_MAX = "reschedules_max"
    REMINDER_MINUTE = "reminder_minute"
    PAY_AT_HOSPITAL = "pay_at_hospital"
    SERIES_VISITS_MAX = "series_visits_max"
    ONLINE_REVISIT_DAYS = "online_revisit_days"


@dataclass(frozen=True)
class Rule:
    """One rule: what it is when nobody has said anything, and what may be said."""

    default: int
    lowest: int
    highest: int
    unit: str
    label: str
    hint: str = ""
    scopes: frozenset[RuleScope] = frozenset(RuleScope)
    form: RuleForm = RuleForm.NUMBER


_HOSPITAL = frozenset({RuleScope.HOSPITAL})
_BY_DEPARTMENT = frozenset({RuleScope.HOSPITAL, RuleScope.DEPARTMENT})
_CLOCK = RuleForm.CLOCK
_C = RuleCode

RULES: Mapping[RuleCode, Rule] = {
    _C.HOLD_MINUTES: Rule(15, 5, 30, "分钟", "占号时长", "锁定号源等待支付的时间"),
    _C.WINDOW_DAYS: Rule(14, 1, 60, "天", "可预约天数", "提前多少天放号"),
    _C.RELEASE_MINUTE: Rule(420, 0, 1439, "", "放号时刻", "每天几点放出新一天的号", _HOSPITAL, _CLOCK),
    _C.CANCEL_BEFORE_MINUTES: Rule(0, 0, 2880, "分钟", "退号截止", "就诊前多少分钟起不能在线退号"),
    _C.PATIENT_BOOKINGS_PER_DAY: Rule(5, 1, 50, "次", "每位患者每日预约次数", "退号不返还次数", _HOSPITAL),
    _C.ACCOUNT_BOOKINGS_PER_DAY: Rule(10, 1, 200, "次", "每个账户每日预约次数", "退号不返还次数", _HOSPITAL),
    _C.DEVICE_BOOKINGS_PER_DAY: Rule(500, 1, 10000, "次", "每台设备每日预约次数", "", _HOSPITAL),
    _C.REAL_NAME_REQUIRED: Rule(1, 0, 1, "", "实名预约", "开启后无证件的临时档案只能在窗口挂号", form=RuleForm.SWITCH),
    _C.REVISIT_DAYS: Rule(0, 0, 30, "天", "复诊优惠天数", "同科室就诊后几天内再次就诊；0 为不设", _BY_DEPARTMENT),
    _C.REVISIT_PERCENT: Rule(0, 0, 100, "%", "复诊收费比例", "0 为免收", _BY_DEPARTMENT),
    _C.HIDDEN_MINUTES_MIN: Rule(30, 0, 1440, "分钟", "紧俏号回池最短延迟", "退回的号在随机时刻放出"),
    _C.HIDDEN_MINUTES_MAX: Rule(120, 0, 2880, "分钟", "紧俏号回池最长延迟"),
    _C.ADD_ON_PER_SESSION: Rule(5, 0, 50, "个", "每场加号上限"),
    _C.NO_SHOW_COUNT: Rule(3, 1, 20, "次", "爽约次数", "", _HOSPITAL),
    _C.NO_SHOW_WINDOW_DAYS: Rule(90, 1, 730, "天", "爽约统计期", "", _HOSPITAL),
    _C.NO_SHOW_BAN_DAYS: Rule(90, 1, 730, "天", "爽约限约天数", "限约期间窗口仍可挂号", _HOSPITAL),
    _C.WAITLIST_ANSWER_MINUTES: Rule(30, 5, 1440, "分钟", "候补答复时限"),
    _C.WAITLIST_CLOSES_MINUTE: Rule(1200, 0, 1439, "", "候补截止时刻", "就诊前一日几点停止候补", _HOSPITAL, _CLOCK),
    _C.DISRUPTION_ANSWER_HOURS: Rule(24, 1, 72, "小时", "停替诊答复时限", "", _HOSPITAL),
    _C.CHECK_IN_OPENS_MINUTES: Rule(120, 15, 720, "分钟", "签到提前量", "到院就诊前多少分钟起可签到"),
    _C.ONLINE_CHECK_IN_MINUTES: Rule(
        30, 5, 240, "分钟", "线上签到提前量", "线上复诊前多少分钟起可在手机上签到候诊", _BY_DEPARTMENT
    ),
    _C.REMINDER_MINUTE: Rule(1080, 360, 1320, "", "就诊提醒时刻", "就诊前一日几点提醒患者", _HOSPITAL, _CLOCK),
    _C.RESCHEDULES_MAX: Rule(2, 0, 10, "次", "改约次数上限", "一次预约最多可改约几次；0 为不可改约"),
    _C.PAY_AT_HOSPITAL: Rule(
        0, 0, 1, "", "到院缴费取号", "预约时不付费，就诊日取号前缴费；紧俏号和线上门诊仍须先付", form=RuleForm.SWITCH
    ),
    _C.ONLINE_REVISIT_DAYS: Rule(
        180, 1, 730, "天", "线上复诊时限", "本科室线下就诊后几天内可预约线上复诊", _BY_DEPARTMENT
    ),
    _C.SERIES_VISITS_MAX: Rule(12, 0, 12, "次", "疗程预约次数上限", "一次最多连续预约几次；0 为不开放", _BY_DEPARTMENT),
}


@dataclass(frozen=True)
class RuleBook:
    """All rules at one moment (规则快照)."""

    changed: Mapping[tuple[str, str, str], int]
    _said: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_said", frozenset(code for code, _, _ in self.changed))

    def value(
        self, code: RuleCode, department_id: UUID | None = None, service_kind: ServiceKind | str | None = None
    ) -> int:
        """What a rule says for a department's clinic of a kind."""
        if code not in self._said:
            return RULES[code].default
        changed = self.changed
        if service_kind is not None:
            found = changed.get((code, RuleScope.SERVICE_KIND, str(service_kind)))
            if found is not None:
                return found
        if department_id is not None:
            found = changed.get((code, RuleScope.DEPARTMENT, str(department_id)))
            if found is not None:
                return found
        return changed.get((code, RuleScope.HOSPITAL, ""), RULES[code].default)

    def said_anywhere(self, code: RuleCode) -> bool:
        """Whether staff have changed a rule at all: a question that need not be asked of the database then."""
        return code in self._said


_kept: tuple[float, RuleBook] | None = None


async def rule_book(reading: Reading) -> RuleBook:
    """The rules as they stand, at most a second old (预约规则)."""
    global _kept
    now = time.monotonic()
    if _kept is not None and now - _kept[0] < FRESH_S:
        return _kept[1]
    book = await read_rules(reading)
    _kept = (now, book)
    return book


async def read_rules(reading: Reading) -> RuleBook:
    """The rules as this reader's transaction sees them (预约规则)."""
    rows = await reading.fetch("SELECT code, scope, scope_key, value FROM booking_rule")
    return RuleBook({(row["code"], row["scope"], row["scope_key"]): row["value"] for row in rows})


def kept_rules() -> RuleBook:
    """The rules as this process last read them; for shaping an answer, never for deciding."""
    return _kept[1] if _kept is not None else RuleBook({})


def forget_rules() -> None:
    """Read the rules anew at the next question: after changing one, and between tests."""
    global _kept
    _kept = None
