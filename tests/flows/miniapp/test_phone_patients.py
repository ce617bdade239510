"""The patients of an account, over HTTP: added, proven, removed, and never somebody else's."""

from __future__ import annotations

import asyncio
import re
import secrets
import uuid

import httpx

from hospital_core.access.scheduling.commands import BookAppointment
from hospital_core.access.scheduling.service import book_appointment
from hospital_core.kernel.context import system_context
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from kiosk_agent.protocol import KioskAccounts
from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import value
from tests.fixtures.miniapp import patient_body
from tests.fixtures.people import Person, make_device, register

GROUP = "server"


async def code_sent_to(server, phone_number):
    """The six digits that the worker had sent to this phone."""
    async with httpx.AsyncClient(base_url=server.sms_url, timeout=5, trust_env=False) as sms:
        for _ in range(400):
            received = (await sms.get("/messages", params={"phone": phone_number})).json()["items"]
            if received:
                return re.search(r"\d{6}", received[0]["text"])[0]
            await asyncio.sleep(0.05)
    waiting = await Reading(system_context()).fetch(
        "SELECT handler, state, attempts, last_error, not_before - hospital_now() AS due_in, count(*) "
        "FROM outbox_delivery WHERE state <> 'done' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1 LIMIT 40"
    )
    raise AssertionError(f"no text message came; waiting: {[dict(row) for row in waiting]}")


def new_number():
    return f"137{secrets.randbelow(10**8):08d}"


def as_person(body):
    return Person(body["name"], body["document_no"])


async def test_patient_is_added_once_and_listed_masked(phone):
    body, key = patient_body(), uuid.uuid4().hex
    link = await phone.ok("/patients", body, key=key)
    assert await phone.ok("/patients", body, key=key) == link
    listed = (await phone.see("/patients"))["items"]
    assert listed == [link]
    assert (link["relation"], "*" in link["name_masked"]) == ("self", True)
    assert body["document_no"] not in str(listed)
    twice = await phone.post("/patients", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "accounts.already_linked")
    changed = await phone.post("/patients", body | {"relation": "other"}, key=key)
    assert (changed.status_code, changed.json()["code"]) == (422, "kernel.idempotency_mismatch")


async def test_answer_does_not_tell_whether_there_was_a_file(phone):
    known, unknown = patient_body(relation="other"), patient_body(relation="other")
    await register(person=as_person(known), phone="13700137000")
    first = await phone.ok("/patients", known)
    second = await phone.ok("/patients", unknown)
    individual = ("link_id", "patient_id", "name_masked", "linked_at", "is_default")
    assert {k: v for k, v in first.items() if k not in individual} == {
        k: v for k, v in second.items() if k not in individual
    }


async def test_link_is_proven_by_the_code_that_the_files_phone_received(phone, server):
    body, number = patient_body(relation="parent"), new_number()
    await register(person=as_person(body), phone=number)
    link = await phone.ok("/patients", body)
    assert link["proven"] is False
    sent = await phone.ok(f"/patients/{link['link_id']}/proof-codes")
    assert number[-4:] not in sent["sent_to_masked"]
    code = await code_sent_to(server, number)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    refused = await phone.post(f"/patients/{link['link_id']}/prove", {"code": wrong})
    assert (refused.status_code, refused.json()["code"]) == (422, "accounts.proof_code_wrong")
    proven = await phone.ok(f"/patients/{link['link_id']}/prove", {"code": code})
    assert proven["proven"] is True
    assert proven["document_masked"].endswith(body["document_no"][-4:])


async def test_unproven_link_sees_nothing_older_than_itself(phone, new_phone, simulator, server):
    body, number = patient_body(phone=None), new_number()
    patient_id = await register(person=as_person(body), phone=number)
    clinic = await make_clinic(fee="0.00")
    session = await make_session(clinic=clinic)
    older = await run(
        system_context(),
        book_appointment,
        BookAppointment(patient_id=patient_id, schedule_id=session.schedule_id),
    )
    link = await phone.ok("/patients", body)
    assert (await phone.see("/appointments"))["items"] == []
    for part in ("", "/qr"):
        assert (await phone.get(f"/appointments/{older.id}{part}")).status_code == 404
    assert (await phone.post(f"/appointments/{older.id}/cancel")).status_code == 404

    await phone.ok(f"/patients/{link['link_id']}/proof-codes")
    await phone.ok(f"/patients/{link['link_id']}/prove", {"code": await code_sent_to(server, number)})
    assert [item["id"] for item in (await phone.see("/appointments"))["items"]] == [str(older.id)]
    assert (await phone.see(f"/appointments/{older.id}"))["status"] == "booked"


async def test_codes_cannot_be_guessed_for_long(phone, server):
    body, number = patient_body(relation="other"), new_number()
    await register(person=as_person(body), phone=number)
    link = await phone.ok("/patients", body)
    await phone.ok(f"/patients/{link['link_id']}/proof-codes")
    right = await code_sent_to(server, number)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    answers = [(await phone.post(f"/patients/{link['link_id']}/prove", {"code": wrong})).status_code for _ in range(5)]
    assert answers == [422] * 5
    locked = await phone.post(f"/patients/{link['link_id']}/prove", {"code": right})
    assert (locked.status_code, locked.json()["code"]) == (429, "kernel.too_many_attempts")
    assert int(locked.headers["retry-after"]) > 0


async def test_other_accounts_links_look_as_if_they_were_not_there(phone, new_phone, simulator):
    link = await phone.ok("/patients", patient_body())
    stranger = await new_phone().sign_in(simulator)
    for path, body in (("proof-codes", None), ("prove", {"code": "123456"}), ("revoke", None)):
        refused = await stranger.post(f"/patients/{link['link_id']}/{path}", body)
        assert (refused.status_code, refused.json()["code"]) == (404, "kernel.not_found")
    assert (await stranger.see("/patients"))["items"] == []


