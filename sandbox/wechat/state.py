"""What the platform remembers 平台状态, and the JSON file that lets a restart keep it.

Times are epoch seconds. `*_at` of people, orders and refunds is business time (the clock switch moves it);
`next_at` and `finish_at` are real time, because something waits for them.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from sandbox.wechat.keys import write_private

FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)  # 2 only added fields, and each has a default


@dataclass
class User:
    """A WeChat user 微信用户 as this one mini program sees it."""

    openid: str
    nickname: str
    phone: str
    session_key: str
    created_at: float
    unionid: str | None = None


@dataclass
class Code:
    """A single-use code 临时凭证: `login` (wx.login), `phone` (getPhoneNumber button) or `payment` (付款码)."""

    code: str
    kind: str
    openid: str
    created_at: float
    used_at: float | None = None


@dataclass
class Token:
    """access_token 接口调用凭据 of kind `plain` (/cgi-bin/token) or `stable` (/cgi-bin/stable_token)."""

    value: str
    kind: str
    created_at: float
    expires_at: float


@dataclass
class Order:
    """An order 支付订单 of trade_type JSAPI, NATIVE or MICROPAY. `request` is the first body: a re-entry repeats it.

    `sub_mchid` is the special merchant 特约商户 of a service provider's order, else "". `revoke_at` (real time) ends
    the wait for a password; `revoked_at` says when an order was reversed 撤销, paid or not.
    """

    out_trade_no: str
    request: dict[str, Any]
    total_fen: int
    openid: str
    notify_url: str
    created_at: float
    expires_at: float | None
    trade_state: str = "NOTPAY"
    trade_type: str = "JSAPI"
    sub_mchid: str = ""
    prepay_ids: dict[str, float] = field(default_factory=dict)
    code_url: str = ""
    code_url_at: float = 0.0
    transaction_id: str | None = None
    paid_at: float | None = None
    payer_total_fen: int | None = None
    revoke_at: float | None = None
    revoked_at: float | None = None


@dataclass
class Refund:
    """A refund 退款; it stays PROCESSING until `finish_at`, then takes `outcome`. `account` is where money goes."""

    out_refund_no: str
    refund_id: str
    out_trade_no: str
    request: dict[str, Any]
    refund_fen: int
    payer_refund_fen: int
    notify_url: str | None
    created_at: float
    finish_at: float
    outcome: str = "SUCCESS"
    status: str = "PROCESSING"
    success_at: float | None = None
    account: str = "支付用户零钱"


@dataclass
class Attempt:
    """One copy of a notification on its way 一次投递. `violation`: the merchant accepted what it had to refuse."""

    at: float
    status: int | None
    milliseconds: int
    faults: list[str]
    error: str | None = None
    violation: bool = False


@dataclass
class Notification:
    """A callback 回调通知. Retries keep id and body; status is pending, delivered or exhausted."""

    id: str
    event_type: str
    summary: str
    notify_url: str
    out_trade_no: str
    created_at: float
    resource: dict[str, Any]
    body: str
    next_at: float
    status: str = "pending"
    rung: int = 0
    waits_for_refund: bool = False
    attempts: list[Attempt] = field(default_factory=list)


@dataclass
class Push:
    """A message push 消息推送 to the mini program's server; three tries, then it is given up."""

    id: str
    event: str
    openid: str
    content: dict[str, Any]
    created_at: float
    next_at: float
    status: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)


@dataclass
class Message:
    """A subscribe message 订阅消息 as the person received it."""

    openid: str
    template_id: str
    title: str
    page: str
    data: dict[str, str]
    sent_at: float


@dataclass
class Rule:
    """An active fault 故障开关. `times` counts down, -1 stays on; `target` and `out_trade_no` narrow it."""

    id: str
    kind: str
    target: str
    times: int
    value: float
    out_trade_no: str | None = None


@dataclass
class Settings:
    """Dials of the simulator. Every wait of the platform is divided by `time_scale`."""

    clock_offset_seconds: float = 0.0
    time_scale: float = 1.0
    refund_seconds: float = 3.0
    callback_timeout_seconds: float = 5.0
    # Which key signs callbacks: "" follows the configuration, else public_key or certificate.
    callback_signing: str = ""
    # Message push 消息推送: where, and how it is written. Empty address: nothing is pushed.
    push_url: str = ""
    push_format: str = "json"
    push_encrypted: bool = True


@dataclass
class State:
    """Everything, as it is written to the state file."""

    version: int = FORMAT_VERSION
    users: dict[str, User] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    notifications: dict[str, Notification] = field(default_factory=dict)
    pushes: dict[str, Push] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    # "openid template_id" -> messages that may still be sent; -1 = long-term permission.
    quotas: dict[str, int] = field(default_factory=dict)
    force_refreshes: list[float] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)


def revive(raw: dict[str, Any]) -> State:
    """State from the parsed state file.

    Raises: ValueError when the file was written by another version.
    """
    if raw.get("version") not in READABLE_VERSIONS:
        raise ValueError(f"state file has version {raw.get('version')}, this simulator reads {READABLE_VERSIONS}")
    for sent in [*raw["notifications"].values(), *raw.get("pushes", {}).values()]:
        sent["attempts"] = [Attempt(**attempt) for attempt in sent["attempts"]]
    return State(
        users={key: User(**value) for key, value in raw["users"].items()},
        codes={key: Code(**value) for key, value in raw["codes"].items()},
        tokens={key: Token(**value) for key, value in raw["tokens"].items()},
        orders={key: Order(**value) for key, value in raw["orders"].items()},
        refunds={key: Refund(**value) for key, value in raw["refunds"].items()},
        notifications={key: Notification(**value) for key, value in raw["notifications"].items()},
        pushes={key: Push(**value) for key, value in raw.get("pushes", {}).items()},
        messages=[Message(**value) for value in raw["messages"]],
        quotas=raw["quotas"],
        force_refreshes=raw["force_refreshes"],
        rules=[Rule(**value) for value in raw["rules"]],
        settings=Settings(**raw["settings"]),
    )


class Store:
    """Holds the state and writes it: an answer leaves only after what it tells is on file, and answers that come
    together share one write."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.state = State()
        if path is not None and path.exists():
            self.state = revive(orjson.loads(path.read_bytes()))
        self._version = 0
        self._saved_version = 0
        self._turn = asyncio.Lock()
        # A cancelled request leaves its writer thread running; the thread lock keeps an older one from winning.
        self._writing = threading.Lock()

    def touch(self) -> None:
        """Something changed; the next `saved()` writes it."""
        self._version += 1

    async def saved(self) -> None:
        """Return when every change made before this call is on file."""
        wanted = self._version
        if self.path is None or self._saved_version >= wanted:
            return
        async with self._turn:
            if self._saved_version < wanted:
                version = self._version
                await asyncio.to_thread(self._write, version, orjson.dumps(self.state))

    def _write(self, version: int, data: bytes) -> None:
        assert self.path is not None
        with self._writing:
            if version > self._saved_version:
                write_private(self.path, data)
                self._saved_version = version
