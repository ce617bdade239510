"""E-invoices over HTTP: a patient's own, the cashier's list, and a hospital that is joined to no platform."""

import time
from statistics import median

from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.access import _insert
from tests.fixtures.einvoice import QR, make_e_invoice
from tests.fixtures.finance import rows, value
from tests.fixtures.server import Server
from tests.flows.http.house import phone

GROUP = "server"

STAFF, PHONE = "/api/staff/v1/e-invoices", "/api/miniapp/v1/e-invoices"


async def test_a_patient_sees_their_own_with_code_and_lines_and_which_one_replaces_a_red_one(server: Server) -> None:
    person = await access.make_person()
    red = await make_e_invoice(patient_id=person.patient_id, status="reversed")
    invoice_id = await value("SELECT invoice_id FROM e_invoice WHERE id = $1", red)
    rest = await make_e_invoice(invoice_id=invoice_id, generation=2)
    patient = phone(server, person.account_id)
    listed = (await patient.got(PHONE))["items"]
    assert [(one["id"], one["status"], one["items"]) for one in listed] == [
        (str(rest), "issued", "普通门诊诊查费"),
        (str(red), "reversed", "普通门诊诊查费"),
    ]
    shown = await patient.got(f"{PHONE}/{red}")
    assert (shown["replaced_by"], shown["reversal_reason"]) == (str(rest), "全额退费")
    assert (shown["check_code"], shown["qr_png"], shown["lines"][0]["amount_fen"]) == ("a1b2c3", QR, 5000)
    assert not {"failure_code", "failure_text", "tries"} & shown.keys()


async def test_somebody_elses_is_not_there_in_the_same_time_as_none(server: Server) -> None:
    owner, other = await access.make_person(), await access.make_person()
    known, unknown = await make_e_invoice(patient_id=owner.patient_id), new_id()
    stranger, seconds = phone(server, other.account_id), {}
    for e_invoice_id in (known, unknown):
        spent, answers = [], set()
        for _ in range(15):
            since = time.perf_counter()
            answer = await stranger.get(f"{PHONE}/{e_invoice_id}")
            spent.append(time.perf_counter() - since)
            answers.add((answer.status_code, answer.json()["code"]))
        assert answers == {(404, "kernel.not_found")}
        seconds[e_invoice_id] = median(spent)
    assert seconds[known] < 5 * seconds[unknown]
    assert (await stranger.got(PHONE))["items"] == []


async def test_an_unproven_link_shows_nothing_older_than_itself(server: Server) -> None:
    person = await access.make_person()
    older = await make_e_invoice(patient_id=person.patient_id)
    await rows(
        "UPDATE account_link SET proven_at = NULL, linked_at = hospital_now() WHERE account_id = $1 RETURNING id",
        person.account_id,
    )
    newer = await make_e_invoice(patient_id=person.patient_id)
    patient = phone(server, person.account_id)
    assert [one["id"] for one in (await patient.got(PHONE))["items"]] == [str(newer)]
    assert (await patient.get(f"{PHONE}/{older}")).status_code == 404


async def test_the_list_goes_on_page_by_page(server: Server) -> None:
    person = await access.make_person()
    made = [str(await make_e_invoice(patient_id=person.patient_id)) for _ in range(33)]
    patient = phone(server, person.account_id)
    first = await patient.got(PHONE)
    second = await patient.got(PHONE, cursor=first["next_cursor"])
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert (await patient.get(PHONE, cursor="nonsense")).status_code == 422


async def test_the_desk_finds_by_number_and_by_what_waits(server: Server) -> None:
    cashier = await server.role(StaffRole.CASHIER)
    failed = await make_e_invoice(status="failed")
    issued = await make_e_invoice()
    bill_no = await value("SELECT bill_no FROM e_invoice WHERE id = $1", issued)
    waiting = (await cashier.got(STAFF, waiting=True))["items"]
    for one in waiting:
        paper_waits = one["paper_wanted"] or one["paper_status"] in ("failed", "void-failed")
        assert one["status"] in ("failed", "reversal-failed") or paper_waits
    (mine,) = [one for one in waiting if one["id"] == str(failed)]
    assert (mine["failure_text"], mine["patient_name_masked"]) == ("平台没有应答", "测**者")
    assert str(issued) in {one["id"] for one in (await cashier.got(STAFF, number=bill_no))["items"]}
    counted = await cashier.got(f"{STAFF}/counts")
    assert counted["failed"] >= 1
    assert counted["on"] is False


async def test_a_copy_on_paper_is_shown_once_the_platform_noted_it_and_waits_to_come_back(server: Server) -> None:
    person, cashier = await access.make_person(), await server.role(StaffRole.CASHIER)
    known = await make_e_invoice(patient_id=person.patient_id)
    shift = await value("SELECT drawer_id FROM cashier_shift WHERE status = 'open' LIMIT 1")
    stock_id, paper_id, now = new_id(), new_id(), await value("SELECT hospital_now()")
    await _insert(
        "paper_stock", id=stock_id, version=0, drawer_id=shift, batch_code=f"P{stock_id.hex[-8:]}", first_number=7,
        last_number=9, next_number=8, digits=6, handed_out_at=now,
    )  # fmt: skip
    await _insert(
        "paper_copy", id=paper_id, version=0, stock_id=stock_id, number=7, paper_no="000007", e_invoice_id=known,
        status="requested", tries=1, asked_at=now,
    )  # fmt: skip
    await rows("UPDATE e_invoice SET paper_id = $2 WHERE id = $1 RETURNING id", known, paper_id)
    patient = phone(server, person.account_id)
    before = (await cashier.got(f"{STAFF}/counts"))["paper_wanted"]
    assert (await patient.got(f"{PHONE}/{known}"))["paper_no"] is None
    await rows("UPDATE paper_copy SET status = 'printed', printed_at = $2 WHERE id = $1 RETURNING id", paper_id, now)
    await rows("UPDATE e_invoice SET paper_wanted_at = $2 WHERE id = $1 RETURNING id", known, now)
    shown = await patient.got(f"{PHONE}/{known}")
    assert (shown["paper_no"], shown["paper_wanted"]) == ("000007", True)
    assert not {"paper_id", "paper_trouble", "paper_status"} & shown.keys()
    waiting = [one for one in (await cashier.got(STAFF, waiting=True))["items"] if one["id"] == str(known)]
    assert [(one["paper_status"], one["paper_wanted"]) for one in waiting] == [("printed", True)]
    assert (await cashier.got(f"{STAFF}/counts"))["paper_wanted"] == before + 1
    listed = [one for one in (await cashier.got("/api/staff/v1/paper-stocks"))["items"] if one["id"] == str(stock_id)]
    assert [(one["next_no"], one["left"], one["first_no"]) for one in listed] == [("000008", 2, "000007")]
    await rows("UPDATE e_invoice SET paper_wanted_at = NULL WHERE id = $1 RETURNING id", known)


async def test_a_hospital_without_platform_says_so(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    failed = await make_e_invoice(status="failed")
    for path, body in ((f"{STAFF}/{failed}/retry", None), ("/api/staff/v1/e-invoice-checks", {"day": "2026-01-01"})):
        answer = await manager.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (412, "einvoicing.off")
