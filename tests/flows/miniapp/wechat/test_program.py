"""Log-in, phone number, access token and messages, spoken with the simulated platform over sockets."""

from __future__ import annotations

import asyncio

import pytest

from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.ports import MessageRefused
from hospital_core.kernel.errors import OutsideUnavailable
from miniapp_api.wechat import messages
from miniapp_api.wechat.adapters import open_wechat
from miniapp_api.wechat.client import Refusal
from miniapp_api.wechat.errors import AccountAtRisk, LoginCodeWrong, PhoneCodeWrong, TooOften
from tests.fixtures.miniapp import wechat_settings

WORDS = {
    "patient": "张*丰",
    "department": "心血管内科（东院区）高血压与血脂异常专病门诊",
    "doctor": "欧阳明",
    "time": "2026-11-22 15:01",
    "number": "A012",
    "room": "门诊楼 3 层 2 诊室",
    "amount": "25.00",
    "item": "挂号费",
    "advice": "请选择改约或退号",
    "ahead": "2",
    "until": "2026-11-22 12:00",
}


async def code_of(simulator, kind="login"):
    openid = await simulator.person()
    return openid, (await simulator.post(f"/users/{openid}/{kind}-code"))["code"]


async def test_login_code_gives_the_person_once_and_asks_for_no_token(wechat, simulator):
    openid, code = await code_of(simulator)
    person = await wechat.login.exchange(code)
    assert (person.openid, person.appid) == (openid, wechat.settings.appid)
    with pytest.raises(LoginCodeWrong):
        await wechat.login.exchange(code)
    assert await wechat.tokens._redis.get(wechat.tokens._key) is None


async def test_login_refusals_are_told_in_the_hospitals_words(wechat, simulator):
    _, phone_code = await code_of(simulator, "phone")
    for wrong in ("nonsense", phone_code):
        with pytest.raises(LoginCodeWrong):
            await wechat.login.exchange(wrong)
    for errcode, expected in ((40226, AccountAtRisk), (45011, TooOften), (-1, OutsideUnavailable)):
        await simulator.fault("mini_errcode", target="code2session", times=1, value=errcode)
        with pytest.raises(expected):
            await wechat.login.exchange("any")
    await simulator.fault("api_500", target="code2session", times=1)
    with pytest.raises(OutsideUnavailable):
        await wechat.login.exchange("any")


async def test_wrong_secret_is_the_operators_problem_not_the_persons(
    wechat_files, simulator, engines, caplog
):  # fmt: skip
    settings = wechat_settings(wechat_files, simulator.address, secret="wrong")
    adapters = await open_wechat(settings, engines.redis)
    _, code = await code_of(simulator)
    with pytest.raises(OutsideUnavailable):
        await adapters.login.exchange(code)
    await adapters.close()
    assert "wechat refuses the hospital" in caplog.text
    assert code not in caplog.text


async def test_platform_that_is_not_there_is_unavailable(wechat_files, engines):
    adapters = await open_wechat(wechat_settings(wechat_files, "http://127.0.0.1:9"), engines.redis)
    await adapters.tokens._redis.delete(adapters.tokens._key)
    with pytest.raises(OutsideUnavailable):
        await adapters.login.exchange("any")
    with pytest.raises(OutsideUnavailable):
        await adapters.phone.number_of("any")
    await adapters.close()


async def test_phone_code_gives_the_number_once(wechat, simulator):
    person = await simulator.post("/users", nickname="新用户", phone="13900000009")
    code = (await simulator.post(f"/users/{person['openid']}/phone-code"))["code"]
    assert await wechat.phone.number_of(code) == "13900000009"
    _, login_code = await code_of(simulator)
    for wrong in (code, login_code):
        with pytest.raises(PhoneCodeWrong):
            await wechat.phone.number_of(wrong)


async def test_phone_of_another_mini_program_is_refused(wechat):
    info = {"purePhoneNumber": "13900000009", "countryCode": "86", "watermark": {"appid": "wx0"}}
    with pytest.raises(PhoneCodeWrong):
        wechat.phone._number({"phone_info": info})
    for odd in (None, [], "wx"):
        with pytest.raises(PhoneCodeWrong):
            wechat.phone._number({"phone_info": {**info, "watermark": odd}})
    own = {**info, "countryCode": "852", "watermark": {"appid": wechat.settings.appid}}
    assert wechat.phone._number({"phone_info": own}) == "+85213900000009"


