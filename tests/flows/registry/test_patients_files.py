"""Opening files: one document, one file, whoever asks and however many at once."""

import asyncio
from datetime import date
from uuid import UUID

import asyncpg
import pytest

from hospital_core.kernel import relay
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import FieldProblem, Forbidden
from hospital_core.kernel.numbers import NumberKind, is_valid_number
from hospital_core.kernel.run import run
from hospital_core.registry.patients.commands import AddIdentifier, ChangePhone, CompleteTemporaryFile, RetireIdentifier
from hospital_core.registry.patients.errors import IdentifierTaken, NotTemporary
from hospital_core.registry.patients.queries import open_duplicates, patient, phone_of
from hospital_core.registry.patients.service import (
    add_identifier,
    change_phone,
    complete_temporary_file,
    files,
    find_or_create_patient,
    retire_identifier,
)
from hospital_core.registry.patients.states import DocumentKind, IdentifierStatus, MatchReason, Sex, TemporaryReason
from hospital_core.registry.staff.permissions import Permission
from tests.fixtures.engines import Engines
from tests.fixtures.registry import (
    make_national_id,
    make_patient,
    make_temporary_patient,
    reading,
    register,
    staff_context,
)

pytestmark = pytest.mark.usefixtures("core")

SYSTEM = system_context()


async def test_given_an_unknown_document_then_a_file_is_opened_with_what_the_number_says() -> None:
    number = make_national_id(birth_date=date(1985, 6, 1), sex=Sex.MALE)
    found = await run(SYSTEM, find_or_create_patient, register(document_no=number, name="单雄信", phone="13800138000"))
    view = await patient(reading(), found.patient_id)
    assert found.created
    assert is_valid_number(NumberKind.PATIENT, view.patient_no)
    assert (view.name, view.sex, view.birth_date, view.temporary) == ("单雄信", Sex.MALE, date(1985, 6, 1), False)
    assert view.phone_masked == "138****8000"
    assert view.document_masked == number[:3] + "*" * 11 + number[-4:]
    initials = await reading().fetch_value("SELECT initials FROM patient WHERE id = $1", found.patient_id)
    assert initials == "sxx"


async def test_given_a_known_document_then_its_file_is_found_and_nothing_of_it_changes() -> None:
    number = make_national_id()
    patient_id = await make_patient(document_no=number, name="张三", phone="13800138001")
    before = await patient(reading(), patient_id)
    same = await run(SYSTEM, find_or_create_patient, register(document_no=number.lower(), name="张三"))
    other = await run(SYSTEM, find_or_create_patient, register(document_no=number, name="李四", phone="13900139000"))
    assert (same.patient_id, same.created, same.name_matches) == (patient_id, False, True)
    assert (other.patient_id, other.created, other.name_matches) == (patient_id, False, False)
    assert await patient(reading(), patient_id) == before


async def test_given_the_household_book_of_a_known_card_then_the_same_file_is_found() -> None:
    number = make_national_id()
    patient_id = await make_patient(document_no=number)
    book = register(document_kind=DocumentKind.HOUSEHOLD_BOOK, document_no=number)
    assert (await run(SYSTEM, find_or_create_patient, book)).patient_id == patient_id


async def test_given_twenty_registrations_of_one_document_at_once_then_one_file() -> None:
    number = make_national_id()
    commands = [register(document_no=number, name="赵一鸣") for _ in range(20)]
    found = await asyncio.gather(*(run(SYSTEM, find_or_create_patient, command) for command in commands))
    assert len({answer.patient_id for answer in found}) == 1
    assert sum(answer.created for answer in found) == 1
    assert await _files_named("赵一鸣") == 1


