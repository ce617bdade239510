"""Proving that a link's patient agrees (核验): until then the account sees nothing older than the link."""

import secrets
from datetime import timedelta
from uuid import UUID

from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts import proof_codes
from hospital_core.registry.accounts.commands import ProveByCard, ProveLink, SendProofCode
from hospital_core.registry.accounts.errors import AlreadyProven, ProofCodeWrong, TooManyProofCodes
from hospital_core.registry.accounts.events import ProofCodeRequested
from hospital_core.registry.accounts.queries import link, own_active_link
from hospital_core.registry.accounts.service.sessions import acting_account
from hospital_core.registry.accounts.states import ProofKind
from hospital_core.registry.accounts.views import LinksProven, LinkView, ProofCodeSent
from hospital_core.registry.patients.queries import phone_of, survivors
from hospital_core.registry.staff.permissions import Permission, require

CODE_VALID = timedelta(minutes=10)
CODES_AN_HOUR_MAX = 3
# Of all accounts together: a file's phone is not to be made ring by strangers. Beyond it codes are only pretended.
CODES_AN_HOUR_TO_ONE_FILE_MAX = 5
PROVE_LINK = Purpose("prove_link", failures_max=5, window=timedelta(minutes=15), lock=timedelta(minutes=15))

_SENT = """
SELECT c.created_at, l.account_id FROM proof_challenge c JOIN account_link l ON l.id = c.link_id
WHERE l.patient_id IN (SELECT person_ids($1)) AND c.created_at > $2 ORDER BY c.created_at DESC"""

# A phone that an account wrote into a file it opened proves nothing: whoever typed it would be sent their own code.
_TYPED_BY_AN_ACCOUNT = "SELECT EXISTS (SELECT 1 FROM account_link WHERE patient_id = $1 AND proof = 'created_here')"

_CHALLENGE = """
INSERT INTO proof_challenge (id, link_id, code_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)"""

_SPEND = """
UPDATE proof_challenge SET used_at = $3
WHERE id = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > $3"""

_PROVE_LINK = """
UPDATE account_link SET proven_at = $2, proof = $3, version = version + 1
WHERE id = $1 AND status = 'active' AND proven_at IS NULL"""

_PROVE_ACCOUNT = """
UPDATE account_link SET proven_at = $3, proof = $4, version = version + 1
WHERE account_id = $1 AND patient_id IN (SELECT person_ids($2)) AND status = 'active' AND proven_at IS NULL"""


async def send_proof_code(uow: UnitOfWork, command: SendProofCode) -> ProofCodeSent:
    """Send a code to the phone in the link's file (发送核验码): six digits, ten minutes, three an hour.

    The answer, and the time it takes, are the same when the file has no phone, or an account opened it and nobody has
    proven that account: then there is a challenge that no code answers.

    Raises: NotFound, AlreadyProven, TooManyProofCodes. Emits: ProofCodeRequested. Locks: the link.
    """
    account_id = acting_account(uow)
    row = await own_active_link(uow, account_id, command.link_id, lock=True)
    if row["proven_at"] is not None:
        raise AlreadyProven()
    sent = await uow.fetch(_SENT, row["patient_id"], uow.now - timedelta(hours=1))
    own = [challenge["created_at"] for challenge in sent if challenge["account_id"] == account_id]
    if len(own) >= CODES_AN_HOUR_MAX:
        free_at = own[CODES_AN_HOUR_MAX - 1] + timedelta(hours=1)
        raise TooManyProofCodes(retry_after=int((free_at - uow.now).total_seconds()) + 1)
    file_id = (await survivors(uow, [row["patient_id"]]))[row["patient_id"]]
    phone = await phone_of(uow, file_id)
    typed = await uow.fetch_value(_TYPED_BY_AN_ACCOUNT, file_id)
    real = phone is not None and not typed and len(sent) < CODES_AN_HOUR_TO_ONE_FILE_MAX
    challenge_id, expires_at = new_id(), uow.now + CODE_VALID
    code_hash = proof_codes.hash_of(challenge_id, proof_codes.code_of(challenge_id))
    if not real:
        code_hash = secrets.token_bytes(len(code_hash))
    await uow.execute(_CHALLENGE, challenge_id, command.link_id, code_hash, uow.now, expires_at)
    if real:
        uow.record(ProofCodeRequested(challenge_id=challenge_id))
    uow.audited("account_link", command.link_id, patient_id=row["patient_id"])
    return ProofCodeSent(expires_at=expires_at)


async def prove_link(uow: UnitOfWork, command: ProveLink) -> LinkView:
    """Prove a link by its newest code (核验). Five wrong codes lock the account out of this file for fifteen minutes.

    Raises: NotFound, AlreadyProven, ProofCodeWrong, TooManyAttempts.
    """
    account_id = acting_account(uow)
    row = await own_active_link(uow, account_id, command.link_id, lock=True)
    if row["proven_at"] is not None:
        raise AlreadyProven()
    # Not by link: linking anew would forgive everything.
    subject = f"{account_id}:{row['patient_id']}"
    await attempts.guard(PROVE_LINK, subject, uow)
    challenge_id: UUID | None = await uow.fetch_value(
        "SELECT id FROM proof_challenge WHERE link_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1", command.link_id
    )
    right = challenge_id is not None and await uow.execute(
        _SPEND, challenge_id, proof_codes.hash_of(challenge_id, command.code), uow.now
    )
    if not right:
        uow.if_refused(lambda: attempts.failed(PROVE_LINK, subject, uow.ctx))
        raise ProofCodeWrong()
    await uow.execute(_PROVE_LINK, command.link_id, uow.now, ProofKind.PHONE_CODE.value)
    await attempts.succeeded(PROVE_LINK, subject, uow)
    uow.audited("account_link", command.link_id, patient_id=row["patient_id"])
    return await link(uow, command.link_id)


async def prove_by_card(uow: UnitOfWork, command: ProveByCard) -> LinksProven:
    """Prove an account's links to a patient whose card was seen (刷证核验), at a kiosk or at the counter.

    Only the account that the patient named: strangers may have linked the same file and wait for just this. At a kiosk
    the session must stand on the card (``ctx.proof`` is ``id_card``), not on an appointment's QR.

    Raises: Forbidden.
    """
    proof = _card_proof(uow, command.patient_id)
    proven = await uow.execute(_PROVE_ACCOUNT, command.account_id, command.patient_id, uow.now, proof.value)
    uow.audited("patient_account", command.account_id, patient_id=command.patient_id)
    return LinksProven(proven=proven)


def _card_proof(uow: UnitOfWork, patient_id: UUID) -> ProofKind:
    actor = uow.ctx.actor
    if actor.kind is ActorKind.KIOSK_SESSION:
        if actor.patient_id != patient_id or uow.ctx.proof != "id_card":
            raise Forbidden()
        return ProofKind.KIOSK_CARD
    require(uow.ctx, Permission.PATIENT_REGISTER)
    return ProofKind.COUNTER_CARD
