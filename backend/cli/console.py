"""What every command shares: a console that knows whether a person reads it, and one way to fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.processes import StartupRefused
from backend.settings import Settings, SettingsError, load_settings

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Result = TypeVar("Result")


def fail(sentence: str) -> NoReturn:
    """End with 1 and one sentence."""
    err.print(f"[bold red]✗[/] {sentence}")
    raise typer.Exit(1)


def settings_or_fail() -> Settings:
    """This process's settings, or a sentence."""
    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error))
    except OSError as error:
        fail(f"The settings cannot be read: {error.strerror} ({error.filename}).")


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; a refusal to start is a sentence, Ctrl-C is not an error."""
    try:
        return asyncio.run(work)
    except (StartupRefused, SettingsError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextmanager
def progress_bar() -> Any:
    """A bar per stage; yields ``tell(stage, done, total)``."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield tell


@asynccontextmanager
async def core_connected(settings: Settings) -> AsyncIterator[None]:
    """The core without server or Redis: for commands that act on the database alone."""
    from hospital_core import db, reactions
    from hospital_core.kernel import ports
    from hospital_core.kernel.secrecy import KeyRing

    reactions.load()
    ports.provide(KeyRing, settings.keyring())
    await db.connect(settings.database_url, pool_max=4, application="hospital-cli")
    try:
        yield
    finally:
        await db.disconnect()


Tell = Callable[[str, int, int], None]
