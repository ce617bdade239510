"""Keeping search words and the symptom guide (检索词与导诊规则维护)."""

from uuid import UUID

from asyncpg import Record

from hospital_core.access.scheduling.errors import SearchWordTaken
from hospital_core.access.scheduling.search_commands import (
    MoveGuideRule,
    RemoveSearchWord,
    SaveGuideRule,
    SaveSearchWord,
    SwitchGuideRule,
)
from hospital_core.access.scheduling.search_queries import forget_directory
from hospital_core.access.scheduling.search_views import GuideRuleView, SearchWordView
from hospital_core.access.scheduling.states import GuideUrgency
from hospital_core.access.scheduling.wording_queries import guide_rule, search_word
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import FieldProblem, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.pinyin import initials_of, pinyin_of
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.staff.permissions import Permission, require

_LOCK_WORDS = "SELECT pg_advisory_xact_lock(521437, 1)"
_LOCK_RULES = "SELECT pg_advisory_xact_lock(521437, 2)"

_SAME_WORD = """
SELECT true FROM search_word
WHERE word = $1 AND department_id = $2 AND staff_id IS NOT DISTINCT FROM $3 AND id <> $4 LIMIT 1"""

_SAVE_WORD = """
INSERT INTO search_word (id, word, pinyin, initials, kind, department_id, staff_id, weight)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET word = excluded.word, pinyin = excluded.pinyin, initials = excluded.initials,
    kind = excluded.kind, department_id = excluded.department_id, staff_id = excluded.staff_id,
    weight = excluded.weight"""

_LEADS_TO = "SELECT kind FROM department WHERE id = $1 AND active AND kind IN ('outpatient', 'emergency')"
_DOCTOR = "SELECT true FROM staff_member WHERE id = $1 AND department_id = $2 AND active AND profession = 'doctor'"

# After the last rule of its symptom, else of its part of the body, else at the end.
_PLACE_AFTER = """
SELECT coalesce((SELECT max(position) FROM guide_rule WHERE body_part = $1 AND symptom = $2),
                (SELECT max(position) FROM guide_rule WHERE body_part = $1),
                (SELECT max(position) FROM guide_rule), 0)"""
_MAKE_ROOM = "UPDATE guide_rule SET position = position + 1 WHERE position > $1"

_ADD_RULE = """
INSERT INTO guide_rule (id, version, body_part, symptom, sex, age_from, age_below, department_id, urgency, advice,
                        position, active)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, true)"""

_CHANGE_RULE = """
UPDATE guide_rule SET body_part = $2, symptom = $3, sex = $4, age_from = $5, age_below = $6, department_id = $7,
    urgency = $8, advice = $9, version = version + 1
WHERE id = $1 AND ($10::int IS NULL OR version = $10)"""

_NEIGHBOUR = """
SELECT id, position FROM guide_rule WHERE body_part = $1 AND (position, id) {side} ($2, $3)
ORDER BY position {order}, id {order} LIMIT 1"""
_NEIGHBOURS = {
    "up": _NEIGHBOUR.format(side="<", order="DESC"),
    "down": _NEIGHBOUR.format(side=">", order="ASC"),
}
_STAND = "UPDATE guide_rule SET position = $2, version = version + 1 WHERE id = $1"


async def save_search_word(uow: UnitOfWork, command: SaveSearchWord) -> SearchWordView:
    """Let a word lead to a department or one of its doctors (维护检索词); searches know it within seconds.

    Raises: Forbidden, FieldProblem, NotFound, SearchWordTaken. Locks: all words, so that of two twins one is refused.
    """
    require(uow.ctx, Permission.GUIDE_MANAGE)
    if command.word_id is not None:
        await search_word(uow, command.word_id)
    await _check_department(uow, command.department_id)
    if command.staff_id is not None and not await uow.fetch_value(_DOCTOR, command.staff_id, command.department_id):
        raise FieldProblem("/staff_id", "该科室没有这位医生")
    await uow.execute(_LOCK_WORDS)
    word_id = command.word_id or new_id()
    if await uow.fetch_value(_SAME_WORD, command.word, command.department_id, command.staff_id, word_id):
        raise SearchWordTaken()
    await uow.execute(
        _SAVE_WORD, word_id, command.word, pinyin_of(command.word)[:200], initials_of(command.word)[:60],
        command.kind.value, command.department_id, command.staff_id, command.weight,
    )  # fmt: skip
    uow.audited("search_word", word_id)
    forget_directory()
    return await search_word(uow, word_id)


