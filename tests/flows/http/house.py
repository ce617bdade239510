"""A small hospital with one caller of each kind, for the rights matrix."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hospital_core.access.queueing.commands import CheckIn
from hospital_core.access.queueing.service import check_in
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.devices.states import DeviceKind
from hospital_core.registry.staff.csrf import csrf_token_of
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access, people, waiting
from tests.fixtures.einvoice import make_e_invoice
from tests.fixtures.examinations import make_charge, make_examination_room
from tests.fixtures.finance import rows, value
from tests.fixtures.people import MadeStaff, make_device, make_staff, register, somebody
from tests.fixtures.registry import make_relation
from tests.fixtures.server import Party, Server, give_account, tokens
from tests.flows.http.matrix import KIOSK_SESSIONS, PHONES, World

_NEAR = ("nurse",)  # works where the doctor works; everybody else does not


@dataclass
class House:
    """The parties by name, and what their requests are about."""

    server: Server
    world: World
    parties: dict[str, Party] = field(default_factory=dict)
    staff: dict[str, MadeStaff] = field(default_factory=dict)
    accounts: dict[str, UUID] = field(default_factory=dict)
    cards: dict[str, people.Person] = field(default_factory=dict)

    async def party(self, name: str, *, fresh: bool = False) -> Party:
        """A caller; ``fresh`` with a session of its own, which the request may end."""
        if not fresh or name not in (*self.staff, *PHONES, *KIOSK_SESSIONS):
            return self.parties[name]
        if name in self.staff:
            return await open_session(self.server, self.staff[name])
        if name in PHONES:
            return phone(self.server, self.accounts[name])
        return await self.at_kiosk(name)

    async def at_kiosk(self, name: str) -> Party:
        """A patient signed in at a kiosk of their own."""
        kiosk = await self.server.device(await make_device())
        card = self.cards[name]
        return await self.server.kiosk_session(kiosk, document_no=card.document_no, name=card.name)


def phone(server: Server, account_id: UUID) -> Party:
    """A phone signed in to an account."""
    token = tokens().issue(sub=account_id, sid=new_id(), audience="miniapp")
    return server.party(Authorization=f"Bearer {token}")


async def open_session(server: Server, staff: MadeStaff) -> Party:
    """A session without its log-in: a one-time code works once in thirty seconds."""
    token = secrets.token_urlsafe(32)
    csrf = csrf_token_of(token)
    await rows(
        "INSERT INTO staff_session (id, account_id, token_hash, csrf_hash, created_at, last_seen_at, expires_at) "
        "VALUES ($1, $2, $3, $4, hospital_now(), hospital_now(), hospital_now() + interval '1 hour') RETURNING id",
        new_id(), staff.account_id, hashlib.sha256(token.encode()).digest(), hashlib.sha256(csrf.encode()).digest(),
    )  # fmt: skip
    return server.party(Cookie=f"hospital={token}", **{"X-CSRF-Token": csrf})


async def build_house(server: Server) -> House:
    """One clinic with its doctor at work, a patient who has arrived, and everybody else who might ask."""
    clinic = await access.make_clinic()
    today = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=-10))
    tomorrow = await access.make_session(clinic=clinic)
    owner_card, other_card = somebody(name="张三丰"), somebody(name="李其他")
    owner = await access.make_person(patient_id=await register(person=owner_card))
    other = await access.make_person(patient_id=await register(person=other_card))
    spare = await access.make_person()
    _, booked = await access.make_booked(session=tomorrow, person=owner)
    _, arrived = await access.make_booked(session=today, person=owner)
    stopped = await access.make_session(clinic=clinic, starts_in=timedelta(days=3))
    await access.make_booked(session=stopped, person=owner)
    await run(system_context(), stop_clinic, StopClinic(schedule_ids=(stopped.schedule_id,), reason="停诊"))
    ticket = await run(system_context(), check_in, CheckIn(appointment_id=arrived.id))
    await make_relation(patient_id=owner.patient_id, department_id=clinic.department_id, staff_id=clinic.doctor_id)
    full, _ = await waiting.make_full_session(starts_in=timedelta(days=5))
    _, entry = await waiting.line_up(full, person=owner)
    # It begins later: until then it keeps the owner from nothing.
    ban_id = await access._insert(
        "booking_ban", version=0, patient_id=owner.patient_id, kind="scalping", reason="倒号", made_at=full.starts_at,
        starts_at=full.starts_at, ends_at=full.ends_at,
    )  # fmt: skip
    links = "SELECT id FROM account_link WHERE account_id = $1"
    move = "UPDATE account_link SET account_id = $1, place = 2, relation = 'other' WHERE account_id = $2 RETURNING id"
    await rows(move, owner.account_id, spare.account_id)
    world = World(
        patient_id=owner.patient_id,
        link_id=await value(f"{links} AND patient_id = $2", owner.account_id, owner.patient_id),
        spare_link_id=await value(f"{links} AND patient_id = $2", owner.account_id, spare.patient_id),
        account_id=owner.account_id,
        appointment_id=booked.id,
        arrived_id=arrived.id,
        ticket_id=ticket.id,
        disruption_id=await value("SELECT id FROM disruption WHERE answered_at IS NULL ORDER BY id DESC LIMIT 1"),
        entry_id=entry.id,
        ban_id=ban_id,
        schedule_id=tomorrow.schedule_id,
        department_id=clinic.department_id,
        doctor_id=clinic.doctor_id,
        room_id=clinic.room_id,
        day=day_of(tomorrow.starts_at).isoformat(),
        e_invoice_id=await make_e_invoice(patient_id=owner.patient_id),
        examination_id=await make_charge(
            patient_id=owner.patient_id, price_item_id=(await make_examination_room()).price_item_id
        ),
    )
    house = House(server, world, accounts={"owner": owner.account_id, "other": other.account_id})
    house.cards = {"kiosk_owner": owner_card, "kiosk_other": other_card}
    await _hire(house, clinic)
    await _equip(house, clinic)
    return house


async def _hire(house: House, clinic: access.Clinic) -> None:
    house.staff["doctor"] = await give_account(
        staff_id=clinic.doctor_id, department_id=clinic.department_id, roles=[StaffRole.DOCTOR]
    )
    house.staff["doctor_elsewhere"] = await make_staff(roles=[StaffRole.DOCTOR])
    for role in StaffRole:
        if role is not StaffRole.DOCTOR:
            near = clinic.department_id if role.value in _NEAR else None
            house.staff[role.value] = await make_staff(roles=[role], department_id=near)
    for name, staff in house.staff.items():
        house.parties[name] = await open_session(house.server, staff)


async def _equip(house: House, clinic: access.Clinic) -> None:
    server = house.server
    house.parties["anonymous"] = server.party()
    for name, account_id in house.accounts.items():
        house.parties[name] = phone(server, account_id)
    house.parties["kiosk"] = await server.device(await make_device())
    for name in KIOSK_SESSIONS:
        house.parties[name] = await house.at_kiosk(name)
    screen = await make_device(kind=DeviceKind.DISPLAY, location_id=clinic.area_id)
    house.parties["display"] = await server.device(screen, "display")
