"""The smallest phone in the largest type, with the longest names: nothing is cut off, and long lists go on."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect

from backend.app import ROOT
from backend.chromium import chromium_path
from hospital_core.kernel.ids import new_id
from tests.fixtures.access import Person, book, make_booked, make_clinic, make_person, make_session, now
from tests.fixtures.finance import make_payer, rows, value
from tests.fixtures.pocket import pocket
from tests.fixtures.server import Server

GROUP = "desk"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "miniapp_api/web/dist/index.html").exists(), reason="the page is not built"),
]
LONG = "Wolfeschlegelsteinhausen Hubert Blaine"
# The page clips what is too wide, so its own width says nothing; rows of days scroll sideways by design.
CUT_OFF = """
[...document.querySelectorAll('#app *')]
  .filter((one) => one.closest('.days') === null && one.getClientRects().length > 0)
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 100))"""


async def _second(person: Person, name: str) -> UUID:
    """Another patient of the account, proven."""
    patient_id = await make_payer(name=name)
    await rows(
        "INSERT INTO account_link (id, version, account_id, patient_id, relation, place, status, linked_at, proven_at, "
        "proof) VALUES ($1, 0, $2, $3, 'parent', 2, 'active', $4, $4, 'kiosk_card') RETURNING id",
        new_id(), person.account_id, patient_id, await now(),
    )  # fmt: skip
    return patient_id


async def _look(page: Page, picture: Path) -> list[str]:
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=picture)
    return list(await page.evaluate(CUT_OFF))


async def test_given_long_names_in_large_type_then_nothing_is_cut_off(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    person = await make_person(name=LONG)
    await _second(person, "买买提江·阿卜杜热合曼·吐尔逊")
    soon = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=2))
    later = await make_session(clinic=await make_clinic(), starts_in=timedelta(days=3))
    held = await book(person=person, session=soon)
    _, booked = await make_booked(session=later, person=person)
    day = await value("SELECT day FROM schedule WHERE id = $1", later.schedule_id)
    pages = {
        "home": "", "patients": "patients", "identity": "identity", "appointments": "appointments",
        "held": f"appointments/{held.id}", "pay": f"appointments/{held.id}/pay", "booked": f"appointments/{booked.id}",
        "move": f"appointments/{booked.id}/move", "messages": "messages", "bills": "bills", "payments": "payments",
        "card": "card", "booking": f"departments/{later.department_id}/sessions/{later.schedule_id}?day={day}",
    }  # fmt: skip
    async with pocket(browser, server, person) as phone:
        await phone.page.set_viewport_size({"width": 360, "height": 640})
        page = await phone.open()
        await page.get_by_role("button", name="长辈版").click()
        found = {}
        for name, path in pages.items():
            await phone.open(path)
            found[name] = await _look(page, tmp_path / f"{name}.png")
        assert found == {name: [] for name in pages}


async def _messages(person: Person, count: int) -> None:
    """As many messages as bookings, an hour apart."""
    at = await now()
    for hours in range(count):
        await rows(
            "INSERT INTO booking_ban (id, version, patient_id, kind, reason, starts_at, ends_at, made_at) "
            "VALUES ($1, 0, $2, 'no_show', $3, $4::timestamptz, $4::timestamptz + interval '1 minute', $4) "
            "RETURNING id",
            ban_id := new_id(), person.patient_id, f"第{hours}次", at - timedelta(hours=hours),
        )  # fmt: skip
        await rows(
            "INSERT INTO notification (id, version, account_id, patient_id, kind, source_id, status, spent, "
            "created_at) VALUES ($1, 0, $2, $3, 'booking_banned', $4, 'refused', false, $5) RETURNING id",
            new_id(), person.account_id, person.patient_id, ban_id, at - timedelta(hours=hours),
        )  # fmt: skip


async def test_given_more_messages_than_a_page_then_the_older_ones_are_reached(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    person = await make_person(name="沈知秋")
    await _messages(person, 52)
    async with pocket(browser, server, person) as phone:
        page = await phone.open("messages")
        lines = page.get_by_role("button", name=re.compile("线上预约已暂停"))
        await expect(lines).to_have_count(50)
        await page.get_by_role("button", name="查看更早的消息").click()
        await expect(lines).to_have_count(52)
        await expect(lines.last).to_contain_text("第51次")
        await expect(page.get_by_role("button", name="查看更早的消息")).to_have_count(0)
        await phone.must_be_kind(tmp_path / "messages.png")


async def test_given_two_patients_then_the_record_of_payments_can_be_one_patients(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    person = await make_person(name="沈知秋")
    other = await _second(person, "沈大年")
    async with pocket(browser, server, person) as phone:
        asked: list[str] = []
        phone.page.on("request", lambda request: asked.append(request.url) if "/v1/payments" in request.url else None)
        page = await phone.open("payments")
        await expect(page.get_by_text("还没有缴费记录")).to_be_visible()
        await page.get_by_role("button", name="沈*年").click()
        await expect(page.get_by_role("button", name="沈*年")).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_text("还没有缴费记录")).to_be_visible()
        assert [str(other) in url for url in asked] == [False, True]
        await phone.must_be_kind(tmp_path / "payments.png")
