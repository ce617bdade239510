"""Whose phone may see a file (核验关联微信), at the kiosk: the card was read, the patient names the account."""

from typing import Any
from uuid import UUID

from backend.api.kiosk.refusals import AccountNotFound, CardNeeded
from backend.http.routing import Audience, Call, Owner, Routes
from hospital_core.kernel.commands import Empty, Page
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.accounts.commands import ProveByCard
from hospital_core.registry.accounts.queries import accounts_of_patient
from hospital_core.registry.accounts.service import prove_by_card
from hospital_core.registry.accounts.views import LinkedAccount, LinksProven
from hospital_core.registry.devices.errors import KioskSessionEnded
from hospital_core.registry.devices.states import KioskProof

routes = Routes("kiosk", "/api/kiosk/v1", Audience.KIOSK_SESSION)


@routes.get(
    "/accounts", view=Page[LinkedAccount], owner=Owner.ACCOUNT, audit="accounts.read_of_patient",
    errors=(KioskSessionEnded, CardNeeded),
)  # fmt: skip
async def accounts(call: Call[Any]) -> Page[LinkedAccount]:
    """Accounts that are linked to the patient whose card was read (关联的微信账户), telephone numbers masked."""
    call.seen_patient = _patient_of_card(call)
    return Page(items=await accounts_of_patient(Reading(call.ctx), call.seen_patient))


@routes.post(
    "/accounts/{account_id}/prove", view=LinksProven, owner=Owner.PATIENT, idempotent=True,
    errors=(KioskSessionEnded, CardNeeded, AccountNotFound),
)  # fmt: skip
async def prove(call: Call[Empty]) -> LinksProven:
    """The patient says that this account is theirs or their family's (刷证核验): its phone sees the whole file."""
    patient_id, account_id = _patient_of_card(call), call.path["account_id"]
    linked = await accounts_of_patient(Reading(call.ctx), patient_id)
    if account_id not in {account.account_id for account in linked}:
        raise AccountNotFound()
    return await run(call.ctx, prove_by_card, ProveByCard(account_id=account_id, patient_id=patient_id))


def _patient_of_card(call: Call[Any]) -> UUID:
    """The session's patient. A code may be another's: phones that book for somebody show it too."""
    if call.ctx.proof != KioskProof.ID_CARD:
        raise CardNeeded()
    assert call.ctx.actor.patient_id is not None
    return call.ctx.actor.patient_id
