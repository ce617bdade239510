"""What can be booked (可预约号源). Availability is a snapshot with an ETag, not a live topic."""

from backend.http.routing import Call
from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.queries import NOW, bookable_departments, bookable_doctors, slots
from hospital_core.access.scheduling.views import BookableDepartmentView, DoctorView, SlotView
from hospital_core.kernel.commands import Empty, Page
from hospital_core.kernel.reading import Reading
from miniapp_api.routes.base import routes
from miniapp_api.views import DayQuery


@routes.get("/departments", view=Page[BookableDepartmentView], etag=True)
async def list_departments(call: Call[Empty]) -> Page[BookableDepartmentView]:
    """Departments with what is free today (科室)."""
    return await bookable_departments(Reading(call.ctx))


@routes.get("/departments/{department_id}/doctors", view=Page[DoctorView], query=DayQuery, etag=True)
async def list_doctors(call: Call[Empty]) -> Page[DoctorView]:
    """Doctors of a department on one day, with their sessions (出诊医生)."""
    reading = Reading(call.ctx)
    day = call.query.day or day_of(await reading.fetch_value(NOW))
    return await bookable_doctors(reading, call.path["department_id"], day)


@routes.get("/schedules/{schedule_id}/slots", view=Page[SlotView], etag=True)
async def list_slots(call: Call[Empty]) -> Page[SlotView]:
    """The places of a session (号源)."""
    return await slots(Reading(call.ctx), call.path["schedule_id"])
