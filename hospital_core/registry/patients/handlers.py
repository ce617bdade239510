"""Reactions of the patient index.

Duplicates are looked for after the registration has committed: of two registrations at once, neither sees the other
while it runs, but the later delivery sees both.
"""

from hospital_core.kernel.events import handles
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.duplicates import flag_lookalikes
from hospital_core.registry.patients.events import PatientIdentityChanged, PatientRegistered


@handles(PatientRegistered)
async def flag_new_file(uow: UnitOfWork, event: PatientRegistered) -> None:
    """Does the new file look like an older one?"""
    await flag_lookalikes(uow, event.patient_id)


@handles(PatientIdentityChanged)
async def flag_changed_file(uow: UnitOfWork, event: PatientIdentityChanged) -> None:
    """Does the file now look like another?"""
    await flag_lookalikes(uow, event.patient_id)
