"""Field encryption (字段加密) and blind indexes (盲索引) for identity numbers, phones and stored answers.

A sealed value is ``version(1) | nonce(12) | AES-256-GCM ciphertext``; its column name is bound as associated data, so a
value cannot be moved to another column. A blind index is a keyed hash: equal values can be found, nothing can be read.
Keys come from the settings and never enter the database.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_BYTES = 32


class UnreadableSecret(RuntimeError):
    """A sealed value cannot be opened: its key version is gone, or it was altered."""


@dataclass(frozen=True)
class KeyRing:
    """Encryption keys by version (1–255) and the one that new values use; the index key never rotates silently.

    ``index_key`` is kept apart: rotating it means rebuilding every index, which ``hospital rotate-keys`` does not do.
    """

    keys: Mapping[int, bytes]
    current: int
    index_key: bytes
    _ciphers: dict[int, AESGCM] = field(init=False, repr=False, compare=False)
    _index_keys: dict[str, bytes] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current key version is not on the ring")
        if any(len(key) != _KEY_BYTES for key in (*self.keys.values(), self.index_key)):
            raise ValueError("every key must be 32 bytes")
        if not all(1 <= version <= 255 for version in self.keys):
            raise ValueError("key versions run from 1 to 255")
        object.__setattr__(self, "_ciphers", {v: AESGCM(k) for v, k in self.keys.items()})

    def seal(self, value: str | bytes, column: str) -> bytes:
        """Encrypt for one column with the current key."""
        nonce = os.urandom(_NONCE_BYTES)
        data = value.encode() if isinstance(value, str) else value
        return bytes([self.current]) + nonce + self._ciphers[self.current].encrypt(nonce, data, column.encode())

    def open_bytes(self, sealed: bytes, column: str) -> bytes:
        """Decrypt a value of one column. Raises UnreadableSecret."""
        cipher = self._ciphers.get(sealed[0]) if sealed else None
        if cipher is None:
            raise UnreadableSecret(f"no key for a sealed value of {column}")
        try:
            return cipher.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], column.encode())
        except InvalidTag as error:
            raise UnreadableSecret(f"a sealed value of {column} was altered") from error

    def open(self, sealed: bytes, column: str) -> str:
        """Decrypt text of one column. Raises UnreadableSecret."""
        return self.open_bytes(sealed, column).decode()

    def is_stale(self, sealed: bytes) -> bool:
        """Whether the value was sealed with an older key and should be sealed again (密钥轮换)."""
        return bool(sealed) and sealed[0] != self.current

    def index(self, value: str, column: str) -> bytes:
        """Blind index of a normalised value: 32 bytes, a different key for each column."""
        return hmac.digest(self._index_key(column), value.encode(), hashlib.sha256)

    def fingerprint(self, data: bytes, column: str) -> bytes:
        """Keyed hash of anything long (BLAKE2b): 32 bytes, for telling later whether the same came again.

        Where every request needs one it costs a sixth of ``index``.
        """
        return hashlib.blake2b(data, key=self._index_key(column), digest_size=32).digest()

    def _index_key(self, column: str) -> bytes:
        key = self._index_keys.get(column)
        if key is None:
            key = self._index_keys[column] = hmac.digest(self.index_key, column.encode(), hashlib.sha256)
        return key
