"""A payment code held under the scanner while the paying page stands (付款码): one charge, whatever is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kiosk_agent.pages import DIST
from tests.fixtures.fake_hospital import CARD_NAME, FEE_NO, QR_TEXT
from tests.fixtures.kiosk import Page, Program, open_page, running_agent, running_hospital, wait_until

pytestmark = pytest.mark.skipif(not (DIST / "index.html").exists(), reason="the kiosk's page is not built")

PAYS, PASSWORD = "134567890123456781", "144567890123456782"
INVALID, EXPIRED, POOR, TOO_MANY = (f"1{n}4567890123456783" for n in (0, 1, 2, 5))


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


def _pay(agent: Program, page: Page) -> dict[str, Any]:
    """Up to the paying page, where a code is shown."""
    agent.post("/_sim/id-card", document_no=FEE_NO, name=CARD_NAME, stays=False)
    (one,) = page.wait_stage("appointments")["appointments"]
    page.send("pay", appointment_id=one["id"])
    return page.wait("a code to scan", lambda state: bool((state["payment"] or {}).get("picture_svg")))


def _seen(hospital: Program, name: str) -> Any:
    return hospital.get("/_fake")[name]


def _waits(state: dict[str, Any]) -> bool:
    return state["payment"] is not None and state["payment"]["awaits_phone"]


def _notice(page: Page, code: str) -> dict[str, Any]:
    """Until the page says why, beside a code that can be scanned instead."""
    return page.wait(
        code,
        lambda state: (
            state["payment"] is not None
            and state["payment"]["notice"] == code
            and state["payment"]["picture_svg"] is not None
        ),
    )["payment"]


def test_given_a_payment_code_then_it_is_charged_and_the_slip_comes_and_the_code_stays_nowhere(
    agent: Program, page: Page, hospital: Program, tmp_path: Path
) -> None:
    _pay(agent, page)
    agent.post("/_sim/scan", text=PAYS)
    state = page.wait("taken", _waits)
    assert (state["payment"]["picture_svg"], PAYS in str(state)) == (None, False), "what was shown is withdrawn"
    result = page.wait_stage("result")
    assert (result["ticket"]["department"], PAYS in str(result)) == ("康复医学科", False)
    assert (_seen(hospital, "charged"), len(_seen(hospital, "check_ins"))) == ([PAYS], 1)
    page.wait("printed", lambda state: state["print_state"] == "printed")
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and PAYS.encode() in path.read_bytes()]
    assert kept == [], "no log, no spool, no slip has it"


def test_given_a_password_then_the_page_waits_and_goes_on_by_itself(
    agent: Program, page: Page, hospital: Program
) -> None:
    _pay(agent, page)
    page.send("scan", text=PASSWORD)  # a scanner that types
    page.wait("the phone", _waits)
    asked = _seen(hospital, "fee_checks")
    agent.post("/_sim/scan", text=PAYS)
    wait_until("it is asked for", lambda: _seen(hospital, "fee_checks") >= asked + 2)
    assert _seen(hospital, "charged") == [PASSWORD], "none is charged while a phone is to confirm"
    hospital.post("/_fake/set", fees_paid=True)
    page.wait_stage("result")


def test_given_codes_that_are_refused_then_it_is_said_and_another_pays(
    agent: Program, page: Page, hospital: Program
) -> None:
    _pay(agent, page)
    for code, said in (
        ("6901234567892", "kiosk.not_a_payment_code"),
        (QR_TEXT, "kiosk.not_a_payment_code"),
        (INVALID, "kiosk.payment_code_invalid"),
        (EXPIRED, "kiosk.payment_code_expired"),
        (POOR, "kiosk.balance_too_low"),
        (TOO_MANY, "kiosk.busy"),
    ):
        agent.post("/_sim/scan", text=code)
        assert _notice(page, said)["awaits_phone"] is False
    assert (_seen(hospital, "charged"), _seen(hospital, "fee_codes_shown")) == ([], 5)
    agent.post("/_sim/scan", text=PAYS)
    page.wait_stage("result")
    assert _seen(hospital, "charged") == [PAYS]


def test_given_answers_that_are_lost_then_it_is_charged_once(agent: Program, page: Page, hospital: Program) -> None:
    hospital.post("/_fake/set", charge_failures=2)
    _pay(agent, page)
    agent.post("/_sim/scan", text=PAYS)
    page.wait_stage("result")
    assert _seen(hospital, "charged") == [PAYS]


def test_given_no_answer_at_all_then_it_waits_for_one_and_charges_nothing_again(
    agent: Program, page: Page, hospital: Program
) -> None:
    hospital.post("/_fake/set", charge_failures=3)
    _pay(agent, page)
    agent.post("/_sim/scan", text=PASSWORD)
    page.wait("the phone", _waits)
    wait_until("all answers are lost", lambda: hospital.get("/_fake")["charge_failures"] == 0)
    asked = _seen(hospital, "fee_checks")
    wait_until("it is asked for", lambda: _seen(hospital, "fee_checks") >= asked + 2)
    assert _seen(hospital, "charged") == [PASSWORD]
    hospital.post("/_fake/set", fees_paid=True)
    page.wait_stage("result")


def test_given_a_reversal_then_it_is_said_and_a_new_code_is_shown(
    agent: Program, page: Page, hospital: Program
) -> None:
    _pay(agent, page)
    agent.post("/_sim/scan", text=PASSWORD)
    page.wait("the phone", _waits)
    wait_until("the code is charged", lambda: _seen(hospital, "charged") == [PASSWORD])
    hospital.post("/_fake/set", fee_awaited=False)
    _notice(page, "kiosk.payment_not_made")
    assert _seen(hospital, "fee_codes_shown") == 2
    agent.post("/_sim/scan", text=PAYS)
    page.wait_stage("result")


def test_given_who_left_while_the_phone_was_to_confirm_then_nothing_stays_and_who_comes_back_goes_through(
    agent: Program, page: Page, hospital: Program
) -> None:
    _pay(agent, page)
    agent.post("/_sim/scan", text=PASSWORD)
    page.wait("the phone", _waits)
    page.send("leave")
    assert page.wait_stage("home")["payment"] is None
    agent.post("/_sim/id-card", document_no=FEE_NO, name=CARD_NAME, stays=False)
    (one,) = page.wait_stage("appointments")["appointments"]
    page.send("pay", appointment_id=one["id"])
    page.wait("the phone again, and no second code beside it", _waits)
    assert _seen(hospital, "fee_codes_shown") == 1
    hospital.post("/_fake/set", fees_paid=True)
    page.wait_stage("result")
    assert _seen(hospital, "charged") == [PASSWORD]


def test_given_who_goes_back_while_paying_then_the_appointments_stand_and_paying_goes_on_when_asked(
    agent: Program, page: Page, hospital: Program
) -> None:
    _pay(agent, page)
    agent.post("/_sim/scan", text=PASSWORD)
    page.wait("the phone", _waits)
    page.send("back")
    (one,) = page.wait_stage("appointments")["appointments"]
    hospital.post("/_fake/set", fees_paid=True)
    page.send("pay", appointment_id=one["id"])
    page.wait_stage("result")
    assert (_seen(hospital, "charged"), len(_seen(hospital, "check_ins"))) == ([PASSWORD], 1)


def test_given_a_payment_code_on_the_first_page_then_it_is_no_way_in(
    agent: Program, page: Page, hospital: Program
) -> None:
    agent.post("/_sim/scan", text=PAYS)
    assert page.wait_stage("refused")["refusal"]["code"] == "kiosk.unknown_code"
    assert (_seen(hospital, "charged"), _seen(hospital, "open_sessions")) == ([], 0)


def test_given_no_answer_after_the_money_came_then_the_page_says_that_it_is_paid_and_the_card_gets_the_number(
    agent: Program, page: Page, hospital: Program
) -> None:
    _pay(agent, page)
    hospital.post("/_fake/set", check_in_failures=9)
    agent.post("/_sim/scan", text=PAYS)
    assert page.wait_stage("refused")["refusal"]["code"] == "kiosk.paid_no_number"
    hospital.post("/_fake/set", check_in_failures=0)
    agent.post("/_sim/id-card", document_no=FEE_NO, name=CARD_NAME, stays=False)
    (one,) = page.wait_stage("appointments")["appointments"]
    assert (one["can_check_in"], one["fee_due_fen"]) == (True, None)
    page.send("check_in", appointment_id=one["id"])
    page.wait_stage("result")
    assert _seen(hospital, "charged") == [PAYS]


def test_given_a_fee_paid_long_before_then_the_page_says_so_and_when_to_come_back(
    agent: Program, page: Page, hospital: Program
) -> None:
    opens_at, starts_at = ((datetime.now(UTC) + timedelta(hours=hours)).isoformat() for hours in (2, 4))
    early = {
        "id": str(uuid4()), "starts_at": starts_at, "department": "康复医学科", "doctor": "周建平", "fee_due_fen": 2500,
        "can_check_in": False, "blocked_by": "kiosk.too_early", "check_in_opens_at": opens_at,
    }  # fmt: skip
    hospital.post("/_fake/set", appointments={"fee": [early]})
    assert _pay(agent, page)["paid_fen"] is None
    agent.post("/_sim/scan", text=PAYS)
    paid = page.wait("what was paid", lambda state: state["stage"] == "appointments" and state["paid_fen"] is not None)
    assert paid["paid_fen"] == 2500
    assert _moment(paid["appointments"][0]["check_in_opens_at"]) == _moment(opens_at)
    page.send("leave")
    assert page.wait_stage("home")["paid_fen"] is None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
