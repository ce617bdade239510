"""One platform: configuration, state, clock, keys and the callback dispatcher, passed to every handler."""

from __future__ import annotations

import base64
import secrets
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from sandbox.wechat import crypto
from sandbox.wechat.config import Config
from sandbox.wechat.faults import take
from sandbox.wechat.keys import demo_openid
from sandbox.wechat.state import Rule, State, Store, User

if TYPE_CHECKING:
    from sandbox.wechat.callbacks import Dispatcher


@dataclass(frozen=True)
class LoggedCall:
    """A request of the hospital, for the console 最近请求."""

    at: float
    operation: str
    method: str
    path: str
    status: int
    code: str
    fault: str


@dataclass(frozen=True)
class MadeBill:
    """A trade bill 交易账单 as it was handed out, and what was planted in it, for the console and for tests."""

    id: str
    at: float
    day: str
    sub_mchid: str
    rows: int
    sha1: str
    planted: list[dict[str, str]]
    content: bytes


class World:
    """The simulated WeChat platform 微信平台. Domain functions take it and never await, so each is atomic."""

    dispatcher: Dispatcher

    def __init__(self, config: Config, state_path: Path | None) -> None:
        self.config = config
        self.store = Store(state_path)
        self.calls: deque[LoggedCall] = deque(maxlen=200)
        self.bills: dict[str, tuple[bytes, float]] = {}
        self.made_bills: deque[MadeBill] = deque(maxlen=20)
        self.merchant_key = crypto.load_public_key(config.merchant_public_key_pem)
        self.public_key_signer = crypto.Signer(
            config.public_key_id, crypto.load_private_key(config.platform_private_key_pem)
        )
        self.certificate = self.certificate_signer = None
        if config.platform_cert_pem:
            self.certificate = x509.load_pem_x509_certificate(config.platform_cert_pem.encode())
            self.certificate_signer = crypto.Signer(
                f"{self.certificate.serial_number:X}", crypto.load_private_key(config.platform_cert_key_pem)
            )
        if not self.state.users:
            self.add_demo_users()

    @property
    def state(self) -> State:
        return self.store.state

    @property
    def has_certificates(self) -> bool:
        """A merchant registered in public-key mode has no platform certificate 平台证书 at all; one that moves from
        certificates to the public key (mixed serials) still has."""
        moving = any(rule.kind == "callback_mixed_serial" for rule in self.state.rules)
        return self.config.signing == "certificate" or moving

    @property
    def push_url(self) -> str:
        """Where messages are pushed: the setting, else the configuration; "" for nowhere."""
        return self.state.settings.push_url or self.config.push_url

    def now(self) -> float:
        """Business time: real time moved by the clock switch."""
        return time.time() + self.state.settings.clock_offset_seconds

    def wait(self, seconds: float) -> float:
        """Real seconds that a wait of the platform takes under the time scale."""
        return seconds / self.state.settings.time_scale

    def take(self, kind: str, target: str, out_trade_no: str | None = None) -> Rule | None:
        return take(self.state, kind, target, out_trade_no)

    def response_signer(self, wanted_serial: str) -> crypto.Signer:
        """The key for an answer: a request naming a public key gets that one, else the certificate if there is one."""
        if wanted_serial.startswith("PUB_KEY_ID_") or not self.has_certificates or self.certificate_signer is None:
            return self.public_key_signer
        return self.certificate_signer

    def callback_signer(self) -> crypto.Signer:
        mode = self.state.settings.callback_signing or self.config.signing
        if mode == "certificate" and self.certificate_signer is not None:
            return self.certificate_signer
        return self.public_key_signer

    def add_demo_users(self) -> None:
        """The people of the configuration, with the same openid on every machine and after every reset."""
        for person in self.config.demo_users:
            nickname, phone = person["nickname"], person["phone"]
            self.add_user(nickname, phone, openid=demo_openid(self.config.appid, nickname, phone))

    def add_user(self, nickname: str, phone: str, *, openid: str | None = None) -> User:
        """Register a person, or give the known one of that openid its new nickname and phone."""
        openid = openid or "o" + secrets.token_urlsafe(21)[:27]
        known = self.state.users.get(openid)
        if known is not None:
            known.nickname, known.phone = nickname, phone
            return known
        user = User(openid, nickname, phone, self.new_session_key(), self.now())
        self.state.users[openid] = user
        return user

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Take over checked settings and re-time what is waiting now."""
        settings = self.state.settings
        before = settings.time_scale
        for name, value in changes.items():
            setattr(settings, name, value)
        now, stretch = time.time(), before / settings.time_scale
        for notification in self.state.notifications.values():
            if notification.status == "pending" and notification.next_at > now:
                notification.next_at = now + (notification.next_at - now) * stretch
        for push in self.state.pushes.values():
            if push.status == "pending" and push.next_at > now:
                push.next_at = now + (push.next_at - now) * stretch
        for order in self.state.orders.values():
            if order.revoke_at is not None and order.revoke_at > now:
                order.revoke_at = now + (order.revoke_at - now) * stretch
        for refund in self.state.refunds.values():
            if refund.status == "PROCESSING" and refund.finish_at > now:
                refund.finish_at = now + (refund.finish_at - now) * stretch
        self.dispatcher.wake()

    @staticmethod
    def new_session_key() -> str:
        return base64.b64encode(secrets.token_bytes(16)).decode()

    def log(self, operation: str, method: str, path: str, status: int, code: Any = "", fault: str = "") -> None:
        self.calls.appendleft(LoggedCall(time.time(), operation, method, path, status, str(code), fault))
