"""The diagrams in the documents are those of the tables."""

from pathlib import Path

import pytest

from hospital_core.access.queueing.states import QUEUE_TICKET
from hospital_core.access.scheduling.states import APPOINTMENT, APPOINTMENT_PAYMENT, WAITLIST_ENTRY
from hospital_core.kernel.states import Machine


@pytest.mark.parametrize(
    ("page", "machine"),
    [
        ("booking.md", APPOINTMENT),
        ("booking.md", APPOINTMENT_PAYMENT),
        ("queueing.md", QUEUE_TICKET),
        ("waiting.md", WAITLIST_ENTRY),
    ],
)
def test_given_a_state_table_then_its_page_shows_it(repository: Path, page: str, machine: Machine) -> None:
    assert machine.mermaid() in (repository / "docs" / page).read_text()
