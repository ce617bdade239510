"""The database as a whole (数据库): which contexts have tables, and how a process connects.

Contexts are named by string, so that this module stands beside the migrations and imports none of them.
"""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from tortoise import Tortoise

CONTEXTS = (
    "kernel",
    "registry.catalogue",
    "registry.organization",
    "registry.staff",
    "registry.patients",
    "registry.accounts",
    "registry.devices",
    "registry.care_relations",
    "finance.ledger",
    "finance.billing",
    "finance.payments",
    "finance.reconciliation",
    "finance.einvoicing",
    "access.scheduling",
    "access.queueing",
    "access.examinations",
    "chart.encounters",
    "exchange.notifications",
)
APP = "hospital"
MIGRATIONS = "hospital_core.migrations"

# What the app role may only add to, never change or remove.
APPEND_ONLY = (
    "audit_row",
    "outbox_event",
    "journal_entry",
    "journal_line",
    "payment_notice",
    "mismatch_settlement",
    "revocation",
    "price",
    "closed_day",
    "refund_line",
    "e_invoice_line",
    "e_invoice_check",
    "e_invoice_difference",
)
SEALER_ONLY = ("audit_seal",)


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """Give a connection back as it is, which saves a round trip at every read.

    An open transaction is rolled back by the pool itself before this; settings, locks and listeners of a session are
    never used on the pool: every setting is given when connecting, every lock ends with its transaction.
    """


def model_modules() -> list[str]:
    """The ``models`` module of every context."""
    return [f"hospital_core.{context}.models" for context in CONTEXTS]


def tortoise_config(url: str, *, pool_max: int = 8, application: str = "hospital") -> dict[str, Any]:
    """Tortoise configuration for a ``postgres://user:pw@host:port/db`` URL (``?host=/dir`` for a socket)."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {
                    "host": query.get("host") or parts.hostname,
                    "port": int(query.get("port") or parts.port or 5432),
                    "user": unquote(parts.username or ""),
                    "password": unquote(parts.password or ""),
                    "database": parts.path.lstrip("/"),
                    "minsize": 2,
                    "maxsize": pool_max,
                    "command_timeout": 15,
                    "reset": _nothing_to_reset,
                    "server_settings": {
                        "application_name": application,
                        "lock_timeout": "3000",
                        "statement_timeout": "15000",
                        "jit": "off",  # compiling costs more than any statement here takes
                        "idle_in_transaction_session_timeout": "30000",
                        "timezone": "UTC",
                    },
                },
            }
        },
        "apps": {
            APP: {"models": model_modules(), "default_connection": "default", "migrations": MIGRATIONS},
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def connect(url: str, *, pool_max: int = 8, application: str = "hospital") -> None:
    """Connect this process (one pool). The fallback flag lets Sanic's handlers find the connection."""
    await Tortoise.init(
        config=tortoise_config(url, pool_max=pool_max, application=application), _enable_global_fallback=True
    )


async def disconnect() -> None:
    """Close the pool."""
    await Tortoise.close_connections()
