"""Proving links: codes to the file's phone, cards at kiosk and counter, and whose link is whose."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hospital_core.kernel import ports, relay
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.errors import Forbidden, NotFound, OutsideUnavailable, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.accounts import errors
from hospital_core.registry.accounts.commands import (
    BindPhone,
    ProveByCard,
    ProveLink,
    RevokeLink,
    SendProofCode,
)
from hospital_core.registry.accounts.ports import SmsSender
from hospital_core.registry.accounts.queries import (
    link_basis,
    linked_patients,
)
from hospital_core.registry.accounts.service import (
    bind_phone,
    prove_by_card,
    prove_link,
    revoke_link,
    send_proof_code,
)
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.accounts.views import SignedIn
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.people import (
    account_ctx,
    make_account,
    make_link,
    make_staff,
    register,
    somebody,
)

pytestmark = pytest.mark.usefixtures("core")
READING = Reading(system_context())
ANYBODY = Context(Actor(ActorKind.ANONYMOUS))
PHONE = "19900001111"


@dataclass
class Outbox:
    """Short messages in memory; ``failures`` of them are refused first."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    failures: int = 0

    async def send_proof_code(self, phone: str, code: str, valid_minutes: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OutsideUnavailable()
        assert 1 <= valid_minutes <= 10
        self.sent.append((phone, code))


@pytest.fixture
def sms() -> Outbox:
    outbox = Outbox()
    ports.provide(SmsSender, outbox)
    return outbox


async def _shift(table: str, row_id: UUID, column: str, by: timedelta) -> None:
    rows = await READING.fetch(
        f"UPDATE {table} SET {column} = {column} - $2::interval WHERE id = $1 RETURNING 1", row_id, by
    )
    assert len(rows) == 1


async def _send(account: SignedIn, link_id: UUID) -> None:
    await run(account_ctx(account), send_proof_code, SendProofCode(link_id=link_id))


async def test_given_the_right_code_then_the_link_is_proven_and_shows_what_was_hidden(sms: Outbox) -> None:
    person, account = somebody(), await make_account()
    patient_id = await register(person=person, phone=PHONE)
    link = await make_link(account=account, person=person)
    sent = await run(account_ctx(account), send_proof_code, SendProofCode(link_id=link.link_id))
    assert "1111" not in sent.sent_to_masked
    await relay.drain()
    ((phone, code),) = sms.sent
    assert phone == PHONE
    proven = await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=code))
    assert (proven.proven, proven.patient_id) == (True, patient_id)
    assert proven.document_masked == f"119***********{person.document_no[-4:]}"
    assert proven.patient_no is not None
    basis = await link_basis(READING, account.account_id, patient_id)
    assert basis is not None
    assert basis.proven_at is not None
    with pytest.raises(errors.AlreadyProven):
        await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=code))
    with pytest.raises(errors.AlreadyProven):
        await _send(account, link.link_id)


async def test_given_a_file_without_phone_or_opened_by_this_link_then_the_same_answer_and_no_message(
    sms: Outbox,
) -> None:
    silent, own = somebody(), somebody()
    await register(person=silent)
    account = await make_account()
    await run(account_ctx(account), bind_phone, BindPhone(phone="19900003333"))
    for person in (silent, own):
        link = await make_link(account=account, person=person)
        answer = await run(account_ctx(account), send_proof_code, SendProofCode(link_id=link.link_id))
        assert set(answer.model_dump()) == {"sent_to_masked", "expires_at"}
        with pytest.raises(errors.ProofCodeWrong):
            await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code="000000"))
    await relay.drain()
    assert sms.sent == []


async def test_given_a_phone_that_an_account_wrote_into_the_file_then_no_code_goes_there(sms: Outbox) -> None:
    """Whoever opens a stranger's file from a phone types their own number into it: a code sent there proves nothing."""
    victim, opener, helper = somebody(), await make_account(), await make_account()
    for account in (opener, helper):
        await run(account_ctx(account), bind_phone, BindPhone(phone="19900004444"))
    first = await make_link(account=opener, person=victim, relation=Relation.SELF)
    other = await make_link(account=helper, person=victim)
    await run(account_ctx(opener), revoke_link, RevokeLink(link_id=first.link_id))
    again = await make_link(account=opener, person=victim)
    for account, link in ((opener, again), (helper, other)):
        await _send(account, link.link_id)
        with pytest.raises(errors.ProofCodeWrong):
            await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code="000000"))
    await relay.drain()
    assert sms.sent == []


