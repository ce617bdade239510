"""Phones signed in: WeChat log-in, refresh tokens, the account's own phone number."""

from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel import revocations
from hospital_core.kernel.commands import Done, Empty
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.masking import mask_phone
from hospital_core.kernel.run import keyring, run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts import tokens
from hospital_core.registry.accounts.commands import BindPhone, EndReusedSession, RotateRefresh, SignIn
from hospital_core.registry.accounts.errors import AccountDisabled, SessionEnded
from hospital_core.registry.accounts.views import PhoneBound, Rotated, SignedIn
from hospital_core.registry.patients.names import normal_phone

LIFETIME = timedelta(days=30)
# Longer than a phone waits for an answer: whose answer was lost on a bad network is asked again, not signed out.
GRACE = timedelta(seconds=60)
PHONE_COLUMN = "patient_account.phone"

_ACCOUNT = """
INSERT INTO patient_account AS a (id, version, appid, openid, unionid, created_at) VALUES ($1, 0, $2, $3, $4, $5)
ON CONFLICT (appid, openid) DO UPDATE SET unionid = coalesce(EXCLUDED.unionid, a.unionid)
RETURNING id, disabled_at, phone_sealed"""

_BEGIN = """
INSERT INTO refresh_session (id, account_id, token_hash, rotated_at, created_at, expires_at)
VALUES ($1, $2, $3, $4, $4, $5)"""

# Who holds the present token wins the row; a racer waits, finds the hash changed, and goes on to _PREDECESSOR.
_ROTATE = """
UPDATE refresh_session s SET previous_hash = s.token_hash, token_hash = $3, rotated_at = $4
FROM patient_account a
WHERE s.id = $1 AND s.token_hash = $2 AND s.ended_at IS NULL AND s.expires_at > $4
  AND a.id = s.account_id AND a.disabled_at IS NULL
RETURNING s.account_id, s.expires_at, a.phone_sealed"""

_PREDECESSOR = """
SELECT s.account_id, s.expires_at, a.phone_sealed FROM refresh_session s JOIN patient_account a ON a.id = s.account_id
WHERE s.id = $1 AND s.previous_hash = $2 AND s.token_hash = $3 AND s.rotated_at > $4
  AND s.ended_at IS NULL AND s.expires_at > $5 AND a.disabled_at IS NULL"""


async def sign_in(uow: UnitOfWork, command: SignIn) -> SignedIn:
    """Sign a WeChat account in (微信登录), opening it on first sight, and begin a session of thirty days.

    Raises: AccountDisabled.
    """
    account = await uow.fetch_row(_ACCOUNT, new_id(), command.appid, command.openid, command.unionid, uow.now)
    assert account is not None
    if account["disabled_at"] is not None:
        raise AccountDisabled()
    session_id, expires_at = new_id(), uow.now + LIFETIME
    token = tokens.first_token(session_id)
    await uow.execute(_BEGIN, session_id, account["id"], token.hashed(), uow.now, expires_at)
    uow.audited("patient_account", account["id"])
    return SignedIn(
        account_id=account["id"], session_id=session_id, refresh_token=token.text(), expires_at=expires_at,
        phone_masked=_phone_masked(account),
    )  # fmt: skip


async def rotate(uow: UnitOfWork, command: RotateRefresh) -> Rotated:
    """Trade a refresh token for the next one (续期). Every token works once.

    For a minute the one before answers again with the same successor (an answer was lost, two requests raced). Any
    older or later use means that somebody else holds a copy: the whole session ends and is revoked.

    Raises: SessionEnded.
    """
    token = tokens.read_token(command.refresh_token)
    if token is None:
        raise SessionEnded()
    successor = token.successor()
    hashes = token.hashed(), successor.hashed()
    row = await uow.fetch_row(_ROTATE, token.session_id, *hashes, uow.now)
    if row is None:
        row = await uow.fetch_row(_PREDECESSOR, token.session_id, *hashes, uow.now - GRACE, uow.now)
    if row is None:
        ended = EndReusedSession(session_id=token.session_id)
        uow.if_refused(lambda: run(uow.ctx.without_idempotency(), end_reused_session, ended))
        raise SessionEnded()
    uow.audited("refresh_session", token.session_id)
    return Rotated(
        account_id=row["account_id"], session_id=token.session_id, refresh_token=successor.text(),
        expires_at=row["expires_at"], phone_masked=_phone_masked(row),
    )  # fmt: skip


async def end_reused_session(uow: UnitOfWork, command: EndReusedSession) -> Done:
    """End a session whose spent token came back; on one that has ended already nothing happens."""
    ended = await uow.execute(
        "UPDATE refresh_session SET ended_at = $2, ended_reason = 'reuse' "
        "WHERE id = $1 AND ended_at IS NULL AND expires_at > $2",
        command.session_id, uow.now,
    )  # fmt: skip
    if ended:
        await revocations.revoke(uow, revocations.SubjectKind.ACCOUNT_SESSION, command.session_id)
    uow.audited("refresh_session", command.session_id, reason="refresh token used again")
    return Done()


async def sign_out(uow: UnitOfWork, _: Empty) -> Done:
    """End the actor's own session (退出登录). Raises Unauthenticated."""
    session_id = uow.ctx.actor.session_id
    if session_id is None:
        raise Unauthenticated()
    await uow.execute(
        "UPDATE refresh_session SET ended_at = $2, ended_reason = 'sign_out' WHERE id = $1 AND ended_at IS NULL",
        session_id, uow.now,
    )  # fmt: skip
    await revocations.revoke(uow, revocations.SubjectKind.ACCOUNT_SESSION, session_id)
    uow.audited("refresh_session", session_id)
    return Done()


async def bind_phone(uow: UnitOfWork, command: BindPhone) -> PhoneBound:
    """Keep the phone number that WeChat has verified (绑定手机号). Raises: Unauthenticated, FieldProblem."""
    account_id, phone = acting_account(uow), normal_phone(command.phone)
    await uow.execute(
        "UPDATE patient_account SET phone_sealed = $2, phone_index = $3, version = version + 1 WHERE id = $1",
        account_id, keyring().seal(phone, PHONE_COLUMN), keyring().index(phone, PHONE_COLUMN),
    )  # fmt: skip
    uow.audited("patient_account", account_id)
    return PhoneBound(phone_masked=mask_phone(phone))


def acting_account(uow: UnitOfWork) -> UUID:
    """The account that acts. Raises Unauthenticated for everybody else."""
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.ACCOUNT or actor.id is None:
        raise Unauthenticated()
    return actor.id


def open_phone(row: Record) -> str | None:
    """The account's phone in clear."""
    sealed = row["phone_sealed"]
    return keyring().open(bytes(sealed), PHONE_COLUMN) if sealed is not None else None


def _phone_masked(row: Record) -> str | None:
    phone = open_phone(row)
    return mask_phone(phone) if phone else None
