"""What scheduling needs from outside."""

from typing import Protocol


class QrKey(Protocol):
    """The secret that signs appointment codes (预约二维码密钥); the same in every process of the server."""

    def secret(self) -> bytes:
        """At least 32 bytes, from the settings."""
        ...
