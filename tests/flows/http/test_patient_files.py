"""The patient's file over HTTP: found in an emergency, its allergies, its document, the files merged into it."""

from uuid import UUID

from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.finance import value
from tests.fixtures.people import make_staff, national_id, register, somebody
from tests.fixtures.registry import make_relation, make_temporary_patient
from tests.fixtures.server import Party, Server, count

GROUP = "server"

STAFF = "/api/staff/v1"


async def _doctor_of(server: Server, patient_id: UUID) -> Party:
    staff = await make_staff(roles=[StaffRole.DOCTOR])
    await make_relation(patient_id=patient_id, department_id=staff.department_id)
    return await server.staff(staff)


async def test_given_only_a_card_then_a_doctor_finds_the_file_and_breaks_the_glass(server: Server) -> None:
    doctor, person = await server.staff(await make_staff(roles=[StaffRole.DOCTOR])), somebody(name="孙昏迷")
    patient_id = await register(person=person)
    unknown = await doctor.did(f"{STAFF}/patients/look-up", {"number": national_id()})
    assert unknown == {"items": [], "next_cursor": None}
    (found,) = (await doctor.did(f"{STAFF}/patients/look-up", {"number": person.document_no}))["items"]
    assert found == {
        "patient_id": str(patient_id), "name_masked": "孙*迷", "sex": "male", "age": "40岁", "permitted": False,
    }  # fmt: skip
    file = f"{STAFF}/patients/{patient_id}"
    assert (await doctor.get(file)).status_code == 404
    await doctor.did(f"{file}/break-glass", {"reason": "急诊抢救，需了解过敏史"})
    assert (await doctor.got(file))["name"] == "孙昏迷"
    (again,) = (await doctor.did(f"{STAFF}/patients/look-up", {"number": person.document_no}))["items"]
    assert again["permitted"] is True


async def test_given_somebody_who_leafs_through_the_numbers_then_the_wait_is_said(server: Server) -> None:
    nurse = await server.staff(await make_staff(roles=[StaffRole.NURSE]))
    for _ in range(20):
        await nurse.did(f"{STAFF}/patients/look-up", {"number": national_id()})
    refused = await nurse.post(f"{STAFF}/patients/look-up", {"number": national_id()})
    assert (refused.status_code, refused.json()["code"]) == (429, "kernel.too_many_attempts")
    assert int(refused.headers["retry-after"]) > 60


async def test_an_allergy_from_the_counter_to_the_doctor_who_takes_it_back(server: Server) -> None:
    patient_id = await register(person=somebody())
    doctor, window = await _doctor_of(server, patient_id), await server.role(StaffRole.REGISTRAR)
    file = f"{STAFF}/patients/{patient_id}"
    body = {"substance": "青霉素", "severity": "severe", "reaction": "过敏性休克"}
    recorded = await window.did(f"{file}/allergies", body)
    twice = await doctor.post(f"{file}/allergies", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "patients.allergy_known")
    one = f"{file}/allergies/{recorded['id']}"
    assert (await window.post(f"{one}/strike")).status_code == 403
    rested = await doctor.did(f"{one}/inactivate", {"version": recorded["version"]})
    assert (await doctor.post(f"{one}/reactivate", {"version": recorded["version"]})).status_code == 409
    assert (await doctor.did(f"{one}/reactivate", {"version": rested["version"]}))["status"] == "active"
    await doctor.did(f"{one}/strike", {})
    assert (await doctor.got(file))["allergies"] == []
    assert await count("SELECT count(*) FROM patient_allergy WHERE patient_id = $1", patient_id) == 1
    trail = "SELECT count(*) FROM audit_row WHERE object_id = $1 AND patient_id = $2"
    assert await count(trail, UUID(recorded["id"]), patient_id) == 4


async def test_given_a_stranger_then_no_allergy_of_the_patient_is_theirs_to_write(server: Server) -> None:
    patient_id, other = await register(person=somebody()), await register(person=somebody())
    doctor, window = await _doctor_of(server, other), await server.role(StaffRole.REGISTRAR)
    body = {"substance": "花生", "severity": "mild"}
    assert (await doctor.post(f"{STAFF}/patients/{patient_id}/allergies", body)).status_code == 404
    known = await window.did(f"{STAFF}/patients/{patient_id}/allergies", body)
    for file in (patient_id, other):  # not through the file of one's own patient either
        refused = await doctor.post(f"{STAFF}/patients/{file}/allergies/{known['id']}/strike")
        assert refused.status_code == 404
    assert await value("SELECT status FROM patient_allergy WHERE id = $1", UUID(known["id"])) == "active"


async def test_a_temporary_file_gets_its_document_or_names_the_file_that_has_it(server: Server) -> None:
    window, person = await server.role(StaffRole.REGISTRAR), somebody(name="钱有证")
    first, second = await make_temporary_patient(), await make_temporary_patient()
    body = {"document_kind": "national_id", "document_no": person.document_no, "name": person.name}
    answer = await window.did(f"{STAFF}/patients/{first}/complete", body)
    assert answer == {"patient_id": str(first), "added": True, "duplicate_of": None}
    file = await window.got(f"{STAFF}/patients/{first}")
    assert (file["temporary"], file["name"], file["document_kind"]) == (False, "钱有证", "national_id")
    again = await window.post(f"{STAFF}/patients/{first}/complete", body)
    assert (again.status_code, again.json()["code"]) == (409, "patients.not_temporary")
    taken = await window.did(f"{STAFF}/patients/{second}/complete", body)
    assert taken == {"patient_id": str(second), "added": False, "duplicate_of": str(first)}
    assert (await window.got(f"{STAFF}/patients/{second}"))["temporary"] is True
    wrong = await window.post(f"{STAFF}/patients/{second}/complete", body | {"document_no": "123"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/document_no")


async def test_the_survivor_names_the_files_merged_into_it_until_the_merge_is_undone(server: Server) -> None:
    window, source, survivor = (
        await server.role(StaffRole.REGISTRAR), await register(person=somebody()), await register(person=somebody()),
    )  # fmt: skip
    body = {"source_id": str(source), "survivor_id": str(survivor), "reason": "本人持两本证件"}
    await window.did(f"{STAFF}/patients/merge", body)
    doctor = await _doctor_of(server, survivor)
    (merged,) = (await doctor.got(f"{STAFF}/patients/{survivor}/merged"))["items"]
    assert (merged["patient_id"], merged["merged_into"]) == (str(source), str(survivor))
    assert (merged["reason"], merged["merged_by"]) == ("本人持两本证件", "王建国")
    assert merged["patient_no"] == await value("SELECT patient_no FROM patient WHERE id = $1", source)
    stranger = await server.staff(await make_staff(roles=[StaffRole.DOCTOR]))
    assert (await stranger.get(f"{STAFF}/patients/{survivor}/merged")).status_code == 404
    await window.did(f"{STAFF}/patients/unmerge", {"source_id": str(source), "reason": "核对后为两人"})
    assert (await doctor.got(f"{STAFF}/patients/{survivor}/merged"))["items"] == []
