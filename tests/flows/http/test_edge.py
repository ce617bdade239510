"""What every route has in common: shapes of errors, ids, headers, keys, who is calling from where."""

import hashlib
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from jose import jwt

from hospital_core.kernel.ids import new_id
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures.people import make_account, make_device, make_staff, national_id, somebody
from tests.fixtures.server import TOKEN_KEY, Party, Server, count, tokens

GROUP = "server"

STAFF = "/api/staff/v1"
PHONE = "/api/miniapp/v1"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a problem, as RFC 9457 and our contract have it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:hospital:problem:{code}"
    assert body["title"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def registration(**changes: Any) -> dict[str, Any]:
    """A body for POST /patients."""
    return {"document_kind": "national_id", "document_no": national_id(), "name": "王小明"} | changes


@pytest.fixture
async def registrar(server: Server) -> Party:
    return await server.role(StaffRole.REGISTRAR)


# -- bodies


@pytest.mark.parametrize("body", [b"{", b"not json", b'{"name": "x"', b"\xff\xfe\x00"])
async def test_given_broken_json_then_malformed(registrar: Party, body: bytes) -> None:
    headers = registrar.headers | {"Content-Type": "application/json", "Idempotency-Key": str(new_id())}
    problem(await registrar.http.post(f"{STAFF}/patients", content=body, headers=headers), 400, "http.malformed")


async def test_given_another_media_type_then_malformed(registrar: Party) -> None:
    headers = registrar.headers | {"Content-Type": "text/plain", "Idempotency-Key": str(new_id())}
    problem(await registrar.http.post(f"{STAFF}/patients", content=b"{}", headers=headers), 400, "http.malformed")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"patient_id": "x"}, "/patient_id"),
        ({"name": 7}, "/name"),
        ({"name": "x" * 5000}, "/name"),
        ({"document_kind": "library_card"}, "/document_kind"),
        ({"birth_date": "2026-02-30"}, "/birth_date"),
    ],
)
async def test_given_a_wrong_field_then_it_is_named(registrar: Party, changes: dict[str, Any], pointer: str) -> None:
    found = problem(await registrar.post(f"{STAFF}/patients", registration(**changes)), 422, "http.fields_wrong")
    assert [error["pointer"] for error in found["errors"]] == [pointer]
    assert all(error["message"] for error in found["errors"])


async def test_given_an_id_of_the_path_in_the_body_then_it_is_refused(server: Server) -> None:
    doctor = await server.role(StaffRole.DOCTOR)
    body = {"patient_id": str(new_id()), "reason": "急救需要查看"}
    answer = await doctor.post(f"{STAFF}/patients/{new_id()}/break-glass", body)
    assert problem(answer, 422, "http.fields_wrong")["errors"][0]["pointer"] == "/patient_id"


async def test_given_an_array_then_fields_wrong(registrar: Party) -> None:
    problem(await registrar.post(f"{STAFF}/patients", [1, 2]), 422, "http.fields_wrong")


@pytest.mark.parametrize("where", ["body", "query"])
async def test_given_a_nul_then_it_is_refused(registrar: Party, where: str) -> None:
    if where == "body":
        answer = await registrar.post(f"{STAFF}/patients", registration(name="王\x00明"))
    else:
        answer = await registrar.get(f"{STAFF}/patients", q="王\x00")
    problem(answer, 422, "http.fields_wrong")


async def test_given_ten_megabytes_then_too_large(anybody: Party) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await anybody.http.post(f"{STAFF}/sessions", content=b" " * 10_000_000, headers=headers)
    problem(answer, 413, "http.too_large")


async def test_given_markup_in_a_name_then_it_is_text_or_refused_but_never_markup(registrar: Party) -> None:
    answer = await registrar.post(f"{STAFF}/patients", registration(name="<script>alert(1)</script>"))
    if answer.is_success:
        shown = await registrar.get(f"{STAFF}/patients/{answer.json()['patient_id']}")
        assert shown.headers["content-type"] == "application/json"
        assert shown.json()["name"] == "<script>alert(1)</script>"
    else:
        assert answer.status_code == 422
        assert "<script>" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


# -- addresses


async def test_given_an_unknown_path_then_not_found(anybody: Party) -> None:
    problem(await anybody.get("/api/staff/v1/nothing"), 404, "http.not_found")


async def test_given_another_method_then_not_allowed(anybody: Party) -> None:
    problem(await anybody.http.delete(f"{STAFF}/patients"), 405, "http.method_not_allowed")


@pytest.mark.parametrize("value", ["1", "x", "00000000-0000-0000-0000-00000000000g", "%27%20OR%201=1"])
async def test_given_no_id_in_the_path_then_not_found(registrar: Party, value: str) -> None:
    problem(await registrar.get(f"{STAFF}/patients/{value}"), 404, "kernel.not_found")


