"""Subscribe messages (订阅消息): the ``Messenger`` port.

A template is chosen in the mini program's back office with the keywords named here. Each keyword's prefix is a rule
about its value; a value that breaks it loses the whole message, so values are made to fit.
Source: 小程序订阅消息 参数值内容限制说明.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backend.settings import WechatSettings
from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.ports import MessageRefused
from miniapp_api.wechat.access_token import AccessTokens
from miniapp_api.wechat.client import MiniProgram, Refusal, misconfigured

log = logging.getLogger(__name__)

_NOT_SUBSCRIBED = 43101
_NO_SUCH_PERSON = 40003
# Template, page or value that WeChat will not take, today or tomorrow: ours to mend.
_NEVER = frozenset({40037, 41030, 47003})


def thing(text: str) -> str:
    """``thing``: up to 20 characters of any kind, at least one."""
    text = " ".join(text.split()) or "—"
    return text if len(text) <= 20 else text[:19] + "…"


def name(text: str) -> str:
    """``name``: up to 10 Chinese or 20 Latin letters, never mixed."""
    fits = re.fullmatch(r"[\u4e00-\u9fff·*]{1,10}|[A-Za-z .·*]{1,20}", text)
    if fits:
        return text
    han = "".join(re.findall(r"[\u4e00-\u9fff·*]", text))[:10]
    return han or "".join(re.findall(r"[A-Za-z .·*]", text))[:20].strip() or "患者"


def clock(text: str) -> str:
    """``time``: ``2026-11-22 15:01`` as WeChat writes it, ``2026年11月22日 15:01``."""
    return re.sub(r"^(\d{4})-(\d{2})-(\d{2}) ", r"\1年\2月\3日 ", text)


def character_string(text: str) -> str:
    """``character_string``: up to 32 letters, digits and signs, no blanks."""
    return "".join(re.findall(r"[\x21-\x7e]", text))[:32] or "-"


def amount(text: str) -> str:
    """``amount``: yuan with its unit."""
    return f"{text}元"


@dataclass(frozen=True)
class Template:
    """A template by its key in the settings; ``values`` fills each keyword from the message's words."""

    key: str
    values: Mapping[str, Callable[[Mapping[str, str]], str]]


TEMPLATES = {
    NotificationKind.APPOINTMENT_CONFIRMED: Template(
        "appointment_booked",
        {
            "name1": lambda words: name(words["patient"]),
            "thing2": lambda words: thing(words["department"]),
            "name3": lambda words: name(words["doctor"]),
            "time4": lambda words: clock(words["time"]),
            "thing5": lambda words: thing(f"{words['room']} {words['number']}"),
        },
    ),
    NotificationKind.APPOINTMENT_REFUNDED: Template(
        "refund_finished",
        {
            "thing1": lambda words: thing(f"{words['department']}挂号费"),
            "amount2": lambda words: amount(words["amount"]),
            "phrase3": lambda _: "退款成功",
            "thing4": lambda _: "已按原支付方式退回",
        },
    ),
    NotificationKind.TICKET_CALLED: Template(
        "queue_called",
        {
            "name1": lambda words: name(words["patient"]),
            "character_string2": lambda words: character_string(words["number"]),
            "thing3": lambda words: thing(words["room"]),
            "phrase4": lambda _: "请就诊",
        },
    ),
}


class SubscribeMessages:
    """Sends messages to people who allowed them."""

    def __init__(self, settings: WechatSettings, program: MiniProgram, tokens: AccessTokens) -> None:
        self._template_ids = settings.templates
        self._program = program
        self._tokens = tokens

    async def send_subscribe(self, openid: str, template: str, page: str, data: Mapping[str, str]) -> None:
        """Deliver one message of a kind. Raises: MessageRefused (never), OutsideUnavailable (try again)."""
        chosen = TEMPLATES[NotificationKind(template)]
        template_id = self._template_ids.get(chosen.key)
        if template_id is None:
            log.warning("no subscribe template", extra={"template": chosen.key})
            raise MessageRefused()
        message = {
            "touser": openid,
            "template_id": template_id,
            "page": page,
            "data": {keyword: {"value": value(data)} for keyword, value in chosen.values.items()},
        }
        try:
            await self._tokens.used_in(lambda token: self._program.send_message(token, message))
        except Refusal as refusal:
            raise self._meaning(refusal, chosen.key) from refusal

    @staticmethod
    def _meaning(refusal: Refusal, key: str) -> Exception:
        if refusal.errcode in (_NOT_SUBSCRIBED, _NO_SUCH_PERSON):
            return MessageRefused()
        if refusal.errcode in _NEVER:
            log.error("subscribe template does not fit", extra={"template": key, "errcode": refusal.errcode})
            return MessageRefused()
        return misconfigured(refusal, "subscribe/send")
