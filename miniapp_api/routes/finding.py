"""Finding the right door (检索、智能导诊、医生主页). Free times are snapshots, as everywhere in booking."""

from backend.http.pictures import picture
from backend.http.routing import Audience, Call, Raw
from hospital_core.access.scheduling.doctor_queries import doctor_page
from hospital_core.access.scheduling.guide_queries import guide_advice, guide_parts, guide_symptoms
from hospital_core.access.scheduling.search_commands import AskGuide
from hospital_core.access.scheduling.search_queries import search
from hospital_core.access.scheduling.search_views import (
    DoctorPageView,
    GuideAdviceView,
    GuidePartView,
    GuideSymptomView,
    SearchView,
)
from hospital_core.kernel.commands import Empty, Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.staff.queries import portrait
from miniapp_api.routes.base import routes
from miniapp_api.views import PartQuery, SearchQuery


@routes.get("/search", view=SearchView, query=SearchQuery, etag=True)
async def get_search(call: Call[Empty]) -> SearchView:
    """Departments and doctors by name, pinyin, alias, skill, disease or symptom, with free times (检索)."""
    return await search(Reading(call.ctx), call.query.q)


@routes.get("/guide/parts", view=Page[GuidePartView], etag=True)
async def get_parts(call: Call[Empty]) -> Page[GuidePartView]:
    """Parts of the body that the symptom guide knows (部位)."""
    return await guide_parts(Reading(call.ctx))


@routes.get("/guide/symptoms", view=Page[GuideSymptomView], query=PartQuery, errors=(NotFound,), etag=True)
async def get_symptoms(call: Call[Empty]) -> Page[GuideSymptomView]:
    """Symptoms of a part of the body (症状)."""
    return await guide_symptoms(Reading(call.ctx), call.query.part)


# A question, not a write, but what ails somebody has no place in an address that proxies and browsers remember.
@routes.post("/guide/advice", view=GuideAdviceView, command=AskGuide, errors=(NotFound,))
async def post_advice(call: Call[AskGuide]) -> GuideAdviceView:
    """Where symptoms lead: departments, how soon, what to heed (导诊建议); nothing of the question is kept."""
    return await guide_advice(Reading(call.ctx), call.command)


@routes.get("/doctors/{staff_id}", view=DoctorPageView, etag=True)
async def get_doctor(call: Call[Empty]) -> DoctorPageView:
    """A doctor's page with the sessions of the next fourteen days (医生主页)."""
    return await doctor_page(Reading(call.ctx), call.path["staff_id"])


# Open, because pictures in a page carry no token; who works here as a doctor is public.
@routes.get("/doctors/{staff_id}/photo", view=None, audience=Audience.OPEN, media="image/*")
async def get_photo(call: Call[Empty]) -> Raw:
    """A doctor's photo, or the surname drawn (医生照片)."""
    found = await portrait(Reading(call.ctx), call.path["staff_id"])
    return picture(call.request, found.media_type, found.content, found.digest, "public, max-age=600")