async def test_given_an_unknown_parameter_then_it_is_named(registrar: Party) -> None:
    found = problem(await registrar.get(f"{STAFF}/patients", q="王", all="1"), 422, "http.fields_wrong")
    assert found["errors"][0]["pointer"] == "/all"


# -- request ids and headers


async def test_given_a_uuid_as_request_id_then_it_comes_back(anybody: Party) -> None:
    known = str(uuid4())
    assert (await anybody.get("/healthz", headers={"X-Request-ID": known})).headers["x-request-id"] == known


@pytest.mark.parametrize("value", ["<b>1</b>", "../../etc", "x" * 300])
async def test_given_another_request_id_then_it_is_not_echoed(anybody: Party, value: str) -> None:
    given = (await anybody.get("/healthz", headers={"X-Request-ID": value})).headers["x-request-id"]
    assert given != value
    UUID(given)


@pytest.mark.parametrize("path", ["/healthz", "/api/staff/v1/nothing", "/openapi.json", "/api/staff/v1/devices"])
async def test_every_answer_carries_the_security_headers(anybody: Party, path: str) -> None:
    headers = (await anybody.get(path)).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe-" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    if path.startswith("/api/"):
        assert headers["cache-control"] == "no-store"


# -- Idempotency-Key


@pytest.mark.parametrize("key", ["", "short", "x" * 256, "钥匙钥匙钥匙钥匙钥匙"])
async def test_given_no_usable_key_then_the_write_is_refused(registrar: Party, key: str) -> None:
    headers = registrar.headers | ({"Idempotency-Key": key.encode()} if key else {})  # type: ignore[dict-item]
    answer = await registrar.http.post(f"{STAFF}/patients", json=registration(), headers=headers)
    problem(answer, 400, "http.idempotency_key_missing")


async def test_given_the_same_key_then_the_first_answer_comes_back(registrar: Party) -> None:
    body, key = registration(), str(new_id())
    first = await registrar.did(f"{STAFF}/patients", body, key=key)
    assert first["created"] is True
    assert await registrar.did(f"{STAFF}/patients", body, key=key) == first


async def test_given_the_same_key_with_another_body_then_mismatch(registrar: Party) -> None:
    key = str(new_id())
    await registrar.did(f"{STAFF}/patients", registration(), key=key)
    answer = await registrar.post(f"{STAFF}/patients", registration(), key=key)
    problem(answer, 422, "kernel.idempotency_mismatch")


async def test_given_the_same_key_of_somebody_else_then_it_is_another_key(server: Server, registrar: Party) -> None:
    body, key = registration(), str(new_id())
    first = await registrar.did(f"{STAFF}/patients", body, key=key)
    other = await server.sign_in(await make_staff(roles=[StaffRole.REGISTRAR]))
    second = await other.did(f"{STAFF}/patients", body, key=key)
    assert (second["patient_id"], second["created"]) == (first["patient_id"], False)


# -- who is calling


def _forged(**claims: Any) -> dict[str, str]:
    now = int(time.time())
    known = {"sub": str(new_id()), "sid": str(new_id()), "aud": "miniapp", "jti": str(new_id()), "iat": now}
    return {name: value for name, value in (known | {"exp": now + 900} | claims).items() if value is not None}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        jwt.encode(_forged(), b"z" * 32, "HS256", headers={"kid": "k1"}),
        jwt.encode(_forged(exp=int(time.time()) - 60), TOKEN_KEY, "HS256", headers={"kid": "k1"}),
        jwt.encode(_forged(aud="kiosk"), TOKEN_KEY, "HS256", headers={"kid": "k1"}),
        jwt.encode(_forged(aud="device-challenge"), TOKEN_KEY, "HS256", headers={"kid": "k1"}),
        jwt.encode(_forged(), TOKEN_KEY, "HS512", headers={"kid": "k1"}),
        jwt.encode(_forged(), TOKEN_KEY, "HS256", headers={"kid": "k9"}),
        jwt.encode(_forged(exp=None), TOKEN_KEY, "HS256", headers={"kid": "k1"}),
        "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.eyJzdWIiOiIxIn0.",
    ],
)
async def test_given_a_token_that_is_none_of_ours_then_unauthenticated(anybody: Party, token: str) -> None:
    answer = await anybody.get(f"{PHONE}/patients", headers={"Authorization": f"Bearer {token}".strip()})
    assert answer.status_code == 401
    assert answer.json()["code"] in ("http.token_invalid", "kernel.unauthenticated")


