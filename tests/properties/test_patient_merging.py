"""Whatever is merged and undone in whatever order: no file is lost, and files of one person agree on who they are."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.run import run
from hospital_core.registry.patients.commands import MergePatients, UnmergePatients
from hospital_core.registry.patients.queries import survivors
from hospital_core.registry.patients.service import merge_patients, unmerge_patients
from hospital_core.registry.staff.permissions import Permission
from tests.fixtures.registry import make_patient, reading, staff_context

pytestmark = pytest.mark.usefixtures("core")

FILES = 5
REGISTRAR = staff_context(Permission.PATIENT_MERGE)
STEP = st.tuples(st.booleans(), st.integers(0, FILES - 1), st.integers(0, FILES - 1))


async def _take(step: tuple[bool, int, int], files: list[UUID], parent: dict[UUID, UUID]) -> None:
    """One step in the database and in the model; both must agree on whether it was allowed."""
    merging, one, other = step
    source, survivor = files[one], files[other]
    allowed = source != survivor and source not in parent and survivor not in parent if merging else source in parent
    try:
        if merging:
            command = MergePatients(source_id=source, survivor_id=survivor, reason="同一患者")
            await run(REGISTRAR, merge_patients, command)
        else:
            await run(REGISTRAR, unmerge_patients, UnmergePatients(source_id=source, reason="并错了人"))
    except DomainError:
        assert not allowed
        return
    assert allowed
    if merging:
        parent[source] = survivor
    else:
        del parent[source]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, min_size=1, max_size=12))
async def test_given_any_merges_and_undoings_then_persons_stay_whole(steps: list[tuple[bool, int, int]]) -> None:
    files = [await make_patient() for _ in range(FILES)]
    parent: dict[UUID, UUID] = {}
    for step in steps:
        await _take(step, files, parent)

    def root(file: UUID) -> UUID:
        return root(parent[file]) if file in parent else file

    rows = await reading().fetch(
        "SELECT f.id AS asked, person.id AS found FROM unnest($1::uuid[]) AS f(id), person_ids(f.id) AS person(id)",
        files,
    )
    pairs = [(row["asked"], row["found"]) for row in rows]
    expected = {(a, b) for a in files for b in files if root(a) == root(b)}
    assert len(pairs) == len(set(pairs)), "no file is counted twice"
    assert set(pairs) == expected, "reflexive, symmetric and exactly the model's persons"
    assert await survivors(reading(), files) == {file: root(file) for file in files}
