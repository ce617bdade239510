"""Writers of accounts."""

from hospital_core.registry.accounts.service.identifying import identify_patient, spend_identity_code
from hospital_core.registry.accounts.service.links import add_patient, prefer_link, revoke_link
from hospital_core.registry.accounts.service.proofs import prove_by_card, prove_link, send_proof_code
from hospital_core.registry.accounts.service.sessions import bind_phone, rotate, sign_in, sign_out

__all__ = [
    "add_patient",
    "bind_phone",
    "identify_patient",
    "prefer_link",
    "prove_by_card",
    "prove_link",
    "revoke_link",
    "rotate",
    "send_proof_code",
    "sign_in",
    "sign_out",
    "spend_identity_code",
]
