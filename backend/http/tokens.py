"""Access tokens (访问令牌): the one module that knows python-jose, with one pinned symmetric algorithm.

Why so narrow: python-jose takes the algorithm from the token's header when none is pinned, and accepts a public key as
an HMAC key. Here keys are random bytes of our own, the algorithm is a constant, and a token's header is one of ours
letter by letter or it is refused unread: no forger's ``alg``, ``kid`` or ``crit`` is ever looked at. The claims are
checked here, as narrowly as they are made: ``jwt.decode`` would take twice the time, reading every token twice.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson
from jose import jwk, jws, jwt
from jose.backends.base import Key
from jose.exceptions import JOSEError

from hospital_core.kernel.errors import DomainError, Kind
from hospital_core.kernel.ids import new_id

ALGORITHM = "HS256"
LIFETIME_S = 900
LENGTH_MAX = 1024
_CACHE_MAX = 20_000
_LEEWAY_S = 5
# Ours say this much and nothing else: a claim that we never make (``nbf``, ``crit`` …) need not be understood.
_CLAIMS = frozenset({"sub", "sid", "aud", "jti", "iat", "exp"})
# base64 is read leniently: with stray letters one token could be spelled, and kept, in any number of ways.
_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{43}", re.ASCII)


class TokenInvalid(DomainError):
    """The token is forged, expired, of another audience, or not a token."""

    code = "http.token_invalid"
    kind = Kind.UNAUTHENTICATED
    title = "登录已过期，请重新登录"


def sign_for_others(key: bytes, claims: Mapping[str, object]) -> str:
    """A token for a system outside, signed with the key it shares with us; no token of ours is made with that key."""
    token: str = jwt.encode(dict(claims), jwk.construct(key, ALGORITHM), ALGORITHM)
    return token


@dataclass(frozen=True)
class Claims:
    """What a verified token says: who (``sub``), in which session (``sid``), until when."""

    sub: UUID
    sid: UUID
    audience: str
    jti: UUID
    expires_at_s: int


class Tokens:
    """Issues and verifies access tokens with a ring of keys; the last key of the ring signs."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = {kid: jwk.construct(key, ALGORITHM) for kid, key in keys.items()}
        self._current = list(keys)[-1]
        self._verified: OrderedDict[tuple[str, str], Claims] = OrderedDict()
        # The headers of our tokens are all alike, letter by letter: whatever else stands there is not one of ours.
        self._headers = {_header(kid, key): key for kid, key in self._keys.items()}

    def issue(self, *, sub: UUID, sid: UUID, audience: str, lifetime_s: int = LIFETIME_S) -> str:
        """A signed token for one audience."""
        now = int(time.time())
        claims = {
            "sub": str(sub),
            "sid": str(sid),
            "aud": audience,
            "jti": str(new_id()),
            "iat": now,
            "exp": now + lifetime_s,
        }
        token: str = jwt.encode(claims, self._keys[self._current], ALGORITHM, headers={"kid": self._current})
        return token

    def verify(self, token: str, audience: str) -> Claims:
        """The claims of a token for this audience. Raises TokenInvalid; never says why."""
        claims = self._verified.get((audience, token))
        if claims is None:
            claims = self._decode(token, audience)
            self._verified[audience, token] = claims
            if len(self._verified) > _CACHE_MAX:
                self._verified.popitem(last=False)
        if claims.expires_at_s + _LEEWAY_S < time.time():
            raise TokenInvalid()
        return claims

    def _decode(self, token: str, audience: str) -> Claims:
        key = self._headers.get(token.partition(".")[0])
        if key is None or len(token) > LENGTH_MAX or not _SHAPE.fullmatch(token):
            raise TokenInvalid()
        try:
            said = orjson.loads(jws.verify(token, key, algorithms=[ALGORITHM]))
            if said.keys() != _CLAIMS or said["aud"] != audience or {type(said["iat"]), type(said["exp"])} != {int}:
                raise TokenInvalid()
            return Claims(UUID(said["sub"]), UUID(said["sid"]), audience, UUID(said["jti"]), said["exp"])
        except (JOSEError, ValueError, TypeError, AttributeError):
            raise TokenInvalid() from None


def _header(kid: str, key: Key) -> str:
    token: str = jwt.encode({}, key, ALGORITHM, headers={"kid": kid})
    return token.partition(".")[0]
