"""The agent as a program against a hospital as a program: enrol, check in, print, leave; and everything going wrong."""

import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
import zxingcpp
from PIL import Image
from typer.testing import CliRunner
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from kiosk_agent.cli import app
from kiosk_agent.pages import DIST
from tests.fixtures.fake_hospital import (
    CARD_NAME,
    CARD_NO,
    EMPTY_NO,
    ENROLMENT_CODE,
    FEE_NO,
    HOSPITAL_NAME,
    IDENTITY_TEXT,
    LATE_NO,
    NOBODY_NO,
    QR_TEXT,
)
from tests.fixtures.kiosk import (
    Page,
    Program,
    open_page,
    running_agent,
    running_hospital,
    wait_for_stage,
    wait_until,
)

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
        opened.wait("home with a printer", lambda state: state["stage"] == "home" and _printer_state(state) == "ready")
        yield opened


def _printer_state(state: dict) -> str:
    return next(one["state"] for one in state["devices"] if one["kind"] == "receipt_printer")


def _lay_card(agent: Program, document_no: str = CARD_NO, *, stays: bool = False) -> None:
    agent.post("/_sim/id-card", document_no=document_no, name=CARD_NAME, stays=stays)


def _check_in(agent: Program, page: Page) -> dict:
    _lay_card(agent)
    first = page.wait_stage("appointments")["appointments"][0]
    page.send("check_in", appointment_id=first["id"])
    return page.wait_stage("result")


def _slips(agent: Program) -> list[Image.Image]:
    items = agent.get("/_sim/prints")["items"]
    return [Image.open(BytesIO(agent.http.get(one["url"]).content)) for one in items]


def test_new_kiosk_enrols_waits_for_approval_and_checks_a_patient_in(tmp_path: Path) -> None:
    with (
        running_hospital(tmp_path, auto_approve=False) as hospital,
        running_agent(tmp_path, hospital.url) as agent,
        open_page(agent) as page,
    ):
        page.wait_stage("pending")
        assert wait_for_stage(agent, "pending")["device_id"] in hospital.get("/_fake")["devices"]
        hospital.post("/_fake/approve")
        home = page.wait_stage("home")
        assert (home["hospital_name"], home["place"]) == (HOSPITAL_NAME, "门诊一楼大厅")

        result = _check_in(agent, page)
        assert result["ticket"]["display_no"] == "A012"
        assert result["patient_name_masked"] == "张*丰"
        page.wait("printed", lambda state: state["print_state"] == "printed")
        [slip] = _slips(agent)
        assert {one.text for one in zxingcpp.read_barcodes(slip.convert("L"))} == {"T2611220012K"}

        page.send("leave")
        after = page.wait_stage("farewell")
        assert (after["ticket"], after["patient_name_masked"], after["appointments"]) == (None, "", [])
        page.wait_stage("home")
        wait_until("session ended", lambda: hospital.get("/_fake")["ended_sessions"] == 1)
        assert hospital.get("/_fake")["open_sessions"] == 0


def test_appointment_qr_from_scanner_or_page_opens_a_session(agent: Program, page: Page) -> None:
    agent.post("/_sim/scan", text=QR_TEXT)
    page.wait_stage("appointments")
    page.send("leave")
    page.wait_stage("home")
    page.send("scan", text=QR_TEXT)
    page.wait_stage("appointments")


def test_identity_code_opens_a_session_and_an_old_one_is_told_so(agent: Program, page: Page) -> None:
    agent.post("/_sim/scan", text=IDENTITY_TEXT)
    page.wait_stage("appointments")
    page.send("leave")
    page.wait_stage("home")
    agent.post("/_sim/scan", text=f"{IDENTITY_TEXT}X")
    assert page.wait_stage("refused")["refusal"]["code"] == "kiosk.qr_expired"


@pytest.mark.parametrize(
    ("document_no", "code"), [(NOBODY_NO, "kiosk.patient_not_found"), (EMPTY_NO, "kiosk.no_appointment_today")]
)
def test_card_without_file_or_appointment_is_told_why(agent: Program, page: Page, document_no: str, code: str) -> None:
    _lay_card(agent, document_no)
    assert page.wait_stage("refused")["refusal"]["code"] == code


