"""Code tables: wholly in or not at all, every bad line named, found by code, name and initials."""

import asyncio

import pytest

from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.run import run
from hospital_core.registry.catalogue.commands import ConceptRow, ImportConcepts
from hospital_core.registry.catalogue.errors import ConceptFileRefused
from hospital_core.registry.catalogue.importing import import_concepts, import_file, read_rows
from hospital_core.registry.catalogue.queries import code_systems, search_concepts
from hospital_core.registry.catalogue.views import ConceptsImported
from tests.fixtures.registry import reading, unique

pytestmark = pytest.mark.usefixtures("core")

SYSTEM = system_context()
HEAD = "code,name\n"
SMALL = (
    HEAD
    + 'A00.000,霍乱\nA00.100x001,古典生物型霍乱\nE11.900,2型糖尿病\nI10.x00,"原发性高血压，1级"\nI21.900,急性心肌梗死\n'
)


async def _import(content: str | bytes, system: str, edition: str = "2.0") -> ConceptsImported:
    data = content.encode() if isinstance(content, str) else content
    return await import_file(SYSTEM, system=system, edition=edition, content=data)


async def _codes(system: str, q: str, limit: int = 20) -> list[str]:
    return [concept.code for concept in await search_concepts(reading(), system, q, limit)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_given_a_table_in_any_usual_encoding_then_it_is_imported(encoding: str) -> None:
    system = unique("sys")
    report = await _import(SMALL.encode(encoding), system)
    assert (report.rows, report.added, report.changed, report.deactivated, report.unchanged) == (5, 5, 0, 0, False)
    (concept,) = await search_concepts(reading(), system, "高血压")
    assert (concept.system, concept.edition, concept.code, concept.name) == (
        system, "2.0", "I10.x00", "原发性高血压，1级",
    )  # fmt: skip


async def test_given_the_same_file_again_then_nothing_changes_and_a_newer_one_replaces_it() -> None:
    system = unique("sys")
    await _import(SMALL, system)
    assert (await _import(SMALL, system)).unchanged
    newer = SMALL.replace("霍乱\nA", "霍乱（新）\nA").replace("E11.900,2型糖尿病\n", "") + "J45.900,哮喘\n"
    report = await _import(newer, system)
    assert (report.added, report.changed, report.deactivated) == (1, 1, 1)
    assert await _codes(system, "糖尿病") == []
    back = await _import(SMALL, system)
    assert (back.added, back.changed, back.deactivated) == (0, 2, 1)
    assert await _codes(system, "糖尿病") == ["E11.900"]


async def test_given_two_editions_then_the_one_imported_last_is_searched() -> None:
    system = unique("sys")
    await _import(SMALL, system, "1.0")
    await _import(HEAD + "A00.000,霍乱新\n", system, "2.0")
    assert [c.edition for c in await search_concepts(reading(), system, "霍乱")] == ["2.0"]
    assert len(await search_concepts(reading(), system, "霍乱", edition="1.0")) == 2


async def test_given_bad_lines_then_each_is_named_and_nothing_is_imported() -> None:
    system = unique("sys")
    lines = [
        "code,name", "A00.000,霍乱", ",没有编码", "A01,", "A02", "A03,三,列", "A00.000,重复", "A0 4,空格", "Ａ05,全角",
        "A06,铃\x07声", "", "A07," + "长" * 301, "B" * 41 + ",编码过长",
        '"A08","引号里\n换行"', "A09,乱\ufffd码", "A10,完好",
    ]  # fmt: skip
    with pytest.raises(ConceptFileRefused) as caught:
        await _import("\n".join(lines), system)
    bad = {item.line: item.problem for item in caught.value.bad}
    assert sorted(bad) == [3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 16]
    assert bad[3] == "缺少编码"
    assert bad[7] == "编码与第 2 行重复"
    assert caught.value.fields["bad_lines"] == 12
    assert await _rows_of(system) == 0


async def test_given_a_bad_file_after_a_good_one_then_the_good_one_stays() -> None:
    system = unique("sys")
    await _import(SMALL, system)
    with pytest.raises(ConceptFileRefused):
        await _import(SMALL + "A00.000,再来\n", system)
    assert await _codes(system, "霍乱") == ["A00.000", "A00.100x001"]
    assert (await _import(SMALL, system)).unchanged


async def test_given_more_bad_lines_than_anybody_reads_then_two_hundred_are_shown_and_all_counted() -> None:
    with pytest.raises(ConceptFileRefused) as caught:
        read_rows((HEAD + "没有编码\n" * 1000).encode())
    assert (len(caught.value.bad), caught.value.fields["bad_lines"], caught.value.bad[0].line) == (200, 1000, 2)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"code,name\n", b"\xff\xfe\x00\x01\x81", b'code,name\n"A00,x\nA01,y\n']
)
async def test_given_no_table_at_all_then_it_is_refused(content: bytes) -> None:
    with pytest.raises(ConceptFileRefused):
        await _import(content, unique("sys"))


