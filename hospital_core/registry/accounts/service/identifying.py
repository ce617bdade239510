"""Reading a patient's dynamic code (扫就诊码), at a counter or a kiosk: whoever reads it first has used it up."""

from asyncpg import Record

from hospital_core.kernel.signed_codes import LIFETIME
from hospital_core.kernel.single_use import spend_with
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.commands import IdentifyPatient
from hospital_core.registry.accounts.errors import IdentityCodeInvalid, IdentityCodeUsed
from hospital_core.registry.accounts.identity_codes import read_identity_code
from hospital_core.registry.accounts.queries import identifying_link
from hospital_core.registry.accounts.views import IdentifiedPatient
from hospital_core.registry.patients.queries import patient, survivors
from hospital_core.registry.staff.permissions import Permission, require

_PURPOSE = "identity-code"


async def spend_identity_code(uow: UnitOfWork, text: str) -> Record:
    """The link that a code names, and the code is used up with the command that reads it.

    Its use stands in the database, in the transaction that relies on it: were it kept in Redis, a code would work again
    after a restart, and a command that failed would have spent it. A twin waits, then finds it used.

    Raises: IdentityCodeInvalid, IdentityCodeExpired, IdentityCodeUsed. Locks: the code.
    """
    link_id = read_identity_code(text, uow.now)
    link = await identifying_link(uow, link_id)
    if link is None:
        raise IdentityCodeInvalid()
    if not await spend_with(uow, _PURPOSE, text, 2 * LIFETIME):
        raise IdentityCodeUsed()
    return link


async def identify_patient(uow: UnitOfWork, command: IdentifyPatient) -> IdentifiedPatient:
    """Whom the code on a phone names (扫就诊码), for staff who may search patients anyway and see who stands there.

    An unproven link is answered too and says so: the person at the counter compares the card. A merged file is answered
    by its survivor. Raises: Forbidden, IdentityCodeInvalid, IdentityCodeExpired, IdentityCodeUsed.
    """
    require(uow.ctx, Permission.PATIENT_SEARCH)
    link = await spend_identity_code(uow, command.code)
    patient_id = (await survivors(uow, [link["patient_id"]]))[link["patient_id"]]
    uow.audited("account_link", link["id"], patient_id=patient_id, reason="identity code")
    found = await patient(uow, patient_id)
    return IdentifiedPatient(patient=found, relation=link["relation"], proven=link["proven_at"] is not None)
