"""How devices sign in (设备登录): a challenge, the signature of the device's own key, a short token.

Kiosks and screens do it alike. A challenge is a token of our own for sixty seconds, so nothing is stored until it is
used; then it stands in the database as spent, for all workers.
"""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from backend.http.routing import SLOW, Audience, Call, Routes
from backend.http.tokens import LIFETIME_S, TokenInvalid, Tokens
from hospital_core.kernel import ports
from hospital_core.kernel.commands import Command, View
from hospital_core.kernel.context import Context
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from hospital_core.kernel.single_use import spend
from hospital_core.registry.devices.commands import DeviceSeen
from hospital_core.registry.devices.errors import DeviceNotApproved, DeviceRevoked, DeviceUnknown
from hospital_core.registry.devices.queries import verify_device_signature
from hospital_core.registry.devices.service import seen
from hospital_core.registry.devices.states import DeviceKind

CHALLENGE_S = 60
_CHALLENGE = "device-challenge"


class RequestChallenge(Command):
    """A device wants to sign in (请求质询)."""

    device_id: UUID


class Challenge(View):
    """The text to sign (质询), good for ``expires_in`` seconds and once."""

    challenge: str
    expires_in: int = CHALLENGE_S


class RequestToken(Command):
    """The signed challenge: Ed25519 over its UTF-8 bytes, base64url (设备令牌申请)."""

    device_id: UUID
    challenge: Annotated[str, StringConstraints(min_length=16, max_length=1024)] = Field(repr=False)
    signature: Annotated[str, StringConstraints(min_length=86, max_length=88)]


class DeviceToken(View):
    """A device's access token (设备令牌); ``expires_in`` in seconds."""

    access_token: str = Field(repr=False)
    expires_in: int


def challenge_for(device_id: UUID) -> Challenge:
    """A fresh challenge for whoever says to be this device; unknown ids get one too."""
    tokens = ports.use(Tokens)
    return Challenge(challenge=tokens.issue(sub=device_id, sid=new_id(), audience=_CHALLENGE, lifetime_s=CHALLENGE_S))


async def sign_in(ctx: Context, command: RequestToken, kind: DeviceKind) -> DeviceToken:
    """A token for a device that has signed its challenge (设备登录).

    Raises: TokenInvalid (challenge old, used or another's), DeviceUnknown, DeviceRevoked, DeviceNotApproved.
    """
    tokens = ports.use(Tokens)
    if tokens.verify(command.challenge, _CHALLENGE).sub != command.device_id:
        raise TokenInvalid()
    device = await verify_device_signature(
        Reading(ctx), command.device_id, command.challenge.encode(), command.signature
    )
    if device.kind is not kind:
        raise DeviceUnknown()
    # Last, so that a stranger who overheard a challenge cannot use it up.
    if not await spend(_CHALLENGE, command.challenge, timedelta(seconds=2 * CHALLENGE_S)):
        raise TokenInvalid()
    await run(Context(device.actor(), request_id=ctx.request_id), seen, DeviceSeen())
    token = tokens.issue(sub=device.id, sid=device.id, audience=kind.value)
    return DeviceToken(access_token=token, expires_in=LIFETIME_S)


def add_device_sign_in(routes: Routes, kind: DeviceKind) -> None:
    """Declare ``/device-challenges`` and ``/device-tokens`` of one kind of device."""

    @routes.post("/device-challenges", view=Challenge, audience=Audience.OPEN, command=RequestChallenge, limit=SLOW)
    async def device_challenge(call: Call[RequestChallenge]) -> Challenge:
        """A text for the device to sign (设备质询)."""
        return challenge_for(call.command.device_id)

    @routes.post(
        "/device-tokens", view=DeviceToken, audience=Audience.OPEN, command=RequestToken, limit=SLOW,
        errors=(TokenInvalid, DeviceUnknown, DeviceRevoked, DeviceNotApproved),
    )  # fmt: skip
    async def device_token(call: Call[RequestToken]) -> DeviceToken:
        """A token for the signed text (设备令牌)."""
        return await sign_in(call.ctx, call.command, kind)
