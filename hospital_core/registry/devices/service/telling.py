"""Speaking to a device that is on the line (设备指令)."""

from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import StateConflict
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.devices.commands import TellDevice
from hospital_core.registry.devices.queries import device, topic_of
from hospital_core.registry.devices.states import DeviceStatus
from hospital_core.registry.staff.permissions import Permission, require


async def tell_device(uow: UnitOfWork, command: TellDevice) -> Done:
    """Tell a device to show itself or to load its page anew (设备指令). Whether it is on the line is not known here.

    Raises: Forbidden, NotFound, StateConflict (not an active device). Emits: a change of the device's live topic.
    """
    require(uow.ctx, Permission.DEVICE_MANAGE)
    known = await device(uow, command.device_id)
    if known.status is not DeviceStatus.ACTIVE:
        raise StateConflict(state=known.status, command="tell")
    uow.tell_live(topic_of(known.id), {"command": command.command.value})
    uow.audited("device", known.id)
    return Done()
