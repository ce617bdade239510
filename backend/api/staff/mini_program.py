"""Signs and messages of the mini program (小程序): codes to print, the log of what patients were sent."""

import base64
from typing import Any
from uuid import UUID

from backend.api.staff.base import Query, staff_routes
from backend.http.routing import Call, Raw
from hospital_core.exchange.notifications.ports import MiniProgramCodes
from hospital_core.exchange.notifications.queries import sent_messages
from hospital_core.exchange.notifications.states import NotificationStatus
from hospital_core.exchange.notifications.views import SentMessage
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import FieldProblem, NotFound, OutsideUnavailable
from hospital_core.kernel.reading import Reading
from hospital_core.registry.organization.queries import location
from hospital_core.registry.organization.states import LocationKind
from hospital_core.registry.staff.permissions import Permission
from hospital_core.registry.staff.queries import staff_member

routes = staff_routes()

_DOCTOR_PAGE, _ROOM_PAGE = "pages/doctor/index", "pages/room/index"
_CODE: dict[str, Any] = {
    "view": None,
    "permission": Permission.SCHEDULE_READ,
    "errors": (NotFound, OutsideUnavailable),
    "media": "image/jpeg",
}


class LogQuery(Query):
    """Messages of a status, from where a page ended."""

    status: NotificationStatus | None = None
    cursor: str | None = None


@routes.get("/mini-program-codes/doctors/{staff_id}", **_CODE)
async def doctor_code(call: Call[Any]) -> Raw:
    """The code that opens a doctor's page in the mini program (医生小程序码)."""
    doctor = await staff_member(Reading(call.ctx), call.path["staff_id"])
    return await _code(doctor.id, _DOCTOR_PAGE)


@routes.get("/mini-program-codes/rooms/{location_id}", **_CODE)
async def room_code(call: Call[Any]) -> Raw:
    """The code on a room's door: who is in, how many wait (诊室小程序码)."""
    room = await location(Reading(call.ctx), call.path["location_id"])
    if room.kind is not LocationKind.ROOM:
        raise NotFound()
    return await _code(room.id, _ROOM_PAGE)


@routes.get(
    "/sent-messages", view=Page[SentMessage], query=LogQuery, permission=Permission.MESSAGE_LOG_READ,
    audit="notifications.read_log", errors=(FieldProblem,),
)  # fmt: skip
async def message_log(call: Call[Any]) -> Page[SentMessage]:
    """Messages to patients and how their sending ended (消息发送日志), newest first; not what they say."""
    return await sent_messages(Reading(call.ctx), call.query.status, call.query.cursor)


async def _code(subject: UUID, page: str) -> Raw:
    codes = ports.optional(MiniProgramCodes)
    if codes is None:
        raise OutsideUnavailable("本院尚未开通微信服务")
    # 22 characters of the 32 that WeChat allows; the page turns them back into the id.
    scene = base64.urlsafe_b64encode(subject.bytes).decode().rstrip("=")
    image = await codes.wxacode(scene, page)
    return Raw(image, "image/jpeg", headers={"Cache-Control": "private, max-age=86400"})