async def test_given_a_right_token_then_it_is_taken(server: Server) -> None:
    """The control of the test above."""
    assert (await server.phone(await make_account()).get(f"{PHONE}/patients")).status_code == 200


async def test_given_a_token_of_another_audience_then_unauthenticated(server: Server) -> None:
    kiosk = await server.device(await make_device())
    assert (await kiosk.get("/api/kiosk/v1/device")).status_code == 200
    problem(await kiosk.get("/api/display/v1/device"), 401, "http.token_invalid")
    problem(await kiosk.get(f"{PHONE}/patients"), 401, "http.token_invalid")


# -- browsers


async def test_given_no_csrf_token_then_a_write_is_refused_and_a_read_is_not(server: Server) -> None:
    party = await server.sign_in(await make_staff(roles=[StaffRole.REGISTRAR]))
    party.headers.pop("X-CSRF-Token")
    assert (await party.get(f"{STAFF}/session")).json()["signed_in"] is True
    problem(await party.post(f"{STAFF}/patients", registration()), 403, "http.csrf")
    wrong = {"X-CSRF-Token": "x" * 43}
    problem(await party.post(f"{STAFF}/patients", registration(), headers=wrong), 403, "http.csrf")


async def test_given_the_csrf_token_of_another_session_then_refused(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.REGISTRAR])
    one, two = await server.sign_in(staff), await server.sign_in(staff)
    headers = {"X-CSRF-Token": two.headers["X-CSRF-Token"]}
    problem(await one.post(f"{STAFF}/patients", registration(), headers=headers), 403, "http.csrf")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_given_a_foreign_origin_then_a_write_is_refused(registrar: Party, origin: str) -> None:
    answer = await registrar.post(f"{STAFF}/patients", registration(), headers={"Origin": origin})
    problem(answer, 403, "http.csrf")


async def test_given_our_own_origin_then_a_write_is_taken(server: Server, registrar: Party) -> None:
    assert (await registrar.post(f"{STAFF}/patients", registration(), headers={"Origin": server.origin})).is_success


async def test_the_session_cookie_is_out_of_reach_of_scripts(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.DOCTOR])
    body = {"login": staff.login, "password": staff.password}
    cookie = (await server.party().post(f"{STAFF}/sessions", body)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert staff.password not in cookie


# -- signing in and out


async def test_nobody_signed_in_is_an_answer(anybody: Party) -> None:
    answer = await anybody.got(f"{STAFF}/session")
    assert (answer["signed_in"], answer["staff"], answer["csrf_token"]) == (False, None, None)


async def test_given_a_session_then_a_reloaded_page_gets_its_csrf_token_again(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.DOCTOR])
    party = await server.sign_in(staff)
    session = await party.got(f"{STAFF}/session")
    assert session["csrf_token"] == party.headers["X-CSRF-Token"]
    assert session["staff"]["id"] == str(staff.staff_id)
    assert "queue.call" in session["permissions"]


async def test_given_a_sign_out_then_the_cookie_is_worthless(server: Server) -> None:
    party = await server.sign_in(await make_staff(roles=[StaffRole.DOCTOR]))
    kept = party.http.cookies.get("hospital")
    await party.did(f"{STAFF}/session/end")
    assert party.http.cookies.get("hospital") is None
    stolen = server.party(Cookie=f"hospital={kept}")
    problem(await stolen.get(f"{STAFF}/my/rooms"), 401, "kernel.unauthenticated")


async def test_given_a_second_factor_then_its_absence_is_told_only_to_who_knows_the_password(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.SYSTEM_ADMIN])
    body = {"login": staff.login, "password": staff.password}
    problem(await server.party().post(f"{STAFF}/sessions", body), 401, "auth.totp_required")
    wrong = body | {"password": "wrong horse battery"}
    problem(await server.party().post(f"{STAFF}/sessions", wrong), 401, "staff.sign_in_refused")
    assert (await server.party().post(f"{STAFF}/sessions", body | {"totp": staff.totp()})).is_success


async def test_given_five_wrong_passwords_then_locked_with_the_time_to_wait(server: Server) -> None:
    staff = await make_staff(roles=[StaffRole.DOCTOR])
    body = {"login": staff.login, "password": "wrong horse battery"}
    for _ in range(5):
        answer = await server.party().post(f"{STAFF}/sessions", body)
    answer = await server.party().post(f"{STAFF}/sessions", body | {"password": staff.password})
    problem(answer, 429, "kernel.too_many_attempts")
    assert 600 < int(answer.headers["retry-after"]) <= 900


# -- devices


