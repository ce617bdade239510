"""What `hospital check` looks at (体检): each finding says what was seen and how to mend it.

A check never raises for what it finds: an engine that does not answer is a finding too.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import asyncpg
import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.chromium import chromium_path, has_chinese_font
from backend.einvoice import HttpEInvoicePlatform
from backend.postgres_tools import ToolFailed, find_tool
from backend.processes import port_is_free
from backend.settings import EInvoiceSettings, VideoSettings
from hospital_core.finance.einvoicing.ports import PlatformRefused, PlatformUnknown
from hospital_core.kernel import audit
from hospital_core.kernel.secrecy import KeyRing, UnreadableSecret
from hospital_core.migrating import applied, newest
from hospital_core.registry.patients.ages import SHANGHAI
from hospital_core.registry.patients.sealing import IDENTIFIER_COLUMN
from hospital_core.registry.staff.service.accounts import TOTP_COLUMN

POSTGRES_MAJOR_MIN = 15
_SKEW_MAX = timedelta(seconds=2)
_CONNECT_S = 5
_FREE_FAIL_BYTES = 500 * 1024**2
_FREE_WARN_BYTES = 5 * 1024**3
_NO_FONT = ("no Chinese font was found", "install fonts-noto-cjk: pages and slips show boxes without it")
_DURABLE = {"fsync": "on", "full_page_writes": "on", "data_checksums": "on"}


class Level(StrEnum):
    """How bad a finding is (程度)."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at (检查结果); `mend` is empty when there is nothing to mend."""

    name: str
    level: Level
    what: str
    mend: str = ""


@dataclass(frozen=True)
class CheckTargets:
    """What to look at (检查对象); what is None or empty is left out, except the database."""

    data_dir: Path
    demo: bool = False
    database_url: str | None = None
    redis_url: str | None = None
    keyring: KeyRing | None = None
    audit_key: bytes | None = None
    anchor_path: Path | None = None
    ports_free: Sequence[int] = ()
    host: str = "127.0.0.1"
    secret_files: Sequence[Path] = ()
    browser: bool = True
    einvoice: EInvoiceSettings | None = None
    video: VideoSettings | None = None


def _ok(name: str, what: str) -> Finding:
    return Finding(name, Level.OK, what)


def _warn(name: str, what: str, mend: str) -> Finding:
    return Finding(name, Level.WARN, what, mend)


def _fail(name: str, what: str, mend: str) -> Finding:
    return Finding(name, Level.FAIL, what, mend)


async def run_checks(targets: CheckTargets, *, audit_only: bool = False) -> list[Finding]:
    """Look at everything that `targets` names (全部检查); `audit_only` walks the audit chain alone."""
    if audit_only:
        return await _with_database(targets, [check_audit])
    findings = [check_port(targets.host, port) for port in targets.ports_free]
    findings += [check_disk(targets.data_dir), *check_secret_files(targets.secret_files)]
    if targets.browser:
        findings += check_browser()
    if targets.redis_url is not None:
        findings.append(await check_redis(targets.redis_url))
    findings += [await check_e_invoices(targets.einvoice), await check_video(targets.video)]
    database = [
        check_durability, check_backup_tools, check_migration, check_clock, check_demo_rows, check_keys, check_outbox,
        check_audit,
    ]  # fmt: skip
    return [*findings, *await _with_database(targets, database)]


# -- the machine


def check_port(host: str, port: int) -> Finding:
    """Whether a server could listen there (端口)."""
    if port_is_free(port, host):
        return _ok("port", f"{host}:{port} is free")
    return _fail("port", f"{host}:{port} is in use", "stop the other program or choose another port with --port")


