"""A patient with a card proves whose phone is linked to their file. In process, against the fake hospital."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kiosk_agent.agent import Agent, AgentSettings
from kiosk_agent.page_protocol import FromPage, PageAct, PageCheckIn, PageProve, PageState, Stage
from kiosk_agent.visit import Timing
from tests.fixtures.fake_hospital import CARD_NO, EMPTY_NO, ENROLMENT_CODE, QR_TEXT, linked_account
from tests.fixtures.kiosk import Program, running_hospital

SHORT = Timing(session_s=8, idle_s=1, warning_s=1, farewell_s=0.3)
OURS, STRANGERS = linked_account("138****0001", relation="parent"), linked_account("139****0002", relation="other")


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Program]:
    with running_hospital(tmp_path) as program:
        yield program


@pytest.fixture
async def agent(tmp_path: Path, hospital: Program) -> AsyncIterator[Agent]:
    made = Agent(AgentSettings(hospital.url, tmp_path / "kiosk", ENROLMENT_CODE, is_simulated=True, timing=SHORT))
    made.start()
    await _until(made, lambda state: state.stage is Stage.HOME)
    yield made
    await made.stop()


async def _until(agent: Agent, holds: Callable[[PageState], bool], timeout_s: float = 15) -> PageState:
    async with asyncio.timeout(timeout_s):
        while not holds(state := agent.state()):
            await asyncio.sleep(0.02)
    return state


async def _at(agent: Agent, stage: Stage) -> PageState:
    return await _until(agent, lambda state: state.stage is stage)


def _link(hospital: Program, *accounts: dict[str, Any], who: str = "card") -> None:
    hospital.post("/_fake/set", accounts={who: list(accounts)})


async def _lay_card(agent: Agent, stage: Stage = Stage.APPOINTMENTS, document_no: str = CARD_NO) -> PageState:
    reader = next(one.driver for one in agent.supervisor.devices if one.driver.kind == "id_reader")
    reader.present(document_no, "张三丰", stays=False)  # type: ignore[attr-defined]
    return await _at(agent, stage)


def _tap(agent: Agent, kind: str) -> PageState:
    return _send(agent, PageAct.model_validate({"type": kind}))


def _send(agent: Agent, message: FromPage) -> PageState:
    agent.flow.on_page(message)
    return agent.state()


def _prove(agent: Agent, account: dict[str, Any]) -> PageState:
    return _send(agent, PageProve(type="prove", account_id=UUID(account["account_id"])))


def _marks(state: PageState) -> dict[str | None, bool]:
    return {one.phone_masked: one.proven for one in state.accounts}


async def test_named_phone_is_proven_alone_and_the_patient_still_checks_in(agent: Agent, hospital: Program) -> None:
    _link(hospital, OURS, STRANGERS)
    assert _marks(await _lay_card(agent)) == {"138****0001": False, "139****0002": False}
    assert _tap(agent, "accounts").stage is Stage.ACCOUNTS
    assert _prove(agent, OURS).stage is Stage.BUSY
    proven = await _at(agent, Stage.PROVEN)
    assert proven.proven_account is not None
    assert proven.proven_account.phone_masked == "138****0001"
    assert _marks(proven) == {"138****0001": True, "139****0002": False}
    assert list(hospital.get("/_fake")["proofs"].values()) == [OURS["account_id"]]
    offered = _tap(agent, "back")
    assert offered.stage is Stage.APPOINTMENTS
    _send(agent, PageCheckIn(type="check_in", appointment_id=offered.appointments[0].id))
    await _at(agent, Stage.RESULT)
    after = _tap(agent, "leave")
    assert (after.accounts, after.proven_account) == ([], None)


async def test_patient_without_appointment_may_still_prove(agent: Agent, hospital: Program) -> None:
    _link(hospital, OURS, who="empty")
    assert (await _lay_card(agent, document_no=EMPTY_NO)).appointments == []
    _tap(agent, "accounts")
    _prove(agent, OURS)
    await _at(agent, Stage.PROVEN)


async def test_given_nothing_to_prove_then_the_patient_without_appointment_is_told(
    agent: Agent, hospital: Program
) -> None:
    _link(hospital, OURS | {"proven": True}, who="empty")
    told = await _lay_card(agent, Stage.REFUSED, EMPTY_NO)
    assert told.refusal is not None
    assert told.refusal.code == "kiosk.no_appointment_today"
    assert told.accounts == []


async def test_given_a_code_instead_of_a_card_then_no_account_is_shown(agent: Agent, hospital: Program) -> None:
    _link(hospital, OURS)
    agent.flow.on_scan(QR_TEXT)
    assert (await _at(agent, Stage.APPOINTMENTS)).accounts == []
    assert _tap(agent, "accounts").stage is Stage.APPOINTMENTS


@pytest.mark.parametrize(
    "other",
    [
        linked_account(None),
        linked_account("138****0001", proven=True),
        linked_account("137****0003"),
    ],
    ids=["without a number", "proven already", "of somebody else"],
)
async def test_given_an_account_that_is_not_offered_then_nothing_is_proven(
    agent: Agent, hospital: Program, other: dict[str, Any]
) -> None:
    listed = [other] if other["phone_masked"] != "137****0003" else []
    _link(hospital, STRANGERS, *listed)
    await _lay_card(agent)
    assert _prove(agent, STRANGERS).stage is Stage.APPOINTMENTS, "the list was not even opened"
    _tap(agent, "accounts")
    assert _prove(agent, other).stage is Stage.ACCOUNTS
    assert hospital.get("/_fake")["proofs"] == {}


async def test_given_a_lost_answer_then_the_same_key_is_tried_again(agent: Agent, hospital: Program) -> None:
    _link(hospital, OURS)
    hospital.post("/_fake/set", proof_failures=2)
    await _lay_card(agent)
    _tap(agent, "accounts")
    _prove(agent, OURS)
    await _at(agent, Stage.PROVEN)
    assert len(hospital.get("/_fake")["proofs"]) == 1


async def test_given_a_link_removed_meanwhile_then_the_patient_is_told_and_nothing_stays(
    agent: Agent, hospital: Program
) -> None:
    _link(hospital, OURS)
    await _lay_card(agent)
    _link(hospital)
    _tap(agent, "accounts")
    _prove(agent, OURS)
    told = await _at(agent, Stage.REFUSED)
    assert told.refusal is not None
    assert (told.refusal.code, told.accounts) == ("kiosk.account_not_found", [])


async def test_given_a_hospital_that_knows_no_accounts_then_check_in_works_as_ever(
    agent: Agent, hospital: Program
) -> None:
    hospital.post("/_fake/set", is_older=True)
    offered = await _lay_card(agent)
    assert offered.accounts == []
    _send(agent, PageCheckIn(type="check_in", appointment_id=offered.appointments[0].id))
    await _at(agent, Stage.RESULT)


async def test_idle_patient_is_warned_and_forgotten_on_the_list_too(agent: Agent, hospital: Program) -> None:
    _link(hospital, OURS)
    await _lay_card(agent)
    _tap(agent, "accounts")
    warned = await _until(agent, lambda state: state.is_warning)
    assert warned.stage is Stage.ACCOUNTS
    assert (await _at(agent, Stage.FAREWELL)).accounts == []
    await _at(agent, Stage.HOME)
    assert hospital.get("/_fake")["open_sessions"] == 0
