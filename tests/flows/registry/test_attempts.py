"""Limits on guessing: counted although the command rolls back, exact under parallel guesses, forgiven by success."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose, TooManyAttempts
from hospital_core.kernel.commands import Command, Done, Empty
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork

pytestmark = pytest.mark.usefixtures("core")
GUESS = Purpose("test_guess")


class Spend(Command):
    """One use of a ration."""

    subject: UUID
    fail: bool = False


async def _failures(subject: object) -> int | None:
    count: int | None = await Reading(system_context()).fetch_value(
        "SELECT failures FROM attempt_limit WHERE purpose = 'test_guess' AND subject = $1", str(subject)
    )
    return count


async def _move(subject: object, column: str, by: timedelta) -> None:
    await Reading(system_context()).fetch(
        f"UPDATE attempt_limit SET {column} = {column} - $2::interval WHERE subject = $1 RETURNING 1", str(subject), by
    )


async def test_given_five_failures_then_the_sixth_try_is_refused_with_the_time_to_wait() -> None:
    subject = new_id()
    for _ in range(5):
        await attempts.guard(GUESS, subject)
        await attempts.failed(GUESS, subject)
    with pytest.raises(TooManyAttempts) as refusal:
        await attempts.guard(GUESS, subject)
    assert 890 <= refusal.value.fields["retry_after"] <= 900
    await attempts.guard(GUESS, new_id())
    await attempts.guard(Purpose("another"), subject)


async def test_given_fifty_parallel_failures_then_five_count_and_the_subject_is_locked() -> None:
    subject = new_id()
    results = await asyncio.gather(*(attempts.failed(GUESS, subject) for _ in range(50)), return_exceptions=True)
    assert [r for r in results if r is not None and not isinstance(r, TooManyAttempts)] == []
    assert results.count(None) == 5, "every guess after the fifth hears of the lock, not of its own worth"
    assert await _failures(subject) == 5
    with pytest.raises(TooManyAttempts):
        await attempts.guard(GUESS, subject)


async def test_without_the_conditional_statement_parallel_failures_get_lost() -> None:
    """The control: read, then write, as one would naively do."""
    subject = str(new_id())
    reading = Reading(system_context())
    await reading.fetch(
        "INSERT INTO attempt_limit (id, purpose, subject, failures, window_ends_at) "
        "VALUES ($1, 'test_guess', $2, 0, now())",
        new_id(), subject,
    )  # fmt: skip

    async def naive() -> None:
        failures = await _failures(subject)
        await asyncio.sleep(0.01)
        await reading.fetch("UPDATE attempt_limit SET failures = $2 WHERE subject = $1", subject, (failures or 0) + 1)

    await asyncio.gather(*(naive() for _ in range(50)))
    assert (await _failures(subject) or 0) < 50


async def test_given_a_lock_that_has_run_out_then_counting_starts_afresh() -> None:
    subject = new_id()
    for _ in range(5):
        await attempts.failed(GUESS, subject)
    await _move(subject, "locked_until", timedelta(minutes=16))
    await attempts.guard(GUESS, subject)
    await attempts.failed(GUESS, subject)
    assert await _failures(subject) == 1
    await attempts.guard(GUESS, subject)


async def test_given_failures_spread_over_two_windows_then_nobody_is_locked() -> None:
    subject = new_id()
    for _ in range(4):
        await attempts.failed(GUESS, subject)
    await _move(subject, "window_ends_at", timedelta(minutes=16))
    await attempts.failed(GUESS, subject)
    assert await _failures(subject) == 1
    await attempts.guard(GUESS, subject)


async def test_given_a_success_then_earlier_failures_are_forgotten() -> None:
    subject = new_id()
    for _ in range(4):
        await attempts.failed(GUESS, subject)
    await attempts.succeeded(GUESS, subject)
    assert await _failures(subject) is None


async def test_given_a_refused_command_then_its_failure_is_counted_though_all_else_is_rolled_back() -> None:
    subject = new_id()

    async def guess(uow: UnitOfWork, _: Empty) -> Done:
        await attempts.guard(GUESS, subject, uow)
        await uow.execute(
            "INSERT INTO attempt_limit (id, purpose, subject, failures, window_ends_at) VALUES ($1, 'x', $2, 0, now())",
            new_id(), str(subject),
        )  # fmt: skip
        uow.if_refused(lambda: attempts.failed(GUESS, subject, uow.ctx))
        raise NotFound()

    for _ in range(5):
        with pytest.raises(NotFound):
            await run(system_context(), guess, Empty())
    with pytest.raises(TooManyAttempts):
        await run(system_context(), guess, Empty())
    reading = Reading(system_context())
    assert (
        await reading.fetch_value(
            "SELECT count(*) FROM attempt_limit WHERE purpose = 'x' AND subject = $1", str(subject)
        )
        == 0
    )
    audit = await reading.fetch(
        "SELECT outcome, detail::text AS detail FROM audit_row "
        "WHERE action = 'attempts.test_guess' AND object_id = $1 ORDER BY id",
        subject,
    )
    assert [row["outcome"] for row in audit] == ["refused"] * 5
    assert '"locked": true' in audit[-1]["detail"]


async def test_given_a_full_pool_of_refused_commands_then_none_waits_for_a_second_connection() -> None:
    """Thirty at once on a pool of twelve: counting inside the transaction would hang all of them."""

    async def guess(uow: UnitOfWork, _: Empty) -> Done:
        await uow.fetch_value("SELECT pg_sleep(0.05)")
        uow.if_refused(lambda: attempts.failed(GUESS, new_id()))
        raise NotFound()

    calls = (run(system_context(), guess, Empty()) for _ in range(30))
    results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)
    assert all(isinstance(result, NotFound) for result in results)


async def _spend(uow: UnitOfWork, command: Spend) -> Done:
    await attempts.spend(GUESS, command.subject, uow)
    if command.fail:
        raise NotFound()
    return Done()


async def test_given_parallel_uses_of_a_ration_then_only_as_many_as_allowed_get_through() -> None:
    spend = Spend(subject=new_id())
    uses = [run(system_context(), _spend, spend) for _ in range(12)]
    answers = await asyncio.gather(*uses, return_exceptions=True)
    assert [a for a in answers if not isinstance(a, Done | TooManyAttempts)] == []
    assert sum(isinstance(a, Done) for a in answers) == 5
    await _move(spend.subject, "locked_until", timedelta(minutes=16))
    assert await run(system_context(), _spend, spend) == Done()
    assert await _failures(spend.subject) == 1, "after the lock the count starts afresh"


async def test_given_a_use_that_is_rolled_back_then_nothing_is_spent() -> None:
    spend = Spend(subject=new_id(), fail=True)
    with pytest.raises(NotFound):
        await run(system_context(), _spend, spend)
    assert await _failures(spend.subject) is None
