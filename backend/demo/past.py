"""What the phone's first user has behind them (演示既往就诊): visits of the last days, paid, with receipts.

A history needs a past, and an online visit one in person before it: who opens a demo for the first time has neither.
So one person came twice before the demo began, step by step, by the services that phones, windows and doctors use,
each step under the hospital's clock of its moment. E-invoices follow when the worker starts, as they do for every bill.

All of it is one transaction of the owner's role, who alone may set the clock: everybody else sees it unmoved, and a
preparation that is killed leaves nothing behind. The audit trail is sealed in the order of time: once it has been, no
past is slipped in behind it, and a demo of earlier days keeps the one it has.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import asyncpg

from backend.demo.ids import DemoIds
from backend.demo.now import demo_person
from backend.demo.people import national_id
from backend.demo.windows import AT_COUNTERS, FLOAT_FEN, drawer_at
from hospital_core.access.queueing.commands import CallNext, WalkIn
from hospital_core.access.queueing.service import call_next, register_and_check_in
from hospital_core.access.scheduling.commands import MakeSchedule
from hospital_core.access.scheduling.days import day_of, minute_of
from hospital_core.access.scheduling.service import make_schedule
from hospital_core.access.scheduling.states import ServiceKind
from hospital_core.chart.encounters.commands import ChargeVisit, FinishEncounter, StartEncounter
from hospital_core.chart.encounters.service import charge_visit, finish_encounter, start_encounter
from hospital_core.finance.billing.commands import BillOpenCharges
from hospital_core.finance.billing.service import bill_open_charges
from hospital_core.finance.ledger.commands import CloseDay
from hospital_core.finance.payments.commands import AskReceipt, CloseShift, OpenShift, TakeCash
from hospital_core.finance.payments.service import (
    ask_receipt,
    close_accounting_day,
    close_shift,
    open_shift,
    save_drawer,
    take_cash,
)
from hospital_core.kernel.context import ANONYMOUS, Actor, ActorKind, Context, system_context
from hospital_core.kernel.run import action_of, finish_inside
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.kernel.uow import AuditEntry, UnitOfWork
from hospital_core.registry.accounts.commands import AddPatient, BindPhone, ProveByCard, SignIn
from hospital_core.registry.accounts.service import add_patient, bind_phone, prove_by_card, sign_in
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.patients.states import DocumentKind
from hospital_core.registry.staff.permissions import permissions_of
from hospital_core.registry.staff.states import StaffRole
from sandbox.wechat.keys import DEMO_USERS, demo_openid

Input = TypeVar("Input")
Answer = TypeVar("Answer")

# The first user of the simulated WeChat (林晓棠); areas 99.... are never issued, this number is in nobody's range.
NAME, PHONE = DEMO_USERS[0]["nickname"], DEMO_USERS[0]["phone"]
DOCUMENT = national_id("990102", date(1988, 6, 15), 490, "female")
_NOTE_FEN = 10_000  # one pays with hundred-yuan notes


@dataclass(frozen=True)
class PastVisit:
    """One visit (既往就诊): to which clinic, how many days ago at least, when its patient came, what was ordered."""

    department_code: str
    days_ago: int
    minute: int
    ordered: tuple[tuple[str, int], ...]


VISITS = (
    # 常规十二导联心电图、血脂四项、苯磺酸氨氯地平片 × 2
    PastVisit("BJ-XXG", 9, 9 * 60 + 40, (("GN0001", 1), ("JY0026", 1), ("XY0031", 2))),
    # 血常规、C反应蛋白、连花清瘟胶囊
    PastVisit("BJ-BM", 3, 14 * 60 + 5, (("JY0001", 1), ("JY0002", 1), ("ZC0001", 1))),
)

_SEALED = "SELECT EXISTS (SELECT 1 FROM audit_seal)"

# Who would have sat there by the weekly plan. 1 department, 2 weekday, 3 minute
_SITTING = """
SELECT staff_id, room_id, price_item_id, service_kind, starts_minute, ends_minute FROM schedule_template
WHERE department_id = $1 AND weekday = $2 AND starts_minute <= $3 AND $3 + 60 <= ends_minute
  AND service_kind IN ('general', 'expert') ORDER BY service_kind = 'general' DESC, id LIMIT 1"""

_MANAGER = """
SELECT a.staff_id FROM staff_account a JOIN staff_member s ON s.id = a.staff_id
WHERE a.active AND a.roles @> ARRAY['manager'] ORDER BY s.staff_no LIMIT 1"""

_BILL_OF_FEE = "SELECT invoice_id FROM charge_item WHERE source_kind = 'appointment' AND source_id = $1"


async def live_through(owner_url: str, keyring: KeyRing, appid: str, seed: int) -> int:
    """See that the phone's first user came before, if that can still be; returns how many visits were made now."""
    connection = await asyncpg.connect(owner_url, server_settings={"application_name": "hospital-past"})
    try:
        async with connection.transaction():
            known = await demo_person(_Direct(connection), keyring, DOCUMENT)
            if known is not None or await connection.fetchval(_SEALED):
                return 0
            await _Story(connection, DemoIds(seed)).tell(appid)
            return len(VISITS)
    finally:
        await connection.close()


