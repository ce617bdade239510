"""Names and terms are found by what people type."""

import pytest

from hospital_core.kernel.pinyin import initials_of, pinyin_of


@pytest.mark.parametrize(
    ("name", "pinyin", "initials"),
    [
        ("单雄信", "shan xiong xin", "sxx"),
        ("仇英", "qiu ying", "qy"),
        ("曾国", "zeng guo", "zg"),
        ("解缙", "xie jin", "xj"),
        ("查良镛", "zha liang yong", "zly"),
        ("任盈盈", "ren ying ying", "ryy"),
        ("区小明", "ou xiao ming", "oxm"),
        ("尉迟恭", "yu chi gong", "ycg"),
        ("欧阳雪", "ou yang xue", "oyx"),
        ("买买提·吐尔逊", "mai mai ti tu er xun", "mmttex"),
        ("José María", "jose maria", "jm"),
    ],
)
def test_given_a_persons_name_then_the_surname_is_read_as_one(name: str, pinyin: str, initials: str) -> None:
    assert (pinyin_of(name, is_person=True), initials_of(name, is_person=True)) == (pinyin, initials)


@pytest.mark.parametrize(
    ("term", "initials"),
    [
        ("头颅CT平扫", "tlctps"),
        ("2型糖尿病", "2xtnb"),
        ("腰椎间盘突出", "yzjptc"),
        ("α-地中海贫血", "dzhpx"),
        ("查体", "ct"),
    ],
)
def test_given_a_term_then_latin_and_digits_stand_for_themselves(term: str, initials: str) -> None:
    assert initials_of(term) == initials
