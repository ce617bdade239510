"""Charging while a patient is seen (就诊记费). Orders will charge by themselves; this is for what needs no order."""

from backend.api.staff.base import staff_routes
from backend.http.routing import Call, Owner
from hospital_core.chart.encounters.commands import ChargeVisit
from hospital_core.chart.encounters.service import charge_visit
from hospital_core.finance.billing.views import ChargeItemView
from hospital_core.kernel.errors import Forbidden, NotFound, StateConflict
from hospital_core.kernel.run import run
from hospital_core.registry.catalogue.errors import NoPrice
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


@routes.post(
    "/encounters/{encounter_id}/charges", view=ChargeItemView, permission=Permission.ENCOUNTER_CONDUCT,
    owner=Owner.PATIENT, command=ChargeVisit, idempotent=True, errors=(NotFound, Forbidden, StateConflict, NoPrice),
)  # fmt: skip
async def post_visit_charge(call: Call[ChargeVisit]) -> ChargeItemView:
    """Charge something of the price list to the visit under way (就诊记费)."""
    return await run(call.ctx, charge_visit, call.command)
