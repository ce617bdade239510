"""A patient's dynamic code: shown by their phone, read once, by a person at the window or a kiosk in the hall."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from hospital_core.access.scheduling.qr import appointment_qr
from hospital_core.kernel import ports
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.signed_codes import CodeKey, signed_code
from hospital_core.registry.accounts.identity_codes import PREFIX
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.finance import rows, value
from tests.fixtures.miniapp import PREFIX as PHONE
from tests.fixtures.people import make_account, make_device, make_link, register, somebody
from tests.fixtures.pocket import ServerCodeKey
from tests.fixtures.server import Party, Server

GROUP = "server"

WINDOW, KIOSK = "/api/staff/v1/patients/identify", "/api/kiosk/v1/sessions"
TWENTY = 20


@pytest.fixture(autouse=True)
def server_key() -> None:
    """Codes made in this process are the server's, as far as their key goes."""
    ports.provide(CodeKey, ServerCodeKey())


async def _owner(server: Server, *, proven: bool = True) -> tuple[Party, dict[str, Any]]:
    """A phone and its one patient."""
    account = await make_account()
    link = await make_link(account=account, person=somebody())
    if proven:
        await rows("UPDATE account_link SET proven_at = now() WHERE id = $1 RETURNING id", link.link_id)
    return server.phone(account), {"link_id": link.link_id, "patient_id": str(link.patient_id)}


async def _code(phone: Party, link: dict[str, Any]) -> str:
    shown = await phone.got(f"{PHONE}/patients/{link['link_id']}/identity-code")
    return str(shown["text"])


@pytest.fixture
async def window(server: Server) -> Party:
    return await server.role(StaffRole.REGISTRAR)


async def test_given_a_code_when_the_window_reads_it_then_it_names_the_patient_once_and_is_audited(
    server: Server, window: Party
) -> None:
    phone, link = await _owner(server)
    code = await _code(phone, link)
    found = await window.did(WINDOW, {"code": code}, key="one-reading-of-a-code")
    assert (found["patient"]["id"], found["proven"], found["relation"]) == (link["patient_id"], True, "other")
    assert await window.did(WINDOW, {"code": code}, key="one-reading-of-a-code") == found, "a lost answer comes again"
    again = await window.post(WINDOW, {"code": code})
    assert (again.status_code, again.json()["code"]) == (409, "accounts.identity_code_used")
    assert await value(
        "SELECT count(*) FROM audit_row WHERE patient_id = $1 AND reason = 'identity code'", link["patient_id"]
    ) == 1  # fmt: skip


async def test_the_code_holds_nothing_of_the_patient_and_the_picture_says_the_same(server: Server) -> None:
    phone, link = await _owner(server)
    shown = await phone.got(f"{PHONE}/patients/{link['link_id']}/identity-code")
    assert shown["text"].startswith(PREFIX)
    assert len(shown["text"]) < 90
    assert "*" in shown["name_masked"]
    name, document = await _person(link["patient_id"])
    assert name not in shown["text"]
    assert document not in shown["text"]
    assert link["patient_id"].replace("-", "").upper() not in shown["text"]
    picture = await phone.get(f"{PHONE}/patients/{link['link_id']}/identity-code.svg")
    assert picture.headers["cache-control"] == "no-store"
    assert picture.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in picture.content


async def _person(patient_id: str) -> tuple[str, str]:
    (row,) = await rows("SELECT name, patient_no FROM patient WHERE id = $1", patient_id)
    return row["name"], row["patient_no"]


