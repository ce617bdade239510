"""Message push: what WeChat wrote is opened, everything else is refused, whatever it is made of."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from wechatpy.crypto import WeChatCrypto

from miniapp_api.wechat.codes import MiniProgramCodes
from miniapp_api.wechat.errors import PushRefused
from miniapp_api.wechat.push import PushMessages, read_document
from sandbox.wechat import WechatSandboxFiles
from tests.fixtures.miniapp import wechat_settings
from tests.fixtures.wechat import Received


@pytest.fixture
async def pushed(simulator, receiver, wechat_files):
    """Makes the simulated platform push the answer to a consent question; gives what arrives."""
    await simulator.post("/settings", push_url=receiver.url)

    async def push(form: str = "json", template: str = "appointment_booked", accept: bool = True) -> Received:
        receiver.answers = [200] * 5
        count = len(receiver.received)
        await simulator.post("/settings", push_format=form, push_encrypted=True)
        await simulator.post(
            f"/users/{await simulator.person()}/subscribe",
            template_id=wechat_files.template_ids[template], accept=accept,
        )  # fmt: skip
        return (await receiver.wait_for(count + 1))[count]

    return push


def parts(received: Received) -> tuple[dict[str, str], bytes]:
    return dict(parse_qsl(urlsplit(received.path).query)), received.body


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("accept", [True, False])
async def test_consent_is_read_from_either_format(wechat, wechat_files, simulator, pushed, form, accept):
    query, body = parts(await pushed(form, accept=accept))
    event = wechat.pushes.opened(query, body)
    [answer] = event.consents
    assert (answer.openid, answer.template_id) == (
        await simulator.person(), wechat_files.template_ids["appointment_booked"],
    )  # fmt: skip
    assert (answer.accepted, answer.change) == (accept, False)
    assert wechat.messenger.key_of(answer.template_id) == "appointment_booked"
    assert event.key == wechat.pushes.opened(query, body).key  # told again it is the same


async def test_each_changed_part_of_a_push_is_refused(wechat, pushed):
    query, body = parts(await pushed())
    for name in ("msg_signature", "timestamp", "nonce"):
        changed = {**query, name: query[name][:-1] + ("0" if query[name][-1] != "0" else "1")}
        without = {key: value for key, value in query.items() if key != name}
        for bad in (changed, without, {**query, name: ""}, {**query, name: "é"}):
            with pytest.raises(PushRefused):
                wechat.pushes.opened(bad, body)
    sealed = json.loads(body)["Encrypt"]
    for position in (0, len(sealed) // 2, len(sealed) - 5):
        letter = "A" if sealed[position] != "A" else "B"
        with pytest.raises(PushRefused):
            wechat.pushes.opened(
                query, body.replace(sealed.encode(), (sealed[:position] + letter + sealed[position + 1 :]).encode())
            )


def signed(files: WechatSandboxFiles, sealed: str) -> dict[str, str]:
    """A query as WeChat would sign it: the attacker of these tests knows the token, not the key."""
    stamp, nonce = str(int(time.time())), "n0nce"
    text = "".join(sorted((files.push_token, stamp, nonce, sealed)))
    return {"timestamp": stamp, "nonce": nonce, "msg_signature": hashlib.sha1(text.encode()).hexdigest()}


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "A" * 44, "é", "QUJD" * 32])
async def test_rubbish_under_a_right_signature_is_refused(wechat, wechat_files, sealed):
    with pytest.raises(PushRefused):
        wechat.pushes.opened(signed(wechat_files, sealed), json.dumps({"Encrypt": sealed}).encode())


async def test_push_for_another_mini_program_is_refused(wechat, wechat_files):
    crypto = WeChatCrypto(wechat_files.push_token, wechat_files.push_aes_key, "wx0000000000000000")
    sealed = sealed_by(crypto, '{"Event": "subscribe_msg_popup_event"}')
    with pytest.raises(PushRefused):
        wechat.pushes.opened(signed(wechat_files, sealed), json.dumps({"Encrypt": sealed}).encode())


def sealed_by(crypto: WeChatCrypto, text: str) -> str:
    return crypto.encrypt_message(text, "n", "1").partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]


async def test_event_without_its_parts_is_refused_and_a_strange_one_is_quiet(wechat, wechat_files):
    crypto = WeChatCrypto(wechat_files.push_token, wechat_files.push_aes_key, wechat_files.appid)
    for text in ('{"Event": "subscribe_msg_popup_event"}', '{"Event": "subscribe_msg_popup_event", "List": [1]}', "[]"):
        sealed = sealed_by(crypto, text)
        with pytest.raises(PushRefused):
            wechat.pushes.opened(signed(wechat_files, sealed), json.dumps({"Encrypt": sealed}).encode())
    sealed = sealed_by(crypto, '{"Event": "user_enter_tempsession"}')
    assert wechat.pushes.opened(signed(wechat_files, sealed), json.dumps({"Encrypt": sealed}).encode()).consents == ()


async def test_plain_push_is_refused_for_its_signature_does_not_cover_it(wechat, simulator, receiver, wechat_files):
    await simulator.post("/settings", push_url=receiver.url, push_encrypted=False)
    template = wechat_files.template_ids["appointment_booked"]
    await simulator.post(f"/users/{await simulator.person()}/subscribe", template_id=template, accept=True)
    query, body = parts((await receiver.wait_for(1))[0])
    with pytest.raises(PushRefused, match="not encrypted"):
        wechat.pushes.opened(query, body)


async def test_old_push_is_refused(wechat, pushed, monkeypatch):
    query, body = parts(await pushed())
    later = time.time() + 301
    monkeypatch.setattr("miniapp_api.wechat.push.time.time", lambda: later)
    with pytest.raises(PushRefused, match="window"):
        wechat.pushes.opened(query, body)


def test_where_push_is_not_set_up_everything_is_refused(wechat_files):
    settings = wechat_settings(wechat_files, "http://127.0.0.1:9", push_token="", push_aes_key="")
    with pytest.raises(PushRefused, match="set up"):
        PushMessages(settings).echo_of({"signature": "", "timestamp": "1", "nonce": "1", "echostr": "x"})


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<xml><Encrypt>&b;</Encrypt></xml>"
)
OUTSIDE = b'<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Encrypt>&f;</Encrypt></xml>'
DEEP: dict[str, Any] = {}
for _ in range(20):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        OUTSIDE,
        b"<!DOCTYPE xml><xml><Encrypt>x</Encrypt></xml>",
        b"<xml>" + b"<a>" * 50 + b"</a>" * 50 + b"</xml>",
        b"<xml>" + b"<a>1</a>" * 5_000 + b"</xml>",
        b"<xml><Encrypt>x",
        b"<xml>&undefined;</xml>",
        b"<xml/>",
        b"\xff\xfe<\x00x\x00",
        b"",
        b"[]",
        b"{",
        b"{}" * 3,
        json.dumps(DEEP).encode(),
        json.dumps({"a": list(range(5_000))}).encode(),
        b"Encrypt=1",
    ],
)
def test_document_that_wechat_never_writes_is_refused(document):
    with pytest.raises(PushRefused):
        read_document(document)


def test_twins_become_a_list_and_text_is_kept():
    assert read_document(b"<xml><a>1</a><a><![CDATA[ 2<3 ]]></a><b><c>4</c></b></xml>") == {
        "a": ["1", " 2<3 "],
        "b": {"c": "4"},
    }


async def test_too_large_a_push_is_not_even_read(wechat):
    with pytest.raises(PushRefused, match="large"):
        wechat.pushes.opened({}, b"<" * 70_000)


async def test_code_of_a_page_is_drawn_once_and_kept(wechat, simulator):
    scene = "AZoIEb4JdFuYdQEwe35Phg"
    first = await wechat.codes.wxacode(scene, "pages/doctor/index")
    assert first.startswith(b"\xff\xd8")
    assert await wechat.codes.wxacode(scene, "pages/doctor/index") == first
    other = await wechat.codes.wxacode(scene, "pages/room/index")
    assert other != first
    drawn = [call for call in (await simulator.get("/state"))["calls"] if call["operation"] == "wxacode"]
    assert len(drawn) == 2
    with pytest.raises(ValueError, match="scene"):
        await wechat.codes.wxacode("x" * 33, "pages/doctor/index")


async def test_code_is_drawn_even_without_redis(wechat, wechat_files, simulator):
    from miniapp_api.wechat.adapters import open_wechat

    alone = await open_wechat(wechat_settings(wechat_files, simulator.address), "redis://127.0.0.1:9/0")
    assert isinstance(alone.codes, MiniProgramCodes)
    assert (await alone.codes.wxacode("a", "pages/room/index")).startswith(b"\xff\xd8")
    await alone.close()
