"""Codes that prove a link (核验码): six digits that follow from the challenge's id by a key outside the database.

So the code is stored nowhere, the event that sends it carries ids only, and sending twice sends the same code.
"""

from uuid import UUID

from hospital_core.kernel.run import keyring


def code_of(challenge_id: UUID) -> str:
    """The six digits of a challenge."""
    return f"{int.from_bytes(keyring().index(str(challenge_id), 'proof_challenge.code')[:8]) % 1_000_000:06d}"


def hash_of(challenge_id: UUID, code: str) -> bytes:
    """What is kept of a code: keyed, because a million plain hashes are tried in a second."""
    return keyring().index(f"{challenge_id}:{code}", "proof_challenge.code_hash")