async def test_given_twenty_readers_at_once_then_one_has_it(server: Server, window: Party) -> None:
    phone, link = await _owner(server)
    code = await _code(phone, link)
    kiosk = await server.device(await make_device())
    shown = {"proof": "identity_code", "qr": code}
    answers = await asyncio.gather(
        *(window.post(WINDOW, {"code": code}) for _ in range(TWENTY // 2)),
        *(kiosk.post(KIOSK, shown, key="") for _ in range(TWENTY // 2)),
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: TWENTY - 1}
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused <= {"accounts.identity_code_used", "kiosk.qr_used"}


async def test_given_a_kiosk_then_the_code_signs_its_patient_in_and_checks_them_in(server: Server) -> None:
    clinic = await access.make_clinic()
    session = await access.make_session(clinic=clinic, starts_in=timedelta(minutes=30))
    phone, link = await _owner(server)
    (row,) = await rows("SELECT account_id FROM account_link WHERE id = $1", link["link_id"])
    person = access.Person(link["patient_id"], row["account_id"], "")  # type: ignore[arg-type]
    _, held = await access.make_booked(session=session, person=person)
    kiosk = await server.device(await make_device())
    code = await _code(phone, link)
    opened = await kiosk.did(KIOSK, {"proof": "identity_code", "qr": code}, key="")
    assert "*" in opened["patient_name_masked"]
    patient = Party(kiosk.http, kiosk.headers | {"X-Kiosk-Session": opened["session_token"]})
    (today,) = (await patient.got("/api/kiosk/v1/appointments"))["items"]
    assert today["id"] == str(held.id)
    ticket = await patient.did("/api/kiosk/v1/check-ins", {"appointment_id": today["id"]})
    assert ticket["status"] == "waiting"
    refused = await patient.get("/api/kiosk/v1/accounts")
    assert (refused.status_code, refused.json()["code"]) == (403, "kiosk.card_needed"), "a code proves no account"
    again = await kiosk.post(KIOSK, {"proof": "identity_code", "qr": code}, key="")
    assert (again.status_code, again.json()["code"]) == (409, "kiosk.qr_used")


async def test_given_an_unproven_link_then_a_person_may_read_its_code_and_a_kiosk_may_not(
    server: Server, window: Party
) -> None:
    phone, link = await _owner(server, proven=False)
    kiosk = await server.device(await make_device())
    code = await _code(phone, link)
    refused = await kiosk.post(KIOSK, {"proof": "identity_code", "qr": code}, key="")
    assert (refused.status_code, refused.json()["code"]) == (409, "kiosk.link_unproven")
    found = await window.did(WINDOW, {"code": code})
    assert (found["patient"]["id"], found["proven"]) == (link["patient_id"], False), "a refusal uses nothing up"


@pytest.mark.parametrize("what", ["old", "forged", "another purpose", "removed", "nobody's", "not one of ours"])
async def test_given_a_code_that_is_none_then_it_is_refused_in_words(server: Server, window: Party, what: str) -> None:
    phone, link = await _owner(server)
    now, good = await access.now(), await _code(phone, link)
    code = {
        "old": signed_code("I", link["link_id"], now - timedelta(seconds=61)),
        "forged": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "another purpose": appointment_qr(link["link_id"], now),
        "removed": good,
        "nobody's": signed_code("I", new_id(), now),
        "not one of ours": "HSP1.I.X",
    }[what]
    if what == "removed":
        await phone.did(f"{PHONE}/patients/{link['link_id']}/revoke")
    kiosk = await server.device(await make_device())
    word = "expired" if what == "old" else "invalid"
    at_window = await window.post(WINDOW, {"code": code})
    at_kiosk = await kiosk.post(KIOSK, {"proof": "identity_code", "qr": code}, key="")
    assert (at_window.status_code, at_window.json()["code"]) == (422, f"accounts.identity_code_{word}")
    assert (at_kiosk.status_code, at_kiosk.json()["code"]) == (422, f"kiosk.qr_{word}")
    assert at_window.json()["title"].startswith("就诊码")


async def test_given_anybody_elses_link_then_no_code_is_shown_as_for_none(server: Server) -> None:
    _, link = await _owner(server)
    stranger, _ = await _owner(server)
    for path in ("identity-code", "identity-code.svg"):
        theirs = await stranger.get(f"{PHONE}/patients/{link['link_id']}/{path}")
        nobodys = await stranger.get(f"{PHONE}/patients/{new_id()}/{path}")
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert _words(theirs.json()) == _words(nobodys.json())


def _words(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: problem[name] for name in ("code", "title", "status")}


async def test_given_staff_without_the_right_to_search_then_codes_are_not_read(server: Server) -> None:
    phone, link = await _owner(server)
    doctor = await server.role(StaffRole.DOCTOR)
    assert (await doctor.post(WINDOW, {"code": await _code(phone, link)})).status_code == 403


async def test_given_a_default_patient_then_the_latest_choice_that_stands_wins(server: Server) -> None:
    account = await make_account()
    phone = server.phone(account)
    people = [somebody() for _ in range(3)]
    for person in people:
        await register(person=person)
    links = [str((await make_link(account=account, person=person)).link_id) for person in people]

    async def default() -> list[str]:
        listed = (await phone.got(f"{PHONE}/patients"))["items"]
        return [one["link_id"] for one in listed if one["is_default"]]

    assert await default() == [links[0]], "nobody chosen: whoever was added first"
    for chosen in (links[1], links[2]):
        assert (await phone.did(f"{PHONE}/patients/{chosen}/prefer"))["is_default"] is True
    assert await default() == [links[2]]
    await phone.did(f"{PHONE}/patients/{links[2]}/revoke")
    assert await default() == [links[1]], "the choice before it stands again"
    stranger = server.phone(await make_account())
    assert (await stranger.post(f"{PHONE}/patients/{links[0]}/prefer")).status_code == 404
    assert await default() == [links[1]]
