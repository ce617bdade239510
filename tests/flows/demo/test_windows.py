"""The demo's windows: whoever takes cash stands at a drawer, however often the demo is started."""

import pytest

from backend.demo.windows import FLOAT_FEN, open_windows
from hospital_core.finance.payments.queries import own_shift
from hospital_core.kernel.reading import Reading
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.people import make_staff

pytestmark = pytest.mark.usefixtures("core")


async def test_given_people_at_counters_then_each_has_a_shift_open_and_once() -> None:
    made = [await make_staff(roles=[role], at_window=False) for role in (StaffRole.REGISTRAR, StaffRole.CASHIER)]
    doctor = await make_staff(roles=[StaffRole.DOCTOR])
    assert await open_windows() >= 2
    assert await open_windows() == 0
    shifts = [await own_shift(Reading(staff.ctx())) for staff in made]
    assert [shift.opening_fen for shift in shifts if shift] == [FLOAT_FEN, FLOAT_FEN]
    assert len({shift.drawer_code for shift in shifts if shift}) == 2
    assert await own_shift(Reading(doctor.ctx())) is None
