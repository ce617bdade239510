"""Sessions of patients at kiosks: one proof, one patient, two minutes."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from hospital_core.kernel import attempts, revocations
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import FieldProblem, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.tokens import new_token, token_hash
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.errors import LinkUnproven
from hospital_core.registry.accounts.service import spend_identity_code
from hospital_core.registry.devices.commands import OpenKioskSession
from hospital_core.registry.devices.errors import KioskProofRefused
from hospital_core.registry.devices.states import KioskProof
from hospital_core.registry.devices.views import KioskSessionOpened
from hospital_core.registry.patients.ages import hospital_day
from hospital_core.registry.patients.document_validation import validate_document
from hospital_core.registry.patients.names import person_name
from hospital_core.registry.patients.queries import holder_of, patient_names, survivors

IDLE = timedelta(seconds=120)
# Cards are read, not typed: a lobby's honest failures are strangers without a file. Far more is a kiosk gone wrong.
KIOSK_PROOF = Purpose("kiosk_proof", failures_max=30, window=timedelta(minutes=10), lock=timedelta(minutes=5))

# The lock makes two openings at one kiosk follow each other; kiosk_one_session is the last word.
_KIOSK = "SELECT 1 FROM device WHERE id = $1 AND kind = 'kiosk' AND status = 'active' FOR NO KEY UPDATE"

_OPEN = """
INSERT INTO kiosk_session (id, device_id, patient_id, token_hash, proof, opened_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""

_END_OTHERS = "UPDATE kiosk_session SET ended_at = $2 WHERE device_id = $1 AND ended_at IS NULL RETURNING id"


async def open_kiosk_session(uow: UnitOfWork, command: OpenKioskSession) -> KioskSessionOpened:
    """Open the session of a patient who has shown a proof (自助机身份核验); whoever stood there before is signed off.

    120 seconds from the last touch, ten minutes at most. A card without a file and a card with another name than the
    file's are refused in the same words.

    Raises: Unauthenticated (not an active kiosk), KioskProofRefused, TooManyAttempts; for a phone's code
    IdentityCodeInvalid, IdentityCodeExpired, IdentityCodeUsed, LinkUnproven. Locks: the device, the code.
    """
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.DEVICE or actor.id is None:
        raise Unauthenticated()
    device_id = actor.id
    await attempts.guard(KIOSK_PROOF, device_id, uow)
    patient_id = await _proven_patient(uow, command)
    if patient_id is None:
        uow.if_refused(lambda: attempts.failed(KIOSK_PROOF, device_id, uow.ctx))
        raise KioskProofRefused()
    if await uow.fetch_value(_KIOSK, device_id) is None:
        raise Unauthenticated()
    await end_sessions_of(uow, device_id)
    session_id, token, expires_at = new_id(), new_token(), uow.now + IDLE
    await uow.execute(
        _OPEN, session_id, device_id, patient_id, token_hash(token), command.proof_kind.value, uow.now, expires_at
    )
    uow.audited("kiosk_session", session_id, patient_id=patient_id)
    name = (await patient_names(uow, [patient_id]))[patient_id].name
    return KioskSessionOpened(
        session_id=session_id, token=token, patient_id=patient_id, patient_name_masked=mask_name(name),
        expires_at=expires_at,
    )  # fmt: skip


async def close_kiosk_session(uow: UnitOfWork, _: Empty) -> Done:
    """End the acting kiosk session (离开); a device ends whatever session is open on it. Raises Unauthenticated."""
    actor = uow.ctx.actor
    if actor.kind not in (ActorKind.KIOSK_SESSION, ActorKind.DEVICE) or actor.device_id is None:
        raise Unauthenticated()
    ended = await end_sessions_of(uow, actor.device_id, actor.id if actor.kind is ActorKind.KIOSK_SESSION else None)
    uow.audited("device", actor.device_id)
    for session_id in ended:
        uow.audited("kiosk_session", session_id, patient_id=actor.patient_id)
    return Done()


async def end_sessions_of(uow: UnitOfWork, device_id: UUID, session_id: UUID | None = None) -> Sequence[UUID]:
    """End and revoke the open session of a device (or only that one session); those that ran out are closed too."""
    condition = " AND id = $3" if session_id else ""
    sql = _END_OTHERS.replace(" RETURNING", f"{condition} RETURNING")
    rows = await uow.fetch(sql, device_id, uow.now, *([session_id] if session_id else []))
    ended = [row["id"] for row in rows]
    await revocations.revoke_all(uow, revocations.SubjectKind.KIOSK_SESSION, ended)
    return ended


async def _shown_patient(uow: UnitOfWork, code: str) -> UUID:
    """Whom a phone's code names. Nobody looks at a kiosk, so whoever added a stranger must not sign in as them."""
    link = await spend_identity_code(uow, code)
    if link["proven_at"] is None:
        raise LinkUnproven()
    patient_id: UUID = link["patient_id"]
    return (await survivors(uow, [patient_id]))[patient_id]


async def _proven_patient(uow: UnitOfWork, command: OpenKioskSession) -> UUID | None:
    """The file that stands for the person now, or None when the proof names nobody."""
    if command.identity_code is not None:
        return await _shown_patient(uow, command.identity_code)
    if command.proof_kind is KioskProof.APPOINTMENT_QR:
        assert command.patient_id is not None
        known = await patient_names(uow, [command.patient_id])
        return (await survivors(uow, [command.patient_id]))[command.patient_id] if known else None
    try:
        document = validate_document(command.document_kind, command.document_no, today=hospital_day(uow.now))
        name = person_name(command.name or "")
    except FieldProblem:
        return None
    patient_id = await holder_of(uow, document)
    if patient_id is None:
        return None
    kept = (await patient_names(uow, [patient_id]))[patient_id].name
    return patient_id if kept.casefold() == name.casefold() else None
