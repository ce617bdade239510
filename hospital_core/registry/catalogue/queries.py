"""Reads of the catalogue; everybody may know what things are called and what they cost."""

import re
import unicodedata
from datetime import datetime
from typing import Any
from uuid import UUID

from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.money import fen_of
from hospital_core.kernel.reading import Reading
from hospital_core.registry.catalogue.errors import NoPrice
from hospital_core.registry.catalogue.views import (
    CodeEditionView,
    CodeSystemView,
    ConceptView,
    PriceCategoryView,
    PriceItemView,
    PricePeriod,
    PriceView,
)

PAGE = 50

_PRICE_OF = """
SELECT i.id AS item_id, i.code, i.name, i.category, i.unit, p.unit_price
FROM price_item i
LEFT JOIN price p ON p.item_id = i.id AND p.valid_from <= coalesce($2, hospital_now())
                 AND (p.valid_until IS NULL OR p.valid_until > coalesce($2, hospital_now()))
WHERE i.id = $1"""

_ITEMS = """
SELECT i.id, i.code, i.name, i.category, i.unit, i.active, i.version, present.unit_price, present.valid_from,
       coming.unit_price AS next_unit_price, coming.valid_from AS next_valid_from
FROM price_item i
LEFT JOIN price present ON present.item_id = i.id AND present.valid_from <= hospital_now()
                       AND (present.valid_until IS NULL OR present.valid_until > hospital_now())
LEFT JOIN LATERAL (SELECT unit_price, valid_from FROM price
                   WHERE item_id = i.id AND valid_from > hospital_now() ORDER BY valid_from LIMIT 1) coming ON true
WHERE {where} ORDER BY i.code LIMIT {limit}"""

_MATCHING = """
($1 = '' OR i.code ILIKE $1 || '%' OR i.name LIKE '%' || $1 || '%' OR i.initials LIKE lower($1) || '%')
AND ($2::text IS NULL OR i.category = $2) AND i.code > $3"""

# Ranges instead of LIKE: a prepared statement cannot turn a LIKE with a parameter into an index range. Two halves
# instead of one OR: each walks its own index and stops at the limit.
_CONCEPTS_BY_START = """
SELECT system, edition, code, name FROM (
    (SELECT system, edition, code, name, code <> $3 AS inexact, 0 AS letters FROM concept
     WHERE system = $1 AND edition = $2 AND active AND code ~>=~ $3 AND code ~<~ $4
     ORDER BY code USING ~<~ LIMIT $7)
    UNION ALL
    (SELECT system, edition, code, name, initials <> $5, length(initials) FROM concept
     WHERE system = $1 AND edition = $2 AND active AND initials ~>=~ $5 AND initials ~<~ $6
     ORDER BY initials <> $5, length(initials), code LIMIT $7)) AS found
ORDER BY inexact, letters, code LIMIT $7"""

_CONCEPTS_BY_PART = """
SELECT system, edition, code, name FROM concept
WHERE system = $1 AND edition = $2 AND active AND strpos(name, $3) > 0
ORDER BY CASE WHEN name = $3 THEN 0 WHEN starts_with(name, $3) THEN 1 ELSE 2 END, length(name), code LIMIT $4"""

_CONCEPTS_BY_INITIALS_PART = """
SELECT system, edition, code, name FROM concept
WHERE system = $1 AND edition = $2 AND active AND strpos(initials, $3) > 1
ORDER BY length(name), code LIMIT $4"""

_EDITION = "SELECT edition FROM code_edition WHERE system = $1 ORDER BY imported_at DESC, id DESC LIMIT 1"


async def price_of(reading: Reading, price_item_id: UUID, at: datetime | None = None) -> PriceView:
    """What an item costs at a time (价格), now when none is given. Raises: NotFound, NoPrice."""
    row = await reading.fetch_row(_PRICE_OF, price_item_id, at)
    if row is None:
        raise NotFound()
    if row["unit_price"] is None:
        raise NoPrice(price_item_id=str(price_item_id))
    return PriceView(**dict(row), amount_fen=fen_of(row["unit_price"]))


async def price_items(
    reading: Reading, q: str = "", category: str | None = None, cursor: str | None = None
) -> Page[PriceItemView]:
    """The price list (价目表) by code, searched by code, name or initials; ``cursor`` is the last code shown."""
    sql = _ITEMS.format(where=_MATCHING, limit=PAGE + 1)
    rows = await reading.fetch(sql, _literal(q.strip()), category, cursor or "")
    items = [_item(row) for row in rows[:PAGE]]
    return Page(items=items, next_cursor=items[-1].code if len(rows) > PAGE else None)


