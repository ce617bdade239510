"""The service 服务: ``/api/medical/{method}`` for hospitals, ``/bill/…`` for people, ``/``, ``/_sim`` for players."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse, redirect
from sanic.response import html as html_answer
from sanic.response import json as json_answer
from sanic.response import text as text_answer

from sandbox.einvoice import pages
from sandbox.einvoice.book import Book, Document, yuan
from sandbox.einvoice.envelope import SUCCESS, Account, Refusal
from sandbox.einvoice.faults import ISSUING, KINDS, METHODS, Faults

_PAGE_MAX = 500


class Platform:
    """The methods of the platform over one book."""

    def __init__(self, account: Account, book: Book, faults: Faults, base_url: str) -> None:
        self.account, self.book, self.faults, self.base_url = account, book, faults, base_url
        self.calls: list[tuple[str, str]] = []
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "writeOffEBill": self._write_off,
            "turnPaper": self._turn_paper,
            "invalidPaper": self._void_paper,
            "getEBillByBusNo": self._by_bus_no,
            "getEBillStatesByBillInfo": self._state,
            "checkTotalData": lambda body: self._total(body, red=False),
            "checkWriteOffData": lambda body: self._total(body, red=True),
            "getBillByBusDate": self._listed,
        }

    def perform(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a method answers. Raises: Refusal."""
        self.calls.append((method, str(body.get("busNo") or body.get("billNo") or body.get("pBillNo") or "")))
        return self._issue(method, body) if method in ISSUING else self._methods[method](body)

    def _issue(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.faults.take("refuse", method):
            raise Refusal("E3001", "开票点票据余量不足")
        if self.book.of_bus_no(str(body.get("busNo"))) is not None:
            raise Refusal("E0409", "业务流水号已开票")
        document = self.book.issue(method, body, extra_fen=1 if self.faults.take("wrong_amount", method) else 0)
        if self.faults.take("duplicate", method):
            self.book.issue(method, body)
        return self._shown(document)

    def _write_off(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.faults.take("refuse", "writeOffEBill"):
            raise Refusal("E3001", "该票据暂不能冲红")
        return self._shown_red(self.book.write_off(body))

    def _by_bus_no(self, body: dict[str, Any]) -> dict[str, Any]:
        document = self.book.of_bus_no(str(body.get("busNo")))
        if document is None:
            raise Refusal("E0404", "没有此业务流水号的票据")
        return self._shown(document)

    def _state(self, body: dict[str, Any]) -> dict[str, Any]:
        document = self.book.find(body)
        paper, known = self.book.paper_of(document), {"state": "1", "isScarlet": "0", "isPrintPaper": "0"}
        if paper is not None:
            known |= {"isPrintPaper": "1", "pBillBatchCode": paper.batch_code, "pBillNo": paper.paper_no}
        if document.red_no is None:
            return known
        return known | {"isScarlet": "1"} | self._shown_red(self.book.documents[document.red_no])

    def _turn_paper(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.faults.take("refuse", "turnPaper"):
            raise Refusal("E3002", "纸质票号不在本开票点的库存中")
        paper = self.book.turn_paper(body)
        return {"pBillBatchCode": paper.batch_code, "pBillNo": paper.paper_no}

    def _void_paper(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.faults.take("refuse", "invalidPaper"):
            raise Refusal("E3003", "该纸质票据暂不能作废")
        paper = self.book.void_paper(body)
        return {"pBillBatchCode": paper.batch_code, "pBillNo": paper.paper_no}

    def _total(self, body: dict[str, Any], *, red: bool) -> dict[str, Any]:
        found = [one for one in self.book.between(body) if (one.of is not None) is red]
        return {"allTotalNum": len(found), "allTotalAmt": yuan(sum(_listed_fen(one) for one in found))}

    def _listed(self, body: dict[str, Any]) -> dict[str, Any]:
        found, size = self.book.between(body), min(int(body.get("pageSize", 100)), _PAGE_MAX)
        first = (int(body.get("pageNo", 1)) - 1) * size
        rows = [
            {
                "busNo": one.bus_no, "billBatchCode": one.batch_code, "billNo": one.bill_no, "random": one.random,
                "totalAmt": yuan(_listed_fen(one)), "isScarlet": "1" if one.of else "0",
                "relatedBillNo": one.of or "", "createTime": one.created_at, "busDateTime": one.bus_date_time,
            }
            for one in found[first : first + size]
        ]  # fmt: skip
        return {"total": len(found), "pageNo": body.get("pageNo", 1), "billList": rows}

    def _shown(self, one: Document) -> dict[str, Any]:
        url = self.address(one)
        return {
            "busNo": one.bus_no, "billBatchCode": one.batch_code, "billNo": one.bill_no, "random": one.random,
            "createTime": one.created_at, "totalAmt": yuan(one.fen), "billQRCode": pages.qr_png(url),
            "pictureUrl": url, "pictureNetUrl": url,
        }  # fmt: skip

    def _shown_red(self, red: Document) -> dict[str, Any]:
        url = self.address(red)
        return {
            "eScarletBillBatchCode": red.batch_code, "eScarletBillNo": red.bill_no, "eScarletRandom": red.random,
            "createTime": red.created_at, "billQRCode": pages.qr_png(url), "pictureUrl": url, "pictureNetUrl": url,
        }  # fmt: skip

    def address(self, one: Document) -> str:
        """Where a document is shown: whoever has the number and the check code may look."""
        return f"{self.base_url}/bill/{one.batch_code}/{one.bill_no}/{one.random}"


def _listed_fen(one: Document) -> int:
    return one.fen if one.listed_fen is None else one.listed_fen


def create_app(account: Account, state: Path | None, base_url: str) -> Sanic[Any, Any]:
    """The service over the book in ``state``."""
    app: Sanic[Any, Any] = Sanic("einvoice_sandbox", configure_logging=False)
    platform = Platform(account, Book(state), Faults(), base_url)
    app.ctx.platform = platform

    @app.post("/api/medical/<method:str>")
    async def call(request: Request, method: str) -> HTTPResponse | None:
        return await _answer(platform, request, method)

    @app.get("/bill/<batch_code:str>/<bill_no:str>/<random:str>")
    async def bill(request: Request, batch_code: str, bill_no: str, random: str) -> HTTPResponse:
        document = platform.book.documents.get(bill_no)
        if document is None or (document.batch_code, document.random) != (batch_code, random):
            return _page(pages.missing(), status=404)
        return _page(pages.bill(document, platform.book.documents, platform.book.paper_of(document)))

    @app.get("/sheet.css")
    async def style(request: Request) -> HTTPResponse:
        return text_answer(pages.CSS, content_type="text/css; charset=utf-8")

    @app.get("/healthz")
    async def healthy(request: Request) -> HTTPResponse:
        return json_answer({"ok": True})

    @app.get("/")
    async def console(request: Request) -> HTTPResponse:
        return _page(pages.console(platform.book.documents, platform.faults.rules, platform.address))

    _add_controls(app, platform)
    return app


async def _answer(platform: Platform, request: Request, method: str) -> HTTPResponse | None:
    faults, account = platform.faults, platform.account
    if method not in METHODS:
        return json_answer({"error": "no such method"}, status=404)
    if faults.take("down", method):
        return json_answer({"error": "maintenance"}, status=503)
    noise = ""
    try:
        body, noise = account.open(request.json)
        if faults.take("system_error", method):
            raise Refusal("S9999", "系统异常")
        if slow := faults.take("slow", method):
            await asyncio.sleep(slow.seconds)
        result, message = SUCCESS, platform.perform(method, body)
        if faults.take("system_error_after", method):
            raise Refusal("S9999", "系统异常")
    except Refusal as refusal:
        return json_answer(account.answer(noise, refusal.code, refusal.text))
    if silent := faults.take("no_answer", method):
        await asyncio.sleep(silent.seconds)
    if faults.take("lost", method) and request.transport is not None:
        request.transport.abort()
        return None
    forged = faults.take("forged", method) is not None
    return json_answer(account.answer(noise, result, message, forged=forged))


def _add_controls(app: Sanic[Any, Any], platform: Platform) -> None:
    @app.get("/_sim/state")
    async def state(request: Request) -> HTTPResponse:
        documents = [asdict(one) for one in platform.book.documents.values()]
        papers = [asdict(one) for one in platform.book.papers.values()]
        return json_answer({"documents": documents, "papers": papers, "calls": platform.calls})

    @app.get("/_sim/faults")
    async def rules(request: Request) -> HTTPResponse:
        return json_answer({"kinds": KINDS, "rules": [asdict(rule) for rule in platform.faults.rules]})

    @app.post("/_sim/faults")
    async def add(request: Request) -> HTTPResponse:
        form = request.form or {}
        given = {name: form.get(name) for name in ("kind", "target", "times")} if form else request.json
        try:
            rule = platform.faults.add(
                str(given["kind"]), str(given.get("target") or "*"), int(given.get("times") or -1),
                given.get("seconds"),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            return json_answer({"error": str(error)}, status=400)
        return redirect("/") if form else json_answer(asdict(rule), status=201)

    @app.delete("/_sim/faults")
    async def clear(request: Request) -> HTTPResponse:
        platform.faults.rules.clear()
        return json_answer({"cleared": True})

    @app.post("/_sim/faults/clear")
    async def clear_by_form(request: Request) -> HTTPResponse:
        platform.faults.rules.clear()
        return redirect("/")

    @app.post("/_sim/plant")
    async def plant(request: Request) -> HTTPResponse:
        """A difference in the daily list: ``missing`` and ``amount`` of a ``bill_no``, ``extra`` like one."""
        kind, number = request.json.get("kind"), request.json.get("bill_no")
        one = platform.book.documents.get(str(number))
        if one is None or kind not in ("missing", "amount", "extra"):
            return json_answer({"error": "unknown kind or number"}, status=400)
        if kind == "extra":
            body = {"busNo": f"X{one.bus_no}", "payer": "无", "busDateTime": one.bus_date_time, "payee": "-",
                    "placeCode": one.place_code, "author": "-", "totalAmt": yuan(one.fen),
                    "chargeDetail": [{"chargeName": "其他费用", "amt": yuan(one.fen)}]}  # fmt: skip
            return json_answer(asdict(platform.book.issue(one.method, body)), status=201)
        one.hidden, one.listed_fen = kind == "missing", one.fen + 1 if kind == "amount" else None
        platform.book.save(one)
        return json_answer(asdict(one), status=201)


def _page(body: str, status: int = 200) -> HTTPResponse:
    policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors *"
    return html_answer(body, status=status, headers={"Content-Security-Policy": policy})