async def test_given_a_failure_half_way_then_nothing_is_imported() -> None:
    system = unique("sys")
    rows = [ConceptRow(f"A{n:05d}", f"名称{n}", "mc") for n in range(4500)]
    rows.append(ConceptRow("B" * 41, "编码放不下", "bmfbx"))
    with pytest.raises(Exception, match="value too long"):
        await run(SYSTEM, import_concepts, ImportConcepts(system, "1", "digest", rows))
    assert await _rows_of(system) == 0


async def test_given_two_imports_of_one_edition_at_once_then_one_writes_and_one_finds_it_done() -> None:
    system = unique("sys")
    reports = await asyncio.gather(*(_import(SMALL, system) for _ in range(2)))
    assert sorted(report.unchanged for report in reports) == [False, True]
    assert await _rows_of(system) == 5


async def test_given_a_progress_bar_then_it_moves_evenly_to_its_end() -> None:
    steps: list[tuple[int, int]] = []
    content = HEAD + "".join(f"A{n:05d},名称{n}\n" for n in range(5000))
    await import_file(
        SYSTEM, system=unique("sys"), edition="1", content=content.encode(),
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps == sorted(steps)
    assert steps[-1] == (10_000, 10_000)
    assert len(steps) > 10


async def test_given_a_label_that_does_not_fit_then_it_is_refused() -> None:
    with pytest.raises(FieldProblem):
        await _import(SMALL, "x" * 21)


async def test_given_code_name_or_initials_then_exact_stands_before_prefix_before_part() -> None:
    system = unique("sys")
    await _import(
        HEAD + "A00,霍乱\nA00.0,霍乱弧菌感染\nA00.000x001,古典生物型霍乱\nB00,疱疹\nC00.A00,别的\nE11.900,2型糖尿病\n"
        "E14.900,糖尿病\nE14.901,糖尿病足\nZ80.100,头颅CT异常\n",
        system,
    )
    assert await _codes(system, "A00") == ["A00", "A00.0", "A00.000x001"]
    assert await _codes(system, "a00.000X") == ["A00.000x001"]
    assert await _codes(system, "霍乱") == ["A00", "A00.0", "A00.000x001"]
    assert await _codes(system, "糖尿病") == ["E14.900", "E14.901", "E11.900"]
    assert await _codes(system, "tnb") == ["E14.900", "E14.901", "E11.900"]
    assert await _codes(system, "2XTNB") == ["E11.900"]
    assert await _codes(system, "CT") == ["Z80.100"]
    assert await _codes(system, "糖尿病", 1) == ["E14.900"]
    for q in ("", " ", "%", "_", "'", "x" * 100, "没有这个"):
        assert await _codes(system, q) == []
    assert await _codes("nosuch", "A00") == []


async def test_given_two_editions_then_the_system_lists_both_and_the_last_one_first() -> None:
    system = unique("sys")
    await _import(SMALL, system, "2.0")
    await _import(HEAD + "A00.000,霍乱\n", system, "3.0")
    (mine,) = [one for one in await code_systems(reading()) if one.system == system]
    assert [(one.edition, one.concepts) for one in mine.editions] == [("3.0", 1), ("2.0", 5)]
    older = await search_concepts(reading(), system, "糖尿病", edition=mine.editions[1].edition)
    assert [one.code for one in older] == ["E11.900"]
    assert await _codes(system, "糖尿病") == []


async def _rows_of(system: str) -> int:
    count: int = await reading().fetch_value(
        "SELECT (SELECT count(*) FROM concept WHERE system = $1) "
        "+ 1000000 * (SELECT count(*) FROM code_edition WHERE system = $1 AND digest = '')",
        system,
    )
    return count
