"""Values of subscribe messages are made to fit WeChat's rules, as the simulator enforces them."""

import pytest

from hospital_core.exchange.notifications.kinds import NotificationKind
from miniapp_api.wechat import messages
from sandbox.wechat.messages import VALUE_RULES
from sandbox.wechat.templates import default_templates

WORDS = {
    "patient": "张*丰", "department": "心内科", "doctor": "李明", "time": "2026-11-22 08:05", "number": "A012",
    "room": "2 诊室", "amount": "25.00", "item": "心内科挂号费", "ahead": "2", "until": "2026-11-21 18:00",
    "advice": "请在11-21 18:00前改约或退号",
}  # fmt: skip
AWKWARD = {
    "patient": "买买提·吐尔逊·阿卜杜热合曼", "department": "康复医学科（含神经康复、骨与关节康复、心肺康复）",
    "doctor": "Dr. 王 O'Neil", "time": "2026-01-02 23:59", "number": "急 001号", "room": "", "amount": "1234567.89",
    "item": "血常规、肝功能、肾功能、凝血四项、电解质、血糖、血脂", "ahead": "两位",
    "until": "2026-01-02 23:59", "advice": "改由买买提·吐尔逊·阿卜杜热合曼医生接诊",
}  # fmt: skip


@pytest.mark.parametrize(
    "words", [WORDS, AWKWARD, dict.fromkeys(WORDS, "") | {"time": "08:00", "until": "8:00", "amount": "0.00"}]
)
@pytest.mark.parametrize("kind", list(NotificationKind))
def test_any_words_fit_the_template(kind, words):
    known = {template["key"]: template["fields"] for template in default_templates("wx0")}
    template = messages.TEMPLATES[kind]
    values = template.filled(words)
    assert values.keys() == known[template.key].keys()
    for keyword, value in values.items():
        assert VALUE_RULES[keyword.rstrip("0123456789")].fullmatch(value), (keyword, value)


def test_long_term_templates_are_those_of_the_back_office():
    long_term = {template["key"] for template in default_templates("wx0") if template["long_term"]}
    assert {template.key for template in messages.TEMPLATES.values()} & long_term == messages.STANDING_KEYS


def test_ordinary_words_are_shown_as_they_are():
    values = messages.TEMPLATES[NotificationKind.APPOINTMENT_CONFIRMED].filled(WORDS)
    assert list(values.values()) == ["张*丰", "心内科", "李明", "2026年11月22日 08:05", "2 诊室 A012"]


def test_every_word_that_is_written_is_one_that_templates_know():
    assert set(WORDS) == set(messages.WORD_NAMES)
