"""Log-in, tokens, phone number, subscribe messages and codes, spoken by the unmodified wechatpy."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatWxa
from wechatpy.exceptions import APILimitedException, WeChatClientException

from sandbox.wechat import WechatSandboxFiles


def make_client(files: WechatSandboxFiles, address: str, secret: str | None = None) -> Any:
    """wechatpy turned to the simulator: base addresses and the missing calls, as reference §2 says."""

    class Wxa(WeChatWxa):
        API_BASE_URL = f"{address}/"

        def code_to_session(self, js_code: str) -> Any:
            params = {"appid": client.appid, "secret": client.secret, "js_code": js_code}
            params |= {"grant_type": "authorization_code", "access_token": ""}
            return self._get("sns/jscode2session", params=params)

        def get_phone_number(self, code: str) -> Any:
            return self._post("wxa/business/getuserphonenumber", data={"code": code})

    class Client(WeChatClient):
        API_BASE_URL = f"{address}/cgi-bin/"
        wxa = Wxa()

        def fetch_access_token(self) -> Any:
            params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
            return self._fetch_access_token(f"{address}/cgi-bin/token", params)

        def stable_token(self, *, force: bool = False) -> Any:
            body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
            return self.post("stable_token", data={**body, "force_refresh": force}, params={"access_token": ""})

    client = Client(files.appid, secret or files.secret, timeout=5, auto_retry=False)
    client._http.trust_env = False
    return client


@pytest.fixture
def wechat(wechat_files, simulator):
    return make_client(wechat_files, simulator.address)


async def refused(errcode: int, call: Any, *arguments: Any, **named: Any) -> str:
    """The errmsg of a call that WeChat refuses with this errcode."""
    with pytest.raises(WeChatClientException) as caught:
        await asyncio.to_thread(call, *arguments, **named)
    assert caught.value.errcode == errcode, caught.value
    return str(caught.value.errmsg)


async def test_login_code_gives_openid_once(wechat, simulator):
    openid = await simulator.person()
    code = (await simulator.post(f"/users/{openid}/login-code"))["code"]
    session = await asyncio.to_thread(wechat.wxa.code_to_session, code)
    assert session["openid"] == openid
    assert len(session["session_key"]) == 24
    assert "rid: " in await refused(40163, wechat.wxa.code_to_session, code)


async def test_login_errors_are_told_by_errcode(wechat, simulator, wechat_files):
    openid = await simulator.person()
    await refused(40029, wechat.wxa.code_to_session, "nonsense")
    await refused(41008, wechat.wxa.code_to_session, "")
    phone_code = (await simulator.post(f"/users/{openid}/phone-code"))["code"]
    await refused(40029, wechat.wxa.code_to_session, phone_code)
    await refused(40125, make_client(wechat_files, simulator.address, "wrong").wxa.code_to_session, "x")
    old = (await simulator.post(f"/users/{openid}/login-code"))["code"]
    await simulator.post("/settings", clock_offset_seconds=301)
    await refused(40029, wechat.wxa.code_to_session, old)


async def test_platform_busy_and_high_risk_user_come_from_switches(wechat, simulator):
    openid = await simulator.person()
    code = (await simulator.post(f"/users/{openid}/login-code"))["code"]
    await simulator.fault("mini_errcode", target="code2session", times=1)
    await simulator.fault("mini_errcode", target="code2session", times=1, value=40226)
    await simulator.fault("api_500", target="code2session", times=1)
    with pytest.raises(WeChatClientException) as caught:
        await asyncio.to_thread(wechat.wxa.code_to_session, code)
    assert caught.value.errcode is None  # an HTTP error, no errcode at all
    await refused(-1, wechat.wxa.code_to_session, code)
    await refused(40226, wechat.wxa.code_to_session, code)
    assert (await asyncio.to_thread(wechat.wxa.code_to_session, code))["openid"] == openid


async def test_phone_code_gives_number_once(wechat, simulator):
    user = await simulator.post("/users", nickname="新用户", phone="13900000009")
    code = (await simulator.post(f"/users/{user['openid']}/phone-code"))["code"]
    answer = await asyncio.to_thread(wechat.wxa.get_phone_number, code)
    assert answer["phone_info"]["purePhoneNumber"] == "13900000009"
    assert answer["phone_info"]["watermark"]["appid"] == wechat.appid
    await refused(40029, wechat.wxa.get_phone_number, code)
    login_code = (await simulator.post(f"/users/{user['openid']}/login-code"))["code"]
    await refused(40029, wechat.wxa.get_phone_number, login_code)


async def test_plain_token_is_replaced_and_old_one_lives_five_minutes(wechat, simulator):
    first = (await asyncio.to_thread(wechat.fetch_access_token))["access_token"]
    second = (await asyncio.to_thread(wechat.fetch_access_token))["access_token"]
    assert first != second
    wechat.session.set(wechat.access_token_key, first)
    await refused(40029, wechat.wxa.get_phone_number, "x")  # the token still counts, the code does not
    await simulator.post("/settings", clock_offset_seconds=301)
    await refused(42001, wechat.wxa.get_phone_number, "x")
    wechat.session.set(wechat.access_token_key, "invented")
    await refused(40001, wechat.wxa.get_phone_number, "x")


async def test_stable_token_is_stable_until_forced_or_nearly_over(wechat, simulator):
    first = await asyncio.to_thread(wechat.stable_token)
    await asyncio.to_thread(wechat.fetch_access_token)
    assert (await asyncio.to_thread(wechat.stable_token))["access_token"] == first["access_token"]
    forced = await asyncio.to_thread(wechat.stable_token, force=True)
    assert forced["access_token"] != first["access_token"]
    await refused(45011, wechat.stable_token, force=True)
    await simulator.post("/settings", clock_offset_seconds=6950)
    renewed = await asyncio.to_thread(wechat.stable_token)
    assert renewed["access_token"] != forced["access_token"]
    assert renewed["expires_in"] >= 7190
    for offset in range(7000, 7000 + 19 * 31, 31):
        await simulator.post("/settings", clock_offset_seconds=offset)
        await asyncio.to_thread(wechat.stable_token, force=True)
    await simulator.post("/settings", clock_offset_seconds=8000)
    with pytest.raises(APILimitedException):
        await asyncio.to_thread(wechat.stable_token, force=True)


CALLED = {
    "name1": {"value": "张三"},
    "character_string2": {"value": "A012"},
    "thing3": {"value": "门诊楼 3 层 2 诊室"},
    "phrase4": {"value": "请就诊"},
}


async def test_each_consent_allows_one_message(wechat, simulator, wechat_files):
    openid, template = await simulator.person(), wechat_files.template_ids["queue_called"]
    send = wechat.wxa.send_subscribe_message
    await refused(43101, send, openid, template, CALLED)
    for left in (1, 2):
        answer = await simulator.post(f"/users/{openid}/subscribe", template_id=template, accept=True)
        assert answer["left"] == left
    await simulator.post(f"/users/{openid}/subscribe", template_id=template, accept=False)
    for _ in range(2):
        await asyncio.to_thread(send, openid, template, CALLED, "pages/queue/index?id=1")
    await refused(43101, send, openid, template, CALLED)
    received = (await simulator.get(f"/users/{openid}/messages"))["items"]
    assert [message["data"]["character_string2"] for message in received] == ["A012", "A012"]
    assert received[0]["page"] == "pages/queue/index?id=1"


async def test_long_term_consent_allows_many_until_refused(wechat, simulator, wechat_files):
    openid, template = await simulator.person(), wechat_files.template_ids["report_ready"]
    data = {"name1": "李四", "thing2": "血常规", "time3": "2026年11月22日 15:01", "thing4": "请及时查看"}
    body = {name: {"value": value} for name, value in data.items()}
    await simulator.post(f"/users/{openid}/subscribe", template_id=template, accept=True)
    for _ in range(3):
        await asyncio.to_thread(wechat.wxa.send_subscribe_message, openid, template, body)
    await simulator.post(f"/users/{openid}/subscribe", template_id=template, accept=False)
    await refused(43101, wechat.wxa.send_subscribe_message, openid, template, body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("thing3", "一" * 21),
        ("thing3", ""),
        ("name1", "欧阳" * 6),
        ("character_string2", "一二三"),
        ("phrase4", "请马上就诊吧"),
        ("phrase4", "ok"),
    ],
)
async def test_value_against_its_rule_is_refused_by_name(wechat, simulator, wechat_files, name, value):
    openid, template = await simulator.person(), wechat_files.template_ids["queue_called"]
    await simulator.post(f"/users/{openid}/subscribe", template_id=template, accept=True)
    body = {**CALLED, name: {"value": value}}
    message = await refused(47003, wechat.wxa.send_subscribe_message, openid, template, body)
    assert f"data.{name}.value" in message
    # A refused message costs no consent.
    await asyncio.to_thread(wechat.wxa.send_subscribe_message, openid, template, CALLED)


async def test_message_errors_are_told_by_errcode(wechat, simulator, wechat_files):
    openid, template = await simulator.person(), wechat_files.template_ids["queue_called"]
    send = wechat.wxa.send_subscribe_message
    await refused(40003, send, "stranger", template, CALLED)
    await refused(40037, send, openid, "no-such-template", CALLED)
    await refused(41030, send, openid, template, CALLED, "/pages/index")
    missing = {name: value for name, value in CALLED.items() if name != "thing3"}
    await refused(47003, send, openid, template, missing)


async def test_mini_program_code_is_a_picture_and_scene_is_checked(wechat, simulator):
    answer = await asyncio.to_thread(wechat.wxa.get_wxa_code_unlimited, "a=1&b=2", page="pages/checkin/index")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == ("JPEG", (430, 430))
    await refused(40169, wechat.wxa.get_wxa_code_unlimited, "x" * 33)
    await refused(40169, wechat.wxa.get_wxa_code_unlimited, "中文")
    await refused(41030, wechat.wxa.get_wxa_code_unlimited, "a", page="/pages/x")