def test_refused_check_in_is_told_why_and_prints_nothing(agent: Program, page: Page) -> None:
    _lay_card(agent, LATE_NO)
    page.send("check_in", appointment_id=page.wait_stage("appointments")["appointments"][0]["id"])
    assert page.wait_stage("refused")["refusal"]["code"] == "kiosk.too_late"
    assert _slips(agent) == []


def test_given_a_fee_that_is_due_then_it_is_paid_by_phone_and_the_slip_comes_by_itself(
    agent: Program, page: Page, hospital: Program
) -> None:
    _lay_card(agent, FEE_NO)
    (one,) = page.wait_stage("appointments")["appointments"]
    assert (one["can_check_in"], one["blocked_by"], one["fee_due_fen"]) == (False, "kiosk.fee_due", 2500)
    page.send("check_in", appointment_id=one["id"])
    page.send("pay", appointment_id=one["id"])
    paying = page.wait_stage("paying")
    assert (paying["payment"]["amount_fen"], paying["payment"]["department"]) == (2500, "康复医学科")
    assert paying["payment"]["picture_svg"].startswith("<?xml") or "<svg" in paying["payment"]["picture_svg"]
    wait_until("it is asked for again", lambda: hospital.get("/_fake")["fee_checks"] >= 2)
    assert hospital.get("/_fake")["check_ins"] == []
    hospital.post("/_fake/set", fees_paid=True)
    result = page.wait_stage("result")
    assert (result["ticket"]["department"], result["payment"]) == ("康复医学科", None)
    assert len(hospital.get("/_fake")["check_ins"]) == 1


def test_given_a_patient_who_goes_back_or_leaves_while_paying_then_nothing_of_it_stays(
    agent: Program, page: Page, hospital: Program
) -> None:
    _lay_card(agent, FEE_NO)
    (one,) = page.wait_stage("appointments")["appointments"]
    page.send("pay", appointment_id=one["id"])
    page.wait_stage("paying")
    page.send("back")
    assert page.wait_stage("appointments")["payment"] is None
    page.send("pay", appointment_id=one["id"])
    page.wait_stage("paying")
    page.send("leave")
    page.wait_stage("home")
    hospital.post("/_fake/set", fees_paid=True)
    _lay_card(agent, EMPTY_NO)
    page.wait_stage("refused")
    assert hospital.get("/_fake")["check_ins"] == [], "money that comes later signs nobody in who has gone"


def test_unknown_code_never_reaches_the_hospital(agent: Program, page: Page, hospital: Program) -> None:
    agent.post("/_sim/scan", text="6901234567892")
    assert page.wait_stage("refused")["refusal"]["code"] == "kiosk.unknown_code"
    assert hospital.get("/_fake")["open_sessions"] == 0


def test_check_in_whose_answer_is_lost_happens_once(agent: Program, page: Page, hospital: Program) -> None:
    hospital.post("/_fake/set", check_in_failures=2)
    result = _check_in(agent, page)
    assert result["ticket"]["display_no"] == "A012"
    assert len(hospital.get("/_fake")["check_ins"]) == 1


def test_server_killed_shows_paused_and_heals_by_itself(tmp_path: Path) -> None:
    with running_hospital(tmp_path) as first:
        port = int(first.url.rsplit(":", 1)[1])
        with running_agent(tmp_path, first.url) as agent, open_page(agent) as page:
            page.wait_stage("home")
            _lay_card(agent)
            page.wait_stage("appointments")
            first.kill()
            paused = page.wait_stage("paused", 5)
            assert (paused["pause_reason"], paused["appointments"]) == ("server_unreachable", [])
            _lay_card(agent)
            page.send("touch")
            assert page.wait("a newer state", lambda state: True)["stage"] == "paused"
            with running_hospital(tmp_path, port=port):
                assert page.wait_stage("home", 20)["is_online"]
                _lay_card(agent)
                page.wait_stage("appointments")


