"""Permissions and messages over HTTP: the person allows, WeChat pushes, the hospital writes."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import value
from tests.fixtures.miniapp import PREFIX, patient_body

GROUP = "server"


async def eventually(look, wanted, seconds=20.0):
    async with asyncio.timeout(seconds):
        while (seen := await look()) != wanted:
            await asyncio.sleep(0.05)
    return seen


@pytest.fixture
def template(server):
    return server.wechat.template_ids["appointment_booked"]


async def remaining(phone, template):
    offered = {one["template_id"]: one for one in (await phone.see("/message-templates"))["items"]}
    return offered[template]["remaining"]


async def allow(simulator, phone, template, accept=True):
    await simulator.post(f"/users/{phone.openid}/subscribe", template_id=template, accept=accept)


async def booked(phone, simulator):
    session = await make_session(clinic=await make_clinic())
    link = await phone.ok("/patients", patient_body())
    held = await phone.ok("/appointments", {"patient_id": link["patient_id"], "schedule_id": str(session.schedule_id)})
    started = (await phone.ok(f"/appointments/{held['id']}/pay"))["payment"]
    prepay_id = started["wechat"]["package"].removeprefix("prepay_id=")
    await simulator.post("/pay", prepay_id=prepay_id, openid=phone.openid, **started["wechat"])
    return held


async def test_person_who_allowed_it_gets_the_message_in_wechat(phone, simulator, template):
    await allow(simulator, phone, template)
    await eventually(lambda: remaining(phone, template), 1)
    await booked(phone, simulator)

    async def received():
        return [one["title"] for one in (await simulator.get(f"/users/{phone.openid}/messages"))["items"]]

    await eventually(received, ["预约挂号成功通知"])
    await eventually(lambda: remaining(phone, template), 0)
    assert (await phone.see("/messages"))["items"][0]["status"] == "sent"


async def test_person_who_was_never_asked_finds_it_in_the_inbox(phone, simulator, template):
    held = await booked(phone, simulator)

    async def states():
        return [(one["appointment_id"], one["status"]) for one in (await phone.see("/messages"))["items"]]

    await eventually(states, [(held["id"], "refused")])
    assert (await simulator.get(f"/users/{phone.openid}/messages"))["items"] == []


async def test_repeated_push_counts_once_and_a_withdrawal_ends_it(phone, simulator, template):
    await simulator.fault("push_duplicate", value=2, times=1)
    await allow(simulator, phone, template)
    await eventually(lambda: remaining(phone, template), 1)
    await simulator.post("/settings", clock_offset_seconds=2)  # one person does not answer twice in a second
    await allow(simulator, phone, template)
    await simulator.post("/settings", clock_offset_seconds=0)
    await eventually(lambda: remaining(phone, template), 2)
    await simulator.post(f"/users/{phone.openid}/unsubscribe", template_id=template)
    await eventually(lambda: remaining(phone, template), 0)


async def test_lost_and_forged_pushes_are_sent_again_and_only_the_honest_one_counts(phone, simulator, template):
    for kind in ("push_drop", "push_forged"):
        await simulator.fault(kind, times=1)
    await allow(simulator, phone, template)
    await eventually(lambda: remaining(phone, template), 1)
    pushes = (await simulator.get("/state"))["pushes"].values()
    tried = [push["attempts"] for push in pushes if push["openid"] == phone.openid]
    assert not any(attempt["violation"] for attempts in tried for attempt in attempts)


async def test_back_office_finds_our_address(simulator):
    assert (await simulator.post("/push/verify"))["ok"] is True


@pytest.mark.parametrize("body", [b"", b"{", b"<xml/>", b"<!DOCTYPE x><xml/>", b"\xff" * 100, b'{"Encrypt": "x"}'])
async def test_push_that_nobody_signed_is_refused(server, body):
    async with httpx.AsyncClient(base_url=server.origin, trust_env=False) as http:
        for query in (
            "",
            "?timestamp=1&nonce=2&msg_signature=3",
            "?timestamp=99999999999999999999&msg_signature=%00",
        ):
            for kind in ("application/json", "text/xml", ""):
                answer = await http.post(f"{PREFIX}/wechat/push{query}", content=body, headers={"Content-Type": kind})
                assert 400 <= answer.status_code < 500
        echo = await http.get(f"{PREFIX}/wechat/push?timestamp=1&nonce=2&signature=3&echostr=<script>")
        assert (echo.status_code, "<script>" in echo.text) == (401, False)


async def test_too_large_a_push_is_refused(server):
    async with httpx.AsyncClient(base_url=server.origin, trust_env=False) as http:
        answer = await http.post(f"{PREFIX}/wechat/push", content=b"<" * 300_000)
        assert 400 <= answer.status_code < 500
    assert await value("SELECT count(*) FROM subscribe_quota WHERE remaining < 0") == 0
