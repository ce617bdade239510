"""Whose phone may see a file (微信账户核验): the card is on the counter, the patient names the account."""

from typing import Any

from backend.api.staff.base import staff_routes
from backend.http.routing import Call, Owner
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.accounts.commands import ProveByCard
from hospital_core.registry.accounts.queries import accounts_of_patient
from hospital_core.registry.accounts.service import prove_by_card
from hospital_core.registry.accounts.views import LinkedAccount, LinksProven
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


@routes.get(
    "/patients/{patient_id}/accounts", view=Page[LinkedAccount], permission=Permission.PATIENT_REGISTER,
    owner=Owner.PATIENT, audit="accounts.read_of_patient", errors=(NotFound,),
)  # fmt: skip
async def accounts(call: Call[Any]) -> Page[LinkedAccount]:
    """Accounts that are linked to a file (关联的微信账户), telephone numbers masked."""
    reading = Reading(call.ctx)
    await permitted_patient(reading, call.path["patient_id"])
    return Page(items=await accounts_of_patient(reading, call.path["patient_id"]))


@routes.post(
    "/patients/{patient_id}/accounts/{account_id}/prove", view=LinksProven, permission=Permission.PATIENT_REGISTER,
    command=ProveByCard, idempotent=True,
)  # fmt: skip
async def prove(call: Call[ProveByCard]) -> LinksProven:
    """The card was seen for this account (持证核验): from now on its phone sees the whole file."""
    return await run(call.ctx, prove_by_card, call.command)
