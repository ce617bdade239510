"""Reactions of accounts."""

from hospital_core.kernel import ports
from hospital_core.kernel.context import Context
from hospital_core.kernel.events import performs
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts import proof_codes
from hospital_core.registry.accounts.events import ProofCodeRequested
from hospital_core.registry.accounts.ports import SmsSender
from hospital_core.registry.accounts.queries import file_phone

_OPEN = """
SELECT l.patient_id, ceil(extract(epoch FROM c.expires_at - hospital_now()) / 60)::int AS minutes
FROM proof_challenge c JOIN account_link l ON l.id = c.link_id
WHERE c.id = $1 AND c.used_at IS NULL AND c.expires_at > hospital_now() AND l.status = 'active'"""


@performs(ProofCodeRequested)
async def send_code(ctx: Context, event: ProofCodeRequested) -> None:
    """Send a code to the file's phone; one that has expired or was used meanwhile is not sent any more."""
    reading = Reading(ctx)
    row = await reading.fetch_row(_OPEN, event.challenge_id)
    phone = await file_phone(reading, row["patient_id"]) if row else None
    if row is None or phone is None:
        return
    sender = ports.use(SmsSender)
    await sender.send_proof_code(phone, proof_codes.code_of(event.challenge_id), row["minutes"])
