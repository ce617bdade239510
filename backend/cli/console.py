"""What every command shares: a console that knows whether a person reads it, and one way to fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.processes import StartupRefused
from backend.settings import Settings, SettingsError, load_settings
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.transactions import is_database_away

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedColumnError)
_NOT_LET_IN = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)

Result = TypeVar("Result")


def fail(sentence: str) -> NoReturn:
    """End with 1 and one sentence, on one line wherever it is read."""
    err.print(f"[bold red]✗[/] {escape(sentence)}", soft_wrap=True)
    raise typer.Exit(1)


def settings_or_fail() -> Settings:
    """This process's settings, or a sentence."""
    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error))


def run_async(work: Coroutine[Any, Any, Result], *, expected: tuple[type[Exception], ...] = ()) -> Result:
    """Run to the end; a refusal or an engine that is away is a sentence, Ctrl-C is not an error.

    ``expected`` are refusals for which the command has words of its own.
    """
    try:
        return asyncio.run(work)
    except (StartupRefused, SettingsError) as error:
        fail(str(error))
    except expected:
        raise
    except DomainError as error:
        fail(f"{error.title}{f': {error.detail}' if error.detail else ''} ({error.code})")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        if (sentence := _trouble(error)) is None:
            raise
        fail(sentence)


def _trouble(error: Exception) -> str | None:
    """What an operator can mend: the shape of the database, its rights, its address, a folder. None for a bug."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}."
    if isinstance(error, _NOT_MIGRATED):
        return f"The database has not this program's shape ({_first_line(error)}); run `hospital migrate`."
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        why = _first_line(error)
        return f"The database role may not do that ({why}); deploy/postgres-init.sh shows the roles and their rights."
    if is_database_away(error) or isinstance(error, _NOT_LET_IN):
        why = str(error).rstrip(".") or "no answer in time"
        return f"PostgreSQL does not let us in ({why}); start it, or mend the URLs of the database in the settings."
    return None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


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
