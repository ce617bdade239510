"""What managers and cashiers do over HTTP: stuck money, the catalogue's lists, log-ins opened again, own passwords."""

import asyncio
import time
from typing import Any
from uuid import UUID

from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.registry.catalogue.importing import import_file
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.people import PASSWORD, make_place, make_staff, register, somebody, unique
from tests.fixtures.registry import make_price_item
from tests.fixtures.server import Party, Server, count
from tests.fixtures.trouble import make_abnormal_refund, make_mismatch

GROUP = "server"

STAFF = "/api/staff/v1"
CHOSEN = "purple giraffe 42"


# -- money


async def _refund(cashier: Party, refund_id: UUID) -> Any:
    listed = (await cashier.got(f"{STAFF}/refunds/attention"))["items"]
    (mine,) = [one for one in listed if one["id"] == str(refund_id)]
    return mine


async def test_a_refund_sent_again_is_followed_until_the_channel_answers(server: Server) -> None:
    cashier = await server.role(StaffRole.CASHIER)
    refund_id, number = await make_abnormal_refund(name="张待退")
    seen = await _refund(cashier, refund_id)
    assert (seen["out_refund_no"], seen["patient_name_masked"], seen["amount_fen"]) == (number, "张*退", 5000)
    assert (seen["status"], seen["abnormal_code"]) == ("abnormal", "NOT_ENOUGH")
    asked = await cashier.did(f"{STAFF}/refunds/{refund_id}/check")
    assert asked["status"] == "abnormal"
    sent = await cashier.did(f"{STAFF}/refunds/{refund_id}/retry")
    assert sent["status"] == "requested"
    # The simulator has never heard of this payment: a clear no, which comes back to the desk in its own word.
    deadline = time.monotonic() + 15
    while (seen := await _refund(cashier, refund_id))["status"] != "abnormal":
        assert time.monotonic() < deadline, f"still {seen}"
        await asyncio.sleep(0.1)
    assert seen["abnormal_code"] not in (None, "NOT_ENOUGH")


async def test_a_payment_that_differs_is_asked_about_and_settled(server: Server) -> None:
    cashier = await server.role(StaffRole.CASHIER)
    notice_id, order = await make_mismatch(name="李多付")
    line = f"{STAFF}/payments/attention/{notice_id}"
    listed = (await cashier.got(f"{STAFF}/payments/attention"))["items"]
    (mine,) = [one for one in listed if one["id"] == str(notice_id)]
    assert (mine["out_trade_no"], mine["amount_fen"], mine["expected_fen"]) == (order, 1, 5000)
    asked = await cashier.did(f"{line}/check")
    assert asked == {"state": "ABSENT", "amount_fen": None, "taken": False, "differs": None}
    assert (await cashier.post(f"{line}/settle", {"note": " "})).status_code == 422
    await cashier.did(f"{line}/settle", {"note": "已在商户平台退回"})
    again = await cashier.post(f"{line}/settle", {"note": "又一次"})
    assert (again.status_code, again.json()["code"]) == (409, "payments.mismatch_settled")
    listed = (await cashier.got(f"{STAFF}/payments/attention"))["items"]
    assert str(notice_id) not in [one["id"] for one in listed]


# -- the catalogue


async def test_the_catalogue_says_what_it_holds(server: Server) -> None:
    doctor, system = await server.role(StaffRole.DOCTOR), unique("sys")
    for edition, rows in (("2.0", "A00,霍乱\nB00,疱疹\n"), ("3.0", "A00,霍乱\n")):
        await import_file(system_context(), system=system, edition=edition, content=f"code,name\n{rows}".encode())
    systems = (await doctor.got(f"{STAFF}/code-systems"))["items"]
    (mine,) = [one for one in systems if one["system"] == system]
    assert [(one["edition"], one["concepts"]) for one in mine["editions"]] == [("3.0", 1), ("2.0", 2)]
    assert (await doctor.got(f"{STAFF}/concepts", system=system, q="疱疹"))["items"] == []
    older = await doctor.got(f"{STAFF}/concepts", system=system, q="疱疹", edition="2.0")
    assert [one["code"] for one in older["items"]] == ["B00"]
    item = await make_price_item()
    categories = (await doctor.got(f"{STAFF}/price-categories"))["items"]
    assert item.category in [one["category"] for one in categories]


