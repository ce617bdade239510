"""Wiring (装配): which adapter serves which port, once for server, worker, command line and tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from backend.einvoice import HttpEInvoicePlatform
from backend.http.tokens import Tokens
from backend.realtime.link import RedisLink
from backend.settings import Settings, SettingsError
from backend.sms import SmsOverHttp
from backend.video import JitsiRooms
from hospital_core import db, reactions
from hospital_core.access.queueing.ports import VideoRooms
from hospital_core.access.scheduling.ports import QrKey
from hospital_core.exchange.notifications.ports import Messenger, MiniProgramCodes
from hospital_core.finance.einvoicing.ports import EInvoicePlatform
from hospital_core.finance.payments.ports import PaymentGateway
from hospital_core.kernel import hints, ports
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.registry.accounts.ports import SmsSender
from miniapp_api.wechat.adapters import WechatAdapters, open_wechat


@dataclass(frozen=True)
class SecretKey:
    """A key held by a port (``QrKey``)."""

    value: bytes

    def secret(self) -> bytes:
        """The key's bytes."""
        return self.value


def tokens_of(settings: Settings) -> Tokens:
    """The ring of token keys; the last one signs."""
    return Tokens({kid: bytes.fromhex(key) for kid, key in settings.token_keys.items()})


@asynccontextmanager
async def wired(settings: Settings, link: RedisLink, *, application: str) -> AsyncIterator[None]:
    """Connect the database and Redis, open the adapters, provide every port; undo it all on exit."""
    reactions.load()
    await db.connect(settings.database_url, pool_max=settings.pool_max, application=application)
    wechat: WechatAdapters | None = None
    einvoices: HttpEInvoicePlatform | None = None
    try:
        await refuse_unsafe(settings)
        ports.provide(Settings, settings)
        ports.provide(KeyRing, settings.keyring())
        ports.provide(hints.Hints, link)
        ports.provide(Tokens, tokens_of(settings))
        ports.provide(QrKey, SecretKey(bytes.fromhex(settings.qr_key)))
        if settings.sms_url is not None:
            ports.provide(SmsSender, SmsOverHttp(settings.sms_url, settings.sms_token))
        if settings.wechat is not None:
            wechat = await open_wechat(settings.wechat, settings.redis_url)
            ports.provide(WechatAdapters, wechat)
            ports.provide(PaymentGateway, wechat.gateway)
            ports.provide(Messenger, wechat.messenger)
            ports.provide(MiniProgramCodes, wechat.codes)
        if settings.einvoice is not None:
            einvoices = HttpEInvoicePlatform(settings.einvoice)
            ports.provide(EInvoicePlatform, einvoices)
        if settings.video is not None:
            ports.provide(VideoRooms, JitsiRooms(settings.video))
        link.start()
        yield
    finally:
        await link.stop()
        if wechat is not None:
            await wechat.close()
        if einvoices is not None:
            await einvoices.close()
        await db.disconnect()


async def refuse_unsafe(settings: Settings) -> None:
    """Production never starts on a shifted clock, sandbox keys or demo accounts. Raises SettingsError."""
    if settings.is_demo:
        return
    async with pooled_connection() as connection:
        if await connection.fetchval("SELECT offset_seconds FROM clock_offset WHERE id = 1"):
            raise SettingsError("The hospital's clock is shifted; set clock_offset to 0 before production.")
        # Demo rows are told by their UUIDv5 ids (backend/demo/ids.py); the house itself only makes UUIDv7.
        if await connection.fetchval("SELECT EXISTS (SELECT 1 FROM staff_account WHERE substr(id::text, 15, 1) = '5')"):
            raise SettingsError("The database holds demo accounts; use an empty database for production.")
    if settings.einvoice is not None and not settings.einvoice.url.startswith("https://"):
        raise SettingsError("The e-invoice settings are those of the sandbox.")
    if settings.video is not None and not settings.video.url.startswith("https://"):
        raise SettingsError("The video settings are those of the sandbox.")
    wechat = settings.wechat
    if wechat is None:
        return
    if not all(url.startswith("https://") for url in (wechat.api_base_url, *wechat.pay_gateways)):
        raise SettingsError("The WeChat settings are those of the sandbox.")
