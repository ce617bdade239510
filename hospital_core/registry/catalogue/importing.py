"""Importing code tables (编码导入): a CSV of ``code,name`` is taken wholly or not at all, with every bad line named.

Reading and checking happen in a thread before any transaction; writing is one transaction of set-based statements.
"""

import asyncio
import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterator

from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.pinyin import initials_of
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.catalogue.commands import ConceptRow, ImportConcepts
from hospital_core.registry.catalogue.errors import BadLine, ConceptFileRefused
from hospital_core.registry.catalogue.events import ConceptsReplaced
from hospital_core.registry.catalogue.views import ConceptsImported

Progress = Callable[[int, int], None]

BAD_LINES_SHOWN = 200
FILE_BYTES_MAX = 50_000_000
_CHUNK = 2000
_NAME_MAX, _CODE_MAX = 300, 40
_CODE = re.compile(r"[0-9A-Z][0-9A-Za-z.+*/\-]*")
_HEADERS = {("code", "name"), ("编码", "名称"), ("代码", "名称"), ("诊断编码", "诊断名称"), ("手术编码", "手术名称")}

_EDITION = "SELECT rows, digest FROM code_edition WHERE system = $1 AND edition = $2"

# Two imports of one edition: the second waits here, then compares digests.
_CLAIM_EDITION = """
INSERT INTO code_edition (id, system, edition, rows, digest, imported_at) VALUES ($1, $2, $3, 0, '', $4)
ON CONFLICT (system, edition) DO UPDATE SET imported_at = code_edition.imported_at RETURNING id, rows, digest"""

_UPSERT = """
WITH fresh AS (
    INSERT INTO concept AS kept (id, system, edition, code, name, initials, active)
    SELECT id, $1, $2, code, name, initials, true
    FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) AS line(id, code, name, initials)
    ON CONFLICT (system, edition, code) DO UPDATE
        SET name = excluded.name, initials = excluded.initials, active = true
        WHERE (kept.name, kept.initials, kept.active) IS DISTINCT FROM (excluded.name, excluded.initials, true)
    RETURNING (xmax = 0) AS added)
SELECT count(*) FILTER (WHERE added) AS added, count(*) FILTER (WHERE NOT added) AS changed FROM fresh"""

_DEACTIVATE = """
UPDATE concept SET active = false WHERE system = $1 AND edition = $2 AND active
    AND NOT EXISTS (SELECT 1 FROM unnest($3::text[]) AS kept(code) WHERE kept.code = concept.code)"""

_FINISH_EDITION = """
UPDATE code_edition SET rows = $3, digest = $4, imported_at = $5 WHERE system = $1 AND edition = $2"""


async def import_file(
    ctx: Context, *, system: str, edition: str, content: bytes, progress: Progress | None = None
) -> ConceptsImported:
    """Check and import a code table (编码导入); the same file again changes nothing.

    ``progress(done, total)`` is called while names are read (first half) and rows are written (second half).
    Raises: ConceptFileRefused with the bad lines, FieldProblem.
    """
    _check_label("/system", system, 20)
    _check_label("/edition", edition, 40)
    digest = hashlib.sha256(content).hexdigest()
    known = await Reading(ctx).fetch_row(_EDITION, system, edition)
    if known is not None and known["digest"] == digest:
        _tell(progress, known["rows"], known["rows"])
        return _unchanged(system, edition, known["rows"])
    loop = asyncio.get_running_loop()
    reading, writing = _halves(progress)

    # The thread hands its progress to the loop: a progress bar need not be thread-safe.
    def hand_over(done: int, total: int) -> None:
        loop.call_soon_threadsafe(reading, done, total)

    rows = await asyncio.to_thread(read_rows, content, hand_over)
    return await run(ctx, import_concepts, ImportConcepts(system, edition, digest, rows, writing))


async def import_concepts(uow: UnitOfWork, command: ImportConcepts) -> ConceptsImported:
    """Write a checked code table in one transaction (编码导入): new and changed codes in, missing ones deactivated.

    Emits: ConceptsReplaced. Locks: the edition's row.
    """
    edition = (command.system, command.edition)
    rows, added, changed = command.rows, 0, 0
    known = await uow.fetch_row(_CLAIM_EDITION, new_id(), *edition, uow.now)
    assert known is not None
    uow.audited("code_edition", known["id"])
    if known["digest"] == command.digest:
        _tell(command.progress, len(rows), len(rows))
        return _unchanged(*edition, known["rows"])
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        counts = await uow.fetch_row(
            _UPSERT, *edition, [new_id() for _ in chunk],
            [r.code for r in chunk], [r.name for r in chunk], [r.initials for r in chunk],
        )  # fmt: skip
        assert counts is not None
        added, changed = added + counts["added"], changed + counts["changed"]
        _tell(command.progress, start + len(chunk), len(rows))
    deactivated = await uow.execute(_DEACTIVATE, *edition, [row.code for row in rows])
    await uow.execute(_FINISH_EDITION, *edition, len(rows), command.digest, uow.now)
    uow.record(ConceptsReplaced(system=command.system, edition=command.edition))
    return ConceptsImported(
        system=command.system, edition=command.edition, rows=len(rows), added=added, changed=changed,
        deactivated=deactivated, unchanged=False,
    )  # fmt: skip


