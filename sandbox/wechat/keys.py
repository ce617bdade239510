"""Makes a merchant, a mini program and all their keys for a demo or a test."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.wechat.templates import default_templates

DEMO_USERS: tuple[dict[str, str], ...] = (
    {"nickname": "林晓棠", "phone": "13800000001"},
    {"nickname": "周建国", "phone": "13800000002"},
    {"nickname": "春天的风", "phone": "13800000003"},
    {"nickname": "安安妈妈", "phone": "13800000004"},
)


def demo_openid(appid: str, nickname: str, phone: str) -> str:
    """The openid of a person of the configuration: the same on every machine and after every reset."""
    seed = f"{appid}/{nickname}/{phone}"
    return "o" + base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()).decode()[:27]


@dataclass(frozen=True)
class WechatSandboxFiles:
    """What `make_config` made: the simulator's configuration file and what the hospital needs to be its merchant."""

    directory: Path
    simulator_config_path: Path
    appid: str
    secret: str = field(repr=False)
    mchid: str
    merchant_key_path: Path
    merchant_cert_serial: str
    apiv3_key: str = field(repr=False)
    platform_public_key_path: Path
    public_key_id: str
    base_url: str
    template_ids: dict[str, str]
    sp_appid: str
    sub_mchids: tuple[str, ...]
    push_token: str = field(repr=False)
    push_aes_key: str = field(repr=False)


def make_config(
    directory: Path,
    *,
    base_url: str = "http://127.0.0.1:0",
    return_origins: Sequence[str] = (),
    merchant_name: str = "演示医院",
    signing: str = "public_key",
    demo_users: Iterable[dict[str, str]] = DEMO_USERS,
    pages: Sequence[str] = (),
    push_url: str = "",
) -> WechatSandboxFiles:
    """Write the simulator's configuration and the merchant's key files, all 0600, into a 0700 folder.

    Called again on the same folder it keeps identities and keys (orders in a state file stay payable) and only
    takes over the arguments, so a demo may come back on another port.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    config_path = directory / "wechat-sandbox.json"
    key_path = directory / "merchant_key.pem"
    public_path = directory / "platform_public_key.pem"
    if config_path.exists():
        config = json.loads(config_path.read_text(encoding="utf-8"))
    else:
        config = _fresh_identity(key_path, public_path)
    for name, value in _later_identity().items():
        config.setdefault(name, value)  # a folder of an older sandbox has none of these
    config.update(
        push_url=push_url,
        merchant_name=merchant_name,
        signing=signing,
        return_origins=list(return_origins),
        demo_users=list(demo_users),
        pages=list(pages),
        templates=default_templates(config["appid"]),
    )
    # Last, so that a half-made folder is made anew: the configuration is what says "keys exist".
    write_private(config_path, json.dumps(config, ensure_ascii=False, indent=2).encode())
    return WechatSandboxFiles(
        directory=directory,
        simulator_config_path=config_path,
        appid=config["appid"],
        secret=config["secret"],
        mchid=config["mchid"],
        merchant_key_path=key_path,
        merchant_cert_serial=config["merchant_cert_serial"],
        apiv3_key=config["apiv3_key"],
        platform_public_key_path=public_path,
        public_key_id=config["public_key_id"],
        base_url=base_url.rstrip("/"),
        template_ids={template["key"]: template["template_id"] for template in config["templates"]},
        sp_appid=config["sp_appid"],
        sub_mchids=tuple(config["sub_mchids"]),
        push_token=config["push_token"],
        push_aes_key=config["push_aes_key"],
    )


def write_private(path: Path, data: bytes) -> None:
    """Replace a file at once, readable by its owner only; a reader sees the old or the new content, never half."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _fresh_identity(key_path: Path, public_path: Path) -> dict[str, Any]:
    merchant_key, platform_key, certificate_key = (_rsa_key() for _ in range(3))
    write_private(key_path, _private_pem(merchant_key).encode())
    write_private(public_path, _public_pem(platform_key).encode())
    return {
        "appid": "wx" + secrets.token_hex(8),
        "secret": secrets.token_hex(16),
        "mchid": _merchant_number(),
        "apiv3_key": secrets.token_hex(16),
        "merchant_cert_serial": _serial_text(x509.random_serial_number()),
        "merchant_public_key_pem": _public_pem(merchant_key),
        "platform_private_key_pem": _private_pem(platform_key),
        "public_key_id": "PUB_KEY_ID_" + "".join(secrets.choice("0123456789") for _ in range(32)),
        "platform_cert_key_pem": _private_pem(certificate_key),
        "platform_cert_pem": _self_signed(certificate_key),
    }


def _later_identity() -> dict[str, Any]:
    """The merchant as a service provider, and the keys of its message push."""
    return {
        "sp_appid": "wx" + secrets.token_hex(8),
        "sub_mchids": [_merchant_number() for _ in range(3)],
        "push_token": secrets.token_hex(16),
        "push_aes_key": base64.b64encode(secrets.token_bytes(32)).decode().rstrip("="),
    }


def _merchant_number() -> str:
    return "16" + "".join(secrets.choice("0123456789") for _ in range(8))


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    # PKCS#8: wechatpayv3 refuses "BEGIN RSA PRIVATE KEY".
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _serial_text(serial: int) -> str:
    return f"{serial:040X}"


def _self_signed(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WeChat Pay sandbox platform")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
