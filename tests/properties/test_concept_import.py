"""Whatever stands in a code table: it is wholly in afterwards, or nothing changed and the bad lines are named."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_core.kernel.context import system_context
from hospital_core.registry.catalogue.errors import ConceptFileRefused
from hospital_core.registry.catalogue.importing import import_file
from tests.fixtures.registry import reading, unique

pytestmark = pytest.mark.usefixtures("core")

GOOD_CODE = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,3})?", fullmatch=True)
CODE = st.one_of(GOOD_CODE, st.sampled_from(["", "A 1", "编码", "A00", "Z" * 41, "A\x00"]))
NAME = st.one_of(
    st.sampled_from(["霍乱", "伤寒，副伤寒", '带"引号"', "两\n行", "", "铃\x07"]), st.text('糖尿病CT ,"', max_size=8)
)
ROW = st.one_of(st.tuples(CODE, NAME), st.tuples(CODE), st.tuples(CODE, NAME, NAME))


async def _active(system: str) -> dict[str, str]:
    rows = await reading().fetch("SELECT code, name FROM concept WHERE system = $1 AND active", system)
    return {row["code"]: row["name"] for row in rows}


@settings(max_examples=40, deadline=None)
@given(before=st.dictionaries(GOOD_CODE, st.just("旧名"), min_size=1, max_size=5), rows=st.lists(ROW, max_size=12))
async def test_given_any_file_then_all_of_it_is_in_or_nothing_changed(
    before: dict[str, str], rows: list[tuple[str, ...]]
) -> None:
    system = unique("p")
    old = "".join(f"{code},{name}\n" for code, name in before.items()).encode()
    await import_file(system_context(), system=system, edition="1", content=old)
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    content = file.getvalue().encode()
    refused: ConceptFileRefused | None = None
    try:
        await import_file(system_context(), system=system, edition="1", content=content)
    except ConceptFileRefused as error:
        refused = error
    if refused is not None:
        last = max(1, len(content.splitlines()))
        assert await _active(system) == before
        assert refused.bad
        assert all(1 <= item.line <= last for item in refused.bad)
        return
    written = {row[0].strip(): row[1].strip() for row in rows if any(cell.strip() for cell in row)}
    assert await _active(system) == written
    again = await import_file(system_context(), system=system, edition="1", content=content)
    assert (again.unchanged, again.rows) == (True, len(written))
