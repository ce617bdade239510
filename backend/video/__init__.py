"""Video consulting rooms 视频诊室: a self-hosted Jitsi Meet server, entered with tokens signed here."""

from backend.video.jitsi import JitsiRooms

__all__ = ["JitsiRooms"]
