"""An old board with the changes since is the fresh board, whatever happened in between."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hospital_core.access.queueing.commands import CallNext, TicketCommand
from hospital_core.access.queueing.queries import area_board, topic_of
from hospital_core.access.queueing.service import (
    call_next,
    finish_serving,
    pass_ticket,
    recall,
    return_ticket,
    start_serving,
)
from hospital_core.access.queueing.states import QUEUE_TICKET
from hospital_core.access.queueing.views import BoardTicket, BoardView, replay
from hospital_core.kernel import live
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.run import run
from tests.fixtures.access import SYSTEM, Clinic, make_clinic, make_session, make_ticket, reading
from tests.fixtures.finance import forged, rows
from tests.unit.test_state_tables import machine_is_sound

pytestmark = pytest.mark.usefixtures("core")

_BY_COMMAND: dict[str, Any] = {"recall": recall, "pass": pass_ticket, "return": return_ticket}
_SERVING: dict[str, Any] = {"start": start_serving, "finish": finish_serving}
_STEPS = st.tuples(
    st.sampled_from(["check_in", "check_in", "call", "call", "call", "recall", "pass", "return", "start", "finish"]),
    st.integers(0, 7),
    st.sampled_from([None, None, "emergency", "elderly"]),
)
