"""Rooms on a Jitsi Meet server (Jitsi 视频诊室): ``https://<host>/<room>?jwt=…``.

Nothing is called: the server proves the token itself (Prosody's token authentication). Room names are drawn from the
shared secret, so that nobody can guess the room of a visit and nobody has to keep it.
Source: jitsi/lib-jitsi-meet doc/tokens.md.
"""

import hmac
import time
from urllib.parse import urlsplit
from uuid import UUID

from backend.http.tokens import sign_for_others
from backend.settings import VideoSettings
from hospital_core.access.queueing.ports import VideoSeat

# Machines' clocks differ by a little.
_LEEWAY_S = 10
_NAME_BYTES = 16


class JitsiRooms:
    """The ``VideoRooms`` port with addresses of one Jitsi server."""

    def __init__(self, settings: VideoSettings) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._key = settings.secret.encode()

    def address_of(self, seat: VideoSeat) -> str:
        """The address of a seat: the token opens this room only, until its time is over."""
        room = self.room_of(seat.visit_id)
        return f"{self._url}/{room}?jwt={sign_for_others(self._key, self._claims(seat, room))}"

    def room_of(self, visit_id: UUID) -> str:
        """A visit's room: always the same, and of no other visit; in small letters, as Jitsi compares them."""
        return hmac.digest(self._key, b"video room " + visit_id.bytes, "sha256")[:_NAME_BYTES].hex()

    def _claims(self, seat: VideoSeat, room: str) -> dict[str, object]:
        now = int(time.time())
        holder = {
            "id": hmac.digest(self._key, b"video holder " + seat.holder_id.bytes, "sha256")[:_NAME_BYTES].hex(),
            "name": seat.name,
            "moderator": seat.moderator,
            "affiliation": "owner" if seat.moderator else "member",
        }
        return {
            "aud": self._settings.audience,
            "iss": self._settings.app_id,
            "sub": (urlsplit(self._url).hostname or "").lower(),
            "room": room,
            "iat": now,
            "nbf": now - _LEEWAY_S,
            "exp": now + int(seat.valid_for.total_seconds()),
            "moderator": seat.moderator,
            "context": {"user": holder},
        }