def check_disk(folder: Path) -> Finding:
    """Free space where the data stand (磁盘)."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    what = f"{free / 1024**3:.1f} GiB free at {folder}"
    mend = "free some space: PostgreSQL stops when its disk is full"
    if free < _FREE_FAIL_BYTES:
        return _fail("disk", what, mend)
    return _warn("disk", what, mend) if free < _FREE_WARN_BYTES else _ok("disk", what)


def check_secret_files(paths: Sequence[Path]) -> list[Finding]:
    """Files with secrets must be readable by their owner alone (密钥文件权限)."""
    findings = []
    for path in paths:
        if not path.exists():
            findings.append(_warn("secrets", f"{path} does not exist", "name the right file in the settings"))
        elif (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            findings.append(_fail("secrets", f"{path} has mode {mode:04o}: others can read it", f"chmod 600 {path}"))
        elif path.stat().st_uid != os.geteuid() and os.geteuid() != 0:
            findings.append(_fail("secrets", f"{path} belongs to another user", f"chown it to user {os.geteuid()}"))
        else:
            findings.append(_ok("secrets", f"{path} is private"))
    return findings


def check_browser() -> list[Finding]:
    """Chromium and a Chinese font, for the browser tests and for screens driven by this machine (浏览器与中文字体)."""
    chromium = chromium_path()
    mend = "install chromium; only browser tests and kiosk or screen machines need it"
    return [
        _ok("chromium", chromium) if chromium else _warn("chromium", "no Chromium was found", mend),
        _ok("fonts", "a Chinese font is installed") if has_chinese_font() else _warn("fonts", *_NO_FONT),
    ]


async def check_redis(url: str) -> Finding:
    """Whether Redis answers (Redis)."""
    client = Redis.from_url(url, socket_timeout=_CONNECT_S, socket_connect_timeout=_CONNECT_S)
    try:
        info = await client.info("server")
    except (RedisError, OSError) as error:
        return _fail("redis", f"Redis does not answer ({type(error).__name__})", "start it, or mend REDIS_URL")
    finally:
        await client.aclose()
    return _ok("redis", f"Redis {info['redis_version']} answers")


async def check_e_invoices(settings: EInvoiceSettings | None) -> Finding:
    """Whether the e-invoice platform answers us (电子票据平台); a hospital without one is a warning."""
    if settings is None:
        what = "no e-invoice platform is set up: paid bills get no 医疗电子票据"
        mend = "set HOSPITAL_EINVOICE_URL, _APPID, _KEY and _PLACE_CODE (docs/einvoices.md)"
        return _warn("e-invoices", what, mend)
    platform = HttpEInvoicePlatform(settings)
    try:
        issued, _ = await platform.totals(datetime.now(SHANGHAI).date())
    except (PlatformUnknown, PlatformRefused) as trouble:
        mend = "mend HOSPITAL_EINVOICE_URL, _APPID, _KEY, or ask the platform"
        return _fail("e-invoices", f"the platform does not serve us ({trouble.code} {trouble.text})", mend)
    finally:
        await platform.close()
    return _ok("e-invoices", f"the platform answers; it counts {issued.count} of today")


async def check_video(settings: VideoSettings | None) -> Finding:
    """Whether the server of online visits is there (视频诊室); a hospital without one is a warning."""
    if settings is None:
        what = "no video server is set up: nobody can enter an online visit"
        return _warn("video", what, "set HOSPITAL_VIDEO_URL, _APP_ID and _SECRET (docs/online.md)")
    try:
        async with httpx.AsyncClient(timeout=_CONNECT_S, trust_env=False) as client:
            answer = await client.get(settings.url)
    except httpx.HTTPError as error:
        return _fail("video", f"the video server does not answer ({type(error).__name__})", "mend HOSPITAL_VIDEO_URL")
    if answer.status_code >= 500:
        return _fail("video", f"the video server answers {answer.status_code}", "look at its log")
    return _ok("video", "the video server answers")


# -- the database

Check = Callable[[asyncpg.Connection, CheckTargets], Awaitable[list[Finding]]]


async def _with_database(targets: CheckTargets, checks: Sequence[Check]) -> list[Finding]:
    if targets.database_url is None:
        return [_fail("database", "no database is named", "set HOSPITAL_DATABASE_URL")]
    try:
        connection = await asyncpg.connect(targets.database_url, timeout=_CONNECT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        mend = "start it, or mend DATABASE_URL"
        return [_fail("database", f"PostgreSQL does not answer ({type(error).__name__}: {error})", mend)]
    try:
        findings: list[Finding] = []
        if await applied(connection) is None:  # one finding says it all
            checks = [check for check in checks if check in _SHAPELESS] or [check_migration]
        for check in checks:
            try:
                findings += await check(connection, targets)
            except asyncpg.PostgresError as error:
                name = check.__name__.removeprefix("check_")
                findings.append(_fail(name, f"could not be checked: {error}", "run `hospital migrate`"))
        return findings
    finally:
        await connection.close()


async def check_durability(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Version and the settings that keep committed data through a power cut (持久性设置)."""
    major = connection.get_server_version().major
    mend = f"use PostgreSQL {POSTGRES_MAJOR_MIN} or newer"
    what = f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
    findings = [_ok("database", what) if major >= POSTGRES_MAJOR_MIN else _fail("database", what, mend)]
    names = [*_DURABLE, "synchronous_commit"]
    rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])", names)
    settings = {row["name"]: row["setting"] for row in rows}
    wrong = [name for name, value in _DURABLE.items() if settings.get(name) != value]
    # on, remote_write, remote_apply and local all survive a crash of this machine.
    wrong += ["synchronous_commit"] if settings.get("synchronous_commit") == "off" else []
    for name in wrong:
        mend = (
            "stop the server and run `pg_checksums --enable`"
            if name == "data_checksums"
            else f"remove `{name} = off` from the server's settings: paid bookings may be lost with it"
        )
        findings.append(_fail("durability", f"{name} is {settings.get(name, 'unknown')}", mend))
    return findings + ([] if wrong else [_ok("durability", "fsync, full page writes, commits and checksums are on")])


