"""Subscribe messages (订阅消息): the ``Messenger`` port.

A template is chosen in the mini program's back office with the keywords named here (data: one row per kind). Each
keyword's prefix is a rule about its value; a value that breaks it loses the whole message, so values are made to fit.
Source: 小程序订阅消息 参数值内容限制说明.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backend.settings import WechatSettings
from hospital_core.exchange.notifications.kinds import NotificationKind
from hospital_core.exchange.notifications.ports import MessageRefused, MessageTemplate
from hospital_core.exchange.notifications.states import DeliveryResult
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


def number(text: str) -> str:
    """``number``: digits, at most 32."""
    return "".join(re.findall(r"[0-9]", text))[:32] or "0"


def amount(text: str) -> str:
    """``amount``: yuan with its unit, at most ten digits before the point."""
    return f"{text}元"


Fit = Callable[[str], str]


@dataclass(frozen=True)
class Template:
    """A template by its key in the settings.

    ``fields`` says which word of the message fills each keyword: ``"department"``, a text with ``{words}`` in it, or a
    fixed one. The keyword's prefix fits the value. ``standing``: a long-term template, as the medical category has.
    """

    key: str
    fields: Mapping[str, str]
    standing: bool = False

    def filled(self, words: Mapping[str, str]) -> dict[str, str]:
        """The values of a message, each within WeChat's rules."""
        known = {name: words.get(name, "") for name in WORD_NAMES}
        return {
            keyword: _FITS[keyword.rstrip("0123456789")](text.format_map(known))
            for keyword, text in self.fields.items()
        }


_FITS: Mapping[str, Fit] = {
    "thing": thing,
    "name": name,
    "time": clock,
    "character_string": character_string,
    "number": number,
    "amount": amount,
    "phrase": lambda text: text,  # fixed words of ours, five characters at most
}
WORD_NAMES = (
    "patient", "department", "doctor", "time", "number", "room", "amount", "item", "advice", "ahead", "until",
)  # fmt: skip
_WAITED = {"name1": "{patient}", "thing2": "{department}", "thing3": "{time}", "thing4": "{advice}"}
_RESTRICTED = {"name1": "{patient}", "thing2": "{item}", "thing3": "{advice}"}
_REMINDED = {"name1": "{patient}", "thing2": "{department}", "time3": "{time}", "thing4": "{advice}"}
_VISIT = {"name1": "{patient}", "thing2": "{department}", "name3": "{doctor}", "time4": "{time}"}

