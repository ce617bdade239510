"""Allergies in the patient's file (过敏史): written down by whoever hears of them, taken back by clinicians."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from backend.api.staff.base import staff_routes
from backend.http.routing import Call, Owner
from hospital_core.kernel.commands import Command
from hospital_core.kernel.errors import FieldProblem, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.patients.commands import AllergyCommand, RecordAllergy
from hospital_core.registry.patients.errors import AllergyKnown, PatientMerged
from hospital_core.registry.patients.service import (
    inactivate_allergy,
    reactivate_allergy,
    record_allergy,
    strike_allergy,
)
from hospital_core.registry.patients.views import AllergyView
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()

_ONE = "/patients/{patient_id}/allergies/{allergy_id}"
_MOVE: dict[str, Any] = {
    "view": AllergyView, "permission": Permission.ALLERGY_JUDGE, "owner": Owner.PATIENT, "command": AllergyCommand,
    "idempotent": True,
}  # fmt: skip

Wanted = TypeVar("Wanted", bound=Command)


async def _of_permitted(
    call: Call[Wanted], service: Callable[[UnitOfWork, Wanted], Awaitable[AllergyView]]
) -> AllergyView:
    await permitted_patient(Reading(call.ctx), call.path["patient_id"])
    return await run(call.ctx, service, call.command)


@routes.post(
    "/patients/{patient_id}/allergies", view=AllergyView, permission=Permission.ALLERGY_RECORD, owner=Owner.PATIENT,
    command=RecordAllergy, idempotent=True, errors=(FieldProblem, NotFound, PatientMerged, AllergyKnown),
)  # fmt: skip
async def record(call: Call[RecordAllergy]) -> AllergyView:
    """Record a known allergy (登记过敏史)."""
    return await _of_permitted(call, record_allergy)


@routes.post(f"{_ONE}/inactivate", errors=(NotFound, PatientMerged, StateConflict), **_MOVE)
async def inactivate(call: Call[AllergyCommand]) -> AllergyView:
    """The patient tolerates the substance by now (过敏已缓解)."""
    return await _of_permitted(call, inactivate_allergy)


@routes.post(f"{_ONE}/reactivate", errors=(NotFound, PatientMerged, StateConflict, AllergyKnown), **_MOVE)
async def reactivate(call: Call[AllergyCommand]) -> AllergyView:
    """The allergy has shown itself again (过敏复发)."""
    return await _of_permitted(call, reactivate_allergy)


@routes.post(f"{_ONE}/strike", errors=(NotFound, PatientMerged, StateConflict), **_MOVE)
async def strike(call: Call[AllergyCommand]) -> AllergyView:
    """The allergy was recorded in error (录入有误); it leaves the file and stays in the table."""
    return await _of_permitted(call, strike_allergy)
