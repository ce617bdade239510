"""Where WeChat pushes messages of the mini program (消息推送): what people allowed us to write to them.

Any answer but ``success`` makes WeChat come again, twice; so it is given only after the facts have been committed.
"""

import logging
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from backend.http.routing import CHANNEL, Audience, Call, Owner, Raw
from hospital_core.exchange.notifications.commands import RecordConsent
from hospital_core.exchange.notifications.queries import template_consents
from hospital_core.exchange.notifications.service import record_consent
from hospital_core.exchange.notifications.states import Consent
from hospital_core.exchange.notifications.views import TemplateConsent
from hospital_core.kernel.commands import Empty, Page
from hospital_core.kernel.context import Context, IdempotencyKey
from hospital_core.kernel.errors import OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes, wechat
from miniapp_api.wechat.errors import PushRefused
from miniapp_api.wechat.messages import STANDING_KEYS
from miniapp_api.wechat.push import ConsentAnswer

log = logging.getLogger(__name__)

_ROUTE = "wechat/push"


class PushQuery(BaseModel):
    """What WeChat signs a push with, in the address."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    signature: str = ""
    timestamp: str = ""
    nonce: str = ""
    echostr: str = ""
    msg_signature: str = ""


@routes.get(
    "/wechat/push", view=None, audience=Audience.OPEN, query=PushQuery, errors=(OutsideUnavailable,), limit=CHANNEL,
    media="text/plain",
)  # fmt: skip
async def verify_push_address(call: Call[Empty]) -> Raw:
    """The back office asks whether this address is ours (服务器地址校验)."""
    try:
        return _text(wechat().pushes.echo_of(call.query.model_dump()))
    except PushRefused as error:
        return _refused(error)


@routes.post(
    "/wechat/push", view=None, audience=Audience.OPEN, query=PushQuery, errors=(OutsideUnavailable,), limit=CHANNEL,
    media="text/plain", raw_body=True,
)  # fmt: skip
async def take_push(call: Call[Any]) -> Raw:
    """A message that WeChat pushes (消息推送); told again it counts once."""
    try:
        pushed = wechat().pushes.opened(call.query.model_dump(), call.request.body)
    except PushRefused as error:
        return _refused(error)
    for number, answer in enumerate(pushed.consents):
        await _take_consent(call.ctx, answer, f"{pushed.key}:{number}")
    return _text("success")


@routes.get("/message-templates", view=Page[TemplateConsent], owner=Owner.ACCOUNT)
async def list_message_templates(call: Call[Empty]) -> Page[TemplateConsent]:
    """Templates that the phone may ask its person to allow, and what is left of earlier permissions (订阅授权)."""
    return await template_consents(Reading(call.ctx))


async def _take_consent(ctx: Context, answer: ConsentAnswer, key: str) -> None:
    """WeChat repeats a push that it thinks was lost: the event itself is the key, so it is counted once."""
    adapters = wechat()
    template = adapters.messenger.key_of(answer.template_id)
    if template is None:
        log.warning("consent for a template that is not ours")
        return
    consent = Consent.WITHDRAWN if answer.change else Consent.DECLINED
    command = RecordConsent(
        appid=adapters.settings.appid,
        openid=answer.openid,
        template=template,
        consent=Consent.ACCEPTED if answer.accepted else consent,
        standing=template in STANDING_KEYS,
    )
    once = IdempotencyKey(key, _ROUTE, key.encode()[:64])
    await run(replace(ctx, proof="wechat_signature", idempotency=once), record_consent, command)


def _text(text: str) -> Raw:
    return Raw(text.encode(), "text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})


def _refused(error: PushRefused) -> Raw:
    log.warning("wechat push refused", extra={"reason": str(error)})
    return Raw("签名验证失败".encode(), "text/plain; charset=utf-8", status=401)
