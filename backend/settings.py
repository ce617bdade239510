"""Settings (配置): one frozen model, from environment variables, ``*_FILE`` secrets or the demo's JSON file.

``HOSPITAL_X`` sets field ``x``; ``HOSPITAL_X_FILE`` names a file holding it (compose secrets). ``HOSPITAL_SETTINGS``
names a JSON file with all of it (written by ``hospital demo``, mode 0600). The engines are also found under the plain
names ``DATABASE_URL``, ``DATABASE_OWNER_URL``, ``DATABASE_SEALER_URL`` and ``REDIS_URL``.
"""

import hmac
import json
import os
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hospital_core.kernel.secrecy import KeyRing

PREFIX = "HOSPITAL_"
DATABASE_URLS = ("database_url", "database_owner_url", "database_sealer_url")
ENGINE_URLS = (*DATABASE_URLS, "redis_url")
_KEY_BYTES = 32
_KEY_VERSION_MAX = 255
_PAY_HOST = "https://api.mch.weixin.qq.com"
_PAY_HOST_TWO = "https://api2.mch.weixin.qq.com"
_POSTGRES = r"^postgres(ql)?://"


class SettingsError(RuntimeError):
    """The settings are incomplete or unsafe; the text is one sentence for the operator."""


class WechatSettings(BaseModel):
    """The mini program and the merchant (微信小程序与商户号)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    appid: str
    secret: str = Field(repr=False)
    mchid: str
    merchant_key: str = Field(repr=False, description="PKCS#8 PEM")
    merchant_serial: str
    apiv3_key: str = Field(repr=False, min_length=32, max_length=32)
    platform_public_key: str = Field(description="PEM")
    platform_public_key_id: str
    api_base_url: str = "https://api.weixin.qq.com"
    pay_base_url: str = _PAY_HOST
    pay_fallback_urls: tuple[str, ...] = Field(default=(), description="gateways to try when the first is away")
    sp_appid: str | None = Field(default=None, description="service provider's app; then mchid is the provider's")
    sub_mchid: str | None = Field(default=None, description="special merchant where a place has none of its own")
    sub_mchids: dict[str, str] = Field(default_factory=dict, description="campus or department id → special merchant")
    push_token: str = Field(default="", repr=False, description="message push; none where empty")
    push_aes_key: str = Field(default="", repr=False)
    notify_origin: str = Field(description="public origin that WeChat calls back")
    templates: dict[str, str] = Field(default_factory=dict, description="template key → template id")
    h5_login_url: str | None = None
    h5_pay_url: str | None = None

    @property
    def pay_gateways(self) -> tuple[str, ...]:
        """Hosts of WeChat Pay in the order they are tried; the official one has an official second (跨城容灾)."""
        fallback = self.pay_fallback_urls
        if not fallback and self.pay_base_url == _PAY_HOST:
            fallback = (_PAY_HOST_TWO,)
        return tuple(url.rstrip("/") for url in (self.pay_base_url, *fallback))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.sp_appid is None) != (self.sub_mchid is None):
            raise ValueError("a service provider needs both sp_appid and sub_mchid")
        if self.push_token and len(self.push_aes_key) != 43:
            raise ValueError("push_aes_key must have 43 characters")
        return self


class EInvoiceSettings(BaseModel):
    """The treasury's e-invoice platform (财政电子票据平台); without it no e-invoices are issued."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://", description="address before /api/medical/")
    appid: str = Field(min_length=1)
    key: str = Field(repr=False, min_length=16, description="shared signing key")
    place_code: str = Field(min_length=1, description="issuing place 开票点编码")
    institution_code: str = Field(default="", description="the institution's insurance code 定点医疗机构编码")
    payee: str = Field(default="线上收费", description="payee 收款人")
    author: str = Field(default="线上开票", description="issuer 开票人")


class VideoSettings(BaseModel):
    """The Jitsi Meet server of online visits (视频诊室); without it nobody can enter one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^/]+/?$", description="address before the room's name")
    app_id: str = Field(min_length=1, description="issuer that the server accepts")
    secret: str = Field(repr=False, min_length=32, description="shared signing key")
    audience: str = Field(default="jitsi", min_length=1, description="audience that the server accepts")


class Settings(BaseModel):
    """Everything a process needs to know. Secrets are hex strings of 32 bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["production", "demo", "test"] = "production"
    database_url: str = Field(repr=False, pattern=_POSTGRES)
    database_owner_url: str | None = Field(default=None, repr=False, pattern=_POSTGRES)
    database_sealer_url: str | None = Field(default=None, repr=False, pattern=_POSTGRES)
    redis_url: str = Field(repr=False, pattern=r"^(rediss?|unix)://")
    field_keys: dict[int, str] = Field(repr=False)
    field_key_current: int
    index_key: str = Field(repr=False)
    audit_key: str = Field(repr=False)
    token_keys: dict[str, str] = Field(repr=False, description="key id → key; the last one signs")
    qr_key: str = Field(repr=False)
    public_origin: str = "http://127.0.0.1:8000"
    allowed_origins: tuple[str, ...] = ()
    frame_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    data_dir: Path = Path(".data")
    workers: int = Field(default=2, ge=1)
    pool_max: int = Field(default=8, ge=2)
    rate_scale: float = Field(default=1.0, gt=0, description="multiplies every request limit")
    log_level: str = "INFO"
    hospital_name: str = Field(default="智慧医院", description="printed on slips")
    wechat: WechatSettings | None = None
    einvoice: EInvoiceSettings | None = None
    video: VideoSettings | None = None
    sms_url: str | None = Field(default=None, description="where codes to phones are handed over, by POST")
    sms_token: str = Field(default="", repr=False)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        for name, key in [("index_key", self.index_key), ("audit_key", self.audit_key), ("qr_key", self.qr_key)]:
            _key_bytes(name, key)
        for version, key in self.field_keys.items():
            _key_bytes(f"field_keys[{version}]", key)
        for kid, key in self.token_keys.items():
            _key_bytes(f"token_keys[{kid}]", key)
        if not self.token_keys:
            raise ValueError("HOSPITAL_TOKEN_KEYS holds no key")
        if self.field_key_current not in self.field_keys:
            raise ValueError("HOSPITAL_FIELD_KEY_CURRENT names a version that HOSPITAL_FIELD_KEYS does not hold")
        if not all(1 <= version <= _KEY_VERSION_MAX for version in self.field_keys):
            raise ValueError(f"HOSPITAL_FIELD_KEYS are numbered from 1 to {_KEY_VERSION_MAX}")
        for network in self.trusted_proxies:
            _refuse_no_network(network)
        if self.environment == "production" and not self.public_origin.startswith("https://"):
            raise ValueError("set HOSPITAL_PUBLIC_ORIGIN to the https address that patients use")
        return self

    def keyring(self) -> KeyRing:
        """The ring for sealed fields."""
        keys = {version: bytes.fromhex(key) for version, key in self.field_keys.items()}
        return KeyRing(keys=keys, current=self.field_key_current, index_key=bytes.fromhex(self.index_key))

    @property
    def is_demo(self) -> bool:
        """Whether simulated outside systems and demo accounts are allowed."""
        return self.environment != "production"

    @property
    def redis_scope(self) -> str:
        """What tells this hospital's channels from another's on the same Redis: the key that never changes says it."""
        return hmac.digest(bytes.fromhex(self.index_key), b"redis channels", "sha256")[:6].hex()

    @property
    def anchor_path(self) -> Path:
        """Where the audit chain's head is kept outside the database."""
        return self.data_dir / "audit.anchor"


