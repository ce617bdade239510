"""``hospital import``: code tables from CSV files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from backend.cli.console import core_connected, err, fail, out, progress_bar, run_async, settings_or_fail
from hospital_core.kernel.context import system_context
from hospital_core.registry.catalogue.errors import ConceptFileRefused
from hospital_core.registry.catalogue.importing import import_file
from hospital_core.registry.catalogue.views import ConceptsImported


class CodeTable(StrEnum):
    """Code systems that can be imported."""

    ICD10 = "icd10"  # 疾病诊断
    ICD9CM3 = "icd9cm3"  # 手术操作


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_codes)


def import_codes(
    system: Annotated[CodeTable, typer.Argument(help="Which code system the file holds.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with the columns code,name.")],
    edition: Annotated[str, typer.Option(help="Name of the edition, as printed on the source.")] = "国家临床版2.0",
) -> None:
    """Import a code table: all of it or, when any line is wrong, nothing."""
    settings = settings_or_fail()

    async def work() -> ConceptsImported:
        async with core_connected(settings):
            with progress_bar() as tell:
                return await import_file(
                    system_context(),
                    system=system.value,
                    edition=edition,
                    content=file.read_bytes(),
                    progress=lambda done, total: tell(file.name, done, total),
                )

    try:
        report = run_async(work(), expected=(ConceptFileRefused,))
    except ConceptFileRefused as error:
        table = Table(title=f"{file.name}: nothing was imported", title_justify="left")
        table.add_column("line", justify="right")
        table.add_column("problem")
        for bad in error.bad:
            table.add_row(str(bad.line), bad.problem)
        err.print(table)
        fail(f"{error.fields['bad_lines']} bad lines, nothing was imported. {error.title}")
    if report.unchanged:
        out.print(f"[green]✓[/] unchanged: this file was imported already ({report.rows} codes)")
        return
    counts = f"{report.added} added, {report.changed} changed, {report.deactivated} deactivated"
    out.print(f"[green]✓[/] {report.rows} codes: {counts}")
