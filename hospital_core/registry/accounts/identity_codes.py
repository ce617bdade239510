"""A patient's dynamic code (就诊码): the phone shows it, a scanner reads it, once, within a minute.

``HSP1.I.<link>.<expires>.<nonce>.<signature>`` (``kernel.signed_codes``). It names the link of account and patient, an
id without meaning: removing the patient from the account ends every code that was shown for them.
"""

from datetime import datetime
from uuid import UUID

from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.signed_codes import LIFETIME, CodeExpired, CodeInvalid, read_signed_code, signed_code
from hospital_core.registry.accounts.errors import IdentityCodeExpired, IdentityCodeInvalid
from hospital_core.registry.accounts.queries import identifying_link
from hospital_core.registry.accounts.views import IdentityCodeView
from hospital_core.registry.patients.queries import patient_names

PREFIX = "HSP1.I."
_PURPOSE = "I"


async def identity_code_of(reading: Reading, link_id: UUID) -> IdentityCodeView:
    """A fresh code for a patient of the acting account (就诊码). Raises NotFound, for another account's link too."""
    actor = reading.ctx.actor
    row = await identifying_link(reading, link_id, actor.id) if actor.kind is ActorKind.ACCOUNT else None
    if row is None:
        raise NotFound()
    name = (await patient_names(reading, [row["patient_id"]]))[row["patient_id"]].name
    return IdentityCodeView(
        text=signed_code(_PURPOSE, link_id, row["now"]), expires_at=row["now"] + LIFETIME,
        name_masked=mask_name(name), proven=row["proven_at"] is not None,
    )  # fmt: skip


def read_identity_code(text: str, now: datetime) -> UUID:
    """The link that a scanned code names. Raises IdentityCodeInvalid, IdentityCodeExpired."""
    try:
        return read_signed_code(_PURPOSE, text, now)[0]
    except CodeExpired as expired:
        raise IdentityCodeExpired() from expired
    except CodeInvalid as invalid:
        raise IdentityCodeInvalid() from invalid
