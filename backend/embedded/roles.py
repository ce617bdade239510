"""The database and its roles (数据库与角色), the same embedded and in production.

- `hospital_owner` owns the database and everything in it, and runs the migrations;
- `hospital_app` is the server and the worker: no DDL, only what migrations grant to it;
- `hospital_sealer` chains the audit rows: only what migrations grant to it.

Plain SQL without extensions, for PostgreSQL 15 and newer, by a superuser or by an administrator with CREATEDB and
CREATEROLE. Rights on tables are given by the migrations.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping

import asyncpg

OWNER = "hospital_owner"
APP = "hospital_app"
SEALER = "hospital_sealer"
ROLES = (OWNER, APP, SEALER)

_ADVISORY_LOCK = 0x686F73706974  # "hospit"; two administrators at once would meet "tuple concurrently updated"
_SCRAM_ITERATIONS = 4096
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


async def create_roles_and_database(admin_dsn: str, passwords: Mapping[str, str], database: str = "hospital") -> None:
    """Make or mend the three roles and the database (建库建角色); safe to repeat, also to change a password.

    Raises: ValueError for a bad name or a password missing or not ASCII; PermissionError when an existing role has
    more rights than it may have.
    Locks: a session advisory lock for the time of the call.
    """
    if not _NAME.fullmatch(database):
        raise ValueError(f"not a plain database name: {database!r}")
    verifiers = {role: scram_verifier(passwords[role]) for role in ROLES}
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _ADVISORY_LOCK)
        for role, verifier in verifiers.items():
            await _ensure_role(admin, role, verifier)
        await _ensure_database(admin, database)
        await _close_public_schema(admin_dsn, database)
    finally:
        await admin.close()


async def _ensure_role(admin: asyncpg.Connection, role: str, verifier: str) -> None:
    # New roles are NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS by themselves; naming these
    # attributes would need a superuser. So a role found with more is refused, not silently mended.
    found = await admin.fetchrow(
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls AS elevated"
        " FROM pg_roles WHERE rolname = $1",
        role,
    )
    if found is not None and found["elevated"]:
        raise PermissionError(f"The role {role} exists with administrator's rights; take them away first.")
    verb = "CREATE" if found is None else "ALTER"
    await admin.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{verifier}'")


async def _ensure_database(admin: asyncpg.Connection, database: str) -> None:
    is_superuser = await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if not is_superuser:
        await admin.execute(f"GRANT {OWNER} TO CURRENT_USER")  # else it cannot give the database away
    if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
        # One sort order everywhere (code points), independent of the machine's locales.
        builtin = admin.get_server_version().major >= 17
        locale = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'" if builtin else "LOCALE 'C'"
        await admin.execute(f"CREATE DATABASE \"{database}\" OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' {locale}")
    await admin.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    await admin.execute(f'GRANT CONNECT ON DATABASE "{database}" TO {APP}, {SEALER}')


async def _close_public_schema(admin_dsn: str, database: str) -> None:
    inside = await asyncpg.connect(admin_dsn, database=database)
    try:
        await inside.execute(f"SET ROLE {OWNER}")  # it owns the schema through pg_database_owner
        await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await inside.execute(f"GRANT USAGE ON SCHEMA public TO {APP}, {SEALER}")
    finally:
        await inside.close()


def scram_verifier(password: str) -> str:
    """What PostgreSQL stores for a password (口令校验值); sent instead of it, so that no server log can hold it.

    Source: RFC 5802 §3, RFC 7677; PostgreSQL's documentation of `pg_authid.rolpassword`.
    """
    if not password or not password.isascii():
        raise ValueError("a database password must be ASCII and not empty")
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt_b64, stored_b64, server_b64 = (base64.b64encode(x).decode() for x in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${_SCRAM_ITERATIONS}:{salt_b64}${stored_b64}:{server_b64}"