TEMPLATES = {
    NotificationKind.APPOINTMENT_CONFIRMED: Template("appointment_booked", _VISIT | {"thing5": "{room} {number}"}),
    NotificationKind.EXAMINATION_BOOKED: Template("appointment_booked", _VISIT | {"thing5": "{room} {number}"}),
    NotificationKind.EXAMINATION_REMINDER: Template("visit_reminder", _REMINDED, standing=True),
    NotificationKind.EXAMINATION_CANCELLED: Template(
        "appointment_changed", _VISIT | {"thing5": "{advice}"}, standing=True
    ),
    NotificationKind.CLINIC_STOPPED: Template("clinic_stopped", _VISIT | {"thing5": "{advice}"}, standing=True),
    NotificationKind.DOCTOR_SUBSTITUTED: Template(
        "appointment_changed", _VISIT | {"thing5": "{advice}"}, standing=True
    ),
    NotificationKind.APPOINTMENT_MOVED: Template("appointment_changed", _VISIT | {"thing5": "{advice}"}, standing=True),
    NotificationKind.WAITLIST_OFFERED: Template("waitlist_offer", _VISIT | {"time5": "{until}"}),
    NotificationKind.ADD_ON_GIVEN: Template("add_on_given", _VISIT | {"thing5": "{advice}"}),
    NotificationKind.VISIT_REMINDER: Template("visit_reminder", _REMINDED, standing=True),
    NotificationKind.WAITLIST_ENDED: Template("waitlist_ended", _WAITED),
    NotificationKind.BOOKING_BANNED: Template("booking_restricted", _RESTRICTED, standing=True),
    NotificationKind.BAN_LIFTED: Template("booking_restricted", _RESTRICTED, standing=True),
    NotificationKind.APPEAL_ANSWERED: Template("booking_restricted", _RESTRICTED, standing=True),
    NotificationKind.TICKET_NEAR: Template(
        "queue_near", {"name1": "{patient}", "character_string2": "{number}", "number3": "{ahead}", "thing4": "{room}"}
    ),
    NotificationKind.TICKET_CALLED: Template(
        "queue_called",
        {"name1": "{patient}", "character_string2": "{number}", "thing3": "{room}", "phrase4": "请就诊"},
    ),
    NotificationKind.PAYMENT_RECEIVED: Template(
        "payment_received", {"name1": "{patient}", "thing2": "{item}", "amount3": "{amount}", "time4": "{time}"}
    ),
    NotificationKind.E_INVOICE_ISSUED: Template(
        "payment_received", {"name1": "{patient}", "thing2": "{item}", "amount3": "{amount}", "time4": "{time}"}
    ),
    NotificationKind.APPOINTMENT_REFUNDED: Template(
        "refund_finished",
        {"thing1": "{item}", "amount2": "{amount}", "phrase3": "退款成功", "thing4": "已按原支付方式退回"},
    ),
    NotificationKind.REFUND_FINISHED: Template(
        "refund_finished",
        {"thing1": "{item}", "amount2": "{amount}", "phrase3": "退款成功", "thing4": "已按原支付方式退回"},
    ),
    NotificationKind.REPORT_READY: Template(
        "report_ready",
        {"name1": "{patient}", "thing2": "{item}", "time3": "{time}", "thing4": "请在小程序内查看"},
        standing=True,
    ),
}
STANDING_KEYS = frozenset(template.key for template in TEMPLATES.values() if template.standing)


class SubscribeMessages:
    """Sends messages to people who allowed them."""

    def __init__(self, settings: WechatSettings, program: MiniProgram, tokens: AccessTokens) -> None:
        self._template_ids = settings.templates
        self._counts = bool(settings.push_token)
        self._program = program
        self._tokens = tokens

    @property
    def counts_consents(self) -> bool:
        """Permissions reach us by message push (消息推送), where it is set up."""
        return self._counts

    def template_of(self, kind: str) -> MessageTemplate | None:
        """The template of a kind, where the mini program's back office has it."""
        chosen = TEMPLATES[NotificationKind(kind)]
        template_id = self._template_ids.get(chosen.key)
        return None if template_id is None else MessageTemplate(chosen.key, template_id, chosen.standing)

    def key_of(self, template_id: str) -> str | None:
        """Our name for a template of WeChat's; None for one that is not ours."""
        return next((key for key, known in self._template_ids.items() if known == template_id), None)

    async def send_subscribe(self, openid: str, template: str, page: str, data: Mapping[str, str]) -> None:
        """Deliver one message of a kind. Raises: MessageRefused (never), OutsideUnavailable (try again)."""
        chosen = TEMPLATES[NotificationKind(template)]
        known = self.template_of(template)
        if known is None:
            log.warning("no subscribe template", extra={"template": chosen.key})
            raise MessageRefused(DeliveryResult.NO_TEMPLATE)
        message = {
            "touser": openid,
            "template_id": known.template_id,
            "page": page,
            "data": {keyword: {"value": value} for keyword, value in chosen.filled(data).items()},
        }
        try:
            await self._tokens.used_in(lambda token: self._program.send_message(token, message))
        except Refusal as refusal:
            raise self._meaning(refusal, chosen.key) from refusal

    @staticmethod
    def _meaning(refusal: Refusal, key: str) -> Exception:
        if refusal.errcode in (_NOT_SUBSCRIBED, _NO_SUCH_PERSON):
            return MessageRefused(DeliveryResult.NOT_SUBSCRIBED, refusal.errcode)
        if refusal.errcode in _NEVER:
            log.error("subscribe template does not fit", extra={"template": key, "errcode": refusal.errcode})
            return MessageRefused(DeliveryResult.REJECTED, refusal.errcode)
        return misconfigured(refusal, "subscribe/send")