def _refuse_no_network(text: str) -> None:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"HOSPITAL_TRUSTED_PROXIES holds {text}, which is no address") from None


def _key_bytes(name: str, value: str) -> None:
    try:
        length = len(bytes.fromhex(value))
    except ValueError:
        raise ValueError(f"{name} must be hexadecimal") from None
    if length != _KEY_BYTES:
        raise ValueError(f"{name} must be {_KEY_BYTES} bytes")


# Settings that belong together: HOSPITAL_WECHAT_APPID, HOSPITAL_EINVOICE_URL …
_PARTS: Mapping[str, type[BaseModel]] = {"wechat": WechatSettings, "einvoice": EInvoiceSettings, "video": VideoSettings}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process. Raises SettingsError with one sentence, never with a secret's value."""
    environ = os.environ if environ is None else environ
    values = _from_file(environ) if environ.get("HOSPITAL_SETTINGS") else _from_environment(environ)
    try:
        return Settings.model_validate(values)
    except ValueError as error:
        found = error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else []
        raise SettingsError(f"The settings are not usable: {_problems(found)}.") from None


def engine_urls(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The engines that the environment names (外部引擎), by field; the others are left out. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    found = {field: _read(environ, PREFIX + field.upper()) or environ.get(field.upper()) for field in ENGINE_URLS}
    return {field: url for field, url in found.items() if url}


def _problems(found: Sequence[Any]) -> str:
    """What is wrong, by the names that a person can set."""
    missing = [_variable(problem["loc"]) for problem in found if problem["type"] == "missing"]
    wrong = [
        f"{_variable(problem['loc'])} {problem['msg'].removeprefix('Value error, ')}".strip()
        for problem in found
        if problem["type"] != "missing"
    ]
    return "; ".join([*([f"set {', '.join(missing)}"] if missing else []), *wrong])


def _variable(place: Sequence[str | int]) -> str:
    return PREFIX + "_".join(map(str, place)).upper() if place else ""


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    path = Path(environ["HOSPITAL_SETTINGS"])
    try:
        values: dict[str, Any] = json.loads(_text(path, "HOSPITAL_SETTINGS"))
    except ValueError:
        raise SettingsError(f"The settings are not usable: {path}, named by HOSPITAL_SETTINGS, is not JSON.") from None
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        text = _read(environ, PREFIX + name.upper())
        if text is not None and name not in _PARTS:
            values[name] = _parse(PREFIX + name.upper(), field.annotation, text)
    for part, model in _PARTS.items():
        found = _part_from_environment(environ, f"{PREFIX}{part.upper()}_", model)
        if found:
            values[part] = found
    return {**values, **engine_urls(environ)}


def _part_from_environment(environ: Mapping[str, str], prefix: str, model: type[BaseModel]) -> dict[str, Any]:
    found = {name: _read(environ, prefix + name.upper()) for name in model.model_fields}
    return {
        name: _parse(prefix + name.upper(), model.model_fields[name].annotation, text)
        for name, text in found.items()
        if text is not None
    }


def _read(environ: Mapping[str, str], name: str) -> str | None:
    """A setting's text; an empty variable is none, as Compose writes it."""
    if environ.get(f"{name}_FILE"):
        return _text(Path(environ[f"{name}_FILE"]), f"{name}_FILE").strip()
    return environ.get(name) or None


def _text(path: Path, variable: str) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f"The file {path}, named by {variable}, cannot be read: {why}.") from None


def _parse(variable: str, annotation: Any, text: str) -> Any:
    """Dictionaries come as JSON, lists as commas; the rest is pydantic's work."""
    kind = str(annotation)
    if kind.startswith("dict"):
        try:
            return json.loads(text)
        except ValueError:
            example = '{"1": "64 hexadecimal digits"}'
            raise SettingsError(f"The settings are not usable: {variable} is not JSON like {example}.") from None
    if kind.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
