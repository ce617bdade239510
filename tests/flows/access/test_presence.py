"""Checking in from one's own phone: only who is there, with a code of the campus's screens or a place on the map."""

import asyncio
import math
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest
from pydantic import ValidationError

from hospital_core.access.queueing.commands import CheckInByPhone
from hospital_core.access.queueing.errors import (
    LocationTooVague,
    LocationUnknown,
    NotAtHospital,
    PresenceCodeExpired,
    PresenceCodeInvalid,
    PresenceCodeUsed,
)
from hospital_core.access.queueing.presence import check_in_by_phone, code_of_screen, distance_m
from hospital_core.access.queueing.views import TicketView
from hospital_core.access.scheduling.errors import CheckInClosed
from hospital_core.access.scheduling.qr import appointment_qr, presence_code
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from tests.fixtures.access import (
    SYSTEM,
    Clinic,
    Person,
    make_booked,
    make_clinic,
    make_person,
    make_session,
    now,
    reading,
)
from tests.fixtures.finance import rows

HERE = (31.2304, 121.4737)
SOON = timedelta(minutes=30)


async def make_visitor(clinic: Clinic, *, person: Person | None = None, starts_in: timedelta = SOON) -> tuple[
    Person, AppointmentView
]:  # fmt: skip
    """Somebody with an appointment half an hour from now, in a clinic whose campus is on the map."""
    await rows("UPDATE campus SET latitude = $2, longitude = $3, radius_m = 300 WHERE id = $1 RETURNING id",
               clinic.campus_id, *HERE)  # fmt: skip
    return await make_booked(session=await make_session(clinic=clinic, starts_in=starts_in), person=person)


async def by_code(person: Person, held: AppointmentView, code: str) -> TicketView:
    """Scan a screen's code."""
    return await run(person.phone, check_in_by_phone, CheckInByPhone(appointment_id=held.id, presence_code=code))


async def by_place(person: Person, held: AppointmentView, north_m: float, accuracy_m: float = 20) -> TicketView:
    """Send a place so many metres north of the campus."""
    latitude = HERE[0] + math.degrees(north_m / 6_371_000)
    command = CheckInByPhone(
        appointment_id=held.id, latitude=latitude, longitude=HERE[1], accuracy_m=accuracy_m
    )  # fmt: skip
    return await run(person.phone, check_in_by_phone, command)


async def shown(clinic: Clinic) -> str:
    """What the screen of a clinic's waiting area shows now."""
    return (await code_of_screen(reading(SYSTEM), clinic.area_id)).text


async def test_given_the_code_on_the_screen_then_the_phone_gets_a_ticket_and_again_the_same() -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic)
    ticket = await by_code(person, held, await shown(clinic))
    assert (ticket.appointment_id, ticket.status) == (held.id, "waiting")
    assert (await by_code(person, held, await shown(clinic))).id == ticket.id


async def test_given_a_code_used_once_then_not_again_by_that_account_but_by_another() -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic)
    other, theirs = await make_visitor(await make_clinic(beside=clinic))
    code = await shown(clinic)
    await by_code(person, held, code)
    with pytest.raises(PresenceCodeUsed):
        await by_code(person, held, code)
    await by_code(other, theirs, code)


async def test_given_one_code_for_two_appointments_at_once_then_it_works_for_one() -> None:
    clinic, elsewhere = await make_clinic(), await make_clinic()
    person, held = await make_visitor(clinic)
    code = await shown(clinic)
    await rows("UPDATE location SET campus_id = $2 WHERE id = $1 RETURNING id", elsewhere.room_id, clinic.campus_id)
    _, second = await make_booked(session=await make_session(clinic=elsewhere, starts_in=SOON), person=person)
    answers = await asyncio.gather(by_code(person, held, code), by_code(person, second, code), return_exceptions=True)
    assert Counter(type(one).__name__ for one in answers) == {"TicketView": 1, "PresenceCodeUsed": 1}


async def test_given_a_check_in_that_was_refused_then_the_code_is_not_used_up() -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic, starts_in=timedelta(hours=5))
    code = await shown(clinic)
    for _ in range(2):
        with pytest.raises(CheckInClosed):
            await by_code(person, held, code)


async def test_given_a_code_a_minute_old_then_it_is_expired() -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic)
    with pytest.raises(PresenceCodeExpired):
        await by_code(person, held, presence_code(clinic.area_id, await now() - timedelta(seconds=61)))


@pytest.mark.parametrize("forged", ["another campus", "nowhere", "an appointment's", "altered", "not one of ours"])
async def test_given_a_code_that_no_screen_of_the_campus_shows_then_it_is_refused(forged: str) -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic)
    good = await shown(clinic)
    code = {
        "another campus": await shown(await make_clinic()),
        "nowhere": presence_code(new_id(), await now()),
        "an appointment's": appointment_qr(held.id, await now()),
        "altered": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "not one of ours": "HSP1.P.X",
    }[forged]
    with pytest.raises(PresenceCodeInvalid):
        await by_code(person, held, code)


async def test_given_a_phone_within_the_radius_then_it_checks_in() -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic)
    assert (await by_place(person, held, 299)).status == "waiting"


async def test_given_a_phone_outside_or_unsure_or_a_campus_without_a_point_then_it_does_not() -> None:
    clinic = await make_clinic()
    person, held = await make_visitor(clinic)
    with pytest.raises(NotAtHospital) as away:
        await by_place(person, held, 301)
    assert away.value.fields == {"distance_m": 301, "radius_m": 300}
    with pytest.raises(LocationTooVague):
        await by_place(person, held, 0, accuracy_m=201)
    await rows("UPDATE campus SET latitude = NULL, longitude = NULL WHERE id = $1 RETURNING id", clinic.campus_id)
    with pytest.raises(LocationUnknown):
        await by_place(person, held, 0)


async def test_given_another_phone_then_the_appointment_does_not_exist_for_it() -> None:
    clinic = await make_clinic()
    _, held = await make_visitor(clinic)
    with pytest.raises(NotFound):
        await by_code(await make_person(), held, await shown(clinic))


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"latitude": 31.0, "longitude": 121.0},
        {"presence_code": "x", "latitude": 31.0, "longitude": 121.0, "accuracy_m": 5},
        {"latitude": float("nan"), "longitude": 121.0, "accuracy_m": 5},
    ],
)
def test_given_no_proof_or_two_then_the_command_is_malformed(proof: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CheckInByPhone.model_validate({"appointment_id": str(new_id()), **proof})


async def test_given_half_a_point_then_the_database_refuses_it() -> None:
    clinic = await make_clinic()
    with pytest.raises(asyncpg.CheckViolationError, match="campus_place_on_earth"):
        await rows("UPDATE campus SET latitude = 31 WHERE id = $1 RETURNING id", clinic.campus_id)


def test_given_known_places_then_their_distance_is_known() -> None:
    assert distance_m(*HERE, *HERE) == 0
    beijing = (39.9042, 116.4074)
    assert 1_060_000 < distance_m(*HERE, *beijing) < 1_075_000
    assert distance_m(0, 180, 0, -180) < 0.001
