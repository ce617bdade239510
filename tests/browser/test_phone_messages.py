"""The phone's inbox in a real browser: asking for permission to write, and hearing from WeChat what was allowed."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from backend.app import ROOT
from tests.browser.conftest import Complaints, violations
from tests.fixtures.handset import Handset

GROUP = "demo"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]


def test_person_is_asked_three_at_a_time_and_allows_messages(
    phone: Handset, complaints: Complaints, tmp_path: Path
) -> None:
    page = phone.page
    page.goto(f"{phone.url}messages")
    phone.log_in()
    ask = page.get_by_role("button", name="去开启")
    expect(ask).to_be_visible()
    page.screenshot(path=tmp_path / "ask.png")
    assert violations(page) == []
    ask.click()
    expect(page.locator("#choices input")).to_have_count(3)
    page.get_by_role("button", name="允许").click()
    expect(page.get_by_text("已开启微信提醒")).to_be_visible()
    assert complaints == []
