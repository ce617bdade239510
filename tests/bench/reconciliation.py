"""``python -m tests.bench.reconciliation [--rows N] [--differences N]``: a million lines of a bill compared three ways.

The bill is a file as WeChat writes it, read by the adapter's own parser, staged, compared and compared again; the
engine is durable, the database role the server's. Differences are planted beforehand (``tests.fixtures.reconciling``):
all must be found under their name and no other, else the program ends with 1.
"""

import argparse
import asyncio
import gzip
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from rich.console import Console

import hospital_core.reactions
from backend.embedded.postgres import EmbeddedPostgres
from hospital_core.db import connect, disconnect
from hospital_core.finance.payments.ports import BillRow, BillRowKind, PaymentGateway
from hospital_core.finance.reconciliation.outside import reconcile
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import pooled_connection
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.migrating import migrate
from hospital_core.registry.patients.ages import SHANGHAI
from miniapp_api.wechat.bills import _next_rows, read_rows
from sandbox.wechat.bills import COLUMNS, SUMMARY, fee, yuan
from tests.fixtures.engines import with_database
from tests.fixtures.finance import MERCHANT, make_payer, rows, value
from tests.fixtures.keys import TEST_KEYS
from tests.fixtures.reconciling import EVERY, PLANTS, MoneyDay

console = Console(width=None if Console().is_terminal else 130)
DAY = date(2026, 9, 16)
TARGET_S = 120
_TRADES = {BillRowKind.PAYMENT: "SUCCESS", BillRowKind.REFUND: "REFUND", BillRowKind.REVERSAL: "REVOKED"}


class Memory(AbstractContextManager["Memory"]):
    """The highest resident set of this process while something runs, looked at ten times a second."""

    def __enter__(self) -> "Memory":
        self.start_mib = self.peak_mib = _resident_mib()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.peak_mib = max(self.peak_mib, _resident_mib())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()


def _resident_mib() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def _postgres_cpu_s() -> float:
    """Processor time of the engine's processes that live: the pool's connections stay open."""
    times = [one.cpu_times() for one in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system for one in times)


class FileGateway:
    """A channel whose bill lies in a file."""

    merchant = MERCHANT

    def __init__(self, path: Path) -> None:
        self.path = path

    async def bill(self, day: date, sub_mchid: str | None = None) -> AsyncIterator[BillRow]:
        """The lines, as the adapter reads them once they are downloaded."""
        with gzip.open(self.path) as text:
            lines = read_rows(text)
            while batch := await asyncio.to_thread(_next_rows, lines):
                for row in batch:
                    yield row


def write_bill(path: Path, bill: Iterable[BillRow]) -> int:
    """A bill as WeChat writes it; how many lines."""
    names, count = COLUMNS.split(","), 0
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as file:
        file.write("\ufeff" + COLUMNS + "\r\n")
        for row in bill:
            told = _told(row)
            file.write(",".join(f"`{told.get(name, '0')}" for name in names) + "\r\n")
            count += 1
        file.write(SUMMARY + "\r\n" + ",".join(f"`{text}" for text in [str(count), *["0.00"] * 6]) + "\r\n")
    return count


def _told(row: BillRow) -> dict[str, Any]:
    came = row.kind is BillRowKind.PAYMENT
    return {
        "交易时间": f"{row.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}", "公众账号ID": row.appid, "商户号": row.mchid,
        "特约商户号": row.sub_mchid or "0", "微信订单号": row.transaction_id, "商户订单号": row.out_trade_no,
        "用户标识": row.payer_openid, "交易类型": row.trade_type, "交易状态": _TRADES[row.kind],
        "微信退款单号": row.refund_id or "0", "商户退款单号": row.out_refund_no or "0", "退款状态": row.status,
        "商品名称": "预存款充值, 门诊", "手续费": _fee(row.fee_millifen),
        "订单金额" if came else "申请退款金额": yuan(row.amount_fen),
        "应结订单金额" if came else "退款金额": yuan(row.settled_fen),
    }  # fmt: skip


def _fee(millifen: int) -> str:
    whole, rest = divmod(abs(millifen), 100_000)
    assert fee(1) == "0.00006"
    return f"{'-' if millifen < 0 else ''}{whole}.{rest:05d}"


async def _lay(admin_url: str, size: int, differences: int) -> MoneyDay:
    owner = await asyncpg.connect(with_database(admin_url, await value("SELECT current_database()")))
    try:
        world = MoneyDay("bead5eed", DAY, size, await make_payer())
        await world.lay(owner)
        real = [name for name, kind in PLANTS.items() if kind is not None]
        each, rest = divmod(differences, len(real))
        counts = {name: each + (number < rest) for number, name in enumerate(real)}
        await world.plant(owner, counts | dict.fromkeys([name for name in PLANTS if name not in counts], 100))
        await owner.execute("ANALYZE")
        return world
    finally:
        await owner.close()


async def _measure(lines: int, differences: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="hospital-bench-") as folder:
        Path(folder).chmod(0o711)
        async with EmbeddedPostgres(Path(folder)) as urls:
            await migrate(urls.owner)
            hospital_core.reactions.load()
            ports.provide(KeyRing, TEST_KEYS)
            await connect(urls.app, pool_max=4, application="hospital-bench")
            try:
                return await _compare(Path(folder), urls.admin, lines * EVERY // (EVERY + 1), differences)
            finally:
                await disconnect()


async def _compare(folder: Path, admin_url: str, size: int, differences: int) -> bool:
    began = time.monotonic()
    world = await _lay(admin_url, size, differences)
    count = write_bill(folder / "bill.csv.gz", world.bill())
    mib = (folder / "bill.csv.gz").stat().st_size / 2**20
    console.print(
        f"[dim]{size:,} payments with refunds and journals, a bill of {count:,} lines ({mib:.0f} MiB packed), "
        f"{len(world.expected):,} differences of {len(world.expected_kinds())} kinds "
        f"planted in {time.monotonic() - began:.0f} s[/]"
    )
    ports.provide(PaymentGateway, FileGateway(folder / "bill.csv.gz"))  # type: ignore[type-abstract]
    run_id = new_id()
    await rows(
        "INSERT INTO reconciliation_run (id, version, channel, mchid, day, status, due_at, line_count, totals) "
        "VALUES ($1, 0, 'wechat', $2, $3, 'waiting', hospital_now(), 0, '{}') RETURNING id",
        run_id, MERCHANT.mchid, DAY,
    )  # fmt: skip
    first = await _timed("fetched, staged, compared", run_id)
    right = await _is_right(world, run_id)
    digest = await _digest()
    await rows("UPDATE reconciliation_run SET due_at = hospital_now() WHERE id = $1 RETURNING id", run_id)
    again = await _timed("the same again", run_id)
    same = await _digest() == digest
    console.print(f"again: {'no row changed' if same else '[red]rows changed[/]'}")
    return right and same and max(first, again) <= TARGET_S


async def _timed(what: str, run_id: Any) -> float:
    began, ours, theirs = time.monotonic(), time.process_time(), _postgres_cpu_s()
    with Memory() as memory:
        matched = await reconcile(run_id)
    seconds = time.monotonic() - began
    colour = "green" if seconds <= TARGET_S else "red"
    console.print(
        f"{what}: [{colour}]{seconds:.1f} s[/] (target ≤ {TARGET_S} s; {time.process_time() - ours:.0f} s of processor "
        f"here, {_postgres_cpu_s() - theirs:.0f} s in PostgreSQL, load {os.getloadavg()[0]:.1f}), "
        f"memory {memory.start_mib:.0f} MiB at start, {memory.peak_mib:.0f} MiB at most; {matched}"
    )
    return seconds


async def _is_right(world: MoneyDay, run_id: Any) -> bool:
    kept = await rows("SELECT kind, subject FROM reconciliation_difference WHERE run_id = $1", run_id)
    found = {(row["kind"], row["subject"]) for row in kept}
    missed, false = world.expected - found, found - world.expected
    console.print(
        f"found {len(found):,} of {len(world.expected):,}: [{'red' if missed or false else 'green'}]"
        f"{len(missed)} missed, {len(false)} false[/]; {dict(sorted(Counter(kind for kind, _ in found).items()))}"
    )
    return not missed and not false


async def _digest() -> list[str]:
    """Every row of the three tables, as one number each; ``version`` counts claims."""
    tables = ("reconciliation_run", "reconciliation_difference", "bill_line")
    sql = "SELECT md5(string_agg(md5((to_jsonb(t) - 'version')::text), '' ORDER BY t.id)) FROM {} t"
    return [str(await _slow_value(sql.format(table))) for table in tables]


async def _slow_value(sql: str) -> Any:
    async with pooled_connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0")
        return await connection.fetchval(sql, timeout=600)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reconciliation", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--differences", type=int, default=10_000)
    told = parser.parse_args()
    sys.exit(0 if asyncio.run(_measure(told.rows, told.differences)) else 1)
