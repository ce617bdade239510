"""The three administrators apart, one account per staff member, one session per kiosk, one meaning per pairing code."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

_ROLES_KNOWN = (
    "roles <@ ARRAY['doctor', 'nurse', 'registrar', 'cashier', 'pharmacist', 'technician', 'manager', "
    "'system_admin', 'security_admin', 'audit_admin']::text[]"
)
_ADMINISTRATORS_SEPARATED = (
    "(roles @> ARRAY['audit_admin']::text[])::int + (roles @> ARRAY['security_admin']::text[])::int + "
    "(roles @> ARRAY['system_admin']::text[])::int <= 1"
)


class Migration(migrations.Migration):
    dependencies = [("hospital", "0002_guards")]

    initial = False

    operations = [
        ops.RemoveIndex(
            model_name="Device",
            name=None,
            fields=["pairing_hash"],
        ),
        ops.AddConstraint(
            model_name="Device",
            constraint=UniqueConstraint(fields=("pairing_hash",), name="pairing_code_once"),
        ),
        ops.AddConstraint(
            model_name="KioskSession",
            constraint=UniqueConstraint(fields=("device_id",), name="kiosk_one_session", condition="ended_at IS NULL"),
        ),
        ops.AlterField(
            model_name="StaffAccount",
            name="staff",
            field=fields.ForeignKeyField(
                "hospital.StaffMember",
                source_field="staff_id",
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddConstraint(
            model_name="StaffAccount",
            constraint=UniqueConstraint(fields=("staff_id",), name="staff_account_one_each"),
        ),
        ops.AddConstraint(
            model_name="StaffAccount",
            constraint=CheckConstraint(check=_ROLES_KNOWN, name="staff_roles_known"),
        ),
        ops.AddConstraint(
            model_name="StaffAccount",
            constraint=CheckConstraint(check=_ADMINISTRATORS_SEPARATED, name="staff_administrators_separated"),
        ),
    ]
