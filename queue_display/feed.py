"""The live board of a waiting area (叫号屏实时推送): topic ``queue-area:<location id>``."""

from uuid import UUID

from backend.realtime.topics import Mode, TopicKind, Topics
from hospital_core.access.queueing.queries import area_board
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.devices.queries import device
from hospital_core.registry.devices.states import DeviceKind, DeviceStatus
from hospital_core.registry.organization.queries import location
from hospital_core.registry.staff.permissions import Permission


async def _may_see(reading: Reading, actor: Actor, area_id: UUID, mode: Mode) -> bool:
    """The screen that hangs there, staff who work with queues; phones only learn that something changed."""
    if actor.kind is ActorKind.DEVICE and actor.device_id is not None:
        screen = await device(reading, actor.device_id)
        return (
            screen.kind is DeviceKind.DISPLAY and screen.status is DeviceStatus.ACTIVE and screen.location_id == area_id
        )
    may = Permission.QUEUE_READ in actor.permissions if actor.kind is ActorKind.STAFF else _is_hint(actor, mode)
    return may and await _exists(reading, area_id)


def _is_hint(actor: Actor, mode: Mode) -> bool:
    return actor.kind is ActorKind.ACCOUNT and mode is Mode.HINT


async def _exists(reading: Reading, area_id: UUID) -> bool:
    try:
        await location(reading, area_id)
    except NotFound:
        return False
    return True


def offer_topics(topics: Topics) -> None:
    """``queue-area:<id>``: the board as it stands, then one ticket per change."""
    topics.offer(TopicKind("queue-area", area_board, _may_see))