async def price_item(reading: Reading, price_item_id: UUID) -> PriceItemView:
    """One price item (收费项目). Raises: NotFound."""
    row = await reading.fetch_row(_ITEMS.format(where="i.id = $1", limit=1), price_item_id)
    if row is None:
        raise NotFound()
    return _item(row)


async def price_item_by_code(reading: Reading, code: str) -> PriceItemView:
    """One price item by its code. Raises: NotFound."""
    row = await reading.fetch_row(_ITEMS.format(where="i.code = $1", limit=1), code)
    if row is None:
        raise NotFound()
    return _item(row)


async def price_history(reading: Reading, price_item_id: UUID) -> list[PricePeriod]:
    """All prices an item had, has and will have (历史价格), oldest first."""
    rows = await reading.fetch(
        "SELECT unit_price, valid_from, valid_until FROM price WHERE item_id = $1 ORDER BY valid_from", price_item_id
    )
    return [PricePeriod(**dict(row)) for row in rows]


async def price_categories(reading: Reading) -> list[PriceCategoryView]:
    """The categories of the price list (收费类别), those of withdrawn items too."""
    rows = await reading.fetch(
        "SELECT category, count(*) FILTER (WHERE active) AS items FROM price_item GROUP BY category ORDER BY category"
    )
    return [PriceCategoryView(**dict(row)) for row in rows]


async def code_systems(reading: Reading) -> list[CodeSystemView]:
    """The code systems that were imported (编码体系), by name; editions as ``search_concepts`` prefers them."""
    rows = await reading.fetch(
        "SELECT system, edition, rows AS concepts, imported_at FROM code_edition ORDER BY system, imported_at DESC, "
        "id DESC"
    )
    systems: dict[str, list[CodeEditionView]] = {}
    for row in rows:
        systems.setdefault(row["system"], []).append(CodeEditionView(**dict(row)))
    return [CodeSystemView(system=system, editions=editions) for system, editions in systems.items()]


async def search_concepts(
    reading: Reading, system: str, q: str, limit: int = 20, edition: str | None = None
) -> list[ConceptView]:
    """Concepts (编码) by code, Chinese name or pinyin initials: exact before prefix before substring.

    Looks in the edition imported last unless one is named.
    """
    text = unicodedata.normalize("NFKC", q).strip()
    limit = max(1, min(limit, 100))
    edition = edition or await reading.fetch_value(_EDITION, system)
    if not text or len(text) > 60 or edition is None:
        return []
    found: dict[str, Any] = {}
    if text.isascii():
        code, initials = _code_case(text), text.lower()
        rows = await reading.fetch(
            _CONCEPTS_BY_START, system, edition, code, _after(code), initials, _after(initials), limit
        )
        found.update((row["code"], row) for row in rows)
        # One letter stands in nearly every name, and a code that was found was what was meant.
        coded = bool(found) and any(c.isdigit() for c in text)
        if len(found) < limit and len(text) > 1 and not coded:
            rows = await reading.fetch(_CONCEPTS_BY_INITIALS_PART, system, edition, initials, limit)
            found.update((row["code"], row) for row in rows if row["code"] not in found)
    else:
        rows = await reading.fetch(_CONCEPTS_BY_PART, system, edition, text, limit)
        found.update((row["code"], row) for row in rows)
    return [_concept(row) for row in list(found.values())[:limit]]


def _item(row: Any) -> PriceItemView:
    price = row["unit_price"]
    return PriceItemView(**dict(row), amount_fen=None if price is None else fen_of(price))


def _concept(row: Any) -> ConceptView:
    return ConceptView(system=row["system"], edition=row["edition"], code=row["code"], name=row["name"])


def _code_case(text: str) -> str:
    """Codes are written in capitals except the extension mark: ``a00.000X001`` is stored as ``A00.000x001``."""
    head, mark, tail = text.upper().partition("X")
    return head + "x" + tail if mark and "." in head else text.upper()


def _after(prefix: str) -> str:
    """The first text behind all that begin with a prefix, in code point order."""
    return prefix + "\U0010ffff"


def _literal(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