async def test_given_the_account_that_opened_the_file_was_proven_by_card_then_its_phone_gets_codes(sms: Outbox) -> None:
    person, mother, father = somebody(), await make_account(), await make_account()
    await run(account_ctx(mother), bind_phone, BindPhone(phone="19900005555"))
    opened = await make_link(account=mother, person=person, relation=Relation.SELF)
    registrar = await make_staff(roles=[StaffRole.REGISTRAR])
    by_card = ProveByCard(account_id=mother.account_id, patient_id=opened.patient_id)
    assert (await run(registrar.ctx(), prove_by_card, by_card)).proven == 1
    link = await make_link(account=father, person=person)
    await _send(father, link.link_id)
    await relay.drain()
    ((phone, code),) = sms.sent
    assert phone == "19900005555"
    assert (await run(account_ctx(father), prove_link, ProveLink(link_id=link.link_id, code=code))).proven


async def test_given_the_code_then_it_stands_nowhere_in_the_database(sms: Outbox) -> None:
    person, account = somebody(), await make_account()
    await register(person=person, phone=PHONE)
    link = await make_link(account=account, person=person)
    await _send(account, link.link_id)
    await relay.drain()
    ((_, code),) = sms.sent
    (challenge,) = await READING.fetch("SELECT * FROM proof_challenge WHERE link_id = $1", link.link_id)
    (event,) = await READING.fetch(
        "SELECT payload FROM outbox_event WHERE payload->>'challenge_id' = $1", str(challenge["id"])
    )
    assert f'"{code}"' not in event["payload"]
    assert code.encode() not in bytes(challenge["code_hash"])
    assert PHONE not in event["payload"]


async def test_given_five_wrong_codes_then_the_right_one_is_refused_and_a_new_link_does_not_help(sms: Outbox) -> None:
    person, account = somebody(), await make_account()
    await register(person=person, phone=PHONE)
    link = await make_link(account=account, person=person)
    await _send(account, link.link_id)
    await relay.drain()
    code = sms.sent[-1][1]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    guesses = (run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=wrong)) for _ in range(12))
    results: list[Any] = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(result, errors.ProofCodeWrong) for result in results) == 5
    with pytest.raises(TooManyAttempts):
        await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=code))
    await run(account_ctx(account), revoke_link, RevokeLink(link_id=link.link_id))
    again = await make_link(account=account, person=person)
    await _send(account, again.link_id)
    await relay.drain()
    with pytest.raises(TooManyAttempts):
        await run(account_ctx(account), prove_link, ProveLink(link_id=again.link_id, code=sms.sent[-1][1]))


async def test_given_an_old_or_expired_or_used_code_then_it_is_wrong(sms: Outbox) -> None:
    person, account = somebody(), await make_account()
    await register(person=person, phone=PHONE)
    link = await make_link(account=account, person=person)
    for _ in range(2):
        await _send(account, link.link_id)
        await relay.drain()
    first, second = (code for _, code in sms.sent)
    if first != second:
        with pytest.raises(errors.ProofCodeWrong):
            await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=first))
    newest = await READING.fetch_value(
        "SELECT id FROM proof_challenge WHERE link_id = $1 ORDER BY created_at DESC LIMIT 1", link.link_id
    )
    await _shift("proof_challenge", newest, "expires_at", timedelta(minutes=10))
    with pytest.raises(errors.ProofCodeWrong):
        await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=second))


async def test_given_three_codes_within_an_hour_then_the_fourth_waits_also_after_linking_anew(sms: Outbox) -> None:
    person, account = somebody(), await make_account()
    await register(person=person, phone=PHONE)
    link = await make_link(account=account, person=person)
    results = await asyncio.gather(*(_send(account, link.link_id) for _ in range(5)), return_exceptions=True)
    assert results.count(None) == 3
    await run(account_ctx(account), revoke_link, RevokeLink(link_id=link.link_id))
    again = await make_link(account=account, person=person)
    with pytest.raises(errors.TooManyProofCodes) as refusal:
        await _send(account, again.link_id)
    assert 3500 < refusal.value.fields["retry_after"] <= 3601


