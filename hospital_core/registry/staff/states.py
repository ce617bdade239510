"""Words of staff: professions and roles, and what the database itself keeps of them."""

from enum import StrEnum


class StaffRole(StrEnum):
    """What a staff member does here (角色); several on one account, but one of the three administrators at most."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    REGISTRAR = "registrar"
    CASHIER = "cashier"
    PHARMACIST = "pharmacist"
    TECHNICIAN = "technician"
    MANAGER = "manager"
    SYSTEM_ADMIN = "system_admin"  # 系统管理员
    SECURITY_ADMIN = "security_admin"  # 安全管理员
    AUDIT_ADMIN = "audit_admin"  # 审计管理员


class Profession(StrEnum):
    """What a staff member is by training (职业类别, WS 364 CV08.30)."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    PHARMACIST = "pharmacist"
    TECHNICIAN = "technician"
    ADMINISTRATIVE = "administrative"


SEPARATED = frozenset({StaffRole.SYSTEM_ADMIN, StaffRole.SECURITY_ADMIN, StaffRole.AUDIT_ADMIN})


def roles_known_sql() -> str:
    """CHECK that every role of an account is known."""
    return "roles <@ ARRAY[" + ", ".join(f"'{role.value}'" for role in StaffRole) + "]::text[]"


def roles_separated_sql() -> str:
    """CHECK that an account holds one of the three administrators at most (三员分立).

    Source: GB/T 22239-2019 §8.1.5 (system, audit and security management are separate).
    """
    held = (f"(roles @> ARRAY['{role.value}']::text[])::int" for role in sorted(SEPARATED))
    return " + ".join(held) + " <= 1"
