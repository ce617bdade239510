"""The demo's people have something to pay, once, however often the demo is started."""

from uuid import UUID

import pytest

from backend.demo import bills
from backend.demo.bills import leave_bills
from backend.demo.ids import DemoIds
from backend.demo.now import DemoPerson
from hospital_core.chart.encounters.queries import visit_labels
from hospital_core.finance.billing.queries import open_charges
from hospital_core.kernel.context import system_context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.finance import make_payer, rows
from tests.fixtures.people import born, make_staff

pytestmark = pytest.mark.usefixtures("core")
SEED = 77


async def _price(code: str) -> None:
    """An item with the id that the demo's price list gives it, at 12.50."""
    item_id = DemoIds(SEED)("price_item", code)
    await rows(
        "INSERT INTO price_item (id, version, code, name, initials, category, unit, active) "
        "VALUES ($1, 0, $2, $2, 'x', 'laboratory', '次', true) RETURNING id",
        item_id, f"D{item_id.hex[:12]}",
    )  # fmt: skip
    await rows(
        "INSERT INTO price (id, item_id, unit_price, valid_from) "
        "VALUES ($1, $2, 12.50, hospital_now() - interval '1 day') RETURNING id",
        new_id(), item_id,
    )  # fmt: skip


async def _person() -> DemoPerson:
    patient_id: UUID = await make_payer()
    [file] = await rows("SELECT patient_no, name FROM patient WHERE id = $1", patient_id)
    return DemoPerson(patient_id, file["patient_no"], file["name"], "female", born(40), "national_id", "")


async def test_given_a_demo_started_twice_then_each_person_has_two_visits_to_pay() -> None:
    for _, charges in bills._VISITS:
        for code, _ in charges:
            await _price(code)
    for _ in range(2):
        await make_staff(roles=[StaffRole.DOCTOR])
    person = await _person()
    assert await leave_bills([person], SEED) == 2
    first = await open_charges(Reading(system_context()), person.patient_id)
    assert await leave_bills([person], SEED) == 2
    again = await open_charges(Reading(system_context()), person.patient_id)
    assert again == first
    visits = {group.encounter_id for group in first.groups}
    assert (len(visits), sum(len(group.items) for group in first.groups), first.due_fen) == (2, 6, 7 * 1_250)
    labels = await visit_labels(Reading(system_context()), visits)
    assert set(labels) == visits
    assert all(label.doctor for label in labels.values())
