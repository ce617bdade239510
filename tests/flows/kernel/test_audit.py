"""The audit trail: sealed in order, and every mutation a superuser can make is named."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hospital_core.kernel.audit import Anchor, AuditVerdict, ReadAudit, seal, verify
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.context import Actor, ActorKind, Context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from tests.fixtures.engines import Engines
from tests.fixtures.keys import AUDIT_KEY

KEY = AUDIT_KEY


async def _touch(uow: UnitOfWork, _: Empty) -> Done:
    uow.audited("thing", new_id())
    return Done()


async def _sealed(core: Engines, anchor: Path, rows: int = 6) -> AuditVerdict:
    for _ in range(rows):
        await run(Context(Actor(ActorKind.STAFF, new_id())), _touch, Empty())
    sealer = await asyncpg.connect(core.sealer)
    try:
        await seal(sealer, KEY, anchor)
        return await verify(sealer, KEY, Anchor.load(anchor))
    finally:
        await sealer.close()


async def _verdict_after(core: Engines, anchor: Path | None, mutation: str, *arguments: Any) -> AuditVerdict:
    """Mutate as a superuser with the guards off, verify, and put everything back."""
    admin = await asyncpg.connect(core.admin.rpartition("/")[0] + "/" + core.owner.rpartition("/")[2])
    transaction = admin.transaction()
    await transaction.start()
    try:
        await admin.execute("SET LOCAL session_replication_role = replica")
        touched = await admin.execute(mutation, *arguments)
        assert not touched.endswith(" 0"), "the mutation must change something"
        return await verify(admin, KEY, Anchor.load(anchor) if anchor else None)
    finally:
        await transaction.rollback()
        await admin.close()


MIDDLE = "(SELECT audit_id FROM audit_seal ORDER BY seq DESC OFFSET 3 LIMIT 1)"
MUTATIONS = [
    (f"UPDATE audit_row SET action = 'x' WHERE id = {MIDDLE}", "altered"),
    (f"UPDATE audit_row SET at = at + interval '1 microsecond' WHERE id = {MIDDLE}", "altered"),
    (f"UPDATE audit_row SET detail = '{{\"a\": 1}}' WHERE id = {MIDDLE}", "altered"),
    (f"UPDATE audit_row SET actor_id = NULL WHERE id = {MIDDLE}", "altered"),
    (f"DELETE FROM audit_row WHERE id = {MIDDLE}", "missing"),
    (f"DELETE FROM audit_seal WHERE audit_id = {MIDDLE}", "missing"),
    ("DELETE FROM audit_seal WHERE seq = (SELECT max(seq) FROM audit_seal)", "cut off"),
    ("UPDATE audit_seal SET mac = '\\x00' WHERE seq = (SELECT max(seq) FROM audit_seal)", "altered"),
]


async def test_given_an_untouched_trail_then_it_is_sound(core: Engines, tmp_path: Path) -> None:
    verdict = await _sealed(core, tmp_path / "anchor")
    assert verdict.sound
    assert verdict.sealed >= 6
    assert (tmp_path / "anchor").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("mutation", "word"), MUTATIONS)
async def test_given_a_mutation_then_it_is_named(core: Engines, tmp_path: Path, mutation: str, word: str) -> None:
    assert (await _sealed(core, tmp_path / "anchor")).sound
    verdict = await _verdict_after(core, tmp_path / "anchor", mutation)
    assert verdict.problem is not None
    assert word in verdict.problem


async def test_given_a_whole_tail_removed_then_only_the_anchor_finds_it(core: Engines, tmp_path: Path) -> None:
    """The control: without the anchor outside the database the same cut goes unnoticed, and that is said."""
    assert (await _sealed(core, tmp_path / "anchor")).sound
    cut = "WITH s AS (DELETE FROM audit_seal WHERE seq > (SELECT max(seq) - 3 FROM audit_seal) RETURNING audit_id) DELETE FROM audit_row WHERE id IN (SELECT audit_id FROM s)"  # noqa: E501
    with_anchor = await _verdict_after(core, tmp_path / "anchor", cut)
    without = await _verdict_after(core, None, cut)
    assert with_anchor.problem is not None
    assert "cut off" in with_anchor.problem
    assert without.sound
    assert any("no anchor" in note for note in without.notes)


async def test_given_a_rewritten_chain_then_the_anchor_finds_it(core: Engines, tmp_path: Path) -> None:
    """Even somebody who holds the key and rebuilds every seal cannot match the anchored head."""
    assert (await _sealed(core, tmp_path / "anchor")).sound
    head = Anchor.load(tmp_path / "anchor")
    assert head is not None
    Anchor(head.seq, b"z" * 32, head.at).save(tmp_path / "anchor")
    sealer = await asyncpg.connect(core.sealer)
    verdict = await verify(sealer, KEY, Anchor.load(tmp_path / "anchor"))
    await sealer.close()
    assert verdict.problem is not None
    assert "rewritten" in verdict.problem


async def test_given_two_sealers_then_the_chain_has_no_fork(core: Engines, tmp_path: Path) -> None:
    import asyncio

    for _ in range(20):
        await run(Context(Actor(ActorKind.SYSTEM)), _touch, Empty())
    sealers = [await asyncpg.connect(core.sealer) for _ in range(3)]
    await asyncio.gather(*(seal(sealer, KEY, tmp_path / "anchor") for sealer in sealers))
    verdict = await verify(sealers[0], KEY, Anchor.load(tmp_path / "anchor"))
    assert verdict.sound
    for sealer in sealers:
        await sealer.close()


async def test_given_the_sealer_role_then_it_can_neither_change_rows_nor_read_patients(core: Engines) -> None:
    sealer = await asyncpg.connect(core.sealer)
    for statement in ("UPDATE audit_row SET action = 'x'", "DELETE FROM audit_seal", "SELECT 1 FROM patient"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await sealer.execute(statement)
    await sealer.close()


async def test_given_noted_reads_then_flushing_writes_each_once(core: Engines) -> None:
    reads, patient = ReadAudit(), new_id()
    for _ in range(3):
        reads.note(Context(Actor(ActorKind.STAFF, new_id())), AuditEntry("patient.read", "patient", patient, patient))
    assert await reads.flush() == 3
    assert await reads.flush() == 0
    ctx = Context(Actor(ActorKind.SYSTEM))
    count = await Reading(ctx).fetch_value("SELECT count(*) FROM audit_row WHERE patient_id = $1", patient)
    assert count == 3
