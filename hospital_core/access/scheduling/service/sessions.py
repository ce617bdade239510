"""Planning single sessions (排班); the weekly ones are made by ``generating``."""

from datetime import timedelta

from hospital_core.access.scheduling.commands import MakeSchedule
from hospital_core.access.scheduling.days import day_of, period_of
from hospital_core.access.scheduling.pricing import require_place_price
from hospital_core.access.scheduling.queries import schedule
from hospital_core.access.scheduling.service.place_making import SessionPlaces, add_places, check_pools
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.catalogue.queries import price_of
from hospital_core.registry.staff.permissions import Permission, require

LENGTH_MAX = timedelta(hours=12)

_INSERT = """
INSERT INTO schedule (id, version, department_id, staff_id, room_id, service_kind, starts_at, ends_at, price_item_id,
                      fee_fen, places, day, period, released_at, sought_after, status)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'active')"""

_KNOWN = """
SELECT EXISTS (SELECT 1 FROM department WHERE id = $1 AND active) AS department,
       EXISTS (SELECT 1 FROM staff_member WHERE id = $2 AND active) AS staff,
       EXISTS (SELECT 1 FROM location WHERE id = $3 AND kind = 'room' AND active) AS room"""


async def make_schedule(uow: UnitOfWork, command: MakeSchedule) -> ScheduleView:
    """Plan a session with its places, evenly spread over its time (新增排班). The fee is that of its start.

    Raises: Forbidden, FieldProblem, DoctorElsewhere, RoomTaken (the exclusion constraints), what ``price_of`` raises.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    await _check(uow, command)
    price = await price_of(uow, command.price_item_id, command.starts_at)
    require_place_price(command.service_kind, price.amount_fen)
    schedule_id = new_id()
    await uow.execute(
        _INSERT, schedule_id, command.department_id, command.staff_id, command.room_id, command.service_kind.value,
        command.starts_at, command.ends_at, command.price_item_id, price.amount_fen, command.places,
        day_of(command.starts_at), (command.period or period_of(command.starts_at)).value,
        command.released_at or uow.now, command.sought_after,
    )  # fmt: skip
    await add_places(
        uow, [SessionPlaces(schedule_id, command.starts_at, command.ends_at, command.places, command.pools)]
    )
    uow.audited("schedule", schedule_id)
    return await schedule(uow, schedule_id)


async def _check(uow: UnitOfWork, command: MakeSchedule) -> None:
    if command.ends_at <= command.starts_at:
        raise FieldProblem("/ends_at", "结束时间必须晚于开始时间")
    if command.ends_at - command.starts_at > LENGTH_MAX:
        raise FieldProblem("/ends_at", "一个时段不能超过 12 小时")
    if command.ends_at <= uow.now:
        raise FieldProblem("/ends_at", "不能为已过去的时间排班")
    check_pools(command.places, command.pools)
    known = await uow.fetch_row(_KNOWN, command.department_id, command.staff_id, command.room_id)
    assert known is not None
    for name, field, title in (("department", "department_id", "科室"), ("staff", "staff_id", "医生"),
                               ("room", "room_id", "诊室")):  # fmt: skip
        if not known[name]:
            raise FieldProblem(f"/{field}", f"{title}不存在或已停用")
