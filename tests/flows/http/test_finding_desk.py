"""Searching, the guide and doctors' pages over HTTP, and the desk where their words and pictures are kept."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image

from hospital_core.access.scheduling.search_queries import FRESH_S
from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.portraits import UPLOAD_MAX
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.registry import unique
from tests.fixtures.server import Party, Server
from tests.flows.http.house import phone

GROUP = "server"

STAFF, PHONE = "/api/staff/v1", "/api/miniapp/v1"


async def _within(seconds: float, look: Callable[[], Awaitable[Any]]) -> Any:
    """What a look finds, once it finds something: each worker keeps names for a few seconds."""
    for _ in range(int(seconds * 10)):
        if found := await look():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s")


def _picture(size: tuple[int, int] = (500, 500), colour: str = "green") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


async def _upload(party: Party, path: str, content: bytes, key: str | None = None) -> Any:
    headers = party.headers | {"Idempotency-Key": key or str(new_id()), "Content-Type": "image/png"}
    return await party.http.post(path, content=content, headers=headers)


async def test_a_word_of_the_manager_leads_a_patient_to_the_next_free_time(server: Server) -> None:
    clinic, person = await access.make_clinic(), await access.make_person()
    session = await access.make_session(clinic=clinic)
    manager, patient = await server.role(StaffRole.MANAGER), phone(server, person.account_id)
    word = f"心慌{unique()}"
    body = {"word": word, "kind": "symptom", "department_id": str(clinic.department_id), "weight": 10}
    saved = await manager.did(f"{STAFF}/search-words", body)
    twice = await manager.post(f"{STAFF}/search-words", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "scheduling.search_word_taken")

    async def found() -> Any:
        return (await patient.got(f"{PHONE}/search", q=word))["departments"]

    (hit,) = await _within(FRESH_S * 2, found)
    assert (hit["found_by"], hit["next_free"]["schedule_id"]) == ("symptom", str(session.schedule_id))
    answer = await patient.get(f"{PHONE}/search", q=word)
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert (await patient.get(f"{PHONE}/search", q=word, headers=tag)).status_code == 304
    await manager.did(f"{STAFF}/search-words/{saved['id']}/remove")

    async def gone() -> bool:
        return not await found()

    assert await _within(FRESH_S * 2, gone)


async def test_given_odd_searches_then_each_is_answered_and_only_an_endless_one_is_refused(server: Server) -> None:
    patient = phone(server, (await access.make_person()).account_id)
    for q in ("", " ", "\x00", "%", "'", "👩‍⚕️", "心" * 200):
        answer = await patient.get(f"{PHONE}/search", q=q)
        assert answer.status_code == 200, q
    assert (await patient.get(f"{PHONE}/search?q=%ff%fe%ed%a0%80")).status_code == 200
    assert (await patient.get(f"{PHONE}/search", q="心" * 201)).status_code == 422


async def test_a_rule_of_the_manager_guides_a_patient_of_the_account_and_no_other(server: Server) -> None:
    clinic, person, stranger = await access.make_clinic(), await access.make_person(), await access.make_person()
    manager, part = await server.role(StaffRole.MANAGER), unique("部位")
    patient = phone(server, person.account_id)
    rule = {"body_part": part, "symptom": "隐痛", "department_id": str(clinic.department_id), "urgency": "soon",
            "advice": "就诊前禁食", "age_from": 14}  # fmt: skip
    kept = await manager.did(f"{STAFF}/guide-rules", rule)
    second = await manager.did(f"{STAFF}/guide-rules", rule | {"symptom": "剧痛", "urgency": "normal"})
    listed = (await manager.got(f"{STAFF}/guide-rules", part=part))["items"]
    assert [one["id"] for one in listed] == [kept["id"], second["id"]]
    await manager.did(f"{STAFF}/guide-rules/{second['id']}/move", {"direction": "up"})
    await manager.did(f"{STAFF}/guide-rules/{kept['id']}/switch", {"active": False})
    await manager.did(f"{STAFF}/guide-rules/{kept['id']}/switch", {"active": True})
    assert part in [one["part"] for one in (await patient.got(f"{PHONE}/guide/parts"))["items"]]
    symptoms = (await patient.got(f"{PHONE}/guide/symptoms", part=part))["items"]
    assert [one["symptom"] for one in symptoms] == ["剧痛", "隐痛"]
    asked = {"part": part, "symptoms": ["隐痛"], "patient_id": str(person.patient_id)}
    advice = await patient.did(f"{PHONE}/guide/advice", asked, key="")
    assert (advice["headline"], advice["advice"]) == ("建议今天就诊", ["就诊前禁食"])
    assert [one["department_id"] for one in advice["departments"]] == [str(clinic.department_id)]
    other = await phone(server, stranger.account_id).post(f"{PHONE}/guide/advice", asked, key="")
    assert other.status_code == 404
    wrong = await manager.post(f"{STAFF}/guide-rules", rule | {"urgency": "emergency"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/department_id")


async def test_a_photo_and_an_introduction_reach_the_doctors_page(server: Server) -> None:
    clinic = await access.make_clinic()
    admin = await server.role(StaffRole.SYSTEM_ADMIN)
    patient = phone(server, (await access.make_person()).account_id)
    public = f"{PHONE}/doctors/{clinic.doctor_id}/photo"
    staff = f"{STAFF}/staff/{clinic.doctor_id}"
    drawn = await server.party().get(public)
    assert (drawn.headers["Content-Type"], "王" in drawn.text) == ("image/svg+xml", True)

    said = {"title": "副主任医师", "specialty": "擅长高血压", "introduction": "从医二十年。"}
    introduced = await admin.did(f"{staff}/introduction", said)
    late = await admin.post(f"{staff}/introduction", said | {"version": introduced["version"] - 1})
    assert late.status_code == 409
    key = str(new_id())
    kept = await _upload(admin, f"{staff}/photo", _picture(), key)
    assert kept.status_code == 200, kept.text
    assert (await _upload(admin, f"{staff}/photo", _picture(), key)).json() == kept.json()

    page = await patient.got(f"{PHONE}/doctors/{clinic.doctor_id}")
    assert (page["introduction"], page["photo_version"]) == ("从医二十年。", kept.json()["photo_version"])
    shown = await server.party().get(public)
    assert (shown.headers["Content-Type"], Image.open(io.BytesIO(shown.content)).size) == ("image/jpeg", (400, 400))
    again = await server.party().get(public, headers={"If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await admin.get(f"{staff}/photo")).content == shown.content

    assert (await admin.did(f"{staff}/photo/remove"))["done"] is True
    assert (await server.party().get(public)).headers["Content-Type"] == "image/svg+xml"
    assert (await admin.post(f"{staff}/photo/remove")).status_code == 404


async def test_given_no_picture_or_too_much_of_one_then_nothing_is_kept(server: Server) -> None:
    clinic, admin = await access.make_clinic(), await server.role(StaffRole.SYSTEM_ADMIN)
    path = f"{STAFF}/staff/{clinic.doctor_id}/photo"
    for content, status in ((b"<svg/>", 422), (b"\0" * (UPLOAD_MAX + 1), 422), (b"\0" * (300 * 1024), 413)):
        refused = await _upload(admin, path, content)
        assert refused.status_code == status, refused.text
    nobody = await _upload(admin, f"{STAFF}/staff/{new_id()}/photo", _picture())
    assert nobody.status_code == 404
    for unknown in (new_id(), (await access.make_clinic(kind="ward")).room_id):
        assert (await server.party().get(f"{PHONE}/doctors/{unknown}/photo")).status_code == 404
