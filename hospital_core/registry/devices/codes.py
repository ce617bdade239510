"""Codes and keys that devices introduce themselves with (注册码、配对码、设备公钥)."""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.run import keyring

# Without 0 O, 1 I L: read aloud over the telephone, typed on a kiosk. 31^8 ≈ 2^39.6, for ten minutes and one use.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
ENROLMENT_LENGTH = 8
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64


def new_enrolment_code() -> str:
    """Eight characters; shown as they are, accepted with blanks and dashes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ENROLMENT_LENGTH))


def enrolment_hash(code: str) -> bytes:
    """What is kept of an enrolment code: keyed, for 2^40 plain hashes are quickly tried."""
    normal = "".join(character for character in code.upper() if character not in " -")
    return keyring().index(normal, "device_enrolment.code_hash")


def new_pairing_code() -> str:
    """Six digits, large on a screen."""
    return f"{secrets.randbelow(1_000_000):06d}"


def pairing_hash(code: str) -> bytes:
    """What is kept of a pairing code."""
    return keyring().index(code, "device.pairing_hash")


def normal_public_key(text: str) -> str:
    """An Ed25519 public key in its one written form (unpadded base64url). Raises FieldProblem."""
    data = _decoded(text, _KEY_BYTES)
    if data is None:
        raise FieldProblem("/public_key", "设备公钥格式不正确")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature_is_valid(public_key: str, message: bytes, signature: str) -> bool:
    """Whether an Ed25519 signature (base64url) over a message was made with a device's key."""
    key, proof = _decoded(public_key, _KEY_BYTES), _decoded(signature, _SIGNATURE_BYTES)
    if key is None or proof is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(proof, message)
    except InvalidSignature:
        return False
    return True


def _decoded(text: str, length: int) -> bytes | None:
    try:
        data = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == length else None
