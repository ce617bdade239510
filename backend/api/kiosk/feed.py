"""What a kiosk hears live (自助机实时消息)."""

from uuid import UUID

from backend.realtime.topics import Mode, TopicKind, Topics
from hospital_core.kernel.context import Actor, ActorKind
from hospital_core.kernel.reading import Reading
from hospital_core.registry.devices.queries import device


async def _may_see(reading: Reading, actor: Actor, device_id: UUID, mode: Mode) -> bool:
    return actor.kind is ActorKind.DEVICE and actor.device_id == device_id


def offer_topics(topics: Topics) -> None:
    """``device:<id>``: the device as it stands, for that device alone."""
    topics.offer(TopicKind("device", device, _may_see))