def read_rows(content: bytes, progress: Progress | None = None) -> list[ConceptRow]:
    """Read and check every line of a CSV file (UTF-8 with or without BOM, or GB 18030).

    Raises: ConceptFileRefused naming up to 200 bad lines.
    """
    bad: list[BadLine] = []
    rows: list[tuple[str, str]] = []
    first_seen: dict[str, int] = {}
    for line, cells in _lines(_decode(content), bad):
        problem = _problem_of(cells, first_seen)
        if problem:
            bad.append(BadLine(line, problem))
            continue
        code, name = (cell.strip() for cell in cells)
        first_seen[code] = line
        rows.append((code, name))
    if not rows and not bad:
        bad.append(BadLine(1, "文件中没有内容"))
    if bad:
        raise ConceptFileRefused(sorted(bad, key=lambda b: b.line)[:BAD_LINES_SHOWN], len(bad))
    found: list[ConceptRow] = []
    for code, name in rows:
        found.append(ConceptRow(code, name, initials_of(name)[:_NAME_MAX]))
        if len(found) % 500 == 0 or len(found) == len(rows):
            _tell(progress, len(found), len(rows))
    return found


def _decode(content: bytes) -> str:
    if len(content) > FILE_BYTES_MAX:
        raise ConceptFileRefused([BadLine(1, "文件过大（超过 50 MB）")], 1)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            place = content[: error.start].count(b"\n") + 1
    raise ConceptFileRefused([BadLine(place, "无法识别的文字编码，请另存为 UTF-8 或 GB18030")], 1)


def _lines(text: str, bad: list[BadLine]) -> Iterator[tuple[int, list[str]]]:
    """Cells with the number of the line they begin on; the heading and blank lines are left out."""
    # A stray NUL would stop the reader: it becomes a character that is refused on its own line.
    reader = csv.reader(io.StringIO(text.replace("\x00", "\ufffd"), newline=""), strict=True)
    started = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            bad.append(BadLine(started, "引号不成对，无法读取此行及之后的内容"))
            return
        line, started = started, reader.line_num + 1
        heading = line == 1 and tuple(cell.strip().lower() for cell in cells) in _HEADERS
        if not heading and any(cell.strip() for cell in cells):
            yield line, cells


def _problem_of(cells: list[str], first_seen: dict[str, int]) -> str | None:
    if len(cells) != 2:
        return f"应有 2 列，实有 {len(cells)} 列"
    code, name = cells[0].strip(), cells[1].strip()
    if not code:
        return "缺少编码"
    if not name:
        return "缺少名称"
    if len(code) > _CODE_MAX:
        return f"编码超过 {_CODE_MAX} 个字符"
    if len(name) > _NAME_MAX:
        return f"名称超过 {_NAME_MAX} 个字符"
    if _CODE.fullmatch(code) is None:
        return "编码含有不允许的字符"
    if any(_is_bad(character) for character in name):
        return "名称含有不允许的字符"
    if code in first_seen:
        return f"编码与第 {first_seen[code]} 行重复"
    return None


def _is_bad(character: str) -> bool:
    # Control, private, surrogate and unassigned characters, and the mark of something already misread.
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Co", "Cs", "Cn")


def _check_label(pointer: str, text: str, longest: int) -> None:
    if not 1 <= len(text) <= longest or not text.isprintable():
        raise FieldProblem(pointer, f"应为 1–{longest} 个字符")


def _halves(progress: Progress | None) -> tuple[Progress, Progress]:
    """Two progress callbacks that fill one bar, so that it moves evenly from the first name to the last row."""

    def reading(done: int, total: int) -> None:
        _tell(progress, done, total * 2)

    def writing(done: int, total: int) -> None:
        _tell(progress, total + done, total * 2)

    return reading, writing


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _unchanged(system: str, edition: str, rows: int) -> ConceptsImported:
    return ConceptsImported(
        system=system, edition=edition, rows=rows, added=0, changed=0, deactivated=0, unchanged=True
    )
