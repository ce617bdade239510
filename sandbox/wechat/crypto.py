"""The cryptography of WeChat Pay v3 微信支付签名与加密: request check, response signature, resource encryption."""

from __future__ import annotations

import base64
import re
import secrets
import string
import time
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
_ALPHABET = string.ascii_letters + string.digits
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')


def nonce_text(length: int = 32) -> str:
    """Random letters and digits 随机串, as the platform writes them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def load_private_key(pem: str) -> RSAPrivateKey:
    return cast(RSAPrivateKey, serialization.load_pem_private_key(pem.encode(), password=None))


def load_public_key(pem: str) -> RSAPublicKey:
    return cast(RSAPublicKey, serialization.load_pem_public_key(pem.encode()))


def verify(public_key: RSAPublicKey, message: bytes, signature_base64: str) -> bool:
    """True when the RSA PKCS#1 v1.5 SHA-256 signature belongs to the message."""
    try:
        public_key.verify(base64.b64decode(signature_base64, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_authorization(header: str) -> dict[str, str] | None:
    """Fields of the Authorization header in whatever order, or None when the scheme or a field is missing."""
    scheme, _, rest = header.partition(" ")
    fields = dict(_PAIR.findall(rest))
    needed = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
    if scheme != SCHEME or not needed <= fields.keys():
        return None
    return fields


def request_message(method: str, url: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The text a merchant signs 请求签名串: the path with its query exactly as it was on the wire."""
    return f"{method}\n{url}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def opens(private_key: RSAPrivateKey, sealed_base64: str) -> bool:
    """True when a sensitive field 敏感信息 was sealed for this key (RSA-OAEP, SHA-1)."""
    padding = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303 - what WeChat Pay prescribes
    try:
        private_key.decrypt(base64.b64decode(sealed_base64, validate=True), padding)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Signer:
    """One platform key with the serial under which merchants know it."""

    serial: str
    key: RSAPrivateKey

    def sign(self, message: bytes) -> str:
        return base64.b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode()

    def headers(self, body: bytes, *, timestamp: int | None = None, probe: bool = False) -> dict[str, str]:
        """The five Wechatpay-* headers over a body 应答签名头; `probe` signs wrong on purpose, as WeChat does."""
        # Wire time is real time even when the business clock is moved: clients sign with the machine's clock.
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        nonce = nonce_text()
        signature = self.sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n")
        if probe:
            signature = PROBE_PREFIX + base64.b64encode(secrets.token_bytes(238)).decode()
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signature,
            "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature-Type": SCHEME,
        }


def encrypt_resource(apiv3_key: str, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """AES-256-GCM envelope 报文加密; the 12-character nonce is used as its ASCII bytes."""
    nonce = nonce_text(12)
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plaintext, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }
