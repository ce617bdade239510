"""A crowd (人群): many patients with phones of their own, put into the tables directly; what they do is not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg

from hospital_core.kernel.ids import new_id
from tests.fixtures.server import tokens


@dataclass(frozen=True)
class Caller:
    """One patient's phone, with the address that a trusted proxy would name."""

    patient_id: UUID
    token: str
    address: str


async def make_crowd(owner_url: str, count: int) -> list[Caller]:
    """So many proven, linked patients."""
    since = datetime.now(UTC) - timedelta(days=30)
    ids = [(new_id(), new_id(), new_id()) for _ in range(count)]
    patients = [
        (patient, 0, f"7{n:09d}", "王小明", "wangxiaoming", "wxm", "male", date(1980, 1, 1), False, since)
        for n, (patient, _, _) in enumerate(ids)
    ]
    accounts = [(account, 0, "wx-bench", f"bench-{n}", since) for n, (_, account, _) in enumerate(ids)]
    links = [(link, 0, account, patient, "self", 1, "active", since, since) for patient, account, link in ids]
    connection = await asyncpg.connect(owner_url)
    try:
        for table, columns, records in (
            ("patient", "id version patient_no name pinyin initials sex birth_date temporary created_at", patients),
            ("patient_account", "id version appid openid created_at", accounts),
            ("account_link", "id version account_id patient_id relation place status linked_at proven_at", links),
        ):
            await connection.copy_records_to_table(table, columns=columns.split(), records=records)
        await connection.execute("ANALYZE patient, patient_account, account_link")
    finally:
        await connection.close()
    issue = tokens().issue
    return [
        Caller(
            patient, issue(sub=account, sid=new_id(), audience="miniapp", lifetime_s=7200),
            f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
        )
        for n, (patient, account, _) in enumerate(ids)
    ]  # fmt: skip
