"""Ids of the demo's rows (演示标识): every id is a UUIDv5 of the seed and a code, the same on every machine.

All else in the database has UUIDv7 or UUIDv4: demo rows are told by their id.
"""

from uuid import NAMESPACE_OID, UUID, uuid5


class DemoIds:
    """The ids of one seed (确定性标识): ``ids("patient", "P00001")`` is the same on every machine."""

    def __init__(self, seed: int) -> None:
        self._namespace = uuid5(NAMESPACE_OID, f"smart-hospital-demo:{seed}")

    def __call__(self, kind: str, code: str) -> UUID:
        return uuid5(self._namespace, f"{kind}:{code}")


def place_id(schedule_id: UUID, number: int) -> UUID:
    """The id of a session's place (号源标识)."""
    return uuid5(schedule_id, str(number))
