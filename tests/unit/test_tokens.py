"""Access tokens: one algorithm, one spelling, our own keys; whatever else comes is refused and not remembered."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from backend.http.tokens import LENGTH_MAX, TokenInvalid, Tokens
from hospital_core.kernel.ids import new_id

OLD, CURRENT = b"o" * 32, b"c" * 32
RING = {"old": OLD, "current": CURRENT}
PLAIN = {"alg": "HS256", "kid": "current", "typ": "JWT"}


def _text(part: Any) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    ids = {name: str(new_id()) for name in ("sub", "sid", "jti")}
    return {**ids, "aud": "miniapp", "iat": now, "exp": now + 900, **changes}


def _signed(header: Any, claims: Any, key: bytes = CURRENT, digest: Callable[..., Any] = hashlib.sha256) -> str:
    body = f"{_text(header)}.{_text(claims)}"
    return f"{body}.{_text(hmac.new(key, body.encode(), digest).digest())}"


def _issued(ring: dict[str, bytes] = RING) -> str:
    return Tokens(ring).issue(sub=new_id(), sid=new_id(), audience="miniapp")


def test_given_our_token_then_it_says_who_for_its_audience_only() -> None:
    tokens, who, session = Tokens(RING), new_id(), new_id()
    token = tokens.issue(sub=who, sid=session, audience="miniapp")
    for _ in range(2):
        claims = tokens.verify(token, "miniapp")
        assert (claims.sub, claims.sid, claims.audience) == (who, session, "miniapp")
        with pytest.raises(TokenInvalid):
            tokens.verify(token, "kiosk")


def test_given_a_token_of_the_key_before_then_it_works_until_the_key_is_gone() -> None:
    before = _issued({"old": OLD})
    assert Tokens(RING).verify(before, "miniapp")
    with pytest.raises(TokenInvalid):
        Tokens({"current": CURRENT}).verify(before, "miniapp")


HEADERS: dict[str, Any] = {
    "no algorithm": {"alg": "none", "kid": "current", "typ": "JWT"},
    "RS256": {**PLAIN, "alg": "RS256"},
    "a list of algorithms": {**PLAIN, "alg": ["HS256"]},
    "no kid": {"alg": "HS256", "typ": "JWT"},
    "unknown kid": {**PLAIN, "kid": "../current"},
    "a list as kid": {**PLAIN, "kid": ["current"]},
    "an object as kid": {**PLAIN, "kid": {}},
    "null as kid": {**PLAIN, "kid": None},
    "unknown crit": {**PLAIN, "crit": ["b64"], "b64": False},
    "a word twice": b'{"alg":"none","alg":"HS256","kid":"current","typ":"JWT"}',
    "blanks": b'{ "alg": "HS256", "kid": "current", "typ": "JWT" }',
    "another kid's key": {**PLAIN, "kid": "old"},
    "no object": [PLAIN],
    "not JSON": b"\xff\xfe",
    "deep": b'{"a":' + b"[" * 700,
}


@pytest.mark.parametrize("what", HEADERS)
def test_given_another_header_then_it_is_refused_though_rightly_signed(what: str) -> None:
    with pytest.raises(TokenInvalid):
        Tokens(RING).verify(_signed(HEADERS[what], _claims()), "miniapp")


def test_given_another_algorithm_under_our_header_then_refused() -> None:
    with pytest.raises(TokenInvalid):
        Tokens(RING).verify(_signed(PLAIN, _claims(), digest=hashlib.sha512), "miniapp")


SPELLINGS: dict[str, Callable[[str, str, str], str]] = {
    "empty": lambda h, p, s: "",
    "dots": lambda h, p, s: "..",
    "one part": lambda h, p, s: h,
    "two parts": lambda h, p, s: f"{h}.{p}",
    "four parts": lambda h, p, s: f"{h}.{p}.{s}.{s}",
    "no signature": lambda h, p, s: f"{h}.{p}.",
    "blank before": lambda h, p, s: f" {h}.{p}.{s}",
    "blank behind": lambda h, p, s: f"{h}.{p}.{s} ",
    "line end": lambda h, p, s: f"{h}.{p}.{s}\n",
    "padding": lambda h, p, s: f"{h}=.{p}.{s}",
    "stray letters": lambda h, p, s: f"{h}.{p}.{s[:5]}~~~~{s[5:]}",
    "stray letters in the claims": lambda h, p, s: f"{h}.{p[:5]}~~~~{p[5:]}.{s}",
    "wide letters": lambda h, p, s: f"{h}.{p}.{s[:-1]}Ａ",
    "half a character": lambda h, p, s: f"{h}.{p}.\ud800",
    "huge": lambda h, p, s: f"{h}.{'A' * LENGTH_MAX}.{s}",
}


@pytest.mark.parametrize("how", SPELLINGS)
def test_given_our_token_spelled_otherwise_then_refused(how: str) -> None:
    header, claims, signature = _issued().split(".")
    with pytest.raises(TokenInvalid):
        Tokens(RING).verify(SPELLINGS[how](header, claims, signature), "miniapp")


@pytest.mark.parametrize(
    "claims",
    [
        _claims(exp="soon"), _claims(exp=None), _claims(exp=float("nan")), _claims(exp=int(time.time()) - 60),
        _claims(nbf=int(time.time()) + 86_400), _claims(sub="nobody"), _claims(jti=None), _claims(exp=True),
        _claims(iat="now"), _claims(aud=["miniapp"]), _claims(scope="all"), {"sub": "x"}, {}, [1], "text", None,
    ],
)  # fmt: skip
def test_given_claims_that_are_none_then_refused_though_rightly_signed(claims: Any) -> None:
    with pytest.raises(TokenInvalid):
        Tokens(RING).verify(_signed(PLAIN, claims), "miniapp")


def test_given_a_cached_token_then_it_ends_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, token = Tokens(RING), _issued()
    ends = tokens.verify(token, "miniapp").expires_at_s
    monkeypatch.setattr(time, "time", lambda: ends + 4.0)
    assert tokens.verify(token, "miniapp"), "clocks differ a little"
    monkeypatch.setattr(time, "time", lambda: ends + 6.0)
    with pytest.raises(TokenInvalid):
        tokens.verify(token, "miniapp")


def test_given_a_flood_of_forged_headers_then_none_is_kept_and_ours_are_known() -> None:
    tokens = Tokens(RING)
    known = dict(tokens._headers)
    for number in range(200):
        with pytest.raises(TokenInvalid):
            tokens.verify(_signed({**PLAIN, "n": number}, _claims(), key=b"x" * 32), "miniapp")
    assert tokens._headers == known
    assert _issued().partition(".")[0] in known
    assert not tokens._verified
