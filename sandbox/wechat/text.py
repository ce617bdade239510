"""How the platform writes times and numbers."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


def beijing(at: float) -> datetime:
    return datetime.fromtimestamp(int(at), BEIJING)


def rfc3339(at: float) -> str:
    """Beijing time with offset, as WeChat Pay writes it."""
    return beijing(at).isoformat()


def digits(prefix: str, length: int) -> str:
    """A random number of the platform (transaction_id, refund_id) with its usual prefix and length."""
    return prefix + "".join(secrets.choice("0123456789") for _ in range(length - len(prefix)))
