"""Log-ins of the demo's staff (演示账号): everybody has one, the password is common, administrators have a TOTP secret.

Logins are a word and a count: `doctor1` … `doctor203`, and `registrar`, `registrar2` … for the other roles.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from backend.demo.hospital import DemoHospital
from backend.demo.staff import Role
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.registry.staff.passwords import hashed, matches
from hospital_core.registry.staff.permissions import needs_totp
from hospital_core.registry.staff.service.accounts import TOTP_COLUMN
from hospital_core.registry.staff.states import Profession, StaffRole
from hospital_core.registry.staff.totp import new_secret

ROLES: dict[Role, StaffRole] = {
    "doctor": StaffRole.DOCTOR,
    "nurse": StaffRole.NURSE,
    "registrar": StaffRole.REGISTRAR,
    "cashier": StaffRole.CASHIER,
    "pharmacist": StaffRole.PHARMACIST,
    "technician": StaffRole.TECHNICIAN,
    "price_administrator": StaffRole.MANAGER,
    "system_administrator": StaffRole.SYSTEM_ADMIN,
    "security_administrator": StaffRole.SECURITY_ADMIN,
    "audit_administrator": StaffRole.AUDIT_ADMIN,
}
PROFESSIONS: dict[Role, Profession] = {
    role: Profession(role) if role in set(Profession) else Profession.ADMINISTRATIVE for role in ROLES
}
WORDS: dict[StaffRole, str] = {
    StaffRole.DOCTOR: "doctor",
    StaffRole.NURSE: "nurse",
    StaffRole.REGISTRAR: "registrar",
    StaffRole.CASHIER: "cashier",
    StaffRole.PHARMACIST: "pharmacist",
    StaffRole.TECHNICIAN: "technician",
    StaffRole.MANAGER: "manager",
    StaffRole.SYSTEM_ADMIN: "sysadmin",
    StaffRole.SECURITY_ADMIN: "secadmin",
    StaffRole.AUDIT_ADMIN: "auditor",
}


@dataclass(frozen=True)
class DemoLogin:
    """One demo log-in for the ready file (演示登录). `totp_secret` is base32, None where no second factor is asked."""

    login: str
    role: str
    name: str
    title: str
    department: str
    totp_secret: str | None = field(default=None, repr=False)


async def load_accounts(
    connection: asyncpg.Connection,
    hospital: DemoHospital,
    ids: Callable[[str, str], UUID],
    keyring: KeyRing,
    password: str,
) -> int:
    """Open the accounts that are missing, and give all of them today's demo password; returns how many are new."""
    ours = [ids("account", member.staff_no) for member in hospital.staff]
    kept = await connection.fetchval("SELECT password_hash FROM staff_account WHERE id = $1", ours[0])
    if kept is not None and await matches(kept, password):
        return 0
    # One hash per role, not per person: hashing is slow on purpose.
    hashes = {role: await hashed(password) for role in dict.fromkeys(ROLES.values())}
    async with connection.transaction():
        if kept is not None:
            for role, password_hash in hashes.items():
                await connection.execute(
                    "UPDATE staff_account SET password_hash = $1 WHERE id = ANY($2::uuid[]) AND roles[1] = $3",
                    password_hash, ours, role.value,
                )  # fmt: skip
            return 0
        rows, counts = [], Counter[StaffRole]()
        for member in hospital.staff:
            role = ROLES[member.role]
            counts[role] += 1
            login = WORDS[role] + (str(counts[role]) if counts[role] > 1 or role is StaffRole.DOCTOR else "")
            secret = keyring.seal(new_secret(), TOTP_COLUMN) if needs_totp([role]) else None
            account, staff = ids("account", member.staff_no), ids("staff", member.staff_no)
            rows.append((account, 0, staff, login, hashes[role], secret, 0, [role.value], True))
        await connection.copy_records_to_table("staff_account", columns=_COLUMNS, records=rows)
    return len(rows)


_COLUMNS = (
    "id", "version", "staff_id", "login", "password_hash", "totp_secret", "totp_last_step", "roles", "active",
)  # fmt: skip

_LOGINS = """
SELECT DISTINCT ON (a.roles[1]) a.login, a.roles[1] AS role, a.totp_secret, s.name, s.title, d.name AS department
FROM staff_account a JOIN staff_member s ON s.id = a.staff_id JOIN department d ON d.id = s.department_id
WHERE a.active AND a.login = ANY($1::text[]) ORDER BY a.roles[1], s.staff_no"""


async def demo_logins(connection: asyncpg.Connection, keyring: KeyRing) -> list[DemoLogin]:
    """One log-in per role that is not a doctor (各岗位演示账号), with the TOTP secrets as the database holds them.

    The doctor to log in as is the one of `backend.demo.now.current_session`.
    """
    rows = await connection.fetch(_LOGINS, list(WORDS.values()))
    return [
        DemoLogin(
            login=row["login"],
            role=row["role"],
            name=row["name"],
            title=row["title"],
            department=row["department"],
            totp_secret=keyring.open(row["totp_secret"], TOTP_COLUMN) if row["totp_secret"] else None,
        )
        for row in rows
    ]