def test_silent_server_is_noticed_by_its_missing_heartbeat(agent: Program, page: Page, hospital: Program) -> None:
    hospital.process.send_signal(signal.SIGSTOP)
    try:
        page.wait_stage("paused", 15)
    finally:
        hospital.process.send_signal(signal.SIGCONT)
    page.wait_stage("home", 20)


def test_revoked_kiosk_stops_within_seconds(page: Page, hospital: Program, agent: Program) -> None:
    _lay_card(agent)
    page.wait_stage("appointments")
    hospital.post("/_fake/revoke")
    paused = page.wait("revoked", lambda state: state["pause_reason"] == "revoked", 5)
    assert (paused["stage"], paused["appointments"], paused["patient_name_masked"]) == ("paused", [], "")


def test_token_forgotten_by_the_hospital_is_renewed(agent: Program, page: Page, hospital: Program) -> None:
    hospital.post("/_fake/forget-tokens")
    assert _check_in(agent, page)["ticket"]["display_no"] == "A012"


def test_paper_out_waits_and_prints_once_after_the_refill(agent: Program, page: Page) -> None:
    agent.post("/_sim/printer", fault="no_paper")
    page.wait("no paper", lambda state: _printer_state(state) == "no_media")
    _check_in(agent, page)
    page.wait("waiting", lambda state: state["print_state"] == "waiting")
    assert _slips(agent) == []
    agent.post("/_sim/printer", fault="none")
    page.wait("printed", lambda state: state["print_state"] == "printed")
    assert len(_slips(agent)) == 1


def test_line_lost_while_printing_asks_the_patient_before_a_reprint(agent: Program, page: Page) -> None:
    agent.post("/_sim/printer", fault="lose_connection")
    _check_in(agent, page)
    state = page.wait("unknown", lambda state: state["print_state"] == "unknown")
    assert state["can_reprint"]
    agent.post("/_sim/printer", fault="none")
    page.send("reprint")
    page.wait("printed", lambda state: state["print_state"] == "printed")
    assert len(_slips(agent)) == 1
    page.send("reprint")
    page.send("leave")
    page.wait_stage("home")
    assert len(_slips(agent)) == 1


def test_agent_killed_while_printing_does_not_print_again(tmp_path: Path, hospital: Program) -> None:
    with running_agent(tmp_path, hospital.url) as first, open_page(first) as page:
        page.wait("printer", lambda state: state["stage"] == "home" and _printer_state(state) == "ready")
        first.post("/_sim/printer", fault="slow")
        _check_in(first, page)
        wait_until("printing", lambda: first.get("/healthz")["print_jobs"].get("printing"))
        first.kill()
    with running_agent(tmp_path, hospital.url, code=None) as second:
        wait_for_stage(second, "home")
        wait_until("unknown", lambda: second.get("/healthz")["print_jobs"] == {"unknown": 1})
        assert second.get("/_sim/prints")["items"] == []


def test_committed_slip_is_printed_although_the_server_is_gone(tmp_path: Path) -> None:
    with (
        running_hospital(tmp_path) as hospital,
        running_agent(tmp_path, hospital.url) as agent,
        open_page(agent) as page,
    ):
        page.wait("home", lambda state: state["stage"] == "home" and _printer_state(state) == "ready")
        agent.post("/_sim/printer", fault="no_paper")
        page.wait("no paper", lambda state: _printer_state(state) == "no_media")
        _check_in(agent, page)
        hospital.kill()
        page.wait("offline", lambda state: not state["is_online"])
        agent.post("/_sim/printer", fault="none")
        assert page.wait("printed", lambda state: state["print_state"] == "printed")["stage"] == "result"
        assert len(_slips(agent)) == 1


def test_card_left_on_the_reader_is_asked_for_before_the_next_patient(agent: Program, page: Page) -> None:
    _lay_card(agent, stays=True)
    page.wait_stage("appointments")
    page.send("leave")
    assert page.wait_stage("farewell")["card_left"]
    agent.post("/_sim/id-card/remove")
    assert not page.wait_stage("home")["card_left"]


