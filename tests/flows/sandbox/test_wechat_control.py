"""The control API and the pages: reachable from this machine and its allowed pages only."""

from __future__ import annotations

from dataclasses import asdict

import httpx
import pytest

from sandbox.wechat import make_config
from sandbox.wechat.state import State, revive
from tests.flows.sandbox.conftest import PHONE_ORIGIN


@pytest.mark.parametrize("path", ["/", "/pay?prepay_id=x", "/login?redirect_uri=x", "/authorize", "/static/pay.js"])
async def test_page_comes_with_strict_policy(simulator, path):
    answer = httpx.get(simulator.address + path, trust_env=False)
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "default-src 'self'; script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*" in policy
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


async def test_unknown_file_is_not_found(simulator):
    for path in ("/static/none.js", "/static/..%2fapp.py", "/nothing"):
        assert httpx.get(simulator.address + path, trust_env=False).status_code == 404


async def test_rebound_name_and_foreign_page_are_refused(simulator):
    rebound = await simulator.http.get("/state", headers={"Host": "evil.example"})
    assert (rebound.status_code, rebound.json()["code"]) == (403, "loopback_only")
    for method, origin in (("POST", "http://evil.example"), ("GET", "http://evil.example"), ("POST", PHONE_ORIGIN)):
        answer = await simulator.http.request(method, "/users", headers={"Origin": origin}, json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


async def test_allowed_page_may_read_users_and_own_page_may_write(simulator):
    answer = await simulator.http.get("/users", headers={"Origin": PHONE_ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == PHONE_ORIGIN
    assert len(answer.json()["items"]) == 4
    own = await simulator.http.post(
        "/users", headers={"Origin": simulator.address}, json={"nickname": "甲", "phone": "13900000001"}
    )
    assert own.status_code == 201


async def test_users_are_checked_and_openid_may_be_chosen(simulator):
    for body in (
        {"nickname": "", "phone": "13900000001"},
        {"nickname": "甲", "phone": "1390000000"},
        {"nickname": "甲", "phone": "13900000001", "openid": ""},
    ):
        assert (await simulator.http.post("/users", json=body)).status_code == 400
    for nickname in ("甲", "乙"):
        user = await simulator.post("/users", openid="o-chosen", nickname=nickname, phone="13900000001")
        assert (user["openid"], user["nickname"]) == ("o-chosen", nickname)
    assert (await simulator.http.get("/users/nobody")).status_code == 404


async def test_reset_forgets_orders_and_may_keep_people(simulator):
    before = (await simulator.get("/users"))["items"]
    await simulator.post("/users", openid="o-kept", nickname="甲", phone="13900000001")
    await simulator.fault("coupon")
    await simulator.post("/reset", keep_users=True)
    assert len((await simulator.get("/users"))["items"]) == len(before) + 1
    assert (await simulator.get("/faults"))["rules"] == []
    await simulator.post("/reset")
    assert (await simulator.get("/users"))["items"] == before


@pytest.mark.parametrize("body", [{"time_scale": 0}, {"time_scale": "fast"}, {"callback_signing": "x"}, {"other": 1}])
async def test_senseless_setting_is_refused(simulator, body):
    assert (await simulator.http.post("/settings", json=body)).status_code == 400


def test_made_files_are_private_and_kept_on_second_call(tmp_path):
    first = make_config(tmp_path / "keys", base_url="http://127.0.0.1:1/")
    second = make_config(tmp_path / "keys", base_url="http://127.0.0.1:2", return_origins=["http://127.0.0.1:3"])
    assert (first.mchid, first.apiv3_key, first.template_ids) == (second.mchid, second.apiv3_key, second.template_ids)
    assert (first.base_url, second.base_url) == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert "http://127.0.0.1:3" in second.simulator_config_path.read_text()
    assert first.apiv3_key not in repr(first)
    assert first.merchant_key_path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_state_file_of_the_version_before_is_still_read():
    order = {
        "out_trade_no": "T1", "request": {}, "total_fen": 1, "openid": "o1", "notify_url": "", "created_at": 1.0,
        "expires_at": None, "trade_state": "NOTPAY", "prepay_ids": {"wx1": 1.0}, "transaction_id": None,
        "paid_at": None, "payer_total_fen": None,
    }  # fmt: skip
    empty = asdict(State()) | {"version": 1, "orders": {"T1": order}}
    for later in ("pushes",):
        empty.pop(later)
    for later in ("push_url", "push_format", "push_encrypted"):
        empty["settings"].pop(later)
    state = revive(empty)
    assert (state.orders["T1"].trade_type, state.settings.push_format, state.pushes) == ("JSAPI", "json", {})
    with pytest.raises(ValueError, match="version"):
        revive(empty | {"version": 99})
