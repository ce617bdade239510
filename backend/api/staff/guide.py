"""Search words and the symptom guide, as patients meet them (检索词与导诊规则)."""

from typing import Any
from uuid import UUID

from pydantic import Field

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call
from hospital_core.access.scheduling.errors import SearchWordTaken
from hospital_core.access.scheduling.search_commands import (
    MoveGuideRule,
    RemoveSearchWord,
    SaveGuideRule,
    SaveSearchWord,
    SwitchGuideRule,
)
from hospital_core.access.scheduling.search_views import GuideRuleView, SearchWordView
from hospital_core.access.scheduling.service.wording import (
    move_guide_rule,
    remove_search_word,
    save_guide_rule,
    save_search_word,
    switch_guide_rule,
)
from hospital_core.access.scheduling.states import SearchWordKind
from hospital_core.access.scheduling.wording_queries import guide_rules, search_words
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class WordQuery(Query):
    """Words with a part or beginning of the initials, of a kind, of a department."""

    q: str = Field(default="", max_length=60)
    kind: SearchWordKind | None = None
    department_id: UUID | None = None
    cursor: str | None = Field(default=None, max_length=40)


class RuleQuery(Query):
    """Rules of a part of the body."""

    part: str | None = Field(default=None, max_length=20)


@routes.get("/search-words", view=Page[SearchWordView], permission=Permission.GUIDE_MANAGE, query=WordQuery,
            errors=(FieldProblem,))  # fmt: skip
async def all_words(call: Call[Any]) -> Page[SearchWordView]:
    """Words that lead to a department or doctor (检索词)."""
    query = call.query
    return await search_words(Reading(call.ctx), query.q, query.kind, query.department_id, query.cursor)


@routes.post(
    "/search-words", view=SearchWordView, permission=Permission.GUIDE_MANAGE, command=SaveSearchWord, idempotent=True,
    errors=(FieldProblem, NotFound, SearchWordTaken),
)  # fmt: skip
async def keep_word(call: Call[SaveSearchWord]) -> SearchWordView:
    """Let a word lead somewhere (维护检索词)."""
    return await run(call.ctx, save_search_word, call.command)


@routes.post(
    "/search-words/{word_id}/remove", view=Done, permission=Permission.GUIDE_MANAGE, command=RemoveSearchWord,
    idempotent=True,
)  # fmt: skip
async def remove_word(call: Call[RemoveSearchWord]) -> Done:
    """Let a word lead nowhere (删除检索词)."""
    return await run(call.ctx, remove_search_word, call.command)


@routes.get("/guide-rules", view=Page[GuideRuleView], permission=Permission.GUIDE_MANAGE, query=RuleQuery)
async def all_guide_rules(call: Call[Any]) -> Page[GuideRuleView]:
    """Rules of the symptom guide in their order (导诊规则)."""
    return await guide_rules(Reading(call.ctx), call.query.part)


@routes.post(
    "/guide-rules", view=GuideRuleView, permission=Permission.GUIDE_MANAGE, command=SaveGuideRule, idempotent=True,
    errors=(FieldProblem, NotFound, StateConflict),
)  # fmt: skip
async def keep_guide_rule(call: Call[SaveGuideRule]) -> GuideRuleView:
    """Say where a symptom leads (维护导诊规则)."""
    return await run(call.ctx, save_guide_rule, call.command)


@routes.post(
    "/guide-rules/{rule_id}/move", view=GuideRuleView, permission=Permission.GUIDE_MANAGE, command=MoveGuideRule,
    idempotent=True,
)  # fmt: skip
async def move_rule(call: Call[MoveGuideRule]) -> GuideRuleView:
    """Change places with the neighbour of the same part of the body (调整导诊规则顺序)."""
    return await run(call.ctx, move_guide_rule, call.command)


@routes.post(
    "/guide-rules/{rule_id}/switch", view=GuideRuleView, permission=Permission.GUIDE_MANAGE, command=SwitchGuideRule,
    idempotent=True,
)  # fmt: skip
async def switch_rule(call: Call[SwitchGuideRule]) -> GuideRuleView:
    """Let a rule rest, or act again (停用、启用导诊规则)."""
    return await run(call.ctx, switch_guide_rule, call.command)
