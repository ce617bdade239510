"""Linking patients: answers that tell nothing, five places, guardians for minors."""

import asyncio
import re

import pytest

from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts import errors
from hospital_core.registry.accounts.commands import (
    AddPatient,
    RevokeLink,
)
from hospital_core.registry.accounts.queries import (
    link_basis,
    linked_patients,
)
from hospital_core.registry.accounts.service import (
    add_patient,
    revoke_link,
)
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.accounts.views import LinkView, SignedIn
from hospital_core.registry.patients.states import DocumentKind
from tests.fixtures.people import (
    Person,
    account_ctx,
    born,
    make_account,
    make_link,
    national_id,
    register,
    somebody,
    unique,
)

pytestmark = pytest.mark.usefixtures("core")
READING = Reading(system_context())
PHONE = "19900001111"


async def _adult(account: SignedIn) -> LinkView:
    return await make_link(account=account, person=somebody(years=40), relation=Relation.SELF)


async def test_given_a_new_and_an_existing_file_then_the_answers_have_the_same_shape_and_hide_the_same() -> None:
    old = somebody(name="欧阳雪")
    await register(person=old, phone=PHONE)
    new = somebody(name="欧阳雪")
    account = await make_account()
    answers = [await make_link(account=account, person=person) for person in (old, new)]
    shown = [answer.model_dump(exclude={"link_id", "patient_id", "linked_at", "is_default"}) for answer in answers]
    assert shown[0] == shown[1]
    assert shown[0] == {
        "name_masked": "欧阳*",
        "relation": Relation.OTHER,
        "proven": False,
        "document_masked": None,
        "patient_no": None,
    }
    # Ids that carry the time they were made would tell them apart.
    assert [answer.patient_id.version for answer in answers] == [4, 4]
    assert await linked_patients(READING, account.account_id) == answers
    for answer in answers:
        basis = await link_basis(READING, account.account_id, answer.patient_id)
        assert basis is not None
        assert (basis.linked_at, basis.proven_at) == (answer.linked_at, None)


async def test_given_another_name_for_a_known_document_then_a_neutral_refusal_and_a_limit() -> None:
    person = somebody(name="陈思远")
    await register(person=person)
    account = await make_account()
    for _ in range(5):
        with pytest.raises(errors.LinkRefused) as refusal:
            await make_link(account=account, person=Person("陈思源", person.document_no))
        assert (refusal.value.detail, refusal.value.fields) == (None, {})
        assert not re.search("姓名|存在|档案", refusal.value.title)
    with pytest.raises(TooManyAttempts):
        await make_link(account=account, person=person)
    assert await linked_patients(READING, account.account_id) == []
    assert (await make_link(account=await make_account(), person=person)).name_masked == "陈*远"


async def test_given_another_birth_date_for_a_known_passport_then_the_same_refusal() -> None:
    account = await make_account()
    passport = f"E{int(unique('')) % 10**8:08d}"
    command = AddPatient(
        name="张伟", document_kind=DocumentKind.PASSPORT, document_no=passport, sex="male", birth_date=born(40),
        relation=Relation.OTHER,
    )  # fmt: skip
    await run(account_ctx(account), add_patient, command)
    another = await make_account()
    with pytest.raises(errors.LinkRefused):
        await run(account_ctx(another), add_patient, command.model_copy(update={"birth_date": born(41)}))


async def test_given_six_patients_at_once_then_five_are_linked() -> None:
    account = await make_account()
    adds = (make_link(account=account, person=somebody()) for _ in range(8))
    results = await asyncio.gather(*adds, return_exceptions=True)
    assert sum(isinstance(result, LinkView) for result in results) == 5
    assert sum(isinstance(result, errors.TooManyLinks) for result in results) == 3
    places = await READING.fetch(
        "SELECT place FROM account_link WHERE account_id = $1 AND status = 'active' ORDER BY 1", account.account_id
    )
    assert [row["place"] for row in places] == [1, 2, 3, 4, 5]


async def test_without_the_service_the_unique_index_still_keeps_it_at_five() -> None:
    """The control from the other side: inserts around the lock hit the database's own rule."""
    account = await make_account()
    for _ in range(5):
        await make_link(account=account, person=somebody())
    patient_id = await register(person=somebody())

    async def around(uow: UnitOfWork, _: Empty) -> None:
        await uow.execute(
            "INSERT INTO account_link (id, version, account_id, patient_id, relation, place, status, linked_at) "
            "VALUES ($1, 0, $2, $3, 'other', 5, 'active', $4)",
            new_id(), account.account_id, patient_id, uow.now,
        )  # fmt: skip

    with pytest.raises(errors.TooManyLinks):
        await run(system_context(), around, Empty())


async def test_given_a_removed_patient_then_the_lowest_place_is_used_again() -> None:
    account = await make_account()
    links = [await make_link(account=account, person=somebody()) for _ in range(3)]
    await run(account_ctx(account), revoke_link, RevokeLink(link_id=links[1].link_id))
    fresh = await make_link(account=account, person=somebody())
    ids = [link.link_id for link in await linked_patients(READING, account.account_id)]
    assert ids == [links[0].link_id, fresh.link_id, links[2].link_id]
    assert await link_basis(READING, account.account_id, links[1].patient_id) is None


