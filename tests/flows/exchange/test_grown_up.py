"""A guardian's link ends on the child's eighteenth birthday: from that day no list and no message names them."""

from collections.abc import Awaitable, Callable
from typing import Any

from hospital_core.access.scheduling.ban_commands import LiftBan, SetBan
from hospital_core.access.scheduling.ban_queries import my_bans
from hospital_core.access.scheduling.disruption_queries import my_disruptions
from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.queries import my_appointments
from hospital_core.access.scheduling.service.bans import lift_ban, set_ban
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.states import BanKind
from hospital_core.access.scheduling.waitlist_queries import my_waits
from hospital_core.exchange.notifications.queries import inbox, unread_messages
from hospital_core.finance.einvoicing.queries import my_e_invoices
from hospital_core.kernel import relay
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.access import SYSTEM, Person, book_and_pay, make_clinic, make_person, make_session, reading
from tests.fixtures.finance import FakeGateway, rows
from tests.fixtures.waiting import line_up, make_full_session

LISTS: dict[str, Callable[[Reading], Awaitable[Any]]] = {
    "appointments": my_appointments,
    "waits": my_waits,
    "bans": my_bans,
    "disruptions": my_disruptions,
    "e-invoices": my_e_invoices,
    "messages": inbox,
}


async def _born(person: Person, years_and_days: str) -> None:
    await rows(
        "UPDATE patient SET birth_date = (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date - $2::text::interval "
        "WHERE id = $1 RETURNING id",
        person.patient_id, years_and_days,
    )  # fmt: skip


async def _listed(person: Person) -> dict[str, int]:
    return {what: len((await read(reading(person.phone))).items) for what, read in LISTS.items()}


async def test_given_the_eighteenth_birthday_then_the_guardian_sees_and_is_told_nothing_more(
    gateway: FakeGateway,
) -> None:
    child = await make_person()
    await rows("UPDATE account_link SET relation = 'child' WHERE account_id = $1 RETURNING id", child.account_id)
    await _born(child, "18 years -1 days")
    session = await make_session(clinic=await make_clinic())
    await book_and_pay(gateway, person=child, session=session)
    full, _ = await make_full_session()
    await line_up(full, person=child)
    command = SetBan(patient_id=child.patient_id, kind=BanKind.SCALPING, days=5, reason="倒号")
    banned = await run(SYSTEM, set_ban, command)
    await run(SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="医生外出会诊"))
    await relay.drain(12)
    before = await _listed(child)
    assert all(before[what] for what in LISTS if what != "e-invoices"), before
    await _born(child, "18 years")
    assert await _listed(child) == dict.fromkeys(LISTS, 0)
    assert (await unread_messages(reading(child.phone))).unread == 0
    told = await rows("SELECT id FROM notification WHERE account_id = $1", child.account_id)
    await run(SYSTEM, lift_ban, LiftBan(ban_id=banned.id, reason="核实后解除"))
    await relay.drain(12)
    assert len(await rows("SELECT id FROM notification WHERE account_id = $1", child.account_id)) == len(told)
