"""Somebody walked away and left their page open: the next patient's card ends it (下一位患者)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk_agent.pages import DIST
from tests.fixtures.fake_hospital import CARD_NAME, CARD_NO, FEE_NO
from tests.fixtures.kiosk import Page, Program, open_page, running_agent, running_hospital, wait_until

pytestmark = pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the kiosk's page is not built")


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Program]:
    with running_hospital(tmp_path) as program:
        yield program


@pytest.fixture
def agent(tmp_path: Path, hospital: Program) -> Iterator[Program]:
    with running_agent(tmp_path, hospital.url) as program:
        yield program


@pytest.fixture
def page(agent: Program) -> Iterator[Page]:
    with open_page(agent) as opened:
        opened.wait_stage("home")
        yield opened


def _lay_card(agent: Program, document_no: str = CARD_NO) -> None:
    agent.post("/_sim/id-card", document_no=document_no, name=CARD_NAME, stays=False)


def test_same_card_again_changes_nothing(agent: Program, page: Page, hospital: Program) -> None:
    _lay_card(agent)
    first = page.wait_stage("appointments")
    _lay_card(agent)
    page.send("touch")
    again = page.wait("a newer state", lambda state: state["seconds_left"] is not None)
    assert (again["stage"], again["visit"]) == ("appointments", first["visit"])
    assert (hospital.get("/_fake")["open_sessions"], hospital.get("/_fake")["ended_sessions"]) == (1, 0)


@pytest.mark.parametrize("left_at", ["appointments", "paying"])
def test_given_a_page_somebody_left_open_then_the_next_card_ends_it_and_nothing_of_it_can_be_tapped(
    agent: Program, page: Page, hospital: Program, left_at: str
) -> None:
    _lay_card(agent, FEE_NO)
    left = page.wait_stage("appointments")
    if left_at == "paying":
        page.send("pay", appointment_id=left["appointments"][0]["id"])
        page.wait_stage("paying")
    _lay_card(agent)
    page.wait("the next patient's", lambda state: state["stage"] == "appointments" and state["visit"] > left["visit"])
    page.send("pay", appointment_id=left["appointments"][0]["id"])
    page.send("check_in", appointment_id=page.state["appointments"][0]["id"])
    assert page.wait_stage("result")["ticket"]["department"] == "呼吸与危重症医学科"
    wait_until("the session before is ended", lambda: hospital.get("/_fake")["ended_sessions"] == 1)


def test_given_a_code_of_nobody_then_who_is_served_goes_on(agent: Program, page: Page) -> None:
    _lay_card(agent)
    first = page.wait_stage("appointments")
    agent.post("/_sim/scan", text="6901234567892")
    page.send("touch")
    assert page.wait("a newer state", lambda state: state["seconds_left"] is not None)["visit"] == first["visit"]