async def test_given_the_same_patient_or_a_second_self_then_it_is_said() -> None:
    account, person = await make_account(), somebody()
    await make_link(account=account, person=person, relation=Relation.SELF)
    with pytest.raises(errors.AlreadyLinked):
        await make_link(account=account, person=person)
    with pytest.raises(errors.SelfAlreadyLinked):
        await make_link(account=account, person=somebody(), relation=Relation.SELF)


async def test_given_ten_links_within_a_day_then_no_more_that_day() -> None:
    account = await make_account()
    for _ in range(10):
        link = await make_link(account=account, person=somebody())
        await run(account_ctx(account), revoke_link, RevokeLink(link_id=link.link_id))
    with pytest.raises(errors.LinkedTooOften) as refusal:
        await make_link(account=account, person=somebody())
    assert 86_000 < refusal.value.fields["retry_after"] <= 86_401


# Guardians


@pytest.mark.parametrize(
    ("relation", "years", "refusal"),
    [
        (Relation.SELF, 13, errors.RelationNotForAge),
        (Relation.SELF, 14, None),
        (Relation.CHILD, 0, None),
        (Relation.CHILD, 17, None),
        (Relation.CHILD, 18, errors.RelationNotForAge),
        (Relation.SPOUSE, 17, errors.RelationNotForAge),
        (Relation.SPOUSE, 18, None),
        (Relation.PARENT, 13, errors.RelationNotForAge),
        (Relation.OTHER, 13, errors.RelationNotForAge),
        (Relation.OTHER, 18, None),
    ],
)
async def test_given_relation_and_age_then_only_guardians_act_for_minors(
    relation: Relation, years: int, refusal: type[Exception] | None
) -> None:
    account = await make_account()
    if relation is not Relation.SELF:
        await _adult(account)
    if refusal is None:
        assert (await make_link(account=account, person=somebody(years=years), relation=relation)).relation == relation
        return
    with pytest.raises(refusal):
        await make_link(account=account, person=somebody(years=years), relation=relation)


async def test_given_no_adult_holder_then_no_child_is_linked() -> None:
    stranger, minor = await make_account(), await make_account()
    with pytest.raises(errors.GuardianNeeded):
        await make_link(account=stranger, person=somebody(years=5), relation=Relation.CHILD)
    await make_link(account=minor, person=somebody(years=16), relation=Relation.SELF)
    with pytest.raises(errors.GuardianNeeded):
        await make_link(account=minor, person=somebody(years=2), relation=Relation.CHILD)


async def test_given_a_linked_child_then_the_guardian_stays_until_the_child_is_removed() -> None:
    account = await make_account()
    holder = await _adult(account)
    child = await make_link(account=account, person=somebody(years=5), relation=Relation.CHILD)
    with pytest.raises(errors.GuardianStillNeeded):
        await run(account_ctx(account), revoke_link, RevokeLink(link_id=holder.link_id))
    await run(account_ctx(account), revoke_link, RevokeLink(link_id=child.link_id))
    await run(account_ctx(account), revoke_link, RevokeLink(link_id=holder.link_id))
    assert await linked_patients(READING, account.account_id) == []


async def test_given_a_child_who_turns_eighteen_then_the_guardians_link_is_over() -> None:
    account = await make_account()
    await _adult(account)
    person = somebody(years=17)
    child = await make_link(account=account, person=person, relation=Relation.CHILD)
    await READING.fetch("UPDATE patient SET birth_date = $2 WHERE id = $1 RETURNING 1", child.patient_id, born(18))
    assert await link_basis(READING, account.account_id, child.patient_id) is None
    assert child.link_id not in {link.link_id for link in await linked_patients(READING, account.account_id)}
    again = await make_link(account=account, person=person, relation=Relation.OTHER)
    assert again.patient_id == child.patient_id
    status = await READING.fetch_value("SELECT status FROM account_link WHERE id = $1", child.link_id)
    assert status == "revoked"


async def test_given_no_document_or_a_wrong_check_digit_then_the_phone_is_no_place_to_register() -> None:
    account = await make_account()
    command = AddPatient(name="陈思远", document_kind=DocumentKind.NONE_YET, document_no="1", relation=Relation.OTHER)
    with pytest.raises(FieldProblem):
        await run(account_ctx(account), add_patient, command)
    number = national_id()
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    with pytest.raises(FieldProblem):
        await make_link(account=account, person=Person("陈思远", wrong))


async def test_given_commands_of_accounts_then_the_audit_trail_names_them_without_persons() -> None:
    person, account = somebody(), await make_account()
    link = await make_link(account=account, person=person)
    rows = await READING.fetch("SELECT a.*, a::text AS line FROM audit_row a WHERE object_id = $1", link.link_id)
    assert [(row["action"], row["actor_id"], row["patient_id"]) for row in rows] == [
        ("accounts.add_patient", account.account_id, link.patient_id)
    ]
    assert person.document_no not in rows[0]["line"]
    assert person.name not in rows[0]["line"]
