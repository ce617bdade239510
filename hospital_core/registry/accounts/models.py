"""Tables of accounts, links and their sessions."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to
from hospital_core.registry.accounts.states import LinkStatus, Relation


class PatientAccount(VersionedRow):
    """A WeChat account (微信账户), named by (appid, openid)."""

    appid = fields.CharField(max_length=64)
    openid = fields.CharField(max_length=128)
    unionid = fields.CharField(max_length=128, null=True)
    phone_sealed = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    disabled_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "patient_account"
        unique_together = (("appid", "openid"),)


class AccountLink(VersionedRow):
    """An account may act for a patient (就诊人绑定). ``place`` 1–5 makes "at most five" a unique index.

    ``preferred_at``: when it was last chosen as the account's default (默认就诊人); the latest choice that stands wins.
    """

    account_id: UUID
    account = refers_to("PatientAccount")
    patient_id: UUID
    patient = refers_to("Patient")
    relation = fields.CharField(max_length=10)
    place = fields.SmallIntField()
    status = fields.CharField(max_length=10)
    linked_at = fields.DatetimeField()
    proven_at = fields.DatetimeField(null=True)
    proof = fields.CharField(max_length=20, null=True)
    revoked_at = fields.DatetimeField(null=True)
    preferred_at = fields.DatetimeField(null=True)

    class Meta:
        table = "account_link"
        indexes = [Index(fields=["patient_id"])]
        constraints = [
            one_of("account_link", LinkStatus),
            one_of("account_link", Relation, "relation"),
            CheckConstraint(check="place BETWEEN 1 AND 5", name="link_place_in_range"),
            UniqueConstraint(fields=("account_id", "place"), condition="status = 'active'", name="link_at_most_five"),
            UniqueConstraint(fields=("account_id", "patient_id"), condition="status = 'active'", name="link_once"),
            UniqueConstraint(
                fields=("account_id",), condition="status = 'active' AND relation = 'self'", name="link_one_self"
            ),
        ]


class RefreshSession(Row):
    """A signed-in phone (登录会话): hashes of the current refresh token and the one before it."""

    account_id: UUID
    account = refers_to("PatientAccount")
    token_hash = fields.BinaryField()
    previous_hash = fields.BinaryField(null=True)
    rotated_at = fields.DatetimeField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    ended_reason = fields.CharField(max_length=20, null=True)

    class Meta:
        table = "refresh_session"
        indexes = [Index(fields=["account_id"]), Index(fields=["previous_hash"])]
        constraints = [UniqueConstraint(fields=("token_hash",), name="refresh_token_once")]


class ProofChallenge(Row):
    """A code sent to a file's phone to prove a link (核验码); only its hash is kept."""

    link_id: UUID
    link = refers_to("AccountLink")
    code_hash = fields.BinaryField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "proof_challenge"
        indexes = [Index(fields=["link_id"])]
