"""Something to pay for the people of the demo (演示待缴费): two visits each, charged from the price list.

Orders will charge by themselves; until then the phone's and the window's lists of open charges would be empty.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from backend.demo.ids import DemoIds
from backend.demo.now import DemoPerson
from hospital_core.finance.billing.commands import Charge
from hospital_core.finance.billing.service import charge_by_rule
from hospital_core.kernel.commands import Command, Done
from hospital_core.kernel.context import system_context
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork

PEOPLE = 8
SOURCE = "demo_order"

# 血常规、肝功能七项、胸部正位X线 of yesterday; 心电图、阿司匹林 × 2、小换药 of an hour ago.
_VISITS: tuple[tuple[timedelta, tuple[tuple[str, int], ...]], ...] = (
    (timedelta(days=1, hours=2), (("JY0001", 1), ("JY0019", 1), ("YX0001", 1))),
    (timedelta(minutes=50), (("GN0001", 1), ("XY0042", 2), ("ZL0001", 1))),
)
_TAKES = timedelta(minutes=9)

_DOCTOR = """
SELECT s.id AS staff_id, s.department_id FROM staff_account a JOIN staff_member s ON s.id = a.staff_id
WHERE a.active AND 'doctor' = ANY(a.roles) ORDER BY s.staff_no LIMIT 1 OFFSET $1"""

_VISIT = """
INSERT INTO encounter (id, version, visit_no, patient_id, department_id, staff_id, encounter_class, status, created_at,
                       started_at, ended_at)
VALUES ($1, 0, $2, $3, $4, $5, 'AMB', 'completed', $6, $6, $7) ON CONFLICT (id) DO NOTHING"""


class LeaveBill(Command):
    """One visit of a person was not paid yet (演示就诊)."""

    visit_id: UUID
    patient_id: UUID
    doctor: int
    ago: timedelta
    charges: tuple[tuple[UUID, int], ...]


async def leave_bills(people: Sequence[DemoPerson], seed: int) -> int:
    """See that the first people of the demo have something to pay, or had and paid it; returns how many visits.

    Safe to repeat.
    """
    ids, left = DemoIds(seed), 0
    for person in people[:PEOPLE]:
        for number, (ago, charges) in enumerate(_VISITS):
            wanted = LeaveBill(
                visit_id=ids("visit", f"{person.patient_no}-{number}"), patient_id=person.patient_id, doctor=number,
                ago=ago, charges=tuple((ids("price_item", code), quantity) for code, quantity in charges),
            )  # fmt: skip
            await run(system_context(), leave_bill, wanted)
            left += 1
    return left


async def leave_bill(uow: UnitOfWork, command: LeaveBill) -> Done:
    """Write one visit with its open charges, once (演示待缴费)."""
    if await uow.fetch_value("SELECT 1 FROM encounter WHERE id = $1", command.visit_id):
        return Done()
    doctor = await uow.fetch_row(_DOCTOR, command.doctor)
    if doctor is None:
        return Done()
    started = uow.now - command.ago
    await uow.execute(
        _VISIT, command.visit_id, await next_number(uow, NumberKind.VISIT), command.patient_id,
        doctor["department_id"], doctor["staff_id"], started, started + _TAKES,
    )  # fmt: skip
    for price_item_id, quantity in command.charges:
        charge = Charge(
            patient_id=command.patient_id, encounter_id=command.visit_id, price_item_id=price_item_id,
            quantity=Decimal(quantity), source_kind=SOURCE, source_id=command.visit_id,
        )  # fmt: skip
        await charge_by_rule(uow, charge)
    return Done()
