"""Bringing a database to the present shape (迁移): once, under a lock, with the owner's role; then the grants.

Workers never migrate; they compare ``newest()`` with ``applied()`` and wait.
"""

import pkgutil
from collections.abc import Callable

import asyncpg
from tortoise import Tortoise
from tortoise.migrations.api import migrate as tortoise_migrate

from hospital_core import migrations
from hospital_core.db import APP, APPEND_ONLY, SEALER_ONLY, tortoise_config

APP_ROLE = "hospital_app"
SEALER_ROLE = "hospital_sealer"
_LOCK = 5_214_361_807


def newest() -> str:
    """Name of the last migration in the code."""
    return max(name for _, name, _ in pkgutil.iter_modules(migrations.__path__))


async def applied(connection: asyncpg.Connection) -> str | None:
    """Name of the last migration in the database, None for an empty one."""
    if await connection.fetchval("SELECT to_regclass('tortoise_migrations')") is None:
        return None
    name: str | None = await connection.fetchval("SELECT max(name) FROM tortoise_migrations WHERE app = $1", APP)
    return name


async def migrate(owner_url: str, progress: Callable[[str, str, str], object] | None = None) -> None:
    """Apply missing migrations and all grants. Two callers at once: the second waits and finds nothing to do."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        config = tortoise_config(owner_url, pool_max=2, application="hospital-migrate")
        settings = config["connections"]["default"]["credentials"]
        settings["command_timeout"] = 600
        settings["server_settings"]["statement_timeout"] = "0"
        try:
            await tortoise_migrate(config=config, progress=progress)
        finally:
            await Tortoise.close_connections()
        await grant(connection)
    finally:
        await connection.close()


async def grant(connection: asyncpg.Connection) -> None:
    """Give the app and sealer roles exactly what they need; history can be added to, never changed."""
    tables = [row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    async with connection.transaction():
        await connection.execute(
            f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}, {SEALER_ROLE};"
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE};"
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP_ROLE}, {SEALER_ROLE};"
        )
        for table in tables:
            rights = "SELECT" if table in (*SEALER_ONLY, "tortoise_migrations", "clock_offset") else "SELECT, INSERT"
            if rights != "SELECT" and table not in APPEND_ONLY:
                rights += ", UPDATE, DELETE"
            await connection.execute(f'GRANT {rights} ON "{table}" TO {APP_ROLE}')
        await connection.execute(
            f"GRANT SELECT ON audit_row, clock_offset TO {SEALER_ROLE};"
            f"GRANT SELECT, INSERT ON audit_seal TO {SEALER_ROLE};"
            # A price is closed by the next one; only its end may be written, once (trigger price_only_closes).
            f"GRANT UPDATE (valid_until) ON price TO {APP_ROLE};"
            # A card's balance follows the ledger by trigger; nobody else writes it.
            f"REVOKE INSERT, UPDATE, DELETE ON card_balance FROM {APP_ROLE};"
        )
        if "bill_line" in tables and connection.get_server_version().major >= 17:
            # A million lines staged a moment ago: the planner must know of them before they are compared.
            await connection.execute(f"GRANT MAINTAIN ON bill_line TO {APP_ROLE}")
