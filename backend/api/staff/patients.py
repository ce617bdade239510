"""Patients' files at the counter and in the room (患者档案)."""

from typing import Any

from pydantic import Field

from backend.api.staff.base import PagedQuery, Query, staff_routes
from backend.http.routing import SLOW, Call, Owner
from hospital_core.kernel.attempts import TooManyAttempts
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.errors import FieldProblem, Forbidden, NotFound, StateConflict
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.accounts.commands import IdentifyPatient
from hospital_core.registry.accounts.errors import IdentityCodeExpired, IdentityCodeInvalid, IdentityCodeUsed
from hospital_core.registry.accounts.service import identify_patient
from hospital_core.registry.accounts.views import IdentifiedPatient
from hospital_core.registry.care_relations.commands import BreakGlassCommand, LookUpPatient
from hospital_core.registry.care_relations.queries import permitted_file, permitted_patient
from hospital_core.registry.care_relations.service import break_glass, look_up_patient
from hospital_core.registry.care_relations.views import BreakGlassView, RecognisedPatient
from hospital_core.registry.patients.commands import (
    CompleteTemporaryFile,
    DismissDuplicate,
    MergePatients,
    RegisterPatient,
    UnmergePatients,
)
from hospital_core.registry.patients.errors import MergeWithItself, NotMerged, NotTemporary, PatientMerged
from hospital_core.registry.patients.queries import merged_files, open_duplicates, search_patients
from hospital_core.registry.patients.service import (
    complete_temporary_file,
    dismiss_duplicate,
    find_or_create_patient,
    merge_patients,
    unmerge_patients,
)
from hospital_core.registry.patients.views import (
    DuplicateView,
    IdentifierAdded,
    MergedFile,
    MergeView,
    PatientFound,
    PatientView,
)
from hospital_core.registry.staff.permissions import Permission

routes = staff_routes()


class PatientSearch(Query):
    """Number, name, initials, document or telephone."""

    q: str = Field(min_length=1, max_length=60)


@routes.get(
    "/patients", view=Page[PatientView], permission=Permission.PATIENT_SEARCH, query=PatientSearch,
    audit="patients.search", errors=(Forbidden,),
)  # fmt: skip
async def search(call: Call[Any]) -> Page[PatientView]:
    """Find patients (患者检索) by whatever was typed, scanned or heard."""
    return Page(items=await search_patients(Reading(call.ctx), call.query.q))


@routes.get(
    "/patients/duplicates", view=Page[DuplicateView], permission=Permission.PATIENT_MERGE, query=PagedQuery,
    audit="patients.read_duplicates",
)  # fmt: skip
async def duplicates(call: Call[Any]) -> Page[DuplicateView]:
    """Files that may be one person (疑似重复), longest waiting first."""
    return await open_duplicates(Reading(call.ctx), call.query.cursor)


@routes.post(
    "/patients/duplicates/{duplicate_id}/dismiss", view=Done, permission=Permission.PATIENT_MERGE,
    command=DismissDuplicate, idempotent=True, errors=(NotFound, StateConflict),
)  # fmt: skip
async def dismiss(call: Call[DismissDuplicate]) -> Done:
    """The two files are two people (排除重复)."""
    return await run(call.ctx, dismiss_duplicate, call.command)


@routes.get(
    "/patients/{patient_id}", view=PatientView, permission=Permission.PATIENT_READ, owner=Owner.PATIENT,
    audit="patients.read", errors=(NotFound,),
)  # fmt: skip
async def read(call: Call[Any]) -> PatientView:
    """A patient's file (患者档案), of those the asker treats or may search."""
    return await permitted_file(Reading(call.ctx), call.path["patient_id"])


@routes.post(
    "/patients", view=PatientFound, permission=Permission.PATIENT_REGISTER, command=RegisterPatient, idempotent=True,
    errors=(FieldProblem, PatientMerged),
)  # fmt: skip
async def register(call: Call[RegisterPatient]) -> PatientFound:
    """Find the file of a document, or open one (建档)."""
    return await run(call.ctx, find_or_create_patient, call.command)


@routes.post(
    "/patients/{patient_id}/complete", view=IdentifierAdded, permission=Permission.PATIENT_REGISTER,
    command=CompleteTemporaryFile, idempotent=True, errors=(FieldProblem, NotFound, PatientMerged, NotTemporary),
)  # fmt: skip
async def complete(call: Call[CompleteTemporaryFile]) -> IdentifierAdded:
    """Give a temporary file its document (临时档案补全); one that has a file already is named for merging."""
    return await run(call.ctx, complete_temporary_file, call.command)


@routes.get(
    "/patients/{patient_id}/merged", view=Page[MergedFile], permission=Permission.PATIENT_READ, owner=Owner.PATIENT,
    audit="patients.read_merged", errors=(NotFound,),
)  # fmt: skip
async def merged(call: Call[Any]) -> Page[MergedFile]:
    """Files merged into this one (已并入的档案), with their old numbers."""
    reading = Reading(call.ctx)
    await permitted_patient(reading, call.path["patient_id"])
    return Page(items=await merged_files(reading, call.path["patient_id"]))


@routes.post(
    "/patients/identify", view=IdentifiedPatient, permission=Permission.PATIENT_SEARCH, command=IdentifyPatient,
    idempotent=True, errors=(IdentityCodeInvalid, IdentityCodeExpired, IdentityCodeUsed),
)  # fmt: skip
async def identify(call: Call[IdentifyPatient]) -> IdentifiedPatient:
    """Whom the code on a patient's phone names (扫就诊码); each code works once, within its minute."""
    return await run(call.ctx, identify_patient, call.command)


# A number names a person, so it travels in the body: addresses end up in logs and histories.
@routes.post(
    "/patients/look-up", view=Page[RecognisedPatient], permission=Permission.BREAK_GLASS_OPEN, command=LookUpPatient,
    idempotent=True, errors=(TooManyAttempts,), limit=SLOW,
)  # fmt: skip
async def look_up(call: Call[LookUpPatient]) -> Page[RecognisedPatient]:
    """Whom exactly this number or wristband names (紧急调阅), masked, to open the file in an emergency."""
    return await run(call.ctx, look_up_patient, call.command)


@routes.post(
    "/patients/{patient_id}/break-glass", view=BreakGlassView, permission=Permission.BREAK_GLASS_OPEN,
    command=BreakGlassCommand, idempotent=True, errors=(FieldProblem, PatientMerged, NotFound),
)  # fmt: skip
async def open_in_emergency(call: Call[BreakGlassCommand]) -> BreakGlassView:
    """Open a file for thirty minutes in an emergency (紧急授权); reviewed afterwards."""
    return await run(call.ctx, break_glass, call.command)


@routes.post(
    "/patients/merge", view=MergeView, permission=Permission.PATIENT_MERGE, command=MergePatients, idempotent=True,
    errors=(NotFound, PatientMerged, MergeWithItself),
)  # fmt: skip
async def merge(call: Call[MergePatients]) -> MergeView:
    """Two files are one person (合并档案)."""
    return await run(call.ctx, merge_patients, call.command)


@routes.post(
    "/patients/unmerge", view=MergeView, permission=Permission.PATIENT_MERGE, command=UnmergePatients, idempotent=True,
    errors=(NotFound, NotMerged),
)  # fmt: skip
async def unmerge(call: Call[UnmergePatients]) -> MergeView:
    """Undo a merge (撤销合并)."""
    return await run(call.ctx, unmerge_patients, call.command)
