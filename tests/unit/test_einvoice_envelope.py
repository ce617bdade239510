"""The envelope of the e-invoice platform: both sides agree, and nothing unsigned or unfit is believed."""

import base64
import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from backend.einvoice import HttpEInvoicePlatform, bodies
from backend.einvoice.envelope import BadEnvelope, seal, signature, unseal
from backend.einvoice.platform import _meaning
from backend.settings import SettingsError, load_settings
from hospital_core.finance.einvoicing.ports import (
    AlreadyIssuedThere,
    AlreadyRedThere,
    EInvoiceOrder,
    OrderLine,
    PlatformRefused,
    PlatformUnknown,
)
from hospital_core.finance.einvoicing.states import EInvoiceKind
from hospital_core.registry.catalogue.states import FeeCategory
from sandbox.einvoice.envelope import Account, Refusal
from tests.fixtures.einvoice import APPID, KEY, platform_settings

ACCOUNT = Account(APPID, KEY)


def test_the_signature_is_the_platforms_own_words() -> None:
    text = f"appid={APPID}&data=e30=&noise=n1&key={KEY}&version=1.0"
    assert signature(APPID, KEY, "e30=", "n1") == hashlib.md5(text.encode()).hexdigest().upper()


def test_what_is_sealed_is_opened_by_the_platform_and_each_noise_is_new() -> None:
    first, second = seal(APPID, KEY, {"payer": "张三丰"}), seal(APPID, KEY, {"payer": "张三丰"})
    assert ACCOUNT.open(first) == ({"payer": "张三丰"}, first["noise"])
    assert first["noise"] != second["noise"]
    assert set(first) == {"appid", "data", "noise", "version", "sign"}


@pytest.mark.parametrize("field", ["appid", "data", "noise", "version", "sign"])
def test_a_call_that_was_altered_is_refused(field: str) -> None:
    altered = seal(APPID, KEY, {"busNo": "1"})
    altered[field] = altered[field][:-1] + ("0" if altered[field][-1] != "0" else "1")
    with pytest.raises(Refusal):
        ACCOUNT.open(altered)


def test_an_answer_is_read_and_a_refusal_keeps_its_words() -> None:
    done = unseal(APPID, KEY, json.dumps(ACCOUNT.answer("n", "S0000", {"billNo": "1"})).encode())
    assert (done.result, done.message) == ("S0000", {"billNo": "1"})
    refused = unseal(APPID, KEY, json.dumps(ACCOUNT.answer("n", "E3001", "票据余量不足")).encode())
    assert (refused.result, refused.text) == ("E3001", "票据余量不足")


@pytest.mark.parametrize("field", ["data", "noise", "sign"])
def test_an_answer_that_was_altered_or_cut_is_not_believed(field: str) -> None:
    answer = ACCOUNT.answer("n1", "S0000", {"billNo": "1"})
    altered = answer | {field: answer[field][::-1]}
    with pytest.raises(BadEnvelope):
        unseal(APPID, KEY, json.dumps(altered).encode())
    with pytest.raises(BadEnvelope):
        unseal(APPID, KEY, json.dumps({name: text for name, text in answer.items() if name != field}).encode())


@pytest.mark.parametrize("raw", [b'{"data":"","noise":"n","sign":"\\ud800"}', b"[" * 100_000, b"\xff", b"null", b'"x"'])
def test_an_answer_made_to_break_the_reader_is_not_believed(raw: bytes) -> None:
    with pytest.raises(BadEnvelope):
        unseal(APPID, KEY, raw)


@pytest.mark.parametrize("inner", [b"no json", b'{"result": "S0000"}', b'{"result": "S0000", "message": "e30"}', b"[]"])
def test_a_signed_answer_without_sense_is_not_believed(inner: bytes) -> None:
    data = base64.b64encode(inner).decode()
    with pytest.raises(BadEnvelope):
        unseal(APPID, KEY, json.dumps({"data": data, "noise": "n", "sign": ACCOUNT.sign(data, "n")}).encode())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("S9999", PlatformUnknown),
        ("E1003", PlatformUnknown),
        ("S0000", PlatformUnknown),
        ("E3001", PlatformRefused),
        ("E0409", AlreadyIssuedThere),
        ("E0410", AlreadyRedThere),
    ],
)
def test_a_code_means_no_or_nothing_known(code: str, kind: type[Exception]) -> None:
    assert type(_meaning(code, "")) is kind


def _order() -> EInvoiceOrder:
    lines = [
        OrderLine("A1", "血常规", FeeCategory.LABORATORY, "次", Decimal("20.0000"), Decimal(2), 4000),
        OrderLine("A2", "尿常规", FeeCategory.LABORATORY, "次", Decimal("5.0050"), Decimal("1.000"), 501),
        OrderLine("B1", "阿司匹林", FeeCategory.WESTERN_DRUG, "盒", Decimal("12.30"), Decimal(1), 1230),
    ]
    at = datetime(2026, 11, 22, 16, 30, 5, 123456, UTC)
    return EInvoiceOrder("B0000000017-1", EInvoiceKind.OUTPATIENT, at, "张三丰", "000000017", 5731, 700, "S1", lines)


