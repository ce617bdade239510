"""Saying who one is (就诊码): a code for the counter's or the kiosk's scanner, good for a minute and for one use."""

from backend.http.codes import svg_of
from backend.http.routing import Call, Owner, Raw
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.identity_codes import identity_code_of
from hospital_core.registry.accounts.views import IdentityCodeView
from miniapp_api.routes.base import routes


@routes.get(
    "/patients/{link_id}/identity-code", view=IdentityCodeView, owner=Owner.ACCOUNT, errors=(NotFound,)
)  # fmt: skip
async def get_identity_code(call: Call[Empty]) -> IdentityCodeView:
    """A fresh code of a patient (就诊码), as text."""
    return await identity_code_of(Reading(call.ctx), call.path["link_id"])


@routes.get(
    "/patients/{link_id}/identity-code.svg", view=None, media="image/svg+xml", owner=Owner.ACCOUNT, errors=(NotFound,)
)  # fmt: skip
async def get_identity_picture(call: Call[Empty]) -> Raw:
    """A fresh code of a patient (就诊码), as a picture."""
    code = await identity_code_of(Reading(call.ctx), call.path["link_id"])
    headers = {"Cache-Control": "no-store", "X-Expires-At": code.expires_at.isoformat()}
    return Raw(svg_of(code.text), "image/svg+xml", headers=headers)
