"""Configuration of the simulator, read from the JSON file that `keys.make_config` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Template:
    """Subscribe message template 订阅消息模板. `fields` maps keyword to its label; empty accepts any keyword."""

    key: str
    template_id: str
    title: str
    long_term: bool
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Config:
    """Everything the platform knows about its one merchant 商户 and one mini program 小程序."""

    appid: str
    secret: str
    mchid: str
    merchant_name: str
    apiv3_key: str
    merchant_cert_serial: str
    merchant_public_key_pem: str
    platform_private_key_pem: str
    public_key_id: str
    # "public_key" is what a merchant registered today gets: it has no platform certificate at all.
    signing: str
    platform_cert_key_pem: str
    platform_cert_pem: str
    # Service provider 服务商: its own appid, and the special merchants it may take money for.
    sp_appid: str
    sub_mchids: tuple[str, ...]
    # Message push 消息推送: what the mini program's back office was told.
    push_url: str
    push_token: str
    push_aes_key: str
    templates: tuple[Template, ...]
    pages: tuple[str, ...]
    return_origins: tuple[str, ...]
    demo_users: tuple[Mapping[str, str], ...]


def load_config(path: Path) -> Config:
    """Read and check the configuration file.

    Raises: ValueError with the name of the bad field.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))
    if len(raw["apiv3_key"].encode()) != 32:
        raise ValueError("apiv3_key must be 32 bytes")
    if not raw["public_key_id"].startswith("PUB_KEY_ID_"):
        raise ValueError("public_key_id must start with PUB_KEY_ID_")
    signing = raw.get("signing", "public_key")
    if signing not in ("public_key", "certificate"):
        raise ValueError("signing must be public_key or certificate")
    if signing == "certificate" and not raw.get("platform_cert_pem"):
        raise ValueError("signing=certificate needs platform_cert_pem")
    return Config(
        appid=raw["appid"],
        secret=raw["secret"],
        mchid=raw["mchid"],
        merchant_name=raw.get("merchant_name", "演示医院"),
        apiv3_key=raw["apiv3_key"],
        merchant_cert_serial=raw["merchant_cert_serial"],
        merchant_public_key_pem=raw["merchant_public_key_pem"],
        platform_private_key_pem=raw["platform_private_key_pem"],
        public_key_id=raw["public_key_id"],
        signing=signing,
        platform_cert_key_pem=raw.get("platform_cert_key_pem", ""),
        platform_cert_pem=raw.get("platform_cert_pem", ""),
        sp_appid=raw.get("sp_appid", raw["appid"]),
        sub_mchids=tuple(raw.get("sub_mchids", [])),
        push_url=raw.get("push_url", ""),
        push_token=raw.get("push_token", ""),
        push_aes_key=raw.get("push_aes_key", ""),
        templates=tuple(_template(item) for item in raw.get("templates", [])),
        pages=tuple(raw.get("pages", [])),
        return_origins=tuple(origin.rstrip("/") for origin in raw.get("return_origins", [])),
        demo_users=tuple(raw.get("demo_users", [])),
    )


def _template(raw: dict[str, Any]) -> Template:
    return Template(
        key=raw["key"],
        template_id=raw["template_id"],
        title=raw["title"],
        long_term=bool(raw.get("long_term", False)),
        fields=raw.get("fields", {}),
    )