async def test_given_a_used_challenge_then_it_does_not_work_again(server: Server) -> None:
    device, anybody = await make_device(), server.party()
    path = "/api/kiosk/v1"
    asked = await anybody.did(f"{path}/device-challenges", {"device_id": str(device.view.id)})
    body = {"device_id": str(device.view.id), "challenge": asked["challenge"]}
    body["signature"] = device.sign(asked["challenge"].encode())
    await anybody.did(f"{path}/device-tokens", body)
    problem(await anybody.post(f"{path}/device-tokens", body), 401, "http.token_invalid")


async def test_given_a_challenge_of_another_device_then_refused(server: Server) -> None:
    mine, other, anybody = await make_device(), await make_device(), server.party()
    path = "/api/kiosk/v1"
    asked = await anybody.did(f"{path}/device-challenges", {"device_id": str(other.view.id)})
    body = {"device_id": str(mine.view.id), "challenge": asked["challenge"]}
    body["signature"] = mine.sign(asked["challenge"].encode())
    problem(await anybody.post(f"{path}/device-tokens", body), 401, "http.token_invalid")


async def test_given_the_wrong_key_then_unknown_and_a_challenge_is_left_for_the_right_one(server: Server) -> None:
    mine, other, anybody = await make_device(), await make_device(), server.party()
    path = "/api/kiosk/v1"
    asked = await anybody.did(f"{path}/device-challenges", {"device_id": str(mine.view.id)})
    body = {"device_id": str(mine.view.id), "challenge": asked["challenge"]}
    wrong = body | {"signature": other.sign(asked["challenge"].encode())}
    problem(await anybody.post(f"{path}/device-tokens", wrong), 401, "device.unknown")
    right = body | {"signature": mine.sign(asked["challenge"].encode())}
    assert (await anybody.post(f"{path}/device-tokens", right)).is_success


async def test_given_a_device_that_waits_for_approval_then_pending(server: Server) -> None:
    device, anybody = await make_device(approved=False), server.party()
    path = "/api/kiosk/v1"
    asked = await anybody.did(f"{path}/device-challenges", {"device_id": str(device.view.id)})
    body = {"device_id": str(device.view.id), "challenge": asked["challenge"]}
    body["signature"] = device.sign(asked["challenge"].encode())
    problem(await anybody.post(f"{path}/device-tokens", body), 403, "device.pending")


async def test_given_a_kiosk_then_it_gets_no_token_at_the_screens_door(server: Server) -> None:
    device, anybody = await make_device(), server.party()
    path = "/api/display/v1"
    asked = await anybody.did(f"{path}/device-challenges", {"device_id": str(device.view.id)})
    body = {"device_id": str(device.view.id), "challenge": asked["challenge"]}
    body["signature"] = device.sign(asked["challenge"].encode())
    problem(await anybody.post(f"{path}/device-tokens", body), 401, "device.unknown")


# -- what is written down


async def test_given_a_read_of_a_file_then_it_is_audited_within_a_second(server: Server, registrar: Party) -> None:
    person = somebody()
    made = await registrar.did(f"{STAFF}/patients", registration(document_no=person.document_no, name=person.name))
    await registrar.got(f"{STAFF}/patients/{made['patient_id']}")
    sql = "SELECT count(*) FROM audit_row WHERE action = 'patients.read' AND patient_id = $1"
    deadline = time.monotonic() + 2
    while not await count(sql, UUID(made["patient_id"])):
        assert time.monotonic() < deadline, "not audited"
    assert await count(sql, UUID(made["patient_id"])) == 1


async def test_given_a_body_with_an_identity_number_then_no_plain_hash_of_it_is_kept(registrar: Party) -> None:
    """An identity number has so few possible values that a plain hash of the body would give it away."""
    path, key = f"{STAFF}/patients", str(new_id())
    body = b'{"document_kind":"national_id","document_no":"%s","name":"\xe7\x8e\x8b"}' % national_id().encode()
    headers = registrar.headers | {"Content-Type": "application/json", "Idempotency-Key": key}
    assert (await registrar.http.post(path, content=body, headers=headers)).is_success
    for size in (20, 32, 64):
        plain = hashlib.blake2b(path.encode() + b"\x00" + body, digest_size=size).digest()
        assert not await count("SELECT count(*) FROM idempotency_record WHERE body_hash = $1", plain)
    assert await count("SELECT count(*) FROM idempotency_record WHERE key = $1", key) == 1


async def test_given_an_expired_token_of_ours_then_unauthenticated(server: Server) -> None:
    account = await make_account()
    token = tokens().issue(sub=account.account_id, sid=account.session_id, audience="miniapp", lifetime_s=-30)
    problem(await server.party(Authorization=f"Bearer {token}").get(f"{PHONE}/patients"), 401, "http.token_invalid")
