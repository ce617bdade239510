"""What belongs to somebody else is asked for by the same statements as what is not there, and refused alike."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hospital_core.access.examinations.queries import permitted_charge
from hospital_core.access.scheduling.ban_commands import SetBan
from hospital_core.access.scheduling.ban_queries import permitted_ban
from hospital_core.access.scheduling.disruption_queries import permitted_disruption
from hospital_core.access.scheduling.queries import permitted_appointment
from hospital_core.access.scheduling.series_queries import permitted_series
from hospital_core.access.scheduling.service.bans import set_ban
from hospital_core.access.scheduling.states import BanKind
from hospital_core.access.scheduling.waitlist_queries import permitted_entry
from hospital_core.chart.encounters.queries import encounter
from hospital_core.finance.billing.queries import invoice
from hospital_core.finance.einvoicing.queries import my_e_invoice
from hospital_core.finance.payments.commands import RecordTender
from hospital_core.finance.payments.self_service_queries import own_bill_row, own_payment_row
from hospital_core.finance.payments.service import record_insurance
from hospital_core.kernel.context import Context
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.access import SYSTEM, Person, make_booked, make_clinic, make_person, make_session
from tests.fixtures.disrupting import asked_of, stop
from tests.fixtures.examinations import make_charge, make_examination_room
from tests.fixtures.finance import make_e_invoice, make_invoice, rows
from tests.fixtures.waiting import line_up, make_full_session

Reader = Callable[[Reading, UUID], Awaitable[Any]]
Made = Callable[[Person], Awaitable[UUID]]


class Noted(Reading):
    """A reading that notes its statements."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.asked: list[str] = []

    async def fetch(self, sql: str, *arguments: Any) -> Any:
        self.asked.append(sql)
        return await super().fetch(sql, *arguments)

    async def fetch_row(self, sql: str, *arguments: Any) -> Any:
        self.asked.append(sql)
        return await super().fetch_row(sql, *arguments)

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        self.asked.append(sql)
        return await super().fetch_value(sql, *arguments)


async def _booked(person: Person) -> UUID:
    session = await make_session(clinic=await make_clinic())
    return (await make_booked(session=session, person=person))[1].id


async def _waiting(person: Person) -> UUID:
    session, _ = await make_full_session()
    return (await line_up(session, person=person))[1].id


async def _banned(person: Person) -> UUID:
    command = SetBan(patient_id=person.patient_id, kind=BanKind.NO_SHOW, days=30, reason="三次未就诊")
    return (await run(SYSTEM, set_ban, command)).id


async def _stopped(person: Person) -> UUID:
    session = await make_session(clinic=await make_clinic())
    await make_booked(session=session, person=person)
    await stop(session)
    return (await asked_of(person)).id


async def _series(person: Person) -> UUID:
    clinic = await make_clinic()
    (made,) = await rows(
        "INSERT INTO booking_series (id, patient_id, department_id, account_id, made_at, every_days, wanted) "
        "VALUES ($1, $2, $3, $4, hospital_now(), 7, 2) RETURNING id",
        new_id(), person.patient_id, clinic.department_id, person.account_id,
    )  # fmt: skip
    return made["id"]


async def _examination(person: Person) -> UUID:
    room = await make_examination_room()
    return await make_charge(patient_id=person.patient_id, price_item_id=room.price_item_id)


async def _bill(person: Person) -> UUID:
    return (await make_invoice(patient_id=person.patient_id)).invoice.id


async def _payment(person: Person) -> UUID:
    tender = RecordTender(invoice_id=await _bill(person), reference="YB0002")
    return (await run(SYSTEM, record_insurance, tender)).id


async def _e_invoice(person: Person) -> UUID:
    return await make_e_invoice(invoice_id=await _bill(person))


async def _visit(person: Person) -> UUID:
    clinic = await make_clinic()
    (made,) = await rows(
        "INSERT INTO encounter (id, version, visit_no, patient_id, department_id, encounter_class, status, created_at) "
        "VALUES ($1::uuid, 0, right($1::uuid::text, 20), $2, $3, 'AMB', 'planned', hospital_now()) RETURNING id",
        new_id(), person.patient_id, clinic.department_id,
    )  # fmt: skip
    return made["id"]


