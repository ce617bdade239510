"""The kiosk's own key (设备密钥): made here on the first start, never leaves this machine."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from kiosk_agent.protocol import decode_bytes, encode_bytes

_FILE = "identity.json"


@dataclass
class Identity:
    """Key and, once enrolled, the device's id; kept in ``identity.json`` with mode 0600."""

    folder: Path
    key: Ed25519PrivateKey
    device_id: UUID | None

    @property
    def public_key(self) -> str:
        """As the hospital keeps it."""
        return encode_bytes(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, text: str) -> str:
        """Signs a challenge."""
        return encode_bytes(self.key.sign(text.encode("utf-8")))

    def keep_device(self, device_id: UUID) -> None:
        """Remembers who the hospital says we are."""
        self.device_id = device_id
        _write(self)

    def reread(self) -> None:
        """Another program (``kiosk-agent enrol``) may have enrolled this kiosk in the meantime."""
        self.device_id = _read(self.folder).device_id


def load_identity(folder: Path) -> Identity:
    """The identity in this folder, made when there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _FILE).exists():
        return _read(folder)
    made = Identity(folder, Ed25519PrivateKey.generate(), None)
    _write(made)
    return made


def _read(folder: Path) -> Identity:
    stored = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    device_id = UUID(stored["device_id"]) if stored["device_id"] else None
    return Identity(folder, Ed25519PrivateKey.from_private_bytes(decode_bytes(stored["key"])), device_id)


def _write(identity: Identity) -> None:
    raw = identity.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    stored = {"key": encode_bytes(raw), "device_id": str(identity.device_id) if identity.device_id else None}
    partial = identity.folder / f".{_FILE}.{os.getpid()}"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(stored, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, identity.folder / _FILE)
