"""Forged notices of WeChat Pay over HTTP: each field, header and serial altered. None is accepted, none is a 5xx."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.wechat import crypto
from sandbox.wechat.config import Config, load_config
from sandbox.wechat.text import rfc3339
from tests.fixtures.access import make_clinic, make_session
from tests.fixtures.finance import rows, value
from tests.fixtures.miniapp import patient_body

GROUP = "server"
PATH = "/api/miniapp/v1/wechat/pay-notify"
REFUND_PATH = "/api/miniapp/v1/wechat/refund-notify"
HEADERS = (
    "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial", "Wechatpay-Signature-Type",
)  # fmt: skip


class Platform:
    """WeChat's own hand: what it signs is genuine. A stranger's key signs everything else."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.hand = crypto.Signer(config.public_key_id, crypto.load_private_key(config.platform_private_key_pem))
        self.stranger = crypto.Signer(
            config.public_key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    def body(self, resource: dict[str, Any], *, key: str | None = None, **envelope: Any) -> bytes:
        sealed = crypto.encrypt_resource(
            key or self.config.apiv3_key, json.dumps(resource).encode(), "transaction"
        )  # fmt: skip
        fields = {
            "id": "5a1e1f6c-0000-4000-8000-000000000000",
            "create_time": "2026-11-22T10:00:00+08:00",
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {"original_type": "transaction", **sealed},
        }
        return json.dumps({**fields, **envelope}).encode()


@pytest.fixture(scope="session")
def platform(server) -> Platform:
    return Platform(load_config(server.wechat.simulator_config_path))


@pytest.fixture
async def waiting(phone, simulator, platform):
    """A bill that waits for its payment: the phone, the appointment and the transaction that would pay it."""
    await simulator.fault("callback_drop", target="TRANSACTION")
    session = await make_session(clinic=await make_clinic())
    link = await phone.ok("/patients", patient_body())
    held = await phone.ok("/appointments", {"patient_id": link["patient_id"], "schedule_id": str(session.schedule_id)})
    await phone.ok(f"/appointments/{held['id']}/pay")
    [intent] = await rows(
        "SELECT p.* FROM payment_intent p JOIN charge_item c ON c.invoice_id = p.invoice_id WHERE c.source_id = $1",
        UUID(held["id"]),
    )
    transaction = {
        "appid": platform.config.appid,
        "mchid": platform.config.mchid,
        "out_trade_no": intent["out_trade_no"],
        "transaction_id": "42000" + "".join(secrets.choice("0123456789") for _ in range(23)),
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "success_time": rfc3339(intent["created_at"].timestamp()),
        "payer": {"openid": phone.openid},
        "amount": {"total": intent["amount_fen"], "currency": "CNY", "payer_total": intent["amount_fen"]},
    }
    return phone, intent, transaction


async def post(phone, body: bytes, headers: dict[str, str], path: str = PATH) -> int:
    sent = {"Content-Type": "application/json", **headers}
    return int((await phone.http.post(path, content=body, headers=sent)).status_code)


async def status_of(intent: Any) -> str:
    return str(await value("SELECT status FROM payment_intent WHERE id = $1", intent["id"]))


def altered_headers(good: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    for name in HEADERS:
        yield f"without {name}", {key: text for key, text in good.items() if key != name}
        for text in ("", "0", "x" * 4_000, good[name][::-1], good[name] + "A", "PUB_KEY_ID_" + "0" * 32):
            if text != good[name]:
                yield f"{name}: {text[:20]}", {**good, name: text}
    yield "probe", {**good, "Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + good["Wechatpay-Signature"][19:]}
    yield "strange serial", {**good, "Wechatpay-Serial": secrets.token_hex(20).upper()}
    yield "hour old", {**good, "Wechatpay-Timestamp": str(int(good["Wechatpay-Timestamp"]) - 3600)}
    yield "hour ahead", {**good, "Wechatpay-Timestamp": str(int(good["Wechatpay-Timestamp"]) + 3600)}


async def test_every_altered_header_is_refused_and_the_honest_notice_pays(waiting, platform):
    phone, intent, transaction = waiting
    body = platform.body(transaction)
    good = platform.hand.headers(body)
    answers = {name: await post(phone, body, headers) for name, headers in altered_headers(good)}
    assert {name: status for name, status in answers.items() if not 400 <= status < 500} == {}
    assert await status_of(intent) == "open"
    assert await post(phone, body, good) == 204  # the control
    assert await status_of(intent) == "succeeded"


def altered_values(good: Any) -> list[Any]:
    """What a forger might put in the place of a value, of its own kind and of others."""
    same: list[Any] = {str: ["", "x", str(good)[::-1] + "1"], int: [0, -1, good + 1 if type(good) is int else 1]}.get(
        type(good), [{}]
    )
    return [*same, None, [], {"a": 1}, True, 1.5, "é" * 5_000]


async def test_every_altered_field_of_the_envelope_is_refused_under_the_old_signature(waiting, platform):
    phone, intent, transaction = waiting
    body = platform.body(transaction)
    good, headers = json.loads(body), platform.hand.headers(body)
    forged = [{**good, name: text} for name in good for text in altered_values(good[name]) if text != good[name]]
    forged += [{key: text for key, text in good.items() if key != name} for name in good]
    resource = good["resource"]
    forged += [
        {**good, "resource": {**resource, name: text}} for name in resource for text in altered_values(resource[name])
    ]
    answers = [await post(phone, json.dumps(one).encode(), headers) for one in forged]
    assert {status for status in answers if not 400 <= status < 500} == set()
    assert len(answers) > 80
    assert await status_of(intent) == "open"


async def test_every_field_of_the_content_altered_by_somebody_without_the_key_is_refused(waiting, platform):
    """Whoever knows the APIv3 key but cannot sign, and whoever signs with a key of their own."""
    phone, intent, transaction = waiting
    for name in transaction:
        for text in altered_values(transaction[name])[:3]:
            body = platform.body({**transaction, name: text})
            assert 400 <= await post(phone, body, platform.stranger.headers(body)) < 500
    other_key = platform.body(transaction, key="0" * 32)
    assert 400 <= await post(phone, other_key, platform.hand.headers(other_key)) < 500
    assert await status_of(intent) == "open"


async def test_signed_content_that_is_not_what_was_asked_for_pays_nothing(waiting, platform):
    """Even WeChat's own signature does not make another amount, merchant, app, currency or payer right."""
    phone, intent, transaction = waiting
    amount = transaction["amount"]
    for changes in (
        {"amount": {**amount, "total": amount["total"] + 1}},
        {"amount": {**amount, "total": 0}},
        {"amount": {**amount, "total": str(amount["total"])}},
        {"amount": {**amount, "currency": "USD"}},
        {"amount": None},
        {"mchid": "1900000001"},
        {"appid": "wx0000000000000000"},
        {"payer": {"openid": "o-somebody-else"}},
        {"out_trade_no": "NOSUCHORDER"},
        {"out_trade_no": ""},
        {"trade_state": "NOTPAY"},
        {"trade_state": "UNHEARD"},
        {"transaction_id": None},
        {"transaction_id": "4" * 400},
        {"success_time": "soon"},
        {"success_time": None},
    ):
        body = platform.body({**transaction, **changes})
        assert 400 <= await post(phone, body, platform.hand.headers(body)) < 500, changes
    assert await status_of(intent) == "open"


async def test_signed_notice_at_the_wrong_address_or_of_another_event_is_refused(waiting, platform):
    phone, intent, transaction = waiting
    body = platform.body(transaction)
    assert await post(phone, body, platform.hand.headers(body), REFUND_PATH) == 401
    for event in ("REFUND.SUCCESS", "TRANSACTION.CLOSED", "MEDICAL_INSURANCE.SUCCESS", "", 7):
        other = platform.body(transaction, event_type=event)
        assert 400 <= await post(phone, other, platform.hand.headers(other)) < 500
    assert await status_of(intent) == "open"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 20_000, b'{"resource": 1}', b"0" * 200_000]
)
async def test_rubbish_is_refused(phone, platform, body):
    for path in (PATH, REFUND_PATH):
        assert 400 <= await post(phone, body, platform.hand.headers(body), path) < 500
        assert 400 <= await post(phone, body, {}, path) < 500


async def test_serial_of_another_public_key_is_refused_under_either_hand(waiting, platform):
    phone, intent, transaction = waiting
    body = platform.body(transaction)
    for signer in (platform.hand, platform.stranger):
        for serial in (platform.config.public_key_id[:-1] + "x", "PUB_KEY_ID_", "0", "é", "g" * 40, "F" * 40):
            headers = signer.headers(body) | {"Wechatpay-Serial": serial}
            sent = {name: text.encode() for name, text in headers.items()}
            status = await phone.http.post(PATH, content=body, headers={"Content-Type": b"application/json", **sent})
            assert 400 <= status.status_code < 500, serial
    assert await status_of(intent) == "open"


@pytest.fixture
async def going_back(waiting, platform, simulator):
    """A refund that only a notice can end, for the simulator was never paid: the phone, its row, what is told."""
    phone, intent, transaction = waiting
    body = platform.body(transaction)
    assert await post(phone, body, platform.hand.headers(body)) == 204
    [appointment] = (await phone.see("/appointments"))["items"]
    for _ in range(100):
        if (await phone.see(f"/appointments/{appointment['id']}"))["payment_status"] == "paid":
            break
        await asyncio.sleep(0.1)
    await phone.ok(f"/appointments/{appointment['id']}/cancel")
    [refund] = await rows("SELECT * FROM refund WHERE intent_id = $1", intent["id"])
    told = {
        "mchid": platform.config.mchid,
        "out_trade_no": intent["out_trade_no"],
        "transaction_id": transaction["transaction_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_id": "50300" + "".join(secrets.choice("0123456789") for _ in range(23)),
        "refund_status": "SUCCESS",
        "success_time": rfc3339(intent["created_at"].timestamp()),
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": intent["amount_fen"], "refund": refund["amount_fen"], "payer_total": intent["amount_fen"],
            "payer_refund": refund["amount_fen"],
        },
    }  # fmt: skip
    return phone, refund, told


def refund_body(platform: Platform, told: dict[str, Any]) -> bytes:
    return platform.body(told, event_type="REFUND.SUCCESS", summary="退款成功")


async def refund_status(refund: Any) -> str:
    return str(await value("SELECT status FROM refund WHERE id = $1", refund["id"]))


async def test_every_altered_notice_of_a_refund_is_refused_and_the_honest_one_ends_it(going_back, platform):
    phone, refund, told = going_back
    body = refund_body(platform, told)
    good = platform.hand.headers(body)
    answers = {name: await post(phone, body, headers, REFUND_PATH) for name, headers in altered_headers(good)}
    envelope = json.loads(body)
    for name in envelope:
        for text in altered_values(envelope[name]):
            if text != envelope[name]:
                forged = json.dumps({**envelope, name: text}).encode()
                answers[f"{name} {str(text)[:20]}"] = await post(phone, forged, good, REFUND_PATH)
    for name in told:
        for text in altered_values(told[name])[:3]:
            forged = refund_body(platform, {**told, name: text})
            answers[f"content {name} {str(text)[:20]}"] = await post(
                phone, forged, platform.stranger.headers(forged), REFUND_PATH
            )
    assert {name: status for name, status in answers.items() if not 400 <= status < 500} == {}
    assert len(answers) > 80
    assert await refund_status(refund) != "succeeded"
    assert await post(phone, body, good, REFUND_PATH) == 204  # the control
    assert await refund_status(refund) == "succeeded"
