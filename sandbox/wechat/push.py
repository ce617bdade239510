"""Message push 消息推送: events for the mini program's server, plain or encrypted, as JSON or XML. Reference §2.

Each is signed with the push token, tried three times, and given up when nobody answers within 5 s.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
import struct
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import httpx
import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.wechat.errors import SheetError
from sandbox.wechat.state import Attempt, Push

if TYPE_CHECKING:
    from sandbox.wechat.world import World

TRIES = 3
GAP_SECONDS = 5
KEPT = 500


def new_push(world: World, event: str, openid: str, **content: Any) -> None:
    """An event for the hospital's server; nothing happens where no address is set."""
    if not world.push_url:
        return
    message = {
        "ToUserName": f"gh_{world.config.appid[-12:]}",
        "FromUserName": openid,
        "CreateTime": int(world.now()),
        "MsgType": "event",
        "Event": event,
        **content,
    }
    push = Push(str(uuid.uuid4()), event, openid, message, world.now(), time.time())
    world.state.pushes[push.id] = push
    for old in list(world.state.pushes)[:-KEPT]:
        del world.state.pushes[old]
    world.store.touch()
    world.dispatcher.wake()


def start_due(world: World, tasks: dict[str, asyncio.Task[None]], http: httpx.AsyncClient) -> list[float]:
    """Send what is due, one task each; gives the times of those that are not."""
    now = time.time()
    waiting = [push for push in world.state.pushes.values() if push.status == "pending" and push.id not in tasks]
    for push in waiting:
        if push.next_at <= now:
            tasks[push.id] = asyncio.create_task(_one_try(world, push, http))
            tasks[push.id].add_done_callback(lambda _, known=push.id: tasks.pop(known))
    return [push.next_at for push in waiting if push.next_at > now]


async def _one_try(world: World, push: Push, http: httpx.AsyncClient) -> None:
    faults = []
    copies = 1
    for name in ("push_drop", "push_duplicate", "push_forged"):
        rule = world.take(name, push.event)
        if rule is not None:
            faults.append(name)
            copies += int(rule.value) if name == "push_duplicate" else 0
    attempts = await asyncio.gather(*(_send(world, push, http, faults) for _ in range(copies)))
    push.attempts.extend(attempts)
    if any(attempt.status == 200 for attempt in attempts) and "push_forged" not in faults:
        push.status = "delivered"
    elif len(push.attempts) >= TRIES:
        push.status = "exhausted"
    else:
        push.next_at = time.time() + world.wait(GAP_SECONDS)
    world.store.touch()
    await world.store.saved()
    world.dispatcher.wake()


async def _send(world: World, push: Push, http: httpx.AsyncClient, faults: list[str]) -> Attempt:
    started = time.time()
    if "push_drop" in faults:
        return Attempt(started, None, 0, faults, "lost on the way")
    settings = world.state.settings
    query, body = written(world, push.content, forged="push_forged" in faults)
    status, error = None, None
    try:
        async with asyncio.timeout(settings.callback_timeout_seconds):
            answer = await http.post(
                f"{world.push_url}?{urlencode(query)}",
                content=body,
                headers={"Content-Type": "application/json" if settings.push_format == "json" else "text/xml"},
            )
        status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
        error = type(problem).__name__
    violation = "push_forged" in faults and status == 200
    return Attempt(started, status, int((time.time() - started) * 1000), faults, error, violation)


def written(world: World, content: dict[str, Any], *, forged: bool = False) -> tuple[dict[str, str], bytes]:
    """Query and body of one push as the settings want it written."""
    settings, config = world.state.settings, world.config
    token = secrets.token_hex(8) if forged else config.push_token
    stamp, nonce = str(int(time.time())), secrets.token_hex(5)
    query = {"signature": _sha1(token, stamp, nonce), "timestamp": stamp, "nonce": nonce, "openid": ""}
    query["openid"] = str(content["FromUserName"])
    if not settings.push_encrypted:
        return query, _document(settings.push_format, content)
    sealed = seal(config.push_aes_key, config.appid, _document(settings.push_format, content))
    query.update(encrypt_type="aes", msg_signature=_sha1(token, stamp, nonce, sealed))
    return query, _document(settings.push_format, {"ToUserName": content["ToUserName"], "Encrypt": sealed})


def seal(aes_key: str, appid: str, message: bytes) -> str:
    """AES-256-CBC with the key's head as IV; random 16 bytes, length, message, appid, padded to 32."""
    key = base64.b64decode(aes_key + "=")
    plain = os.urandom(16) + struct.pack(">I", len(message)) + message + appid.encode()
    padding = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()


def _sha1(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def _document(form: str, content: dict[str, Any]) -> bytes:
    return orjson.dumps(content) if form == "json" else f"<xml>{_xml(content)}</xml>".encode()


def _xml(content: dict[str, Any]) -> str:
    """A list becomes its element again and again, as WeChat writes it."""
    parts = []
    for name, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                parts.append(f"<{name}>{_xml(item)}</{name}>")
            elif isinstance(item, int):
                parts.append(f"<{name}>{item}</{name}>")
            elif "]]>" in item:
                parts.append(f"<{name}>{escape(item)}</{name}>")
            else:
                parts.append(f"<{name}><![CDATA[{item}]]></{name}>")
    return "".join(parts)


async def verify_address(world: World, http: httpx.AsyncClient) -> None:
    """What saving the address in the back office does: a signed GET whose echostr must come back.

    Raises: SheetError.
    """
    stamp, nonce, echo = str(int(time.time())), secrets.token_hex(5), secrets.token_hex(10)
    query = {
        "signature": _sha1(world.config.push_token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "echostr": echo,
    }
    try:
        answer = await http.get(f"{world.push_url}?{urlencode(query)}", timeout=5)
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise SheetError("push_unreachable", "推送地址无法访问", 502) from problem
    if answer.status_code != 200 or answer.text != echo:
        raise SheetError("push_unverified", "推送地址未通过校验（Token 验证失败）", 409)


# What the shape of each event is, by WeChat's documents (事件推送 订阅消息).
def told_of_consent(world: World, openid: str, template_id: str, accept: bool) -> None:
    """The person answered the consent sheet."""
    item = {
        "TemplateId": template_id,
        "SubscribeStatusString": "accept" if accept else "reject",
        "PopupScene": "0",
    }
    _event(world, "subscribe_msg_popup_event", openid, "SubscribeMsgPopupEvent", item)


def told_of_change(world: World, openid: str, template_id: str) -> None:
    """The person switched a template off in the mini program's settings."""
    item = {"TemplateId": template_id, "SubscribeStatusString": "reject"}
    _event(world, "subscribe_msg_change_event", openid, "SubscribeMsgChangeEvent", item)


def told_of_sending(world: World, openid: str, template_id: str, message_id: int) -> None:
    """A message reached the person."""
    item = {"TemplateId": template_id, "MsgID": str(message_id), "ErrorCode": "0", "ErrorStatus": "success"}
    _event(world, "subscribe_msg_sent_event", openid, "SubscribeMsgSentEvent", item)


def _event(world: World, event: str, openid: str, envelope: str, item: dict[str, str]) -> None:
    if world.state.settings.push_format == "json":
        new_push(world, event, openid, List=item)
    else:
        new_push(world, event, openid, **{envelope: {"List": item}})
