"""Phones signed in: one account per openid, refresh tokens that rotate and tell when they were stolen."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.kernel import revocations
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.context import Actor, ActorKind, Context, system_context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.revocations import SubjectKind
from hospital_core.kernel.run import run
from hospital_core.registry.accounts import errors
from hospital_core.registry.accounts.commands import (
    BindPhone,
    RotateRefresh,
)
from hospital_core.registry.accounts.queries import (
    account_phone_masked,
    session_is_live,
)
from hospital_core.registry.accounts.service import (
    bind_phone,
    rotate,
    sign_out,
)
from hospital_core.registry.accounts.views import Rotated
from tests.fixtures.people import (
    account_ctx,
    make_account,
    unique,
)

pytestmark = pytest.mark.usefixtures("core")
READING = Reading(system_context())
ANYBODY = Context(Actor(ActorKind.ANONYMOUS))


async def _rotate(token: str) -> Rotated:
    return await run(ANYBODY, rotate, RotateRefresh(refresh_token=token))


async def _shift(table: str, row_id: UUID, column: str, by: timedelta) -> None:
    rows = await READING.fetch(
        f"UPDATE {table} SET {column} = {column} - $2::interval WHERE id = $1 RETURNING 1", row_id, by
    )
    assert len(rows) == 1


async def test_given_the_same_openid_twice_then_one_account_with_two_sessions() -> None:
    openid = unique("openid-")
    first, second = await asyncio.gather(make_account(openid=openid), make_account(openid=openid))
    assert first.account_id == second.account_id
    assert first.session_id != second.session_id
    assert (await make_account()).account_id != first.account_id


async def test_given_a_token_then_only_its_hash_is_kept() -> None:
    account = await make_account()
    row = await READING.fetch_row("SELECT * FROM refresh_session WHERE id = $1", account.session_id)
    assert row is not None
    assert account.refresh_token not in str(dict(row))
    assert account.refresh_token not in repr(account)
    assert len(account.refresh_token) == 86
    assert row["expires_at"] - row["created_at"] == timedelta(days=30)


async def test_given_a_chain_of_rotations_then_each_token_works_and_is_new() -> None:
    account = await make_account()
    tokens = [account.refresh_token]
    for _ in range(5):
        rotated = await _rotate(tokens[-1])
        assert (rotated.account_id, rotated.session_id) == (account.account_id, account.session_id)
        tokens.append(rotated.refresh_token)
    assert len(set(tokens)) == 6


async def test_given_twenty_racing_rotations_then_all_get_the_same_successor_and_the_session_lives() -> None:
    account = await make_account()
    answers = await asyncio.gather(*(_rotate(account.refresh_token) for _ in range(20)))
    assert len({answer.refresh_token for answer in answers}) == 1
    assert await session_is_live(READING, account.session_id)
    assert (await _rotate(answers[0].refresh_token)).account_id == account.account_id


async def test_given_the_predecessor_after_the_grace_then_the_whole_session_ends_and_is_revoked() -> None:
    account = await make_account()
    before = await READING.fetch_value("SELECT hospital_now()")
    rotated = await _rotate(account.refresh_token)
    await _shift("refresh_session", account.session_id, "rotated_at", timedelta(seconds=61))
    with pytest.raises(errors.SessionEnded):
        await _rotate(account.refresh_token)
    assert not await session_is_live(READING, account.session_id)
    with pytest.raises(errors.SessionEnded):
        await _rotate(rotated.refresh_token)
    told = [r for r in await revocations.revoked_since(READING, before) if r.subject_id == account.session_id]
    assert [r.subject_kind for r in told] == [SubjectKind.ACCOUNT_SESSION]
    reason = await READING.fetch_value("SELECT ended_reason FROM refresh_session WHERE id = $1", account.session_id)
    assert reason == "reuse"


async def test_given_an_answer_lost_on_a_slow_network_then_the_same_token_brings_it_again() -> None:
    """A page gives up after ten seconds; whoever tries once more then has done nothing wrong."""
    account = await make_account()
    lost = await _rotate(account.refresh_token)
    await _shift("refresh_session", account.session_id, "rotated_at", timedelta(seconds=30))
    assert (await _rotate(account.refresh_token)).refresh_token == lost.refresh_token
    assert await session_is_live(READING, account.session_id)


async def test_given_a_token_two_generations_old_then_not_even_the_grace_helps() -> None:
    account = await make_account()
    second = await _rotate(account.refresh_token)
    await _rotate(second.refresh_token)
    with pytest.raises(errors.SessionEnded):
        await _rotate(account.refresh_token)
    assert not await session_is_live(READING, account.session_id)


async def test_given_a_forged_token_then_it_is_refused_and_the_session_named_in_it_lives_on() -> None:
    account = await make_account()
    middle = len(account.refresh_token) // 2
    other = "A" if account.refresh_token[middle] != "A" else "B"
    forged = account.refresh_token[:middle] + other + account.refresh_token[middle + 1 :]
    for token in (forged, "", "x" * 86, "令牌", account.refresh_token + "A"):
        with pytest.raises(errors.SessionEnded):
            await _rotate(token)
    assert await session_is_live(READING, account.session_id)


async def test_given_thirty_days_or_a_disabled_account_or_a_sign_out_then_no_rotation() -> None:
    old, disabled, gone = await make_account(), await make_account(), await make_account()
    await _shift("refresh_session", old.session_id, "expires_at", timedelta(days=30))
    await READING.fetch("UPDATE patient_account SET disabled_at = now() WHERE id = $1 RETURNING 1", disabled.account_id)
    await run(account_ctx(gone), sign_out, Empty())
    for account in (old, disabled, gone):
        with pytest.raises(errors.SessionEnded):
            await _rotate(account.refresh_token)
        assert not await session_is_live(READING, account.session_id)


async def test_given_a_verified_phone_then_it_is_sealed_and_shown_masked() -> None:
    openid = unique("openid-")
    account = await make_account(openid=openid)
    assert account.phone_masked is None
    assert (
        await run(account_ctx(account), bind_phone, BindPhone(phone="+86 199 0000 2222"))
    ).phone_masked == "199****2222"
    assert (await make_account(openid=openid)).phone_masked == "199****2222"
    assert await account_phone_masked(READING, account.account_id) == "199****2222"
    row = await READING.fetch_row("SELECT * FROM patient_account WHERE id = $1", account.account_id)
    assert "19900002222" not in str(dict(row or {}))
