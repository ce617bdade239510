"""``python -m tests.bench [--quick]`` (= ``make bench``): ratios to limits of the same run."""

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import asyncpg
import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.booking import CLIENTS, Booked, Crush, measure_bookings
from tests.bench.booking import CONNECTIONS as PHONES
from tests.bench.ground import POOL_MAX, WORKERS, Ground, pgbench, running_ground
from tests.bench.load import CONNECTIONS, WRK
from tests.bench.parity import Parity, measure_parity
from tests.bench.reading import Pair, measure_reads
from tests.bench.screens import Shown, measure_screens

PARITY, BOOKINGS = "parity", "bookings"
console = Console(width=None if Console().is_terminal else 150)
_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "data_checksums", "shared_buffers")


async def _facts(ground: Ground) -> None:
    connection = await asyncpg.connect(ground.engines.admin)
    try:
        postgres = {name: await connection.fetchval(f"SHOW {name}") for name in _SETTINGS}
    finally:
        await connection.close()
    table = Table(title="Machine", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    packages = ", ".join(f"{name} {version(name)}" for name in ("sanic", "tortoise-orm", "asyncpg", "uvloop"))
    rows = [
        ("processor", f"{_processor()} × {os.cpu_count()}"),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f} at start"),
        ("Python", f"{platform.python_version()}: {packages}"),
        ("PostgreSQL", ", ".join(f"{name} {value}" for name, value in postgres.items())),
        ("server", f"{WORKERS} workers, pool {POOL_MAX} each; ours and bare alike"),
        ("generators", f"reads: {WRK or 'own'}; bookings and screens: own processes; all on the same cores"),
    ]
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _tell_reads(pairs: list[Pair]) -> None:
    table = _table(
        f"Reads · {CONNECTIONS} connections", "read", "limit", "ratio", "target", "ours /s", "limit /s",
        "p50 ms", "p99 ms", "bad", "generator",
    )  # fmt: skip
    for pair in pairs:
        ratio = median(ours.per_s / limit.per_s for ours, limit in zip(pair.ours, pair.limit, strict=True))
        colour = "green" if pair.target is None or ratio >= pair.target else "red"
        table.add_row(
            pair.what, pair.limit_name, f"[{colour}]{ratio:.2f}[/]", f"≥ {pair.target}",
            f"{median(load.per_s for load in pair.ours):,.0f}", f"{median(load.per_s for load in pair.limit):,.0f}",
            f"{median(load.p50_ms for load in pair.ours):.1f}", f"{median(load.p99_ms for load in pair.ours):.1f}",
            str(sum(load.bad for load in [*pair.ours, *pair.limit])),
            f"{median(load.cpu_share for load in pair.ours):.0%} of a core",
        )  # fmt: skip
    console.print(table)


def _tell_bookings(kinds: list[Booked], crush: Crush) -> None:
    table = _table(
        f"Bookings over HTTP · {PHONES} connections, limits, rules, audit and outbox on · "
        f"limit: pgbench -M prepared, {CLIENTS} clients, Unix socket",
        "booking", "ratio", "target", "ours /s", "pgbench /s", "p50 ms", "p99 ms", "refused", "broken", "generator",
    )  # fmt: skip
    for kind in kinds:
        ratios = [ours.per_s / limit for ours, limit in zip(kind.ours, kind.limit, strict=False)]
        colour = "green" if ratios and median(ratios) >= kind.target else "red"
        table.add_row(
            kind.what, f"[{colour}]{median(ratios):.2f}[/]" if ratios else "no pgbench", f"≥ {kind.target}",
            f"{median(rush.per_s for rush in kind.ours):,.0f}",
            f"{median(kind.limit):,.0f}" if kind.limit else "—",
            f"{median(rush.p50_ms for rush in kind.ours):.1f}", f"{median(rush.p99_ms for rush in kind.ours):.1f}",
            str(sum(rush.refused for rush in kind.ours)), str(sum(rush.broken for rush in kind.ours)),
            f"{median(rush.cpu_share for rush in kind.ours):.0%} of a core",
        )  # fmt: skip
    console.print(table)
    table = _table(
        f"{crush.clients} phones at once for four sessions",
        "sold", "refused", "broken", "oversold", "p50 ms", "p99 ms", "goal", "others p99 ms", "goal ", "drained s",
    )  # fmt: skip
    came = crush.rush
    table.add_row(
        str(came.booked), str(came.refused), str(came.broken), str(crush.oversold), f"{came.p50_ms:.0f}",
        f"{came.p99_ms:.0f}", "≤ 2000", f"{crush.others_p99_ms:.0f}", "≤ 500",
        "not in time" if crush.drained_s is None else f"{crush.drained_s:.1f}",
    )  # fmt: skip
    console.print(table)


