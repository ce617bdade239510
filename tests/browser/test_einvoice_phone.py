"""A patient's e-invoices on the phone: after paying, a number with its picture; after giving back, marked as void."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import API, Handset
from tests.fixtures.lobby import Lobby

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


@pytest.fixture
def phone(chromium: Browser, lobby: Lobby, complaints: Complaints) -> Iterator[Handset]:
    context = chromium.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield Handset(complaints.watch(context.new_page()), lobby)
    context.close()


def test_a_person_who_paid_has_an_e_invoice_and_who_gave_back_has_a_void_one(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    page.goto(f"{phone.url}invoices")
    phone.log_in()
    expect(page.get_by_text("还没有电子票据")).to_be_visible()
    page.screenshot(path=tmp_path / "none.png")

    page.goto(f"{phone.url}departments")
    phone.choose_session(tomorrow=True)
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
    ends = time.monotonic() + 30
    while phone.api().get(f"{API}/e-invoices/{known['id']}")["status"] != "reversed":
        assert time.monotonic() < ends, "the e-invoice did not turn red"
        time.sleep(0.2)
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
