"""What a patient is asked when a clinic was stopped or handed over (停替诊)."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.access.scheduling.disruption_queries import disruption, move_targets, my_disruptions
from hospital_core.access.scheduling.errors import AlreadyBooked, DisruptionSettled, ProofNeeded, SlotFull
from hospital_core.access.scheduling.planning_commands import AnswerDisruption
from hospital_core.access.scheduling.planning_views import DisruptionView, MoveTarget
from hospital_core.access.scheduling.service.disruptions import answer_disruption
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from miniapp_api.routes.base import routes


@routes.get("/disruptions", view=Page[DisruptionView], owner=Owner.ACCOUNT)
async def get_disruptions(call: Call[Any]) -> Page[DisruptionView]:
    """What waits for an answer (待处理停替诊)."""
    return await my_disruptions(Reading(call.ctx))


@routes.get("/disruptions/{disruption_id}", view=DisruptionView, owner=Owner.PATIENT, errors=(NotFound,))
async def get_disruption(call: Call[Any]) -> DisruptionView:
    """One question with its choices (停替诊通知)."""
    return await disruption(Reading(call.ctx), call.path["disruption_id"])


@routes.get(
    "/disruptions/{disruption_id}/move-targets", view=Page[MoveTarget], owner=Owner.PATIENT, errors=(NotFound,)
)  # fmt: skip
async def get_move_targets(call: Call[Any]) -> Page[MoveTarget]:
    """Sessions of the same department with a free place (可改约时段)."""
    return await move_targets(Reading(call.ctx), call.path["disruption_id"])


@routes.post(
    "/disruptions/{disruption_id}/answer", view=DisruptionView, owner=Owner.PATIENT, command=AnswerDisruption,
    idempotent=True, errors=(FieldProblem, NotFound, ProofNeeded, DisruptionSettled, SlotFull, AlreadyBooked),
)  # fmt: skip
async def post_answer(call: Call[AnswerDisruption]) -> DisruptionView:
    """Move, keep or be refunded, once, without any cut-off (改约、保留、退号)."""
    return await run(call.ctx, answer_disruption, call.command)