def _tell_screens(shown: Shown) -> None:
    table = _table(
        f"A call on {shown.screens} screens · from the HTTP answer", "calls", "screen p50 ms", "screen p99 ms",
        "last p50 ms", "last p99 ms", "last max ms", "goal", "missed", "memory per screen",
    )  # fmt: skip
    every, last = (
        quantiles(shown.every_ms, n=100, method="inclusive"),
        quantiles(shown.last_ms, n=100, method="inclusive"),
    )
    table.add_row(
        str(shown.calls), f"{every[49]:.0f}", f"{every[98]:.0f}", f"{last[49]:.0f}", f"{last[98]:.0f}",
        f"{max(shown.last_ms):.0f}", "last ≤ 300 (p99)", str(shown.missing), f"{shown.bytes_each / 1024:.0f} KiB",
    )  # fmt: skip
    console.print(table)


def _tell_parity(kinds: list[Parity]) -> None:
    table = _table(
        "A refused read · another's beside a missing object, in turns", "read", "turns", "another's µs", "missing µs",
        "difference µs", "95 % interval µs", "told apart",
    )  # fmt: skip
    for kind in kinds:
        table.add_row(
            kind.what, str(kind.turns), f"{kind.others_us:.0f}", f"{kind.missing_us:.0f}",
            f"{kind.difference_us:+.1f}", f"{kind.low_us:+.1f} … {kind.high_us:+.1f}",
            "[red]yes[/]" if kind.apart else "[green]no[/]",
        )  # fmt: skip
    console.print(table)


@asynccontextmanager
async def _ground(**more: Any) -> AsyncIterator[Ground]:
    """A running hospital of its own, after the facts about the machine."""
    with tempfile.TemporaryDirectory(prefix="hospital-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL may run as another user than we
        async with running_ground(Path(folder), **more) as ground:
            await _facts(ground)
            yield ground


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="left" if name in ("read", "limit", "booking", "goal", "goal ") else "right")
    return table


async def _main(rounds: int, seconds: float, calls: int, turns: int, only: str | None) -> None:
    if only != BOOKINGS:
        async with _ground() as ground:
            if only is None:
                console.print(f"[dim]{rounds} rounds of {seconds:.0f} s, limit and ours in turns; medians[/]\n")
                _tell_reads(await measure_reads(ground, rounds, seconds))
                _tell_screens(await measure_screens(ground, calls))
            _tell_parity(await measure_parity(ground, turns))
    if only != PARITY and WRK is not None:
        async with _ground(rate_scale=1) as ground:
            _tell_bookings(*await measure_bookings(ground, rounds, seconds))
    if pgbench() is None:
        console.print("pgbench was not found: bookings stand without their limit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three short rounds instead of five")
    parser.add_argument("--only", choices=[PARITY, BOOKINGS], help="one part alone")
    asked = parser.parse_args()
    quick = asked.quick
    asyncio.run(
        _main(3 if quick else 5, 2.0 if quick else 4.0, 12 if quick else 40, 2000 if quick else 5000, asked.only)
    )