async def test_removed_patient_is_gone_at_once(phone):
    link = await phone.ok("/patients", patient_body())
    await phone.ok(f"/patients/{link['link_id']}/revoke")
    assert (await phone.see("/patients"))["items"] == []
    assert (await phone.post(f"/patients/{link['link_id']}/revoke")).status_code == 404
    assert await value("SELECT status FROM account_link WHERE id = $1", uuid.UUID(link["link_id"])) == "revoked"


async def test_link_is_proven_at_the_counter_for_the_named_account_only(phone, new_phone, simulator, server):
    body, number = patient_body(relation="parent"), new_number()
    patient_id = await register(person=as_person(body), phone=number)
    stranger = await new_phone().sign_in(simulator)
    for one in (phone, stranger):
        assert (await one.ok("/patients", body))["proven"] is False
    desk = await server.role(StaffRole.REGISTRAR)
    accounts = (await desk.got(f"/api/staff/v1/patients/{patient_id}/accounts"))["items"]
    assert [account["proven"] for account in accounts] == [False, False]
    ours = next(a for a in accounts if a["account_id"] == phone.session["account"]["id"])
    path = f"/api/staff/v1/patients/{patient_id}/accounts/{ours['account_id']}/prove"
    assert (await desk.did(path)) == {"proven": 1}
    assert (await desk.did(path)) == {"proven": 0}
    assert [link["proven"] for link in (await phone.see("/patients"))["items"]] == [True]
    assert [link["proven"] for link in (await stranger.see("/patients"))["items"]] == [False]
    audited = "SELECT count(*) FROM audit_row WHERE patient_id = $1 AND action = 'accounts.prove_by_card'"
    assert await Reading(system_context()).fetch_value(audited, patient_id) == 2


async def with_number(phone, simulator):
    """The phone, its number known to the hospital."""
    code = (await simulator.post(f"/users/{phone.openid}/phone-code"))["code"]
    await phone.ok("/phone", {"code": code})
    return phone


async def card_at_kiosk(server, person):
    """The person's session at a kiosk, opened by their card."""
    kiosk = await server.device(await make_device())
    return await server.kiosk_session(kiosk, document_no=person.document_no, name=person.name)


async def test_phone_proven_at_the_kiosk_sees_what_is_older_and_the_strangers_does_not(
    phone, new_phone, simulator, server
):
    body = patient_body(relation="parent")
    patient_id = await register(person=as_person(body), phone=new_number())
    session = await make_session(clinic=await make_clinic(fee="0.00"))
    book = BookAppointment(patient_id=patient_id, schedule_id=session.schedule_id)
    older = await run(system_context(), book_appointment, book)
    await with_number(phone, simulator)
    stranger = await new_phone().sign_in(simulator)
    for one in (phone, stranger):
        await one.ok("/patients", body)
        assert (await one.see("/appointments"))["items"] == []

    patient = await card_at_kiosk(server, as_person(body))
    listed = KioskAccounts.model_validate(await patient.got("/api/kiosk/v1/accounts")).items
    assert [(account.relation, account.proven) for account in listed] == [("parent", False)] * 2
    ours = next(account for account in listed if str(account.account_id) == phone.session["account"]["id"])
    assert re.fullmatch(r"139\*{4}\d{4}", ours.phone_masked)
    assert [account.phone_masked for account in listed if account is not ours] == [None]
    path, key = f"/api/kiosk/v1/accounts/{ours.account_id}/prove", uuid.uuid4().hex
    assert [await patient.did(path, key=key) for _ in range(2)] == [{"proven": 1}] * 2
    assert await patient.did(path) == {"proven": 0}

    assert [item["id"] for item in (await phone.see("/appointments"))["items"]] == [str(older.id)]
    assert (await stranger.see("/appointments"))["items"] == []
    proofs = "SELECT DISTINCT proof FROM account_link WHERE patient_id = $1 AND proven_at IS NOT NULL"
    assert await value(proofs, patient_id) == "kiosk_card"
    audited = "SELECT count(*) FROM audit_row WHERE patient_id = $1 AND proof = 'id_card' AND action = $2"
    assert await value(audited, patient_id, "accounts.prove_by_card") == 2


async def test_kiosk_proves_no_account_that_is_not_the_patients(phone, new_phone, simulator, server):
    ours, theirs = patient_body(), patient_body()
    removed, stranger = await new_phone().sign_in(simulator), await new_phone().sign_in(simulator)
    for one, body in ((phone, ours), (removed, ours | {"relation": "other"}), (stranger, theirs)):
        link = await one.ok("/patients", body)
    gone = (await removed.see("/patients"))["items"][0]
    await removed.ok(f"/patients/{gone['link_id']}/revoke")
    patient = await card_at_kiosk(server, as_person(ours))
    listed = (await patient.got("/api/kiosk/v1/accounts"))["items"]
    assert [account["account_id"] for account in listed] == [phone.session["account"]["id"]]
    for one in (removed, stranger):
        refused = await patient.post(f"/api/kiosk/v1/accounts/{one.session['account']['id']}/prove")
        assert (refused.status_code, refused.json()["code"]) == (404, "kiosk.account_not_found")
    assert (await stranger.see("/patients"))["items"] == [link]
    await patient.did("/api/kiosk/v1/sessions/end")
    assert (await patient.get("/api/kiosk/v1/accounts")).json()["code"] == "kiosk.session_ended"
