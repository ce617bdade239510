"""Identifiers (标识): UUIDv7, made in Python so that every PostgreSQL from 15 runs the same SQL."""

import os
import threading
import time
from uuid import UUID, uuid4

_lock = threading.Lock()
_last = 0
_FIXED = 0x7 << 76 | 0x2 << 62  # version and variant
_FREE = ~(0xF << 76 | 0x3 << 62)


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562), strictly increasing within this process.

    48 bits of Unix milliseconds, then 74 random bits. Within one millisecond the previous value is
    incremented, so that rows made together keep their order in a B-tree.
    """
    global _last
    fresh = _fresh()
    with _lock:
        # Stepping by one may run into the variant bits only after 2**62 ids in one millisecond.
        _last = fresh if fresh > _last else _last + 1
        return UUID(int=_last)


def new_ids(count: int) -> list[UUID]:
    """As many ids at once, one after the other: for rows that are written together, at a third of the cost."""
    global _last
    fresh = _fresh()
    with _lock:
        first = fresh if fresh > _last else _last + 1
        _last = first + count - 1
    return [UUID(int=one) for one in range(first, first + count)]


def _fresh() -> int:
    return ((time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")) & _FREE | _FIXED


def new_opaque_id() -> UUID:
    """A random UUIDv4, for rows whose age must not show: a UUIDv7 tells when it was made.

    A patient's id is one: it would tell whoever links a file whether the file was there before.
    """
    return uuid4()