# -- suspected duplicates


async def test_suspected_duplicates_come_page_by_page_and_go_when_decided(server: Server) -> None:
    window = await server.role(StaffRole.REGISTRAR)
    one, two = await register(person=somebody()), await register(person=somebody())
    pair_id = new_id()
    earlier, later = sorted((one, two))
    await count(
        "WITH made AS (INSERT INTO patient_duplicate (id, version, earlier_id, later_id, reason, status, found_at) "
        "VALUES ($1, 0, $2, $3, 'same_document', 'open', hospital_now()) RETURNING id) SELECT count(*) FROM made",
        pair_id, earlier, later,
    )  # fmt: skip
    pair = await _pair(window, pair_id)
    assert {pair["earlier"]["id"], pair["later"]["id"]} == {str(one), str(two)}
    await window.did(f"{STAFF}/patients/duplicates/{pair_id}/dismiss", {"version": pair["version"]})
    assert await _pair(window, pair_id) is None
    again = await window.post(f"{STAFF}/patients/duplicates/{pair_id}/dismiss", {"version": pair["version"]})
    assert again.status_code == 409


async def _pair(window: Party, pair_id: UUID) -> Any:
    cursor: str | None = None
    while True:
        page = await window.got(f"{STAFF}/patients/duplicates", **({"cursor": cursor} if cursor else {}))
        for one in page["items"]:
            if one["id"] == str(pair_id):
                return one
        if (cursor := page["next_cursor"]) is None:
            return None


# -- log-ins


async def test_a_disabled_colleague_is_let_in_again(server: Server) -> None:
    nurse, security = await make_staff(roles=[StaffRole.NURSE]), await server.role(StaffRole.SECURITY_ADMIN)
    await security.did(f"{STAFF}/staff/{nurse.staff_id}/disable")
    login = {"login": nurse.login, "password": nurse.password}
    assert (await server.party().post(f"{STAFF}/sessions", login)).status_code == 401
    await security.did(f"{STAFF}/staff/{nurse.staff_id}/enable")
    assert (await server.party().did(f"{STAFF}/sessions", login))["signed_in"] is True


async def test_a_new_password_ends_the_other_sessions_and_nothing_else(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.NURSE])
    here, elsewhere = await server.sign_in(staff), await server.sign_in(staff)
    change = {"old_password": PASSWORD, "new_password": CHOSEN}
    wrong = await here.post(f"{STAFF}/session/password", change | {"old_password": "not the password"}, key="")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "staff.old_password_wrong")
    weak = await here.post(f"{STAFF}/session/password", change | {"new_password": "short"}, key="")
    assert (weak.status_code, weak.json()["detail"]) == (422, "密码至少 10 位")
    session = await here.did(f"{STAFF}/session/password", change, key="")
    assert (session["signed_in"], session["roles"]) == (True, ["nurse"])
    assert (await here.get(f"{STAFF}/my/rooms")).is_success
    assert (await elsewhere.get(f"{STAFF}/my/rooms")).status_code == 401


async def test_a_first_password_only_opens_the_way_to_another(server: Server) -> None:
    administrator, security = await server.role(StaffRole.SYSTEM_ADMIN), await server.role(StaffRole.SECURITY_ADMIN)
    department_id, _ = await make_place()
    hire = {"staff_no": unique("S"), "name": "新来的", "profession": "nurse", "department_id": str(department_id)}
    hired = await administrator.did(f"{STAFF}/staff", hire)
    account = {"login": unique("u"), "password": PASSWORD}
    await administrator.did(f"{STAFF}/staff/{hired['id']}/account", account)
    await security.did(f"{STAFF}/staff/{hired['id']}/roles", {"roles": ["nurse"]})
    nurse = server.party()
    session = await nurse.did(f"{STAFF}/sessions", account, key="")
    nurse.headers["X-CSRF-Token"] = session["csrf_token"]
    assert (session["must_change_password"], session["permissions"]) == (True, [])
    assert (await nurse.get(f"{STAFF}/my/rooms")).status_code == 403
    change = {"old_password": PASSWORD, "new_password": CHOSEN}
    session = await nurse.did(f"{STAFF}/session/password", change, key="")
    assert (session["must_change_password"], "queue.call" in session["permissions"]) == (False, True)
    assert (await nurse.get(f"{STAFF}/my/rooms")).is_success
