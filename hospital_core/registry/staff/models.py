"""Tables of staff, their accounts and sessions."""

from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.kernel.tables import Row, VersionedRow, refers_to
from hospital_core.registry.staff.states import roles_known_sql, roles_separated_sql


class StaffMember(VersionedRow):
    """A person who works here (职工, FHIR Practitioner)."""

    staff_no = fields.CharField(max_length=20, unique=True)
    name = fields.CharField(max_length=60)
    pinyin = fields.CharField(max_length=200)
    initials = fields.CharField(max_length=60)
    title = fields.CharField(max_length=40, default="")
    profession = fields.CharField(max_length=20)
    department_id: UUID
    department = refers_to("Department")
    specialty = fields.CharField(max_length=400, default="")
    introduction = fields.CharField(max_length=2000, default="")
    active = fields.BooleanField(default=True)

    class Meta:
        table = "staff_member"
        indexes = [Index(fields=["department_id"])]


class StaffPhoto(Row):
    """A staff member's portrait (照片), small enough to travel with a page; ``digest`` is its ETag."""

    staff_id: UUID
    staff = refers_to("StaffMember")
    media_type = fields.CharField(max_length=20)
    content = fields.BinaryField()
    digest = fields.CharField(max_length=64)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "staff_photo"
        constraints = [
            UniqueConstraint(fields=("staff_id",), name="staff_photo_once"),
            CheckConstraint(
                check="media_type IN ('image/jpeg', 'image/png', 'image/webp')", name="staff_photo_is_image"
            ),
            CheckConstraint(check="octet_length(content) BETWEEN 1 AND 204800", name="staff_photo_small"),
        ]


class StaffAccount(VersionedRow):
    """A staff member's log-in (职工账号). ``totp_secret`` is sealed; roles decide permissions.

    ``provisional_since``: somebody else chose the password then, and its owner has not yet chosen another (初始密码).
    """

    staff_id: UUID
    staff = refers_to("StaffMember")
    login = fields.CharField(max_length=40, unique=True)
    password_hash = fields.CharField(max_length=200)
    provisional_since = fields.DatetimeField(null=True)
    totp_secret = fields.BinaryField(null=True)
    totp_last_step = fields.BigIntField(default=0)
    roles = ArrayField(element_type="text")
    active = fields.BooleanField(default=True)

    class Meta:
        table = "staff_account"
        constraints = [
            UniqueConstraint(fields=("staff_id",), name="staff_account_one_each"),
            CheckConstraint(check=roles_known_sql(), name="staff_roles_known"),
            CheckConstraint(check=roles_separated_sql(), name="staff_administrators_separated"),
        ]


class StaffSession(Row):
    """A signed-in workstation (会话); the cookie's and the CSRF token's hashes, never the tokens."""

    account_id: UUID
    account = refers_to("StaffAccount")
    token_hash = fields.BinaryField()
    csrf_hash = fields.BinaryField()
    created_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "staff_session"
        indexes = [Index(fields=["account_id"])]
        constraints = [UniqueConstraint(fields=("token_hash",), name="staff_session_token_once")]
