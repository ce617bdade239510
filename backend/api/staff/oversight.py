"""Looking after the house (监督): the audit trail, parked events, emergency looks."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from backend.api.staff.base import PagedQuery, staff_routes
from backend.http.routing import Call
from hospital_core.kernel.audit_search import AuditFilter, AuditLine, audit_lines
from hospital_core.kernel.commands import Done, Page
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.parked import ParkedDelivery, ReleaseParked, parked_deliveries, release_parked
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.registry.care_relations.commands import ReviewBreakGlass
from hospital_core.registry.care_relations.errors import BreakGlassReviewed, OwnBreakGlass
from hospital_core.registry.care_relations.queries import open_break_glasses
from hospital_core.registry.care_relations.service import review_break_glass
from hospital_core.registry.care_relations.views import BreakGlassView
from hospital_core.registry.patients.queries import patient_names
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.queries import staff_names

routes = staff_routes()


class AuditQuery(PagedQuery):
    """Whose file, who did it, what, when; every filter narrows."""

    patient_id: UUID | None = None
    actor_id: UUID | None = None
    action: str = Field(default="", max_length=80, description="prefix, e.g. `patients.`")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class NamedAuditLine(AuditLine):
    """A line of the audit trail with names (审计记录); the patient's is masked: the auditor is not in their care."""

    actor_name: str | None = None
    patient_name_masked: str | None = None


@routes.get(
    "/audit", view=Page[NamedAuditLine], permission=Permission.AUDIT_READ, query=AuditQuery, audit="audit.search"
)
async def audit(call: Call[Any]) -> Page[NamedAuditLine]:
    """Search the audit trail (审计检索), newest first; searching is itself audited."""
    reading = Reading(call.ctx)
    found = await audit_lines(reading, AuditFilter(**dict(call.query)))
    call.seen_patient = call.query.patient_id
    return Page(items=await _named(reading, found.items), next_cursor=found.next_cursor)


@routes.get("/parked-events", view=Page[ParkedDelivery], permission=Permission.PARKED_RELEASE)
async def parked(call: Call[Any]) -> Page[ParkedDelivery]:
    """Deliveries that failed too often (滞留事件)."""
    return await parked_deliveries(Reading(call.ctx))


@routes.post(
    "/parked-events/{delivery_id}/release", view=Done, permission=Permission.PARKED_RELEASE, command=ReleaseParked,
    idempotent=True, errors=(NotFound,),
)  # fmt: skip
async def release(call: Call[ReleaseParked]) -> Done:
    """Send a parked delivery again (重新投递)."""
    return await run(call.ctx, release_parked, call.command)


@routes.get(
    "/break-glass", view=Page[BreakGlassView], permission=Permission.BREAK_GLASS_REVIEW, audit="break_glass.read"
)
async def break_glasses(call: Call[Any]) -> Page[BreakGlassView]:
    """Emergency looks that wait for their review (待复核的紧急授权)."""
    return Page(items=await open_break_glasses(Reading(call.ctx)))


@routes.post(
    "/break-glass/{break_glass_id}/review", view=Done, permission=Permission.BREAK_GLASS_REVIEW,
    command=ReviewBreakGlass, idempotent=True, errors=(NotFound, OwnBreakGlass, BreakGlassReviewed),
)  # fmt: skip
async def review(call: Call[ReviewBreakGlass]) -> Done:
    """Judge an emergency look (复核紧急授权)."""
    return await run(call.ctx, review_break_glass, call.command)


async def _named(reading: Reading, lines: list[AuditLine]) -> list[NamedAuditLine]:
    staff = {line.actor_id for line in lines if line.actor_kind == ActorKind.STAFF and line.actor_id}
    patients = {line.patient_id for line in lines if line.patient_id}
    names = await staff_names(reading, staff)
    persons = await patient_names(reading, patients)
    return [
        NamedAuditLine(
            **dict(line),
            actor_name=names.get(line.actor_id) if line.actor_id else None,
            patient_name_masked=mask_name(persons[line.patient_id].name) if line.patient_id in persons else None,
        )
        for line in lines
    ]
