"""Search words and rules of the symptom guide as staff keep them (检索词与导诊规则)."""

from uuid import UUID

from hospital_core.access.scheduling.search_views import GuideRuleView, SearchWordView
from hospital_core.access.scheduling.states import SearchWordKind
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.reading import Reading

_RULES = """
SELECT r.*, d.name AS department FROM guide_rule r LEFT JOIN department d ON d.id = r.department_id"""

_WORDS = """
SELECT w.*, d.name AS department, m.name AS doctor
FROM search_word w JOIN department d ON d.id = w.department_id LEFT JOIN staff_member m ON m.id = w.staff_id"""


async def guide_rules(reading: Reading, part: str | None = None) -> Page[GuideRuleView]:
    """Every rule in its order (导诊规则), inactive ones too."""
    rows = await reading.fetch(f"{_RULES} WHERE $1::text IS NULL OR r.body_part = $1 ORDER BY r.position, r.id", part)
    return Page(items=[GuideRuleView(**dict(row)) for row in rows])


async def guide_rule(reading: Reading, rule_id: UUID) -> GuideRuleView:
    """One rule (导诊规则). Raises: NotFound."""
    row = await reading.fetch_row(f"{_RULES} WHERE r.id = $1", rule_id)
    if row is None:
        raise NotFound()
    return GuideRuleView(**dict(row))


async def search_words(
    reading: Reading,
    q: str = "",
    kind: SearchWordKind | None = None,
    department_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[SearchWordView]:
    """Search words by pinyin (检索词), found by any part of the word or the beginning of its initials.

    Raises: FieldProblem (a cursor that is none).
    """
    rows = await reading.fetch(
        f"{_WORDS} WHERE ($1 = '' OR strpos(w.word, $1) > 0 OR starts_with(w.initials, lower($1))) "
        "AND ($2::text IS NULL OR w.kind = $2) AND ($3::uuid IS NULL OR w.department_id = $3) "
        "AND ($4::uuid IS NULL OR (w.initials COLLATE \"C\", w.word COLLATE \"C\", w.id) > "
        "(SELECT l.initials, l.word, l.id FROM search_word l WHERE l.id = $4)) "
        "ORDER BY w.initials COLLATE \"C\", w.word COLLATE \"C\", w.id LIMIT $5",
        q.strip(), kind, department_id, _word_id(cursor), limit + 1,
    )  # fmt: skip
    items = [SearchWordView(**dict(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


async def search_word(reading: Reading, word_id: UUID) -> SearchWordView:
    """One search word (检索词). Raises: NotFound."""
    row = await reading.fetch_row(f"{_WORDS} WHERE w.id = $1", word_id)
    if row is None:
        raise NotFound()
    return SearchWordView(**dict(row))


def _word_id(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise FieldProblem("/cursor", "翻页标记无效") from None
