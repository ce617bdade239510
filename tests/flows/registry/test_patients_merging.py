"""Merging is a link: nothing is rewritten, everything comes back."""

import asyncio
from uuid import UUID

import pytest

from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import DomainError, Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.patients.commands import (
    ChangePhone,
    DismissDuplicate,
    MergePatients,
    RecordAllergy,
    UnmergePatients,
)
from hospital_core.registry.patients.duplicates import flag_pair
from hospital_core.registry.patients.errors import MergeWithItself, NotMerged, PatientMerged
from hospital_core.registry.patients.queries import merged_files, patient, require_live_file
from hospital_core.registry.patients.service import (
    change_phone,
    dismiss_duplicate,
    find_or_create_patient,
    merge_patients,
    record_allergy,
    unmerge_patients,
)
from hospital_core.registry.patients.states import MatchReason
from hospital_core.registry.staff.permissions import Permission
from tests.fixtures.registry import make_national_id, make_patient, merge, reading, register, staff_context

pytestmark = pytest.mark.usefixtures("core")

SYSTEM = system_context()
REGISTRAR = staff_context(Permission.PATIENT_MERGE)


async def _person(patient_id: UUID) -> set[UUID]:
    return {row["id"] for row in await reading().fetch("SELECT person_ids($1) AS id", patient_id)}


async def _unmerge(source_id: UUID) -> None:
    await run(REGISTRAR, unmerge_patients, UnmergePatients(source_id=source_id, reason="并错了人"))


async def test_given_a_merge_then_reads_take_both_files_and_commands_go_to_the_survivor() -> None:
    number = make_national_id()
    source, survivor = await make_patient(document_no=number), await make_patient()
    allergy = RecordAllergy(patient_id=source, substance="青霉素", severity="severe")
    await run(SYSTEM, record_allergy, allergy)
    await merge(source_id=source, survivor_id=survivor)
    assert await _person(source) == await _person(survivor) == {source, survivor}
    view = await patient(reading(), survivor)
    assert [a.substance for a in view.allergies] == ["青霉素"]
    assert len(view.identifiers) == 2
    assert (await patient(reading(), source)).merged_into == survivor
    found = await run(SYSTEM, find_or_create_patient, register(document_no=number))
    assert (found.patient_id, found.created) == (survivor, False)
    with pytest.raises(PatientMerged) as caught:
        await run(SYSTEM, change_phone, ChangePhone(patient_id=source, phone="13800138000"))
    assert caught.value.fields == {"survivor_id": str(survivor)}


async def test_given_an_undone_merge_then_everything_is_as_before_and_the_history_stays() -> None:
    source, survivor = await make_patient(), await make_patient()
    before = (await patient(reading(), source), await patient(reading(), survivor))
    await merge(source_id=source, survivor_id=survivor)
    await _unmerge(source)
    assert (await patient(reading(), source), await patient(reading(), survivor)) == before
    await require_live_file(reading(), source)
    assert await reading().fetch_value("SELECT count(*) FROM patient_merge WHERE source_id = $1", source) == 1
    with pytest.raises(NotMerged):
        await _unmerge(source)


async def test_given_a_chain_then_the_survivor_is_its_end_and_undoing_one_link_keeps_the_others() -> None:
    a, b, c = [await make_patient() for _ in range(3)]
    await merge(source_id=a, survivor_id=b)
    await merge(source_id=b, survivor_id=c)
    assert await _person(a) == {a, b, c}
    with pytest.raises(PatientMerged) as caught:
        await require_live_file(reading(), a)
    assert caught.value.fields["survivor_id"] == str(c)
    assert [(one.patient_id, one.merged_into) for one in await merged_files(reading(), c)] == [(a, b), (b, c)]
    assert [one.patient_id for one in await merged_files(reading(), b)] == [a]
    await _unmerge(b)
    assert await merged_files(reading(), c) == []
    assert (await _person(a), await _person(c)) == ({a, b}, {c})


async def test_given_a_merge_that_would_close_a_ring_then_it_is_refused() -> None:
    a, b = await make_patient(), await make_patient()
    await merge(source_id=a, survivor_id=b)
    for source, survivor in ((b, a), (a, b)):
        with pytest.raises(PatientMerged):
            await merge(source_id=source, survivor_id=survivor)
    with pytest.raises(MergeWithItself):
        await merge(source_id=a, survivor_id=a)
    with pytest.raises(NotFound):
        await merge(source_id=new_id(), survivor_id=b)


async def test_given_two_merges_in_opposite_directions_at_once_then_one_wins() -> None:
    for _ in range(5):
        a, b = await make_patient(), await make_patient()
        answers = await asyncio.gather(
            merge(source_id=a, survivor_id=b), merge(source_id=b, survivor_id=a), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, DomainError)]
        assert len(refused) == 1
        assert isinstance(refused[0], PatientMerged)
        assert await _person(a) == {a, b}


async def test_given_staff_without_the_right_or_no_person_then_nothing_is_merged() -> None:
    a, b = await make_patient(), await make_patient()
    command = MergePatients(source_id=a, survivor_id=b, reason="同一患者")
    for ctx in (staff_context(Permission.PATIENT_SEARCH), SYSTEM):
        with pytest.raises(Forbidden):
            await run(ctx, merge_patients, command)
    assert await _person(a) == {a}


async def test_given_a_flagged_pair_then_merging_settles_it_and_undoing_says_they_are_two() -> None:
    a, b = await make_patient(), await make_patient()

    async def flag(uow: object, _: None) -> None:
        await flag_pair(uow, a, b, MatchReason.NAME_PHONE)  # type: ignore[arg-type]

    await run(SYSTEM, flag, None)
    assert (await patient(reading(), a)).possible_duplicates == 1
    await merge(source_id=a, survivor_id=b)
    assert await _pair_status(a, b) == "merged"
    await _unmerge(a)
    assert await _pair_status(a, b) == "dismissed"


async def test_given_a_flagged_pair_then_it_can_be_dismissed_once() -> None:
    a, b = await make_patient(), await make_patient()

    async def flag(uow: object, _: None) -> None:
        await flag_pair(uow, a, b, MatchReason.NAME_PHONE)  # type: ignore[arg-type]

    await run(SYSTEM, flag, None)
    pair_id = await reading().fetch_value("SELECT id FROM patient_duplicate WHERE $1 IN (earlier_id, later_id)", a)
    await run(REGISTRAR, dismiss_duplicate, DismissDuplicate(duplicate_id=pair_id))
    assert (await patient(reading(), a)).possible_duplicates == 0
    with pytest.raises(DomainError, match="state_conflict"):
        await run(REGISTRAR, dismiss_duplicate, DismissDuplicate(duplicate_id=pair_id))


async def _pair_status(a: UUID, b: UUID) -> str:
    status: str = await reading().fetch_value(
        "SELECT status FROM patient_duplicate WHERE $1 IN (earlier_id, later_id) AND $2 IN (earlier_id, later_id)", a, b
    )
    return status
