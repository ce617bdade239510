"""The trade bill (交易账单): fetched as a stream, believed only after its hash, read line by line; memory stays flat.

UTF-8 with a byte order mark, every field behind a back-quote, money in yuan (fees with five decimals), a summary at the
end. Source: 微信支付 APIv3 申请交易账单, 下载账单.
"""

import asyncio
import gzip
import hashlib
import re
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import islice
from typing import IO
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
from wechatpayv3.async_ import AsyncWeChatPay
from wechatpayv3.async_.utils import build_authorization

from hospital_core.finance.payments.ports import BillRow, BillRowKind, GatewayUnknown
from miniapp_api.wechat.answers import BillAddress

DOWNLOAD_S = 120.0
_CHUNK = 1 << 20
_BATCH = 2_000  # rows read in one go on a thread
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_KINDS = {"SUCCESS": BillRowKind.PAYMENT, "REFUND": BillRowKind.REFUND, "REVOKED": BillRowKind.REVERSAL}
_FIELD = "`"
_BETWEEN = ",`"  # not a comma alone: WeChat does not quote commas in a description
_LINE_BYTES_MAX = 1 << 16  # a row has a few hundred
_WIDTHS = {
    "公众账号ID": 40, "商户号": 32, "特约商户号": 32, "微信订单号": 64, "商户订单号": 64, "微信退款单号": 64,
    "商户退款单号": 64, "退款状态": 20,
}  # fmt: skip
_AMOUNT = re.compile(r"(-?[0-9]{1,12})(?:\.([0-9]{1,5}))?")


async def rows_of(client: AsyncWeChatPay, address: BillAddress) -> AsyncIterator[BillRow]:
    """The rows of a bill that lies at ``address``. Raises: GatewayUnknown (no answer, wrong hash, unreadable)."""
    with tempfile.TemporaryFile() as file:
        await _download(client, address.download_url, file)
        await asyncio.to_thread(_check, file, address)
        file.seek(0)
        with gzip.open(file) as text:
            rows = read_rows(iter(partial(text.readline, _LINE_BYTES_MAX), b""))
            while batch := await asyncio.to_thread(_next_rows, rows):
                for row in batch:
                    yield row


async def _download(client: AsyncWeChatPay, url: str, file: IO[bytes]) -> None:
    """The library would hold the whole bill in memory; so the request is made here, signed by the library's hand."""
    core, parts = client._core, urlsplit(url)
    path = f"{parts.path}?{parts.query}"
    proof = build_authorization(path, "GET", core._mchid, core._cert_serial_no, core._private_key)
    headers = {"Authorization": proof, "Accept": "*/*", "User-Agent": "smart-hospital"}
    try:
        async with (
            asyncio.timeout(DOWNLOAD_S),
            core._client.stream("GET", core._gate_way + path, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise GatewayUnknown(f"bill download: HTTP {answer.status_code}")
            async for chunk in answer.aiter_raw(_CHUNK):
                await asyncio.to_thread(file.write, chunk)
    except (httpx.HTTPError, TimeoutError) as error:
        raise GatewayUnknown("bill download") from error


def _check(file: IO[bytes], address: BillAddress) -> None:
    """The file itself comes unsigned: what holds it is the hash, of the text before gzip, in the signed answer."""
    if address.hash_type != "SHA1":
        raise GatewayUnknown("bill hash of an unknown kind")
    digest = hashlib.sha1(usedforsecurity=False)
    file.seek(0)
    try:
        with gzip.open(file) as text:
            for chunk in iter(partial(text.read, _CHUNK), b""):
                digest.update(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise GatewayUnknown("bill is no gzip") from error
    if digest.hexdigest() != address.hash_value.lower():
        raise GatewayUnknown("bill hash differs")


def _next_rows(rows: Iterator[BillRow]) -> list[BillRow]:
    return list(islice(rows, _BATCH))


def read_rows(lines: Iterable[bytes]) -> Iterator[BillRow]:
    """The rows between header and summary, whose count must be the summary's. Raises: GatewayUnknown."""
    texts = map(_text, lines)
    names = next(texts, "").removeprefix("\ufeff").split(",")
    count = 0
    for text in texts:
        if not text.startswith(_FIELD):
            break  # the summary's header
        yield _row(_values(text, names))
        count += 1
    summary = next(texts, "").removeprefix(_FIELD).split(_BETWEEN)
    if summary[0] != str(count):
        raise GatewayUnknown("bill summary differs from its rows")


def _text(line: bytes) -> str:
    if len(line) >= _LINE_BYTES_MAX or b"\x00" in line:
        raise GatewayUnknown("bill line that is none")
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise GatewayUnknown("bill is not UTF-8") from error


def _values(text: str, names: list[str]) -> dict[str, str]:
    fields = text[1:].split(_BETWEEN)
    if len(fields) != len(names):
        raise GatewayUnknown("bill row of another length than its header")
    return dict(zip(names, fields, strict=True))


def _row(values: Mapping[str, str]) -> BillRow:
    try:
        if any(len(values[name]) > width for name, width in _WIDTHS.items()):
            raise ValueError("longer than any number")
        kind = _KINDS[values["交易状态"]]
        came = kind is BillRowKind.PAYMENT
        return BillRow(
            kind=kind,
            at=datetime.fromisoformat(values["交易时间"]).replace(tzinfo=_SHANGHAI),
            mchid=values["商户号"],
            appid=values["公众账号ID"],
            sub_mchid=_known(values["特约商户号"]),
            transaction_id=values["微信订单号"],
            out_trade_no=values["商户订单号"],
            payer_openid=values["用户标识"],
            trade_type=values["交易类型"],
            amount_fen=_units(values["订单金额" if came else "申请退款金额"], 2),
            settled_fen=_units(values["应结订单金额" if came else "退款金额"], 2),
            fee_millifen=_units(values["手续费"], 5),
            refund_id=None if came else _known(values["微信退款单号"]),
            out_refund_no=None if came else _known(values["商户退款单号"]),
            status=values["退款状态"],
        )
    except (KeyError, ValueError) as error:
        raise GatewayUnknown("unreadable bill row") from error


def _known(text: str) -> str | None:
    return None if text in ("", "0") else text


def _units(text: str, places: int) -> int:
    """Yuan as whole units of ``places`` decimals; no float on the way. Nothing is not zero. Raises ValueError."""
    found = _AMOUNT.fullmatch(text)
    if found is None or len(found[2] or "") > places:
        raise ValueError(text)
    return int(found[1] + (found[2] or "").ljust(places, "0"))
