"""Message push (消息推送): from raw bytes to an event that WeChat wrote to us, or refused.

Only encrypted pushes (安全模式) are taken: the signature of a plain one does not cover its body. JSON and
XML alike; XML without a document type, and both with bounds on size and depth.
Source: 小程序 消息推送 (开启消息推送, 消息加解密), 订阅消息事件推送.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

import orjson
from wechatpy.crypto import WeChatCrypto

from backend.settings import WechatSettings
from miniapp_api.wechat.errors import PushRefused

BODY_MAX = 64 * 1024
DEPTH_MAX = 8
ELEMENTS_MAX = 1_000
WINDOW_S = 300

_ITEM_EVENTS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
}


@dataclass(frozen=True)
class ConsentAnswer:
    """One line of a consent event (订阅授权事件): ``change`` when it was switched off in the settings."""

    openid: str
    template_id: str
    accepted: bool
    change: bool


@dataclass(frozen=True)
class Pushed:
    """An event as pushed (推送事件). ``key`` is the same however often WeChat repeats it."""

    event: str
    key: str
    consents: tuple[ConsentAnswer, ...]


class PushMessages:
    """Verifies and opens pushes with the keys of the mini program's back office."""

    def __init__(self, settings: WechatSettings) -> None:
        self._token = settings.push_token
        self._crypto = None
        if settings.push_token:
            self._crypto = WeChatCrypto(settings.push_token, settings.push_aes_key, settings.appid)

    def echo_of(self, query: Mapping[str, str]) -> str:
        """What the back office wants to hear before it saves our address (服务器地址校验). Raises: PushRefused."""
        self._check(query, query.get("signature", ""))
        return query.get("echostr", "")

    def opened(self, query: Mapping[str, str], body: bytes) -> Pushed:
        """The event of a push. Raises: PushRefused, whatever is wrong with it."""
        if len(body) > BODY_MAX:
            raise PushRefused("too large")
        sealed = read_document(body).get("Encrypt")
        if not isinstance(sealed, str) or not sealed:
            raise PushRefused("not encrypted")
        self._check(query, query.get("msg_signature", ""), sealed)
        assert self._crypto is not None
        try:
            plain = self._crypto.decrypt_message(
                {"Encrypt": sealed}, query["msg_signature"], query["timestamp"], query["nonce"]
            )
        except Exception as error:  # bad padding, base64, length or app: whatever the library stumbles over
            raise PushRefused(type(error).__name__) from error
        text = plain.encode() if isinstance(plain, str) else plain
        return _event_of(read_document(text))

    def _check(self, query: Mapping[str, str], signature: str, *sealed: str) -> None:
        if self._crypto is None:
            raise PushRefused("message push is not set up")
        stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp[:15])) > WINDOW_S:
            raise PushRefused("timestamp outside the window")
        text = "".join(sorted((self._token, stamp, nonce, *sealed))).encode()
        expected = hashlib.sha1(text, usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise PushRefused("signature")


def read_document(data: bytes) -> dict[str, Any]:
    """A JSON object, or the children of an ``<xml>`` element, twins as a list. Raises: PushRefused."""
    head = data.lstrip()[:1]
    if head == b"{":
        return _read_json(data)
    if head == b"<":
        return _XmlReader().read(data)
    raise PushRefused("neither JSON nor XML")


def _read_json(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise PushRefused("not JSON") from error
    left, level = ELEMENTS_MAX, [value]
    for _ in range(DEPTH_MAX):
        level = [child for node in level for child in _children(node)]
        left -= len(level)
        if left < 0:
            raise PushRefused("too many elements")
    if level or not isinstance(value, dict):
        raise PushRefused("too deep")
    return value


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


class _XmlReader:
    """Builds plain values from XML while it is parsed, and stops at the first thing that WeChat never writes."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._no_doctype
        self._parser.EntityDeclHandler = self._no_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self._count = 0
        self._root: Any = None

    def read(self, data: bytes) -> dict[str, Any]:
        try:
            self._parser.Parse(data, True)
        except (expat.ExpatError, ValueError) as error:
            raise PushRefused("not XML") from error
        if not isinstance(self._root, dict):
            raise PushRefused("an empty document")
        return self._root

    def _no_doctype(self, *_: Any) -> None:
        raise PushRefused("a document type")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= DEPTH_MAX or self._count > ELEMENTS_MAX:
            raise PushRefused("too deep or too many elements")
        self._open.append((name, {}, []))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def _end(self, _name: str) -> None:
        name, children, texts = self._open.pop()
        value: Any = children or "".join(texts)
        if not self._open:
            self._root = value
            return
        siblings = self._open[-1][1]
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]


def _event_of(message: Mapping[str, Any]) -> Pushed:
    event, openid = str(message.get("Event", "")), str(message.get("FromUserName", ""))
    mark = orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
    consents = tuple(_consents(message, event, openid)) if event in _ITEM_EVENTS else ()
    return Pushed(event, hashlib.sha256(mark).hexdigest(), consents)


def _consents(message: Mapping[str, Any], event: str, openid: str) -> list[ConsentAnswer]:
    """XML wraps the list in an element of the event's own; a single answer comes without a list."""
    wrapped = message.get(_ITEM_EVENTS[event])
    found = message.get("List") if wrapped is None else wrapped.get("List") if isinstance(wrapped, dict) else None
    answers = []
    for item in found if isinstance(found, list) else [found]:
        template_id = item.get("TemplateId") if isinstance(item, dict) else None
        if not isinstance(template_id, str) or not openid:
            raise PushRefused("unreadable content")
        accepted = item.get("SubscribeStatusString") == "accept"
        answers.append(ConsentAnswer(openid, template_id, accepted, event == "subscribe_msg_change_event"))
    return answers
