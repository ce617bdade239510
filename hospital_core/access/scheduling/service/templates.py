"""Keeping the weekly templates (排班模板)."""

from uuid import UUID

from hospital_core.access.scheduling.errors import TemplateOverlaps
from hospital_core.access.scheduling.planning_commands import EndTemplate, SaveTemplate
from hospital_core.access.scheduling.planning_queries import template
from hospital_core.access.scheduling.planning_views import TemplateView
from hospital_core.access.scheduling.pricing import require_place_price
from hospital_core.access.scheduling.service.place_making import check_pools
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.catalogue.queries import price_of
from hospital_core.registry.staff.permissions import Permission, require

_LOCK = "SELECT pg_advisory_xact_lock(521437, 0)"
_SLOT_MINUTES_MAX = 30

_KNOWN = """
SELECT d.id IS NOT NULL AS department, m.id IS NOT NULL AS staff, r.id IS NOT NULL AS room,
       r.campus_id = d.campus_id AS same_campus
FROM (VALUES (1)) AS one
LEFT JOIN department d ON d.id = $1 AND d.active
LEFT JOIN staff_member m ON m.id = $2 AND m.active
LEFT JOIN location r ON r.id = $3 AND r.kind = 'room' AND r.active"""

_OVERLAPS = """
SELECT id, staff_id = $2 AS same_doctor FROM schedule_template
WHERE id <> $1 AND active AND (staff_id = $2 OR room_id = $3) AND weekday = $4
  AND starts_minute < $6 AND ends_minute > $5
  AND valid_from <= coalesce($8::date, 'infinity') AND coalesce(valid_until, 'infinity') >= $7::date
LIMIT 1"""

_SAVE = """
INSERT INTO schedule_template AS kept (
    id, version, department_id, staff_id, room_id, service_kind, weekday, period, starts_minute, ends_minute, places,
    price_item_id, sought_after, works_on_holidays, valid_from, valid_until, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, true)
ON CONFLICT (id) DO UPDATE SET
    department_id = excluded.department_id, staff_id = excluded.staff_id, room_id = excluded.room_id,
    service_kind = excluded.service_kind, weekday = excluded.weekday, period = excluded.period,
    starts_minute = excluded.starts_minute, ends_minute = excluded.ends_minute, places = excluded.places,
    price_item_id = excluded.price_item_id, sought_after = excluded.sought_after,
    works_on_holidays = excluded.works_on_holidays, valid_from = excluded.valid_from,
    valid_until = excluded.valid_until, version = kept.version + 1
WHERE $16::int IS NULL OR kept.version = $16
RETURNING id"""

_POOLS = """
INSERT INTO template_pool (id, template_id, pool, places, returns_minutes_before)
SELECT r.id, $1, r.pool, r.places, r.returns_minutes_before
FROM unnest($2::uuid[], $3::text[], $4::smallint[], $5::int[]) AS r(id, pool, places, returns_minutes_before)"""

_END = """
UPDATE schedule_template SET valid_until = $2, active = $2 >= valid_from, version = version + 1
WHERE id = $1 RETURNING id"""


async def save_template(uow: UnitOfWork, command: SaveTemplate) -> TemplateView:
    """Create or change a session that repeats every week (维护排班模板).

    Two templates may not want one doctor or one room at one time. Sessions that stand already are not changed; missing
    ones are made by the next generation. Raises: Forbidden, FieldProblem, NotFound, StateConflict, TemplateOverlaps,
    what ``price_of`` raises. Locks: all templates, so that of two that overlap the second sees the first.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    await _check(uow, command)
    await uow.execute(_LOCK)
    template_id = command.template_id or new_id()
    if command.template_id is not None:
        await template(uow, command.template_id)
    await _refuse_overlap(uow, template_id, command)
    saved = await uow.fetch_row(
        _SAVE, template_id, command.department_id, command.staff_id, command.room_id, command.service_kind.value,
        command.weekday, command.period.value, command.starts_minute, command.ends_minute, command.places,
        command.price_item_id, command.sought_after, command.works_on_holidays, command.valid_from,
        command.valid_until, command.version,
    )  # fmt: skip
    if saved is None:
        raise StateConflict()
    await _keep_pools(uow, template_id, command)
    uow.audited("schedule_template", template_id)
    return await template(uow, template_id)


async def end_template(uow: UnitOfWork, command: EndTemplate) -> TemplateView:
    """Say on which day a template runs for the last time (停用排班模板); sessions made beyond it stay.

    Raises: Forbidden, NotFound.
    """
    require(uow.ctx, Permission.SCHEDULE_MANAGE)
    await uow.execute(_LOCK)
    if await uow.fetch_row(_END, command.template_id, command.valid_until) is None:
        raise NotFound()
    uow.audited("schedule_template", command.template_id)
    return await template(uow, command.template_id)


async def _check(uow: UnitOfWork, command: SaveTemplate) -> None:
    if command.ends_minute <= command.starts_minute:
        raise FieldProblem("/ends_minute", "结束时间必须晚于开始时间")
    if command.ends_minute - command.starts_minute > command.places * _SLOT_MINUTES_MAX:
        raise FieldProblem("/places", "每个号的时段不能超过 30 分钟，请增加号数")
    if command.valid_until is not None and command.valid_until < command.valid_from:
        raise FieldProblem("/valid_until", "截止日期不能早于生效日期")
    check_pools(command.places, command.pools)
    known = await uow.fetch_row(_KNOWN, command.department_id, command.staff_id, command.room_id)
    assert known is not None
    for name, field, title in (("department", "department_id", "科室"), ("staff", "staff_id", "医生"),
                               ("room", "room_id", "诊室")):  # fmt: skip
        if not known[name]:
            raise FieldProblem(f"/{field}", f"{title}不存在或已停用")
    if not known["same_campus"]:
        raise FieldProblem("/room_id", "诊室与科室不在同一院区")
    price = await price_of(uow, command.price_item_id)
    require_place_price(command.service_kind, price.amount_fen)


async def _refuse_overlap(uow: UnitOfWork, template_id: UUID, command: SaveTemplate) -> None:
    other = await uow.fetch_row(
        _OVERLAPS, template_id, command.staff_id, command.room_id, command.weekday, command.starts_minute,
        command.ends_minute, command.valid_from, command.valid_until,
    )  # fmt: skip
    if other is not None:
        detail = "该医生此时段已有模板" if other["same_doctor"] else "该诊室此时段已有模板"
        raise TemplateOverlaps(detail, template_id=str(other["id"]))


async def _keep_pools(uow: UnitOfWork, template_id: UUID, command: SaveTemplate) -> None:
    await uow.execute("DELETE FROM template_pool WHERE template_id = $1", template_id)
    if command.pools:
        await uow.execute(
            _POOLS, template_id, [new_id() for _ in command.pools], [quota.pool.value for quota in command.pools],
            [quota.places for quota in command.pools], [quota.returns_minutes_before for quota in command.pools],
        )  # fmt: skip
