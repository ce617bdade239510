"""The production container's roles are those of the embedded engine: its script is run against a real server."""

import os
import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from backend.embedded.postgres import postgres_programs
from tests.fixtures.engines import Engines, with_database

SCRIPT = Path(__file__).resolve().parents[3] / "deploy" / "postgres-init.sh"
ROLES = ("owner", "app", "sealer")

_RIGHTS = """
SELECT split_part(r.rolname, '_', 2) AS role, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls,
       has_database_privilege(r.oid, current_database(), 'CONNECT') AS connect,
       has_database_privilege(r.oid, current_database(), 'TEMPORARY') AS temporary,
       has_schema_privilege(r.oid, 'public', 'CREATE') AS create, has_schema_privilege(r.oid, 'public', 'USAGE') AS use
FROM pg_roles r WHERE rolname = ANY($1::text[]) ORDER BY 1"""


async def test_given_the_container_script_then_roles_and_rights_are_those_of_the_embedded_engine(
    engines: Engines, tmp_path: Path
) -> None:
    prefix = f"p{secrets.token_hex(4)}"
    for role in ROLES:
        (tmp_path / f"{role}_password").write_text(f"it's \\{role}\n")
    script = tmp_path / "init.sh"
    text = SCRIPT.read_text().replace("hospital_", f"{prefix}_").replace("DATABASE hospital", f"DATABASE {prefix}")
    script.write_text(text.replace("\\connect hospital", f"\\connect {prefix}").replace("/run/secrets", str(tmp_path)))
    server = urlsplit(engines.admin)
    environment = {
        "PATH": f"{postgres_programs()}:{os.defpath}",
        "POSTGRES_USER": server.username or "",
        "PGPASSWORD": server.password or "",
        "PGHOST": server.hostname or "",
        "PGPORT": str(server.port),
    }
    admin = await asyncpg.connect(engines.admin)
    try:
        done = subprocess.run(["sh", script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        made = await _rights(with_database(engines.admin, prefix), prefix)
        assert made == await _rights(with_database(engines.admin, "hospital"), "hospital")
        app = await asyncpg.connect(
            host=server.hostname, port=server.port, user=f"{prefix}_app", password="it's \\app", database=prefix
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute("CREATE TABLE mine (id int)")
        await app.close()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {prefix} WITH (FORCE)")
        for role in ROLES:
            await admin.execute(f"DROP ROLE IF EXISTS {prefix}_{role}")
        await admin.close()


async def _rights(url: str, prefix: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(_RIGHTS, [f"{prefix}_{role}" for role in ROLES])]
    finally:
        await connection.close()
