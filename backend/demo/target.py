"""Whether the demo may write into a database (写入前检查): an empty one, or its own hospital; never another."""

from pathlib import Path

import asyncpg

from backend.checks import POSTGRES_MAJOR_MIN, CheckTargets, Level, check_keys
from backend.demo.hospital import DEFAULT_SEED
from backend.demo.ids import DemoIds
from backend.demo.organization import make_organization
from backend.processes import StartupRefused
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.migrating import APP_ROLE, SEALER_ROLE, applied, newest

# Tables that somebody made; what an extension brought along is not content.
_TABLE = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND c.relname <> 'tortoise_migrations'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 LIMIT 1"""

_INHABITED = """
SELECT EXISTS (SELECT 1 FROM campus) OR EXISTS (SELECT 1 FROM staff_member) OR EXISTS (SELECT 1 FROM patient)"""

_MISSING_ROLES = """
SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name)"""

_MEND = "name an empty database, or unset the URLs to let the demo start its own."


async def refuse_unfit_database(owner: asyncpg.Connection, keyring: KeyRing, *, seed: int = DEFAULT_SEED) -> None:
    """Look before anything is written (写入前检查); ``owner`` is a connection with the owner's role.

    Fit is what is empty, what was migrated but never used, and the demo hospital of ``seed`` that ``keyring`` opens.
    Raises: StartupRefused, in one sentence.
    """
    name = await owner.fetchval("SELECT current_database()")
    await _refuse_unprepared_server(owner, name)
    table = await owner.fetchval(_TABLE)
    if table is None:
        return
    migration = await applied(owner)
    if migration is None:
        raise StartupRefused(f"The database {name} is not empty and no hospital's (it has the table {table}); {_MEND}")
    if migration > newest():
        raise StartupRefused(f"The database {name} is at {migration}, ahead of this program's {newest()}; {_MEND}")
    first = DemoIds(seed)("campus", make_organization().campuses[0].code)
    if not await owner.fetchval("SELECT EXISTS (SELECT 1 FROM campus WHERE id = $1)", first):
        if await owner.fetchval(_INHABITED):
            raise StartupRefused(f"The database {name} holds a hospital that is not the demo's; {_MEND}")
        return
    findings = await check_keys(owner, CheckTargets(data_dir=Path(), keyring=keyring))
    if any(finding.level is Level.FAIL for finding in findings):
        raise StartupRefused(
            f"The database {name} holds the demo of another data folder, whose keys this one lacks; "
            f"start it with --data THAT_FOLDER, {_MEND}"
        )


async def _refuse_unprepared_server(owner: asyncpg.Connection, name: str) -> None:
    major = owner.get_server_version().major
    if major < POSTGRES_MAJOR_MIN:
        raise StartupRefused(f"The server is PostgreSQL {major}; the hospital needs {POSTGRES_MAJOR_MIN} or newer.")
    missing = await owner.fetch(_MISSING_ROLES, [APP_ROLE, SEALER_ROLE])
    if missing:
        names = " and ".join(row["name"] for row in missing)
        raise StartupRefused(f"The server has no role {names}; make the roles as deploy/postgres-init.sh does.")
    if not await owner.fetchval("SELECT has_schema_privilege('public', 'CREATE')"):
        raise StartupRefused(
            f"The role in DATABASE_OWNER_URL may not make tables in {name}; "
            "give it the database: ALTER DATABASE … OWNER TO that role."
        )