KINDS: dict[str, tuple[Made, Reader, str, str]] = {
    "appointment": (_booked, permitted_appointment, "appointment", "created_at"),
    "waitlist": (_waiting, permitted_entry, "waitlist_entry", "joined_at"),
    "ban": (_banned, permitted_ban, "booking_ban", "made_at"),
    "series": (_series, permitted_series, "booking_series", "made_at"),
    "examination": (_examination, permitted_charge, "charge_item", "created_at"),
    "bill": (_bill, own_bill_row, "invoice", "issued_at"),
    "invoice": (_bill, invoice, "invoice", "issued_at"),
    "payment": (_payment, own_payment_row, "payment_intent", "created_at"),
    "e-invoice": (_e_invoice, my_e_invoice, "e_invoice", "requested_at"),
    "encounter": (_visit, encounter, "encounter", "created_at"),
}


async def _refused(ctx: Context, read: Reader, row_id: UUID) -> list[str]:
    noted = Noted(ctx)
    with pytest.raises(NotFound):
        await read(noted, row_id)
    return noted.asked


@pytest.mark.parametrize("kind", KINDS)
async def test_given_anothers_row_then_it_is_refused_by_the_statements_of_a_missing_one(
    core: object, kind: str
) -> None:
    make, read, _, _ = KINDS[kind]
    person, stranger = await make_person(), await make_person()
    row_id = await make(person)
    await read(Reading(person.phone), row_id)
    others = await _refused(stranger.phone, read, row_id)
    assert others == await _refused(stranger.phone, read, new_id())
    assert len(others) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_given_a_link_that_is_not_proven_then_what_is_older_is_refused(core: object, kind: str) -> None:
    make, read, table, at = KINDS[kind]
    person = await make_person()
    row_id = await make(person)
    await rows("UPDATE account_link SET proven_at = NULL, proof = NULL WHERE account_id = $1 RETURNING id",
               person.account_id)  # fmt: skip
    await read(Reading(person.phone), row_id)
    await rows(f"UPDATE account_link SET linked_at = (SELECT {at} FROM {table} WHERE id = $2) + $3::interval "
               "WHERE account_id = $1 RETURNING id", person.account_id, row_id, timedelta(minutes=1))  # fmt: skip
    await _refused(person.phone, read, row_id)


async def test_given_a_stopped_clinic_then_its_question_is_refused_to_others_alike(core: object) -> None:
    person, stranger = await make_person(), await make_person()
    asked_id = await _stopped(person)
    assert (await permitted_disruption(Reading(person.phone), asked_id))["kind"] == "stop"
    others = await _refused(stranger.phone, permitted_disruption, asked_id)
    assert others == await _refused(stranger.phone, permitted_disruption, new_id())


async def test_given_a_file_merged_into_the_linked_one_then_its_rows_are_shown(core: object) -> None:
    person, older = await make_person(), await make_person()
    row_id = await _booked(older)
    await rows(
        "INSERT INTO patient_merge (id, survivor_id, source_id, reason, merged_by, merged_at) "
        "VALUES ($1, $2, $3, '重复建档', $1, hospital_now()) RETURNING id",
        new_id(), person.patient_id, older.patient_id,
    )  # fmt: skip
    assert (await permitted_appointment(Reading(person.phone), row_id))["patient_id"] == older.patient_id


async def test_given_a_grown_up_child_then_its_guardian_is_refused(core: object) -> None:
    person = await make_person()
    row_id = await _booked(person)
    await rows("UPDATE account_link SET relation = 'child' WHERE account_id = $1 RETURNING id", person.account_id)
    grown = "(hospital_now() AT TIME ZONE 'Asia/Shanghai')::date - interval '18 years'"
    await rows(f"UPDATE patient SET birth_date = {grown} + interval '1 day' WHERE id = $1 RETURNING id",
               person.patient_id)  # fmt: skip
    await permitted_appointment(Reading(person.phone), row_id)
    await rows(f"UPDATE patient SET birth_date = {grown} WHERE id = $1 RETURNING id", person.patient_id)
    await _refused(person.phone, permitted_appointment, row_id)
