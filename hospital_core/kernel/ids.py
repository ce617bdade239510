"""Identifiers (标识): UUIDv7, made in Python so that every PostgreSQL from 15 runs the same SQL."""

import os
import threading
import time
from uuid import UUID, uuid4

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562), strictly increasing within this process.

    48 bits of Unix milliseconds, then 74 random bits. Within one millisecond the previous value is
    incremented, so that rows made together keep their order in a B-tree.
    """
    global _last
    fresh = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    fresh = fresh & ~(0xF << 76) | 0x7 << 76
    fresh = fresh & ~(0x3 << 62) | 0x2 << 62
    with _lock:
        # Stepping by one may run into the variant bits only after 2**62 ids in one millisecond.
        _last = fresh if fresh > _last else _last + 1
        return UUID(int=_last)


def new_opaque_id() -> UUID:
    """A random UUIDv4, for rows whose age must not show: a UUIDv7 tells when it was made.

    A patient's id is one: it would tell whoever links a file whether the file was there before.
    """
    return uuid4()
