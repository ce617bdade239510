"""``hospital serve | worker | migrate | bootstrap | backup | restore | check``: running a real hospital."""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from backend.backup import BackupFailed
from backend.backup import backup as make_backup
from backend.backup import restore as restore_backup
from backend.checks import CheckTargets, Level, run_checks
from backend.cli.console import core_connected, err, fail, out, progress_bar, run_async, settings_or_fail
from backend.probing import answers, origin_of
from backend.processes import ChildSpec
from backend.settings import Settings
from backend.supervisor import Supervisor, bind_listen_socket
from hospital_core.kernel.context import system_context
from hospital_core.kernel.reading import Reading

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
_MARKS = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (serve, worker, migrate, bootstrap, backup, restore, check):
        app.command(command.__name__)(command)
    app.command("rotate-keys")(rotate_keys)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default from the settings.")] = None,
) -> None:
    """Serve the API and the pages with several worker processes on one socket."""
    settings = settings_or_fail()
    run_async(_look_first(settings))  # a loop of its own: the supervisor's may have no threads
    run_async(_serve(settings, host, port, workers or settings.workers))


async def _look_first(settings: Settings) -> None:
    """What would end every worker ends us first, in one sentence instead of their tracebacks."""
    from backend.wiring import refuse_unsafe

    async with core_connected(settings):
        await Reading(system_context()).fetch_value("SELECT hospital_now()")
        await refuse_unsafe(settings)


async def _serve(settings: Settings, host: str, port: int, workers: int) -> None:
    listener = bind_listen_socket(host, port)
    folder = Path(tempfile.mkdtemp(prefix="hospital-metrics-"))

    def mark_dead(name: str, pid: int) -> None:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]

    supervisor = Supervisor(settings.data_dir / "logs", on_exit=mark_dead, tee=lambda _, line: print(line, flush=True))  # noqa: T201
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "HOSPITAL_WORKERS": str(workers)}
    fd, origin = listener.fileno(), origin_of(listener)
    for number in range(1, workers + 1):
        argv = [sys.executable, "-m", "backend.serving", str(fd)]
        spec = ChildSpec(
            name=f"web{number}", argv=argv, env=environment, pass_fds=(fd,), stop_timeout_s=15,
            ready=answers(f"{origin}/healthz"),
        )  # fmt: skip
        supervisor.add(spec)

    async def tell() -> None:
        err.print(f"[green]✓[/] serving on {origin} · workers: {workers} · Ctrl-C stops", soft_wrap=True)

    try:
        await supervisor.run(tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def worker() -> None:
    """Relay events, seal the audit trail, sweep."""
    from backend.worker import main

    run_async(main())


def migrate() -> None:
    """Bring the database to the present shape and give the roles their rights."""
    from hospital_core.migrating import migrate as bring

    settings = settings_or_fail()
    if settings.database_owner_url is None:
        fail("Set HOSPITAL_DATABASE_OWNER_URL: migrations run with the owner's role.")
    with progress_bar() as tell:
        done = 0

        def on_step(event: str, app: str, name: str) -> None:
            nonlocal done
            if event == "apply_done":
                done += 1
                tell(f"migrated to {name}", done, done)

        run_async(bring(settings.database_owner_url, on_step))
    out.print("[green]✓[/] the database has the present shape")


def bootstrap() -> None:
    """Open an empty hospital: first campus and department, three separated administrators, their secrets shown once."""
    from backend.bootstrap import open_house

    settings = settings_or_fail()
    try:
        opened = run_async(open_house(settings))
    except LookupError as error:
        fail(str(error))
    out.print("[bold]Write these down now; they are not shown again.[/]")
    for person in opened:  # no table: a narrow one would cut the secrets
        out.print(f"\n[bold]{person.role}[/]", soft_wrap=True)
        for name, value in (("login", person.login), ("password", person.password), ("TOTP", person.totp_secret)):
            out.print(f"  {name:9} {escape(value)}", soft_wrap=True)


def backup(folder: Annotated[Path, typer.Argument(help="New folder for the backup.")]) -> None:
    """Back the database up, with a manifest that a restore is proved against."""
    settings = settings_or_fail()
    try:
        with progress_bar() as tell:
            manifest = run_async(make_backup(settings.database_owner_url or settings.database_url, folder, tell))
    except BackupFailed as error:
        fail(str(error))
    out.print(f"[green]✓[/] {folder}: {sum(manifest.rows.values())} rows, {manifest.bytes / 1e6:.1f} MB")


def restore(folder: Annotated[Path, typer.Argument(help="Folder of the backup.")]) -> None:
    """Restore a backup into an empty database and prove that it is the same."""
    settings = settings_or_fail()
    if settings.database_owner_url is None:
        fail("Set HOSPITAL_DATABASE_OWNER_URL: a restore runs with the owner's role.")
    try:
        with progress_bar() as tell:
            work = restore_backup(
                settings.database_owner_url, folder, audit_key=bytes.fromhex(settings.audit_key), progress=tell
            )
            restored = run_async(work)
    except BackupFailed as error:
        fail(str(error))
    out.print(f"[green]✓[/] restored, {restored.audit_sealed} audit seals verified")
    for note in restored.audit_notes:
        out.print(f"  [yellow]![/] {note}")


def rotate_keys() -> None:
    """Seal every sealed value again with the current field key, in small batches, while the house works."""
    from backend.rotation import rotate_field_keys
    from hospital_core.kernel.secrecy import UnreadableSecret

    settings = settings_or_fail()

    async def work() -> int:
        async with core_connected(settings):
            with progress_bar() as tell:
                return await rotate_field_keys(tell)

    try:
        count = run_async(work())
    except UnreadableSecret as error:
        fail(f"{error}: put the old key back into HOSPITAL_FIELD_KEYS first.")
    out.print(f"[green]✓[/] {count} values sealed again with key version {settings.field_key_current}")


def check(
    audit: Annotated[bool, typer.Option("--audit", help="Only walk the audit chain.")] = False,
    port: Annotated[list[int] | None, typer.Option(help="Ports that should be free.")] = None,
) -> None:
    """Look at everything that can be wrong; each finding comes with its mend."""
    settings = settings_or_fail()
    settings_file = os.environ.get("HOSPITAL_SETTINGS")
    targets = CheckTargets(
        data_dir=settings.data_dir,
        demo=settings.is_demo,
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        keyring=settings.keyring(),
        audit_key=bytes.fromhex(settings.audit_key),
        anchor_path=settings.anchor_path,
        ports_free=tuple(port or ()),
        secret_files=(Path(settings_file),) if settings_file else (),
        einvoice=settings.einvoice,
        video=settings.video,
    )
    findings = asyncio.run(run_checks(targets, audit_only=audit))
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.level]
        mend = f"\n[dim]→ {escape(finding.mend)}[/]" if finding.mend else ""
        table.add_row(f"[{colour}]{_MARKS[finding.level]}[/]", finding.name, f"{escape(finding.what)}{mend}")
    out.print(table)
    raise typer.Exit(1 if any(finding.level is Level.FAIL for finding in findings) else 0)