async def remove_search_word(uow: UnitOfWork, command: RemoveSearchWord) -> Done:
    """Let a word lead nowhere (删除检索词). Raises: Forbidden, NotFound."""
    require(uow.ctx, Permission.GUIDE_MANAGE)
    word = await search_word(uow, command.word_id)
    await uow.execute("DELETE FROM search_word WHERE id = $1", word.id)
    uow.audited("search_word", word.id)
    uow.audits[0].detail = {"word": word.word, "department_id": str(word.department_id)}
    forget_directory()
    return Done()


async def save_guide_rule(uow: UnitOfWork, command: SaveGuideRule) -> GuideRuleView:
    """Say where a symptom leads, for whom and how soon (维护导诊规则).

    Raises: Forbidden, FieldProblem, NotFound, StateConflict (changed by somebody else). Locks: the order of the rules.
    """
    require(uow.ctx, Permission.GUIDE_MANAGE)
    await _check_rule(uow, command)
    rule_id = command.rule_id or new_id()
    values = (
        command.body_part, command.symptom, command.sex, command.age_from, command.age_below, command.department_id,
        command.urgency.value, command.advice,
    )  # fmt: skip
    if command.rule_id is None:
        await uow.execute(_LOCK_RULES)
        last = await uow.fetch_value(_PLACE_AFTER, command.body_part, command.symptom)
        await uow.execute(_MAKE_ROOM, last)
        await uow.execute(_ADD_RULE, rule_id, *values, last + 1)
    else:
        await guide_rule(uow, rule_id)
        if not await uow.execute(_CHANGE_RULE, rule_id, *values, command.version):
            raise StateConflict()
    uow.audited("guide_rule", rule_id)
    return await guide_rule(uow, rule_id)


async def move_guide_rule(uow: UnitOfWork, command: MoveGuideRule) -> GuideRuleView:
    """Change places with the neighbour of the same part of the body (调整顺序); at the end nothing changes.

    Raises: Forbidden, NotFound. Locks: the order of the rules.
    """
    require(uow.ctx, Permission.GUIDE_MANAGE)
    await uow.execute(_LOCK_RULES)
    rule = await guide_rule(uow, command.rule_id)
    neighbour: Record | None = await uow.fetch_row(
        _NEIGHBOURS[command.direction], rule.body_part, rule.position, rule.id
    )
    if neighbour is not None:
        await uow.execute(_STAND, rule.id, neighbour["position"])
        await uow.execute(_STAND, neighbour["id"], rule.position)
        uow.audited("guide_rule", rule.id)
    return await guide_rule(uow, rule.id)


async def switch_guide_rule(uow: UnitOfWork, command: SwitchGuideRule) -> GuideRuleView:
    """Let a rule rest, or act again (停用、启用); doing so twice is no error. Raises: Forbidden, NotFound."""
    require(uow.ctx, Permission.GUIDE_MANAGE)
    changed = await uow.execute(
        "UPDATE guide_rule SET active = $2, version = version + 1 WHERE id = $1 AND active <> $2",
        command.rule_id, command.active,
    )  # fmt: skip
    if changed:
        uow.audited("guide_rule", command.rule_id)
    return await guide_rule(uow, command.rule_id)


async def _check_rule(uow: UnitOfWork, command: SaveGuideRule) -> None:
    if command.age_below <= command.age_from:
        raise FieldProblem("/age_below", "年龄上限必须大于下限")
    if command.department_id is None:
        if command.urgency is not GuideUrgency.EMERGENCY:
            raise FieldProblem("/department_id", "请选择科室；只有急诊规则可以不指定科室")
        return
    kind = await _check_department(uow, command.department_id)
    if command.urgency is GuideUrgency.EMERGENCY and kind != "emergency":
        raise FieldProblem("/department_id", "急诊规则只能指向急诊科室")


async def _check_department(uow: UnitOfWork, department_id: UUID) -> str:
    kind: str | None = await uow.fetch_value(_LEADS_TO, department_id)
    if kind is None:
        raise FieldProblem("/department_id", "没有这个门诊或急诊科室，或已停用")
    return kind