def test_an_order_says_everything_needed_and_nothing_of_identity() -> None:
    body = bodies.order_body(platform_settings("http://127.0.0.1:1"), _order())
    assert (body["busType"], body["busDateTime"], body["totalAmt"]) == ("02", "20261123003005123", "57.31")
    assert (body["fundAmt"], body["ownPay"], body["balancedNumber"]) == ("7.00", "50.31", "S1")
    details = {one["chargeCode"]: one["amt"] for one in body["chargeDetail"]}
    assert details == {"04": "45.01", "09": "12.30"}
    assert [one["amt"] for one in body["listDetail"]] == ["40.00", "5.01", "12.30"]
    assert not {"idcard", "idCardNo", "tel", "openid", "email"} & set(body)


def test_every_category_and_kind_has_its_code() -> None:
    assert set(bodies.CATEGORIES) == set(FeeCategory)
    assert sorted(code for code, _ in bodies.CATEGORIES.values()) == [f"{n:02d}" for n in range(1, 15)]
    assert set(bodies.METHODS) == set(bodies.BUS_TYPES) == set(EInvoiceKind)


def test_only_a_picture_and_an_address_reach_people() -> None:
    message = {
        "billBatchCode": "1", "billNo": "2", "random": "3", "createTime": "20261123003005123",
        "billQRCode": base64.b64encode(b"<script>").decode(), "pictureUrl": "javascript:alert(1)",
    }  # fmt: skip
    number = bodies.issued(message)
    assert (number.qr_png, number.picture_url) == (None, None)
    assert number.issued_at == datetime(2026, 11, 22, 16, 30, 5, 123000, UTC)


def test_a_number_that_is_missing_is_no_number() -> None:
    with pytest.raises(ValueError, match="without a number"):
        bodies.issued({"billBatchCode": "", "billNo": "", "random": "", "createTime": "20261123003005123"})


_NUMBER = {"billBatchCode": "1106", "billNo": "2", "random": "3", "createTime": "20261123003005123"}


@pytest.mark.parametrize("wrong", [None, "", " ", "9" * 21, {"a": 1}, ["1"], True, 1.5])
@pytest.mark.parametrize("field", ["billNo", "random"])
def test_a_number_that_our_tables_cannot_hold_is_no_number(field: str, wrong: object) -> None:
    with pytest.raises(ValueError, match="without a number"):
        bodies.issued(_NUMBER | {field: wrong})
    row = {"busNo": "B", "isScarlet": "0", "totalAmt": "1.00", **_NUMBER}
    assert bodies.document(row | {"billNo": 17}).bill_no == "17"


@pytest.mark.parametrize("amount", ["1e30", "Infinity", "NaN", "0.001", None, "9" * 20])
def test_an_amount_that_nobody_pays_is_no_amount(amount: object) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        bodies.document({"busNo": "B", "isScarlet": "0", "totalAmt": amount, **_NUMBER})
    with pytest.raises((ValueError, ArithmeticError)):
        bodies.total({"allTotalNum": 1, "allTotalAmt": amount})


@pytest.mark.parametrize("says_total", [True, False])
async def test_a_list_in_pages_smaller_than_asked_for_is_read_to_its_end(
    says_total: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, size = HttpEInvoicePlatform(platform_settings("http://127.0.0.1:1")), 100 if says_total else 200
    rows = [
        {"busNo": f"B{n}", "isScarlet": "0", "totalAmt": "1.00", **_NUMBER, "billNo": f"{n:010d}"} for n in range(450)
    ]

    async def page(method: str, body: dict[str, Any]) -> dict[str, Any]:
        since = (body["pageNo"] - 1) * size
        return {"billList": rows[since : since + size]} | ({"total": len(rows)} if says_total else {})

    monkeypatch.setattr(platform, "_call", page)
    assert [one.bus_no for one in await platform.documents(date(2026, 11, 22))] == [row["busNo"] for row in rows]
    await platform.close()


_HOUSE = {
    "HOSPITAL_ENVIRONMENT": "test", "HOSPITAL_DATABASE_URL": "postgres://a@127.0.0.1/x",
    "HOSPITAL_REDIS_URL": "redis://127.0.0.1",
    "HOSPITAL_FIELD_KEYS": json.dumps({"1": "00" * 32}), "HOSPITAL_FIELD_KEY_CURRENT": "1",
    "HOSPITAL_INDEX_KEY": "00" * 32,
    "HOSPITAL_AUDIT_KEY": "00" * 32, "HOSPITAL_TOKEN_KEYS": json.dumps({"k": "00" * 32}), "HOSPITAL_QR_KEY": "00" * 32,
}  # fmt: skip
_JOINED = {"HOSPITAL_EINVOICE_URL": "https://pj.example", "HOSPITAL_EINVOICE_APPID": "A", "HOSPITAL_EINVOICE_KEY": KEY}


def test_a_house_without_settings_is_joined_to_no_platform_and_half_settings_name_what_is_missing() -> None:
    assert load_settings(_HOUSE).einvoice is None
    with pytest.raises(SettingsError, match="set HOSPITAL_EINVOICE_PLACE_CODE"):
        load_settings(_HOUSE | _JOINED)
    joined = load_settings(_HOUSE | _JOINED | {"HOSPITAL_EINVOICE_PLACE_CODE": "K001"}).einvoice
    assert joined is not None
    assert joined.author == "线上开票"
    assert KEY not in repr(joined)