async def test_without_the_unique_index_the_same_registrations_open_several_files(
    core: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the constraint that makes one file of twenty registrations."""
    guard = "ON CONFLICT (kind, value_index) WHERE status = 'active' DO NOTHING"
    assert guard in files._OPEN_BY_DOCUMENT
    monkeypatch.setattr(files, "_OPEN_BY_DOCUMENT", files._OPEN_BY_DOCUMENT.replace(guard, ""))
    number = make_national_id()
    owner = await asyncpg.connect(core.owner)
    index = await owner.fetchval("SELECT pg_get_indexdef('identifier_names_one_patient'::regclass)")
    await owner.execute("DROP INDEX identifier_names_one_patient")
    try:
        commands = [register(document_no=number, name="钱二鸣") for _ in range(20)]
        await asyncio.gather(*(run(SYSTEM, find_or_create_patient, command) for command in commands))
        assert await _files_named("钱二鸣") > 1
    finally:
        await owner.execute(
            "UPDATE patient_identifier SET status = 'entered-in-error' "
            "WHERE patient_id IN (SELECT id FROM patient WHERE name = '钱二鸣')"
        )
        await owner.execute(index)
        await owner.close()


async def test_given_the_statement_without_its_conflict_clause_then_the_index_still_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard = "ON CONFLICT (kind, value_index) WHERE status = 'active' DO NOTHING"
    monkeypatch.setattr(files, "_OPEN_BY_DOCUMENT", files._OPEN_BY_DOCUMENT.replace(guard, ""))
    command = register(name="孙三鸣")
    answers = await asyncio.gather(
        *(run(SYSTEM, find_or_create_patient, command) for _ in range(20)), return_exceptions=True
    )
    assert await _files_named("孙三鸣") == 1
    assert {type(answer) for answer in answers if isinstance(answer, BaseException)} <= {IdentifierTaken}


async def test_given_the_database_then_neither_number_nor_telephone_can_be_read_there() -> None:
    number = make_national_id()
    patient_id = await make_patient(document_no=number, phone="13700137000")
    row = await reading().fetch_row(
        "SELECT p::text || i::text AS all FROM patient p JOIN patient_identifier i ON i.patient_id = p.id "
        "WHERE p.id = $1",
        patient_id,
    )
    assert row is not None
    for secret in (number, "13700137000"):
        assert secret not in row["all"]
        assert secret.encode().hex() not in row["all"]
    audit = await reading().fetch("SELECT a::text AS line FROM audit_row a WHERE patient_id = $1", patient_id)
    assert audit
    assert not any("张三" in line["line"] or number in line["line"] for line in audit)
    assert await phone_of(reading(), patient_id) == "13700137000"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"document_no": "110101199003070021"}, "/document_no"),
        ({"name": "<script>alert(1)</script>"}, "/name"),
        ({"phone": "12345"}, "/phone"),
        ({"birth_date": date(2001, 1, 1)}, "/birth_date"),
        ({"temporary_reason": "newborn"}, "/temporary_reason"),
        ({"document_kind": "passport", "document_no": "E98765432", "sex": "male"}, "/birth_date"),
        ({"document_kind": "none_yet", "document_no": None}, "/temporary_reason"),
        ({"document_kind": "none_yet", "document_no": "1", "temporary_reason": "newborn"}, "/document_no"),
        (
            {"document_kind": "none_yet", "temporary_reason": "newborn", "birth_date": date(2100, 1, 1)},
            "/birth_date",
        ),
    ],
)
async def test_given_a_wrong_field_then_it_is_named_and_nothing_is_opened(
    changes: dict[str, object], pointer: str
) -> None:
    before = await reading().fetch_value("SELECT count(*) FROM patient")
    with pytest.raises(FieldProblem) as caught:
        await make_patient(**changes)
    assert caught.value.fields["errors"][0]["pointer"] == pointer
    assert await reading().fetch_value("SELECT count(*) FROM patient") == before


async def test_given_nobody_can_name_the_patient_then_each_gets_a_flagged_file() -> None:
    one = await make_temporary_patient(name="无名氏01")
    other = await make_temporary_patient(name="无名氏01")
    view = await patient(reading(), one)
    assert one != other
    assert (view.temporary, view.temporary_reason) == (True, TemporaryReason.UNCONSCIOUS)
    assert (view.document_masked, view.age) == ("", "年龄不详")


async def test_given_the_document_turns_up_then_the_temporary_file_is_completed() -> None:
    patient_id = await make_temporary_patient()
    number = make_national_id(birth_date=date(1970, 1, 2), sex=Sex.MALE)
    command = CompleteTemporaryFile(
        patient_id=patient_id, document_kind=DocumentKind.NATIONAL_ID, document_no=number, name="周四海"
    )
    assert (await run(SYSTEM, complete_temporary_file, command)).added
    view = await patient(reading(), patient_id)
    assert (view.temporary, view.temporary_reason, view.name, view.sex) == (False, None, "周四海", Sex.MALE)
    assert (await run(SYSTEM, find_or_create_patient, register(document_no=number))).patient_id == patient_id
    with pytest.raises(NotTemporary):
        await run(SYSTEM, complete_temporary_file, command)


async def test_given_the_document_has_a_file_already_then_the_pair_is_flagged_and_nothing_is_merged() -> None:
    number = make_national_id()
    known = await make_patient(document_no=number)
    unknown = await make_temporary_patient()
    command = CompleteTemporaryFile(
        patient_id=unknown, document_kind=DocumentKind.NATIONAL_ID, document_no=number, name="张三"
    )
    answer = await run(SYSTEM, complete_temporary_file, command)
    assert (answer.added, answer.duplicate_of) == (False, known)
    assert (await patient(reading(), unknown)).temporary
    assert await _reasons(known, unknown) == [MatchReason.SAME_DOCUMENT]


async def test_given_a_further_document_then_it_names_the_same_file_until_it_is_retired() -> None:
    patient_id = await make_patient()
    add = AddIdentifier(patient_id=patient_id, document_kind=DocumentKind.PASSPORT, document_no=_passport())
    assert (await run(SYSTEM, add_identifier, add)).added
    assert (await run(SYSTEM, add_identifier, add)).added, "twice is once"
    by_passport = register(
        document_kind=DocumentKind.PASSPORT, document_no=add.document_no, birth_date=date(1990, 3, 7), name="张三"
    )
    assert (await run(SYSTEM, find_or_create_patient, by_passport)).patient_id == patient_id
    view = await patient(reading(), patient_id)
    assert view.document_kind is DocumentKind.NATIONAL_ID
    (passport,) = [i for i in view.identifiers if i.kind is DocumentKind.PASSPORT]
    await run(SYSTEM, retire_identifier, RetireIdentifier(identifier_id=passport.id))
    after = await patient(reading(), patient_id)
    assert [i.status for i in after.identifiers if i.id == passport.id] == [IdentifierStatus.RETIRED]
    assert (await run(SYSTEM, find_or_create_patient, by_passport)).created


async def test_given_staff_without_the_right_then_documents_and_telephones_stay_as_they_are() -> None:
    patient_id = await make_patient()
    ctx = staff_context(Permission.PATIENT_READ)
    with pytest.raises(Forbidden):
        await run(ctx, change_phone, ChangePhone(patient_id=patient_id, phone="13800138000"))
    add = AddIdentifier(patient_id=patient_id, document_kind=DocumentKind.PASSPORT, document_no=_passport())
    with pytest.raises(Forbidden):
        await run(ctx, add_identifier, add)


async def test_given_lookalikes_then_they_are_flagged_once_and_strangers_are_not() -> None:
    born = date(1961, 7, 7)
    first = await make_patient(name="郑重合", document_no=make_national_id(birth_date=born))
    second = await make_patient(name="郑重合", document_no=make_national_id(birth_date=born))
    stranger = await make_patient(name="郑重合", document_no=make_national_id(birth_date=date(1962, 7, 7)))
    await relay.drain()
    assert await _reasons(first, second) == [MatchReason.NAME_BIRTH_SEX]
    assert await _reasons(first, stranger) == []
    assert (await patient(reading(), first)).possible_duplicates == 1
    phone = await phone_of(reading(), first)
    await run(SYSTEM, change_phone, ChangePhone(patient_id=stranger, phone=str(phone)))
    await relay.drain()
    assert await _reasons(first, stranger) == [MatchReason.NAME_PHONE]
    listed, cursor = [], None
    while not listed or cursor:
        page = await open_duplicates(reading(), UUID(cursor) if cursor else None, 500)
        listed, cursor = [*listed, *page.items], page.next_cursor
    shown = [row for row in listed if {row.earlier.id, row.later.id} == {first, second}]
    assert len(shown) == 1


async def _reasons(one: UUID, other: UUID) -> list[str]:
    rows = await reading().fetch(
        "SELECT reason FROM patient_duplicate WHERE earlier_id = least($1::uuid, $2::uuid) "
        "AND later_id = greatest($1::uuid, $2::uuid)",
        one, other,
    )  # fmt: skip
    return [row["reason"] for row in rows]


async def _files_named(name: str) -> int:
    count: int = await reading().fetch_value("SELECT count(*) FROM patient WHERE name = $1", name)
    return count


def _passport() -> str:
    return "E" + make_national_id()[6:14] + make_national_id()[2:6]
