"""The patients an account may act for (就诊人)."""

from backend.http.routing import SLOW, Call, Owner
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Done, Empty, Page
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.accounts.commands import AddPatient, PreferLink, ProveLink, RevokeLink, SendProofCode
from hospital_core.registry.accounts.errors import (
    AlreadyLinked,
    AlreadyProven,
    GuardianNeeded,
    GuardianStillNeeded,
    LinkedTooOften,
    LinkRefused,
    ProofCodeWrong,
    RelationNotForAge,
    SelfAlreadyLinked,
    TooManyLinks,
    TooManyProofCodes,
)
from hospital_core.registry.accounts.queries import linked_patients
from hospital_core.registry.accounts.service import add_patient, prefer_link, prove_link, revoke_link, send_proof_code
from hospital_core.registry.accounts.views import LinkView, ProofCodeSent
from miniapp_api.routes.base import routes


@routes.get("/patients", view=Page[LinkView], owner=Owner.ACCOUNT)
async def list_patients(call: Call[Empty]) -> Page[LinkView]:
    """The account's patients (就诊人列表)."""
    account_id = call.ctx.actor.id
    assert account_id is not None
    return Page[LinkView](items=await linked_patients(Reading(call.ctx), account_id))


@routes.post(
    "/patients",
    view=LinkView,
    owner=Owner.ACCOUNT,
    command=AddPatient,
    errors=(
        LinkRefused,
        RelationNotForAge,
        GuardianNeeded,
        TooManyLinks,
        AlreadyLinked,
        SelfAlreadyLinked,
        LinkedTooOften,
        TooManyAttempts,
        FieldProblem,
    ),
    idempotent=True,
    limit=SLOW,
)
async def post_patient(call: Call[AddPatient]) -> LinkView:
    """Add a patient (添加就诊人); the answer does not tell whether there was a file."""
    return await run(call.ctx, add_patient, call.command)


@routes.post(
    "/patients/{link_id}/proof-codes",
    view=ProofCodeSent,
    owner=Owner.ACCOUNT,
    command=SendProofCode,
    errors=(AlreadyProven, TooManyProofCodes),
    idempotent=True,
    limit=SLOW,
)
async def post_proof_code(call: Call[SendProofCode]) -> ProofCodeSent:
    """Send a code to the phone that stands in the patient's file (发送核验码)."""
    return await run(call.ctx, send_proof_code, call.command)


@routes.post(
    "/patients/{link_id}/prove",
    view=LinkView,
    owner=Owner.ACCOUNT,
    command=ProveLink,
    errors=(AlreadyProven, ProofCodeWrong, TooManyAttempts),
    idempotent=True,
    limit=SLOW,
)
async def prove_patient(call: Call[ProveLink]) -> LinkView:
    """Prove a link by the code (核验就诊人); from then on the whole file is shown."""
    return await run(call.ctx, prove_link, call.command)


@routes.post(
    "/patients/{link_id}/revoke",
    view=Done,
    owner=Owner.ACCOUNT,
    command=RevokeLink,
    errors=(NotFound, GuardianStillNeeded, StateConflict),
    idempotent=True,
)
async def revoke_patient(call: Call[RevokeLink]) -> Done:
    """Remove a patient from the account (移除就诊人)."""
    return await run(call.ctx, revoke_link, call.command)


@routes.post(
    "/patients/{link_id}/prefer",
    view=LinkView,
    owner=Owner.ACCOUNT,
    command=PreferLink,
    errors=(NotFound,),
    idempotent=True,
)
async def prefer_patient(call: Call[PreferLink]) -> LinkView:
    """Make a patient the one that bookings are for unless another is chosen (设为默认就诊人)."""
    return await run(call.ctx, prefer_link, call.command)
