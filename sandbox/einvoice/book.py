"""The platform's book 票据库: documents by number, appended to a file so that a restart goes on counting.

Of a person it keeps the masked name and nothing else.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.einvoice.envelope import Refusal

BEIJING = timezone(timedelta(hours=8))
_NEEDED = ("busNo", "payer", "busDateTime", "placeCode", "payee", "author", "totalAmt")


@dataclass
class Document:
    """One issued or red document. ``of``: the number of the one that it turned red; ``red_no``: of the red one."""

    method: str
    bus_no: str
    bill_no: str
    batch_code: str
    random: str
    created_at: str
    bus_date_time: str
    place_code: str
    payer: str
    fen: int
    items: list[dict[str, str]] = field(default_factory=list)
    of: str | None = None
    red_no: str | None = None
    reason: str = ""
    listed_fen: int | None = None  # what the daily list says, where it was planted to differ
    hidden: bool = False  # left out of the daily list


@dataclass
class Paper:
    """A numbered blank that was used. ``of``: the number of the document on it, None of one that was spoiled."""

    batch_code: str
    paper_no: str
    of: str | None
    void: bool = False


class Book:
    """All documents; each is on file before its answer leaves."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.documents: dict[str, Document] = {}
        self.papers: dict[tuple[str, str], Paper] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                told = json.loads(line)
                self._keep(Paper(**told) if "paper_no" in told else Document(**told))

    def _keep(self, known: Document | Paper) -> None:
        if isinstance(known, Paper):
            self.papers[known.batch_code, known.paper_no] = known
        else:
            self.documents[known.bill_no] = known

    def save(self, *changed: Document | Paper) -> None:
        """Write what changed behind the others; the last line of a number counts."""
        for one in changed:
            self._keep(one)
        if self.path is None:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in changed)
            file.flush()
            os.fsync(file.fileno())

    def of_bus_no(self, bus_no: str) -> Document | None:
        """The first document issued under the hospital's number."""
        return next((one for one in self.documents.values() if one.bus_no == bus_no and one.of is None), None)

    def issue(self, method: str, body: dict[str, Any], *, extra_fen: int = 0) -> Document:
        """Issue a document. Raises: Refusal."""
        missing = [name for name in _NEEDED if not body.get(name)]
        if missing:
            raise Refusal("E2001", f"缺少必填项：{'、'.join(missing)}")
        fen = _fen(body["totalAmt"])
        details = body.get("chargeDetail") or []
        if fen <= 0 or sum(_fen(one["amt"]) for one in details) != fen:
            raise Refusal("E2002", "收费项目合计与票据金额不符")
        if body.get("listDetail") and sum(_fen(one["amt"]) for one in body["listDetail"]) != fen:
            raise Refusal("E2003", "清单合计与票据金额不符")
        document = Document(
            method=method, bus_no=body["busNo"], bill_no=self._number(), batch_code=self._batch(),
            random=secrets.token_hex(3), created_at=now(), bus_date_time=body["busDateTime"],
            place_code=body["placeCode"], payer=masked(body["payer"]), fen=fen + extra_fen,
            items=[{"name": str(one["chargeName"]), "amt": str(one["amt"])} for one in details],
        )  # fmt: skip
        self.save(document)
        return document

    def write_off(self, body: dict[str, Any]) -> Document:
        """Turn a document red. Raises: Refusal."""
        original = self.find(body)
        if original.of is not None:
            raise Refusal("E2005", "红票不能冲红")
        if original.red_no is not None:
            raise Refusal("E0410", "票据已冲红")
        if self.paper_of(original) is not None:
            raise Refusal("E2006", "票据已换开纸质票据，请先作废纸质票据")
        red = Document(
            method="writeOffEBill", bus_no=original.bus_no, bill_no=self._number(), batch_code=original.batch_code,
            random=secrets.token_hex(3), created_at=now(), bus_date_time=body["busDateTime"],
            place_code=original.place_code, payer=original.payer, fen=original.fen, items=original.items,
            of=original.bill_no, reason=str(body.get("reason", "")),
        )  # fmt: skip
        original.red_no = red.bill_no
        self.save(red, original)
        return red

    def paper_of(self, document: Document) -> Paper | None:
        """The living paper copy of a document."""
        return next((one for one in self.papers.values() if one.of == document.bill_no and not one.void), None)

    def turn_paper(self, body: dict[str, Any]) -> Paper:
        """Put a document on a numbered blank. Raises: Refusal."""
        document, number = self.find(body), _paper_number(body)
        if document.of is not None or document.red_no is not None:
            raise Refusal("E2007", "红票和已冲红的票据不能换开")
        if self.paper_of(document) is not None:
            raise Refusal("E0411", "票据已换开纸质票据")
        if number in self.papers:
            raise Refusal("E2008", "该纸质票号已使用或已作废")
        paper = Paper(*number, of=document.bill_no)
        self.save(paper)
        return paper

    def void_paper(self, body: dict[str, Any]) -> Paper:
        """Void a blank, used or not. Raises: Refusal."""
        number = _paper_number(body)
        known = self.papers.get(number)
        if known is not None and known.void:
            raise Refusal("E0412", "该纸质票据已作废")
        paper = Paper(*number, of=known.of if known else None, void=True)
        self.save(paper)
        return paper

    def find(self, body: dict[str, Any]) -> Document:
        """The document of ``billBatchCode`` and ``billNo``. Raises: Refusal."""
        document = self.documents.get(str(body.get("billNo")))
        if document is None or document.batch_code != body.get("billBatchCode"):
            raise Refusal("E0404", "票据不存在")
        return document

    def between(self, body: dict[str, Any]) -> list[Document]:
        """Documents of a span of business time, as the daily list tells them."""
        since, until = str(body.get("busBgnDate")), str(body.get("busEndDate"))
        return [one for one in self.documents.values() if since <= one.bus_date_time <= until and not one.hidden]

    def _number(self) -> str:
        return f"{max((int(number) for number in self.documents), default=0) + 1:010d}"

    def _batch(self) -> str:
        return f"110601{datetime.now(BEIJING):%y}"


def _paper_number(body: dict[str, Any]) -> tuple[str, str]:
    number = str(body.get("pBillBatchCode") or ""), str(body.get("pBillNo") or "")
    if not all(number) or not number[1].isascii() or not number[1].isdigit():
        raise Refusal("E2001", "缺少纸质票据代码或号码")
    return number


def masked(name: str) -> str:
    """A name of which only the first and the last sign stay."""
    return name[0] + "*" * max(1, len(name) - 2) + (name[-1] if len(name) > 2 else "") if name else ""


def now() -> str:
    """``yyyyMMddHHmmssSSS`` in Beijing."""
    return datetime.now(BEIJING).strftime("%Y%m%d%H%M%S%f")[:17]


def _fen(text: Any) -> int:
    return int(Decimal(str(text)) * 100)


def yuan(fen: int) -> str:
    """``1234`` → ``12.34``."""
    return f"{Decimal(fen) / 100:.2f}"
