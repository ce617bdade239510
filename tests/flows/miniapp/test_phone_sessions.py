"""Signing in, staying signed in, and who a phone is, over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest

from backend.http.tokens import Tokens
from tests.fixtures.finance import value
from tests.fixtures.miniapp import patient_body
from tests.fixtures.server import TOKEN_KEY

GROUP = "server"


async def test_new_person_signs_in_and_out(new_phone, simulator):
    phone = await new_phone().sign_in(simulator)
    assert phone.session["expires_in"] == 900
    assert phone.session["account"]["phone_masked"] is None
    assert await phone.see("/patients") == {"items": [], "next_cursor": None}

    again = await new_phone().sign_in(simulator, phone.openid)
    assert again.session["account"]["id"] == phone.session["account"]["id"]
    assert (await phone.ok("/sessions/end"))["done"] is True
    started = time.monotonic()
    while (await phone.get("/patients")).status_code != 401:
        assert time.monotonic() - started < 1.0, "revocation must act within a second"
        await asyncio.sleep(0.05)
    refused = await phone.post("/sessions/refresh", {"refresh_token": phone.session["refresh_token"]})
    assert (refused.status_code, refused.json()["code"]) == (401, "accounts.session_ended")
    assert (await again.get("/patients")).status_code == 200


async def test_spent_and_invented_codes_do_not_sign_in(new_phone, simulator):
    phone = new_phone()
    openid = await simulator.person()
    code = (await simulator.post(f"/users/{openid}/login-code"))["code"]
    await phone.ok("/sessions", {"code": code})
    for wrong in (code, "invented"):
        refused = await phone.post("/sessions", {"code": wrong})
        assert (refused.status_code, refused.json()["code"]) == (401, "wechat.login_code_wrong")
        assert refused.headers["content-type"] == "application/problem+json"
    await simulator.fault("mini_errcode", target="code2session", times=1)
    away = await phone.post("/sessions", {"code": "any"})
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")


async def test_refresh_token_works_once_and_its_theft_ends_the_session(phone):
    first = phone.session["refresh_token"]
    second = (await phone.ok("/sessions/refresh", {"refresh_token": first}))["refresh_token"]
    raced = await phone.ok("/sessions/refresh", {"refresh_token": first})
    assert raced["refresh_token"] == second  # two requests of one phone
    third = (await phone.ok("/sessions/refresh", {"refresh_token": second}))["refresh_token"]
    stolen = await phone.post("/sessions/refresh", {"refresh_token": first})
    assert stolen.status_code == 401
    assert (await phone.post("/sessions/refresh", {"refresh_token": third})).status_code == 401


async def test_phone_number_is_kept_once_and_a_second_tap_gets_the_first_answer(phone, simulator):
    code = (await simulator.post(f"/users/{phone.openid}/phone-code"))["code"]
    key = uuid.uuid4().hex
    first = await phone.ok("/phone", {"code": code}, key=key)
    assert first["phone_masked"].startswith("139****")
    assert await phone.ok("/phone", {"code": code}, key=key) == first
    refused = await phone.post("/phone", {"code": code})
    assert (refused.status_code, refused.json()["code"]) == (422, "wechat.phone_code_wrong")
    other = await phone.post("/phone", {"code": "another"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "kernel.idempotency_mismatch")


async def test_entry_tells_where_wechats_sheets_are(new_phone, server):
    entry = await new_phone().see("/entry")
    assert entry["login_url"] == f"{server.wechat_url}/login"
    assert "secret" not in str(entry)


NOBODY = "00000000-0000-4000-8000-000000000000"
PRIVATE = ["/patients", "/departments", "/appointments", "/messages", f"/appointments/{NOBODY}/qr.svg"]


@pytest.mark.parametrize("path", PRIVATE)
async def test_nobody_reads_without_a_token_of_a_phone(new_phone, path):
    phone = new_phone()
    assert (await phone.get(path)).status_code == 401
    ring, somebody = Tokens({"k1": TOKEN_KEY}), {"sub": uuid.uuid4(), "sid": uuid.uuid4()}
    foreign = ring.issue(**somebody, audience="kiosk")
    expired = ring.issue(**somebody, audience="miniapp", lifetime_s=-60)
    forged = Tokens({"k1": b"f" * 32}).issue(**somebody, audience="miniapp")
    unsigned = foreign.rsplit(".", 1)[0] + "."
    for token in (foreign, expired, forged, unsigned, "nonsense", "a" * 5000):
        phone.session = {"access_token": token}
        refused = await phone.get(path)
        assert refused.status_code in (401, 431), token
        assert refused.headers["content-type"] == "application/problem+json"


async def test_bad_bodies_change_nothing_and_say_why_in_chinese(phone):
    async def send(content, **headers):
        key = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
        proof = {"Authorization": f"Bearer {phone.session['access_token']}"}
        return await phone.http.post("/api/miniapp/v1/patients", content=content, headers=proof | key | headers)

    before = await value("SELECT count(*) FROM account_link")
    assert (await send(b"{not json")).status_code == 400
    assert (await send(b"\xff\xfe")).status_code in (400, 422)
    assert (await send(b"[]")).status_code == 422
    assert (await send(b"{}", **{"Content-Type": "text/plain"})).status_code == 400
    assert (await send(json.dumps(patient_body()).encode(), **{"Idempotency-Key": "x"})).status_code == 400
    wrong = patient_body()
    wrong["document_no"] = wrong["document_no"][:-1] + ("0" if wrong["document_no"][-1] != "0" else "1")
    for body, pointer in [
        (patient_body() | {"surprise": 1}, "/surprise"),
        (patient_body() | {"name": 7}, "/name"),
        (patient_body() | {"name": "<script>alert(1)</script>"}, "/name"),
        (patient_body() | {"relation": "friend"}, "/relation"),
        (patient_body() | {"birth_date": "yesterday"}, "/birth_date"),
        (wrong, "/document_no"),
    ]:
        answer = await phone.post("/patients", body)
        problem = answer.json()
        assert (answer.status_code, problem["errors"][0]["pointer"]) == (422, pointer), problem
        assert any("\u4e00" <= character <= "\u9fff" for character in problem["errors"][0]["message"])
    assert (await phone.post("/patients", patient_body() | {"name": "张\x00三"})).status_code == 422
    assert await value("SELECT count(*) FROM account_link") == before


async def test_ids_that_are_none_and_addresses_that_are_not_there_are_404(phone):
    for path in ("/appointments/1", f"/appointments/{uuid.uuid4()}", f"/schedules/{uuid.uuid4()}/slots", "/nothing"):
        assert (await phone.get(path)).status_code == 404
    assert (await phone.post("/departments")).status_code == 405