async def test_given_many_accounts_after_one_file_then_its_phone_rings_five_times_an_hour(sms: Outbox) -> None:
    person = somebody()
    await register(person=person, phone=PHONE)
    for _ in range(7):
        account = await make_account()
        link = await make_link(account=account, person=person)
        await _send(account, link.link_id)
    await relay.drain()
    assert len(sms.sent) == 5


async def test_given_a_sender_that_fails_then_the_same_code_is_sent_later(sms: Outbox) -> None:
    person, account = somebody(), await make_account()
    await register(person=person, phone=PHONE)
    link = await make_link(account=account, person=person)
    sms.failures = 1
    await _send(account, link.link_id)
    await relay.drain()
    assert sms.sent == []
    await READING.fetch(
        "UPDATE outbox_delivery d SET not_before = hospital_now() FROM outbox_event e, proof_challenge c "
        "WHERE e.id = d.event_id AND e.payload->>'challenge_id' = c.id::text AND c.link_id = $1 RETURNING 1",
        link.link_id,
    )
    await relay.drain()
    assert (await run(account_ctx(account), prove_link, ProveLink(link_id=link.link_id, code=sms.sent[0][1]))).proven


async def test_given_the_card_at_counter_or_kiosk_then_only_the_named_accounts_link_is_proven() -> None:
    person = somebody()
    patient_id = await register(person=person)
    named, stranger, third = await make_account(), await make_account(), await make_account()
    for account in (named, stranger, third):
        await make_link(account=account, person=person)
    registrar = await make_staff(roles=[StaffRole.REGISTRAR])
    by_card = ProveByCard(account_id=named.account_id, patient_id=patient_id)
    assert (await run(registrar.ctx(), prove_by_card, by_card)).proven == 1
    kiosk = Actor(ActorKind.KIOSK_SESSION, new_id(), device_id=new_id(), patient_id=patient_id)
    at_kiosk = ProveByCard(account_id=third.account_id, patient_id=patient_id)
    with pytest.raises(Forbidden):
        await run(Context(kiosk, proof="appointment_qr"), prove_by_card, at_kiosk)
    elsewhere = Actor(ActorKind.KIOSK_SESSION, new_id(), device_id=new_id(), patient_id=new_id())
    with pytest.raises(Forbidden):
        await run(Context(elsewhere, proof="id_card"), prove_by_card, at_kiosk)
    assert (await run(Context(kiosk, proof="id_card"), prove_by_card, at_kiosk)).proven == 1
    proofs = await READING.fetch(
        "SELECT account_id, proof FROM account_link WHERE patient_id = $1 AND proven_at IS NOT NULL", patient_id
    )
    assert {row["account_id"]: row["proof"] for row in proofs} == {
        named.account_id: "counter_card", third.account_id: "kiosk_card",
    }  # fmt: skip


# Whose is whose


async def test_given_somebody_elses_link_then_it_does_not_exist(sms: Outbox) -> None:
    owner, other = await make_account(), await make_account()
    link = await make_link(account=owner, person=somebody())
    calls: list[tuple[Any, Any]] = [
        (send_proof_code, SendProofCode(link_id=link.link_id)),
        (prove_link, ProveLink(link_id=link.link_id, code="123456")),
        (revoke_link, RevokeLink(link_id=link.link_id)),
    ]
    doctor = await make_staff()
    for service, command in calls:
        with pytest.raises(NotFound):
            await run(account_ctx(other), service, command)
        for ctx in (ANYBODY, doctor.ctx()):
            with pytest.raises(Unauthenticated):
                await run(ctx, service, command)
    for ctx in (account_ctx(owner), doctor.ctx(), ANYBODY):
        with pytest.raises(Forbidden):
            await run(ctx, prove_by_card, ProveByCard(account_id=owner.account_id, patient_id=link.patient_id))
    assert len(await linked_patients(READING, owner.account_id)) == 1
