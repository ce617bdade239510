"""Leaving by itself: idle, warned, at the end of the session, after the slip. In process, with short times."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from kiosk_agent.agent import Agent, AgentSettings
from kiosk_agent.page_protocol import PageAct, PageCheckIn, PageState, Stage
from kiosk_agent.visit import Timing
from tests.fixtures.fake_hospital import CARD_NO, ENROLMENT_CODE
from tests.fixtures.kiosk import Program, running_hospital

SHORT = Timing(session_s=4, idle_s=1, warning_s=1, refusal_s=1, result_s=1, result_waiting_s=3, farewell_s=0.3)


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


def _touch(kind: str) -> PageAct:
    return PageAct.model_validate({"type": kind})


async def _card(agent: Agent) -> PageState:
    reader = next(one.driver for one in agent.supervisor.devices if one.driver.kind == "id_reader")
    reader.present(CARD_NO, "张三丰", stays=False)  # type: ignore[attr-defined]
    return await _until(agent, lambda state: state.stage is Stage.APPOINTMENTS)


async def test_idle_patient_is_warned_then_forgotten(agent: Agent, hospital: Program) -> None:
    await _card(agent)
    warned = await _until(agent, lambda state: state.is_warning)
    assert warned.can_continue
    left = await _until(agent, lambda state: state.stage is Stage.FAREWELL)
    assert (left.patient_name_masked, left.appointments) == ("", [])
    await _until(agent, lambda state: state.stage is Stage.HOME)
    assert hospital.get("/_fake")["open_sessions"] == 0


async def test_touch_keeps_the_page_but_not_beyond_the_session(agent: Agent) -> None:
    await _card(agent)
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        while agent.state().stage is Stage.APPOINTMENTS:
            agent.flow.on_page(_touch("touch"))
            await asyncio.sleep(0.1)
    lasted = asyncio.get_running_loop().time() - began
    assert SHORT.idle_s + SHORT.warning_s < lasted <= SHORT.session_s + 1


async def test_printed_slip_returns_home_by_itself(agent: Agent) -> None:
    offered = await _card(agent)
    agent.flow.on_page(PageCheckIn(type="check_in", appointment_id=offered.appointments[0].id))
    await _until(agent, lambda state: state.print_state == "printed")
    home = await _until(agent, lambda state: state.stage is Stage.HOME)
    assert home.ticket is None


async def test_every_visit_has_a_new_number(agent: Agent) -> None:
    first = await _card(agent)
    agent.flow.on_page(_touch("leave"))
    await _until(agent, lambda state: state.stage is Stage.HOME)
    assert (await _card(agent)).visit > first.visit


async def test_appointment_that_was_not_offered_is_not_checked_in(agent: Agent, hospital: Program) -> None:
    offered = await _card(agent)
    blocked = next(one for one in offered.appointments if not one.can_check_in)
    agent.flow.on_page(PageCheckIn(type="check_in", appointment_id=blocked.id))
    await asyncio.sleep(0.3)
    assert agent.state().stage is Stage.APPOINTMENTS
    assert hospital.get("/_fake")["check_ins"] == []
