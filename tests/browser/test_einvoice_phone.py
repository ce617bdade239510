"""A patient's e-invoices on the phone: after paying, a number with its picture; after giving back, marked as void."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import API, Handset

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


def test_a_person_who_paid_has_an_e_invoice_and_who_gave_back_has_a_void_one(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    page.goto(f"{phone.url}invoices")
    phone.log_in()
    expect(page.get_by_text("还没有电子票据")).to_be_visible()
    page.screenshot(path=tmp_path / "none.png")

    page.goto(f"{phone.url}departments")
    phone.choose_session(days_ahead=1)
    page.get_by_role("button", name="添加就诊人").click()
    phone.add_patient()
    phone.confirm()
    phone.pay()
    expect(page.get_by_text("预约成功").first).to_be_visible()

    page.goto(f"{phone.url}messages")
    page.get_by_role("button", name="电子票据已开具").click()
    expect(page.get_by_role("img", name="票据二维码")).to_be_visible()
    (known,) = phone.api().get(f"{API}/e-invoices")["items"]
    expect(page.get_by_text(known["bill_no"], exact=True)).to_be_visible()
    drawn = page.get_by_role("img", name="票据二维码").evaluate("picture => picture.naturalWidth")
    assert drawn > 50
    assert violations(page) == []
    page.screenshot(path=tmp_path / "detail.png", full_page=True)

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="查看和下载票据").click()
    face = opened.value
    expect(face.get_by_text(known["bill_no"])).to_be_visible()
    face.set_viewport_size({"width": 375, "height": 812})
    face.screenshot(path=tmp_path / "face.png")
    face.close()

    (booked,) = phone.appointments()
    phone.api().post(f"{API}/appointments/{booked['id']}/cancel", {})
    until(lambda: phone.api().get(f"{API}/e-invoices/{known['id']}"), lambda one: one["status"] == "reversed")
    page.reload()
    expect(page.get_by_text("此票据已作废，不能报销")).to_be_visible()
    expect(page.get_by_role("img", name="票据二维码")).to_be_hidden()
    assert violations(page) == []
    page.screenshot(path=tmp_path / "void.png", full_page=True)
    page.get_by_role("button", name="返回").click()
    page.goto(f"{phone.url}invoices")
    expect(page.get_by_text("已作废")).to_be_visible()
    assert violations(page) == []
    page.screenshot(path=tmp_path / "list.png")
    assert complaints == []


def test_a_copy_on_paper_is_named_on_the_phone_and_wanted_back_after_a_refund(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page, lobby = phone.page, phone.lobby
    page.goto(f"{phone.url}departments")
    phone.log_in()
    phone.choose_session(days_ahead=1)
    page.get_by_role("button", name="添加就诊人").click()
    phone.add_patient()
    phone.confirm()
    phone.pay()
    expect(page.get_by_text("预约成功").first).to_be_visible()
    known = until(lambda: phone.api().get(f"{API}/e-invoices")["items"], lambda found: found and found[0]["bill_no"])[0]

    cashier = lobby.staff("cashier")
    drawer = cashier.get("/api/staff/v1/my/shift")["open"]["shift"]["drawer_id"]
    blanks = {"drawer_id": drawer, "batch_code": "P1106", "first_no": "0000000101", "last_no": "0000000120"}
    lobby.staff("manager").post("/api/staff/v1/paper-stocks", blanks)
    copy = cashier.post(f"/api/staff/v1/e-invoices/{known['id']}/paper", {"paper_no": "0000000101"})
    assert copy["status"] == "printed"
    page.goto(f"{phone.url}invoices")
    expect(page.get_by_text("已换开纸质票")).to_be_visible()
    page.goto(f"{phone.url}invoices/{known['id']}")
    expect(page.get_by_text("报销请使用纸质票据")).to_be_visible()
    expect(page.get_by_text("0000000101")).to_be_visible()
    assert violations(page) == []
    page.screenshot(path=tmp_path / "paper.png", full_page=True)

    (booked,) = phone.appointments()
    phone.api().post(f"{API}/appointments/{booked['id']}/cancel", {})
    address = f"{API}/e-invoices/{known['id']}"
    assert until(lambda: phone.api().get(address), lambda one: one["paper_wanted"])["status"] == "issued"
    page.reload()
    expect(page.get_by_text("请把纸质票据带到收费窗口")).to_be_visible()
    assert violations(page) == []
    page.screenshot(path=tmp_path / "wanted.png", full_page=True)
    cashier.post(f"/api/staff/v1/paper-copies/{copy['id']}/take-back", {"reason": "退费收回"})
    until(lambda: phone.api().get(address), lambda one: one["status"] == "reversed")
    assert complaints == []


def until(look: Callable[[], Any], is_so: Callable[[Any], Any]) -> Any:
    """What is seen once it is so; half a minute at most."""
    ends = time.monotonic() + 30
    while not is_so(seen := look()):
        assert time.monotonic() < ends, seen
        time.sleep(0.2)
    return seen
