"""Identifiers: UUIDv7, in the order in which they were made, however many at once."""

import threading
import time
from uuid import RFC_4122, UUID

from hospital_core.kernel.ids import new_id, new_ids, new_opaque_id


def test_ids_are_of_version_seven_and_tell_the_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(2_000)] + new_ids(2_000)
    after = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert before - 1 <= made[-1].int >> 80 <= after + 1
    assert new_opaque_id().version == 4


def test_one_by_one_and_many_at_once_come_in_one_order() -> None:
    made: list[UUID] = []
    for count in (1, 3, 0, 128, 1):
        made += [new_id(), *new_ids(count)]
    assert len(made) == 5 + 133
    assert made == sorted(set(made))


def test_threads_never_share_one() -> None:
    found: list[list[UUID]] = []
    threads = [
        threading.Thread(target=lambda: found.append([one for _ in range(300) for one in (*new_ids(7), new_id())]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [one for part in found for one in part]
    assert len(set(made)) == len(made) == 4 * 300 * 8