async def use(adapters):
    async def call(token):
        return token

    return await adapters.tokens.used_in(call)


@pytest.fixture
def fetches(monkeypatch):
    """How often any worker asked the platform for a token, forced or not."""
    from miniapp_api.wechat.access_token import AccessTokens

    seen = []
    real = AccessTokens._stable_token

    async def counted(self, *, force):
        seen.append(force)
        return await real(self, force=force)

    monkeypatch.setattr(AccessTokens, "_stable_token", counted)
    return seen


async def test_cold_workers_ask_for_one_token_together(wechat, wechat_files, simulator, engines, fetches):
    await simulator.fault("api_delay", target="stable_token", value=0.3)
    settings = wechat_settings(wechat_files, simulator.address)
    others = [await open_wechat(settings, engines.redis) for _ in range(3)]
    tokens = await asyncio.gather(*(use(adapters) for adapters in [wechat, *others] for _ in range(5)))
    for adapters in others:
        await adapters.close()
    assert len(set(tokens)) == 1
    assert fetches == [False]


async def test_without_redis_each_worker_asks_for_itself_and_gets_the_same(wechat, wechat_files, simulator, fetches):
    alone = await open_wechat(wechat_settings(wechat_files, simulator.address), "redis://127.0.0.1:9/0")
    tokens = {await use(wechat), await use(alone), await use(alone)}
    await alone.close()
    assert len(tokens) == 1
    assert fetches == [False, False]


async def test_token_forgotten_by_the_platform_is_renewed_once(wechat, simulator, fetches):
    openid = await simulator.person()
    first = await use(wechat)
    await simulator.post("/settings", clock_offset_seconds=7300)  # to the platform it has expired, to us not yet
    code = (await simulator.post(f"/users/{openid}/phone-code"))["code"]
    assert await wechat.phone.number_of(code) == "13800000001"
    assert await use(wechat) != first
    assert fetches == [False, False]


async def test_token_refused_for_good_is_forced_once_and_then_given_up(wechat, simulator, fetches):
    async def call(token):
        raise Refusal(40001)

    with pytest.raises(Refusal):
        await wechat.tokens.used_in(call)
    assert fetches == [False, False, True]


async def test_confirmed_appointment_reaches_a_person_who_subscribed(wechat, simulator, wechat_files):
    openid = await simulator.person()
    for kind in NotificationKind:
        template = wechat_files.template_ids[messages.TEMPLATES[kind].key]
        await simulator.post(f"/users/{openid}/subscribe", template_id=template, accept=True)
        await wechat.messenger.send_subscribe(openid, kind.value, "pages/appointment/index?id=1", WORDS)
    received = (await simulator.get(f"/users/{openid}/messages"))["items"]
    shown = {message["title"]: message["data"] for message in received}
    assert shown["预约挂号成功通知"]["time4"] == "2026年11月22日 15:01"
    assert len(shown["预约挂号成功通知"]["thing2"]) == 20
    assert shown["叫号通知"]["character_string2"] == "A012"
    assert shown["退款结果通知"]["amount2"] == "25.00元"


async def test_person_who_did_not_subscribe_is_never_written_to(wechat, simulator):
    openid = await simulator.person()
    for receiver in (openid, "a-stranger"):
        with pytest.raises(MessageRefused):
            await wechat.messenger.send_subscribe(receiver, "ticket_called", "pages/index", WORDS)


async def test_message_is_tried_again_while_the_platform_is_busy(wechat, simulator):
    openid = await simulator.person()
    await simulator.fault("mini_errcode", target="subscribe_send", times=1)
    with pytest.raises(OutsideUnavailable):
        await wechat.messenger.send_subscribe(openid, "ticket_called", "pages/index", WORDS)


async def test_template_that_was_not_configured_refuses_its_messages(wechat_files, simulator, engines):
    settings = wechat_settings(wechat_files, simulator.address, templates={})
    adapters = await open_wechat(settings, engines.redis)
    with pytest.raises(MessageRefused):
        await adapters.messenger.send_subscribe("x", "ticket_called", "pages/index", WORDS)
    await adapters.close()
