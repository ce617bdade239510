"""Message push, decrypted by the unmodified wechatpy; links and text checks of the mini program."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import xmltodict
from wechatpy.crypto import WeChatCrypto

from sandbox.wechat import WechatSandboxFiles
from tests.fixtures.wechat import Received, Receiver, Simulator


@pytest.fixture
async def pushed(simulator: Simulator, receiver: Receiver) -> Receiver:
    receiver.answers = [200] * 20
    await simulator.post("/settings", push_url=receiver.url)
    return receiver


def opened(files: WechatSandboxFiles, received: Received) -> Any:
    """What the mini program's server reads."""
    query = dict(parse_qsl(urlsplit(received.path).query))
    body: Any = json.loads(received.body) if received.body.startswith(b"{") else received.body.decode()
    if query.get("encrypt_type") == "aes":
        crypto = WeChatCrypto(files.push_token, files.push_aes_key, files.appid)
        body = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        if isinstance(body, bytes):
            body = body.decode()
    if isinstance(body, str):
        body = json.loads(body) if body.startswith("{") else xmltodict.parse(body)["xml"]
    parts = sorted((files.push_token, query["timestamp"], query["nonce"]))
    assert query["signature"] == hashlib.sha1("".join(parts).encode()).hexdigest()
    return body


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("form", ["json", "xml"])
async def test_consent_is_pushed_in_every_way_it_can_be_written(simulator, wechat_files, pushed, form, encrypted):
    await simulator.post("/settings", push_format=form, push_encrypted=encrypted)
    person, template = await simulator.person(), wechat_files.template_ids["appointment_booked"]
    await simulator.post(f"/users/{person}/subscribe", template_id=template, accept=True)
    event = opened(wechat_files, (await pushed.wait_for(1))[0])
    assert (event["Event"], event["FromUserName"]) == ("subscribe_msg_popup_event", person)
    item = event["List"] if form == "json" else event["SubscribeMsgPopupEvent"]["List"]
    assert (item["TemplateId"], item["SubscribeStatusString"]) == (template, "accept")


async def test_push_nobody_takes_is_tried_three_times(simulator, wechat_files, pushed):
    pushed.answers = [500, 500, 500, 200]
    template = wechat_files.template_ids["clinic_stopped"]
    await simulator.post(f"/users/{await simulator.person()}/unsubscribe", template_id=template)
    await pushed.wait_for(3)
    for _ in range(100):
        [push] = (await simulator.get("/state"))["pushes"].values()
        if push["status"] != "pending":
            break
    assert (push["status"], len(push["attempts"]), push["event"]) == ("exhausted", 3, "subscribe_msg_change_event")


async def test_forged_push_is_marked_when_it_was_taken(simulator, wechat_files, pushed):
    await simulator.fault("push_forged", times=1)
    template = wechat_files.template_ids["clinic_stopped"]
    await simulator.post(f"/users/{await simulator.person()}/subscribe", template_id=template, accept=False)
    await pushed.wait_for(2)
    [push] = (await simulator.get("/state"))["pushes"].values()
    assert push["attempts"][0]["violation"] is True


async def test_address_that_does_not_echo_is_not_saved(simulator, pushed):
    refused = await simulator.http.post("/push/verify")
    assert refused.status_code in (409, 502)


@pytest.fixture
async def program(simulator_url: str, simulator: Simulator, wechat_files: WechatSandboxFiles):
    """Calls with an access token."""
    async with httpx.AsyncClient(base_url=simulator_url, trust_env=False) as http:
        ask = {"grant_type": "client_credential", "appid": wechat_files.appid, "secret": wechat_files.secret}
        token = (await http.post("/cgi-bin/stable_token", json=ask)).json()["access_token"]

        async def call(address: str, **body: Any) -> Any:
            return (await http.post(f"{address}?access_token={token}", json=body)).json()

        yield call


async def test_url_link_lives_thirty_days_at_most(program):
    made = await program("/wxa/generate_urllink", path="pages/index", query="a=1", expire_type=1, expire_interval=30)
    assert made["url_link"].startswith("https://wxaurl.cn/")
    too_long = await program("/wxa/generate_urllink", path="pages/index", expire_type=1, expire_interval=31)
    assert too_long["errcode"] == 85401
    assert (await program("/wxa/generate_urllink", path="/pages/index"))["errcode"] == 41030


@pytest.mark.parametrize(("text", "suggest"), [("您好", "pass"), ("代购药品", "review"), ("赌博网站", "risky")])
async def test_text_check_gives_a_verdict(program, simulator, text, suggest):
    openid = await simulator.person()
    answer = await program("/wxa/msg_sec_check", content=text, version=2, scene=2, openid=openid)
    assert answer["result"]["suggest"] == suggest
    assert (await program("/wxa/msg_sec_check", content=text, openid=openid))["errcode"] == 47001
