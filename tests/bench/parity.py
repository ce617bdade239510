"""Whether a refusal tells by its time that a thing exists (越权与不存在): another's object beside one not there.

Both are asked for in turns on one connection, in random order within each turn, so that whatever the machine does
besides falls on both alike. What is compared is each turn's difference; its interval is that of the sign test, which
supposes nothing about how times are spread.
"""

import asyncio
import math
import random
import time
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.commands import RecordTender
from hospital_core.finance.payments.service import record_insurance
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.bench.ground import Ground
from tests.fixtures.examinations import make_charge, make_examination_room
from tests.fixtures.finance import make_e_invoice, make_invoice
from tests.fixtures.waiting import line_up, make_full_session

MINIAPP = "/api/miniapp/v1"
OBJECTS = 32  # another's: not always the same page of the same table
_WARM = 200
_Z = 1.96


@dataclass(frozen=True)
class Parity:
    """One kind of object. ``low_us`` to ``high_us``: 95 % interval of the median difference, another's − missing."""

    what: str
    turns: int
    others_us: float
    missing_us: float
    difference_us: float
    low_us: float
    high_us: float

    @property
    def apart(self) -> bool:
        """Whether the times tell the two apart."""
        return self.low_us > 0 or self.high_us < 0


@dataclass(frozen=True)
class _Owned:
    """What belongs to somebody: addresses without the id, and ids."""

    what: str
    path: str
    ids: list[UUID]
    tail: str = ""


async def measure_parity(ground: Ground, turns: int) -> list[Parity]:
    """Everything that has a page of its own, of others, asked for by a phone that has no part in it."""
    stranger = ground.token(ground.persons[-1])
    return [await _measured(ground.port, stranger, one, turns) for one in await _owned(ground)]


async def _owned(ground: Ground) -> list[_Owned]:
    bills, payments, e_invoices, waits, charges = [], [], [], [], []
    room = await make_examination_room()
    session, _ = await make_full_session()
    for person, _ in ground.booked[:OBJECTS]:
        bill = (await make_invoice(patient_id=person.patient_id)).invoice
        paid = await run(system_context(), record_insurance, RecordTender(invoice_id=bill.id, reference="parity"))
        bills.append(bill.id)
        payments.append(paid.id)
        e_invoices.append(await make_e_invoice(invoice_id=bill.id))
        waits.append((await line_up(session, person=person))[1].id)
        charges.append(await make_charge(patient_id=person.patient_id, price_item_id=room.price_item_id))
    status = await Reading(system_context()).fetch_value("SELECT status FROM invoice WHERE id = $1", bills[0])
    assert status == InvoiceStatus.BALANCED
    return [
        _Owned("patient", "/patients", [person.patient_id for person, _ in ground.booked[:OBJECTS]], "/bills"),
        _Owned("bill", "/bills", bills),
        _Owned("payment", "/payments", payments),
        _Owned("appointment", "/appointments", [held.id for _, held in ground.booked[:OBJECTS]]),
        _Owned("e-invoice", "/e-invoices", e_invoices),
        _Owned("waitlist entry", "/waitlist", waits),
        _Owned("examination", "/examinations", charges, "/places"),
    ]


async def _measured(port: int, token: str, one: _Owned, turns: int) -> Parity:
    phone = await _Phone.connected(port, token)
    chance = random.Random(one.what)
    # As many addresses as the others: the router remembers those it has seen.
    nobodys_ids = [new_id() for _ in one.ids]
    others: list[float] = []
    missing: list[float] = []
    try:
        for turn in range(_WARM + turns):
            both = [(one.ids[turn % len(one.ids)], others), (nobodys_ids[turn % len(one.ids)], missing)]
            chance.shuffle(both)
            for object_id, into in both:
                into.append(await phone.refused(f"{MINIAPP}{one.path}/{object_id}{one.tail}"))
    finally:
        phone.close()
    others, missing = others[_WARM:], missing[_WARM:]
    differences = sorted(theirs - nobodys for theirs, nobodys in zip(others, missing, strict=True))
    low, high = _sign_interval(len(differences))
    return Parity(
        one.what, turns, median(others), median(missing), median(differences), differences[low], differences[high]
    )


def _sign_interval(n: int) -> tuple[int, int]:
    """Which of ``n`` sorted values bound the median in 95 of 100 cases."""
    half = _Z * math.sqrt(n) / 2
    return max(0, math.floor(n / 2 - half) - 1), min(n - 1, math.ceil(n / 2 + half))


class _Phone:
    """One connection that is kept, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._tail = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"

    @classmethod
    async def connected(cls, port: int, token: str) -> "_Phone":
        """A phone on a connection of its own."""
        return cls(*await asyncio.open_connection("127.0.0.1", port), port, token)

    async def refused(self, path: str) -> float:
        """How long the 404 took, in microseconds. Raises: RuntimeError when it was another answer."""
        request = f"GET {path}{self._tail}".encode()
        started = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        elapsed = time.perf_counter() - started
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await self._reader.readexactly(int(length or 0))
        if head[9:12] != b"404":
            raise RuntimeError(f"{path}: {head[:60]!r}")
        return elapsed * 1e6

    def close(self) -> None:
        """Let the connection go."""
        self._writer.close()