class _Direct:
    """A connection with the shape of a Reading."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.fetch, self.fetch_row, self.fetch_value = connection.fetch, connection.fetchrow, connection.fetchval


class _Story:
    """The steps, one after the other, each with its time."""

    def __init__(self, connection: asyncpg.Connection, ids: DemoIds) -> None:
        self.connection, self.ids = connection, ids
        self.manager = self.registrar = system_context()
        self.drawer_id = self.patient_id = ids("nobody", "")

    async def tell(self, appid: str) -> None:
        """From the first log-in to the evening of the last visit."""
        standing = await self.connection.fetchval("SELECT offset_seconds FROM clock_offset")
        today = day_of(await self.connection.fetchval("SELECT hospital_now()"))
        self.manager = _staff(await self.connection.fetchval(_MANAGER), StaffRole.MANAGER)
        for number, visit in enumerate(VISITS):
            day, sitting = await self._day_of(visit, today)
            await self._at(day, 7 * 60)
            if number == 0:
                await self._open_window()
                await self._sign_up(appid)
            await self._visit(visit, day, sitting)
        await self.connection.execute("UPDATE clock_offset SET offset_seconds = $1", standing)

    async def _at(self, day: date, minute: int) -> None:
        await self.connection.execute(_SET_CLOCK, minute_of(day, minute))

    async def _do(
        self, ctx: Context, service: Callable[[UnitOfWork, Input], Awaitable[Answer]], command: Input
    ) -> Answer:
        """As ``kernel.run`` does, inside the one transaction that all of it is."""
        uow = UnitOfWork(ctx, self.connection, await self.connection.fetchval("SELECT hospital_now()"))
        uow.audit(AuditEntry(action_of(service)))
        answer = await service(uow, command)
        await finish_inside(uow)  # nobody listens yet
        return answer

    async def _day_of(self, visit: PastVisit, today: date) -> tuple[date, asyncpg.Record]:
        """The last day, that many days ago or before, on which somebody sits there at that time."""
        for days in range(visit.days_ago, visit.days_ago + 7):
            day = today - timedelta(days=days)
            department = self.ids("department", visit.department_code)
            sitting = await self.connection.fetchrow(_SITTING, department, day.isoweekday(), visit.minute)
            if sitting is not None:
                return day, sitting
        raise LookupError(f"nobody sits in {visit.department_code} at minute {visit.minute} of any day")

    async def _open_window(self) -> None:
        """The registrar who stands at a drawer first, as ``windows`` counts them."""
        at_counters = await self.connection.fetch(AT_COUNTERS)
        found = next(row for row in at_counters if row["role"] == StaffRole.REGISTRAR.value)
        self.registrar = _staff(found["staff_id"], StaffRole.REGISTRAR)
        self.drawer_id = (await self._do(system_context(), save_drawer, drawer_at(found["place"]))).id

    async def _sign_up(self, appid: str) -> None:
        """She adds herself on the phone at home; at the window her card proves that it is she."""
        openid = demo_openid(appid, NAME, PHONE)
        signed_in = await self._do(Context(ANONYMOUS), sign_in, SignIn(appid=appid, openid=openid))
        phone = Context(Actor(ActorKind.ACCOUNT, signed_in.account_id, session_id=signed_in.session_id))
        await self._do(phone, bind_phone, BindPhone(phone=PHONE))
        herself = AddPatient(
            name=NAME, document_kind=DocumentKind.NATIONAL_ID, document_no=DOCUMENT, relation=Relation.SELF
        )
        self.patient_id = (await self._do(phone, add_patient, herself)).patient_id
        seen = ProveByCard(account_id=signed_in.account_id, patient_id=self.patient_id)
        await self._do(self.registrar, prove_by_card, seen)

    async def _visit(self, visit: PastVisit, day: date, sitting: asyncpg.Record) -> None:
        """Register at the window, be called and seen, pay for what was ordered; in the evening the cash is counted."""
        session = await self._do(self.manager, make_schedule, _session(visit, day, sitting, self.ids))
        opened = OpenShift(drawer_id=self.drawer_id, opening_fen=FLOAT_FEN)
        shift = await self._do(self.registrar, open_shift, opened)
        await self._at(day, visit.minute)
        walk_in = WalkIn(
            patient_id=self.patient_id, schedule_id=session.schedule_id, tendered_fen=_notes(session.fee_fen)
        )
        sold = await self._do(self.registrar, register_and_check_in, walk_in)
        charged = await self._be_seen(visit, day, _staff(sitting["staff_id"], StaffRole.DOCTOR), sitting["room_id"])
        await self._at(day, visit.minute + 41)
        bill = await self._do(
            self.registrar, bill_open_charges, BillOpenCharges(patient_id=self.patient_id, charge_item_ids=charged)
        )
        await self._do(self.registrar, take_cash, TakeCash(invoice_id=bill.id, tendered_fen=_notes(bill.total_fen)))
        for invoice_id in (await self.connection.fetchval(_BILL_OF_FEE, sold.appointment.id), bill.id):
            await self._do(self.registrar, ask_receipt, AskReceipt(invoice_id=invoice_id))
        await self._at(day, 17 * 60 + 20)
        counted_fen = FLOAT_FEN + session.fee_fen + bill.total_fen
        await self._do(self.registrar, close_shift, CloseShift(shift_id=shift.id, counted_fen=counted_fen))
        await self._at(day + timedelta(days=1), 8 * 60 + 10)
        await self._do(self.manager, close_accounting_day, CloseDay(day=day))

    async def _be_seen(self, visit: PastVisit, day: date, doctor: Context, room_id: UUID) -> list[UUID]:
        """Called after twenty minutes, seen for nine; returns what the doctor ordered, charged to the visit."""
        await self._at(day, visit.minute + 20)
        called = await self._do(doctor, call_next, CallNext(room_id=room_id))
        assert called.ticket is not None, "nobody else waits on a day that is over"
        ticket_id = called.ticket.id
        await self._at(day, visit.minute + 22)
        encounter = await self._do(doctor, start_encounter, StartEncounter(ticket_id=ticket_id))
        await self._at(day, visit.minute + 31)
        charged = []
        for code, quantity in visit.ordered:
            ordered = ChargeVisit(
                encounter_id=encounter.id, price_item_id=self.ids("price_item", code), quantity=Decimal(quantity)
            )
            charged.append((await self._do(doctor, charge_visit, ordered)).id)
        await self._do(doctor, finish_encounter, FinishEncounter(ticket_id=ticket_id))
        return charged


_SET_CLOCK = "UPDATE clock_offset SET offset_seconds = ceil(extract(epoch FROM $1::timestamptz - now()))::int"


def _staff(staff_id: UUID, role: StaffRole) -> Context:
    return Context(Actor(ActorKind.STAFF, staff_id, permissions=frozenset(permissions_of([role]))))


def _session(visit: PastVisit, day: date, sitting: asyncpg.Record, ids: DemoIds) -> MakeSchedule:
    return MakeSchedule(
        department_id=ids("department", visit.department_code), staff_id=sitting["staff_id"],
        room_id=sitting["room_id"], service_kind=ServiceKind(sitting["service_kind"]),
        starts_at=minute_of(day, sitting["starts_minute"]), ends_at=minute_of(day, sitting["ends_minute"]),
        price_item_id=sitting["price_item_id"], places=1,
    )  # fmt: skip


def _notes(amount_fen: int) -> int:
    return -(-amount_fen // _NOTE_FEN) * _NOTE_FEN