def test_unplugged_reader_is_shown_and_comes_back(agent: Program, page: Page) -> None:
    agent.post("/_sim/plug", device="id_reader", is_unplugged=True)
    page.wait("offline", lambda state: any(one["state"] == "offline" for one in state["devices"]))
    agent.post("/_sim/plug", device="id_reader", is_unplugged=False)
    page.wait("all ready", lambda state: all(one["state"] == "ready" for one in state["devices"]))


def test_identify_command_shows_on_the_page(page: Page, hospital: Program) -> None:
    hospital.post("/_fake/command", command="identify")
    assert page.wait("identified", lambda state: state["is_identified"])["device_name"] == "门诊一楼1号自助机"


def test_kiosk_without_a_code_says_it_is_not_registered(tmp_path: Path, hospital: Program) -> None:
    with running_agent(tmp_path, hospital.url, code=None) as agent:
        wait_for_stage(agent, "unregistered")


def test_running_kiosk_takes_up_an_enrolment_made_on_the_command_line(tmp_path: Path, hospital: Program) -> None:
    with running_agent(tmp_path, hospital.url, code=None) as agent:
        wait_for_stage(agent, "unregistered")
        command = ["enrol", "--server", hospital.url, "--data", str(tmp_path / "kiosk"), "--code", ENROLMENT_CODE]
        enrolled = CliRunner().invoke(app, command)
        assert enrolled.exit_code == 0, enrolled.output
        wait_for_stage(agent, "home")
        assert CliRunner().invoke(app, command).exit_code == 0
        assert len(hospital.get("/_fake")["devices"]) == 1


def test_wrong_code_leaves_the_kiosk_unregistered(tmp_path: Path, hospital: Program) -> None:
    with running_agent(tmp_path, hospital.url, code="WRONG-CODE") as agent:
        wait_for_stage(agent, "unregistered")
        assert hospital.get("/_fake")["devices"] == {}


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Host": "127.0.0.1:1"}],
)
def test_foreign_host_or_origin_is_refused(agent: Program, headers: dict[str, str]) -> None:
    assert agent.http.get("/healthz", headers=headers).status_code == 403
    assert agent.http.post("/_sim/scan", json={"text": "x"}, headers=headers).status_code == 403


@pytest.mark.parametrize("cookie", [None, "kiosk_1=x", "wrong"])
def test_page_socket_without_the_cookie_is_refused(agent: Program, cookie: str | None) -> None:
    port = agent.url.rsplit(":", 1)[1]
    headers = {} if cookie is None else {"Cookie": f"kiosk_{port}={cookie}" if cookie == "wrong" else cookie}
    with pytest.raises(InvalidStatus, match="403"):
        connect(agent.url.replace("http", "ws", 1) + "/agent", additional_headers=headers, proxy=None)


def test_simulator_takes_only_json(agent: Program) -> None:
    assert agent.http.post("/_sim/scan", content=b'{"text":"x"}').status_code == 400
    assert agent.http.post("/_sim/printer", json={"fault": "explode"}).status_code == 400
    assert agent.http.get("/_sim/prints/..%2F..%2Fidentity.json").status_code == 404


def test_page_is_served_under_a_strict_policy(tmp_path: Path, hospital: Program) -> None:
    with running_agent(tmp_path, hospital.url, "--frame-ancestor", "http://127.0.0.1:8000") as agent:
        answer = agent.http.get("/")
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert policy.endswith("frame-ancestors 'self' http://127.0.0.1:8000")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert "samesite=strict" in answer.headers["set-cookie"].lower()


def test_listening_beyond_loopback_is_refused(tmp_path: Path, hospital: Program) -> None:
    with (
        pytest.raises(AssertionError, match="did not start"),
        running_agent(tmp_path, hospital.url, "--host", "0.0.0.0") as agent,
    ):
        httpx.get(agent.url)