async def check_backup_tools(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Whether `hospital backup` finds a pg_dump for this server here (备份工具)."""
    try:
        tool = await asyncio.to_thread(find_tool, "pg_dump", connection.get_server_version().major)
    except ToolFailed as error:
        return [_warn("backup", str(error), "needed only where backups are made")]
    return [_ok("backup", f"{tool} fits the server")]


async def check_migration(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Whether database and program have the same shape (迁移版本)."""
    found, wanted = await applied(connection), newest()
    if found == wanted:
        return [_ok("migration", f"at {found}")]
    if found is not None and found > wanted:
        return [_fail("migration", f"the database is at {found}, ahead of {wanted}", "install the newer program")]
    return [_fail("migration", f"the database is at {found or 'nothing'}, not {wanted}", "run `hospital migrate`")]


# What can be looked at in a database that was never migrated.
_SHAPELESS: tuple[Check, ...] = (check_durability, check_backup_tools, check_migration)


async def check_clock(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Whether the database's clock is this machine's, and the hospital's clock the database's (时钟)."""
    before = datetime.now(UTC)
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    after = datetime.now(UTC)
    skew = max(before - theirs, theirs - after, timedelta(0))
    what = f"the database's clock differs by {skew.total_seconds():.1f} s"
    mend = "let both machines follow the same time servers (chrony)"
    findings = [_fail("clock", what, mend) if skew > _SKEW_MAX else _ok("clock", what)]
    offset = await connection.fetchval("SELECT offset_seconds FROM clock_offset WHERE id = 1")
    if offset and not targets.demo:
        mend = "as the owner: UPDATE clock_offset SET offset_seconds = 0"
        findings.append(_fail("clock", f"the hospital's clock is shifted by {offset} s", mend))
    elif offset:
        findings.append(_warn("clock", f"the demo's clock is shifted by {offset} s", "set clock_offset back to 0"))
    return findings


async def check_demo_rows(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Demo people have no place in a production database (演示数据); they are told by their UUIDv5 ids."""
    found = await connection.fetchval("SELECT count(*) FROM staff_account WHERE substr(id::text, 15, 1) = '5'")
    if targets.demo or not found:
        return []
    return [_fail("demo", f"{found} demo accounts are in this database", "begin with an empty database")]


async def check_keys(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Whether the keys of the settings open what is in the database (密钥是否匹配)."""
    if targets.keyring is None:
        return []
    # One value per key version: an old key dropped too early is found, however few rows still need it.
    rows = await connection.fetch(
        "SELECT DISTINCT ON (version) value_sealed, value_index, version FROM "
        "(SELECT id, value_sealed, value_index, get_byte(value_sealed, 0) AS version FROM patient_identifier) AS i "
        "ORDER BY version, id DESC"
    )
    for row in rows:
        try:
            value = targets.keyring.open(row["value_sealed"], IDENTIFIER_COLUMN)
        except UnreadableSecret:
            what = f"values sealed with key version {row['version']} cannot be opened"
            return [_fail("keys", what, "put that key back into HOSPITAL_FIELD_KEYS; it was removed or exchanged")]
        if targets.keyring.index(value, IDENTIFIER_COLUMN) != row["value_index"]:
            what = "the index key is not the one the database was filled with"
            return [_fail("keys", what, "restore HOSPITAL_INDEX_KEY: patients are not found by document until then")]
    staff = await connection.fetch(
        "SELECT DISTINCT ON (get_byte(totp_secret, 0)) totp_secret, get_byte(totp_secret, 0) AS version "
        "FROM staff_account WHERE totp_secret IS NOT NULL ORDER BY get_byte(totp_secret, 0)"
    )
    for row in staff:  # a house that opened today has administrators and no patient yet
        try:
            targets.keyring.open(row["totp_secret"], TOTP_COLUMN)
        except UnreadableSecret:
            what = f"one-time secrets sealed with key version {row['version']} cannot be opened: nobody can sign in"
            return [_fail("keys", what, "put that key back into HOSPITAL_FIELD_KEYS; it was removed or exchanged")]
    versions = ", ".join(map(str, sorted({row["version"] for row in (*rows, *staff)})))
    return [_ok("keys", f"sealed fields open, key versions {versions}" if versions else "no sealed field yet")]


async def check_outbox(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Parked events wait for a person; old due ones say that no worker runs (事件投递)."""
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE state = 'parked') AS parked, "
        "count(*) FILTER (WHERE state = 'due' AND not_before < hospital_now() - interval '1 minute') AS late "
        "FROM outbox_delivery WHERE state <> 'done'"
    )
    findings = []
    if row["late"]:
        what = f"{row['late']} deliveries are over a minute late"
        findings.append(_warn("outbox", what, "see that `hospital worker` runs"))
    if row["parked"]:
        mend = "look at the parked events at the console, mend the cause, release them"
        findings.append(_warn("outbox", f"{row['parked']} deliveries are parked", mend))
    return findings or [_ok("outbox", "nothing late, nothing parked")]


async def check_audit(connection: asyncpg.Connection, targets: CheckTargets) -> list[Finding]:
    """Walk the whole audit chain (审计链); names the first row that was altered, removed or cut off."""
    if targets.audit_key is None:
        return []
    anchor = audit.Anchor.load(targets.anchor_path) if targets.anchor_path is not None else None
    verdict = await audit.verify(connection, targets.audit_key, anchor)
    if not verdict.sound:
        row = f" (row {verdict.row_id})" if verdict.row_id else ""
        mend = "keep the database as it is and compare it with the last backup: somebody wrote past the application"
        return [_fail("audit", f"{verdict.problem}{row}", mend)]
    notes = [note for note in verdict.notes if "newer than the anchor" not in note and "newest rows" not in note]
    if notes:
        return [_warn("audit", f"{verdict.sealed} rows sealed; {'; '.join(notes)}", "see that `hospital worker` runs")]
    return [_ok("audit", f"{verdict.sealed} rows sealed and unaltered, {verdict.unsealed_recent} newer ones")]
