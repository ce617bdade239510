"""What e-invoicing needs from outside: the treasury's e-invoice platform (财政电子票据平台).

Every call ends in one of three ways: an answer that was verified, ``PlatformRefused`` (a clear no, in the platform's
word), or ``PlatformUnknown`` (nothing is known; it may have acted; ask again under the same number).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from hospital_core.finance.einvoicing.states import EInvoiceKind
from hospital_core.registry.catalogue.states import FeeCategory


class PlatformUnknown(Exception):
    """No verified answer came. ``code`` says what did, for the desk."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code, self.text = code, text


class PlatformRefused(Exception):
    """The platform did nothing and says why."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code, self.text = code, text


class AlreadyIssuedThere(Exception):
    """The platform knows this ``bus_no`` already: ask for its number."""


class AlreadyRedThere(Exception):
    """The platform turned this one red already: ask for the red number."""


@dataclass(frozen=True)
class OrderLine:
    """One line of what is to be issued (票据明细)."""

    code: str
    name: str
    category: FeeCategory
    unit: str
    unit_price: Decimal
    quantity: Decimal
    amount_fen: int


@dataclass(frozen=True)
class EInvoiceOrder:
    """What is to be issued (开票申请). Of the person only name and file number go out. Source: EB-06."""

    bus_no: str
    kind: EInvoiceKind
    bus_at: datetime
    payer: str
    patient_no: str
    amount_fen: int
    insurance_fen: int
    insurance_reference: str | None
    lines: Sequence[OrderLine]


@dataclass(frozen=True)
class IssuedThere:
    """A number of the platform (开票结果). Source: EB-03. ``amount_fen`` where the answer tells it."""

    batch_code: str
    bill_no: str
    check_code: str
    issued_at: datetime
    amount_fen: int | None = None
    qr_png: str | None = None
    picture_url: str | None = None
    picture_net_url: str | None = None


@dataclass(frozen=True)
class ReversalOrder:
    """What is to be turned red (冲红申请). Source: EB-04."""

    batch_code: str
    bill_no: str
    reason: str
    bus_at: datetime


@dataclass(frozen=True)
class PlatformTotal:
    """How many documents of a day the platform counts, and over how much (总笔数核对)."""

    count: int
    amount_fen: int


@dataclass(frozen=True)
class PlatformDocument:
    """One document in the platform's list of a day (按业务时间查询). ``bus_no``: of the e-invoice it belongs to."""

    bus_no: str
    batch_code: str
    bill_no: str
    amount_fen: int
    red: bool


class AlreadyOnPaperThere(Exception):
    """The platform knows a paper copy of this e-invoice already: ask for its number."""


class AlreadyVoidThere(Exception):
    """The platform has this blank as void already."""


@dataclass(frozen=True)
class PaperNumber:
    """The number on a blank (纸质票据号)."""

    batch_code: str
    paper_no: str


@dataclass(frozen=True)
class PaperOrder:
    """An e-invoice that goes on paper (换开申请). Source: EB-04."""

    batch_code: str
    bill_no: str
    paper: PaperNumber
    bus_at: datetime


class EInvoicePlatform(Protocol):
    """The platform (电子票据平台). All calls raise PlatformUnknown and PlatformRefused."""

    async def issue(self, order: EInvoiceOrder) -> IssuedThere:
        """Issue (开票), once per ``bus_no``. Raises: AlreadyIssuedThere."""
        ...

    async def find(self, bus_no: str) -> IssuedThere | None:
        """What was issued under our number, or None (按业务流水号查询)."""
        ...

    async def reverse(self, order: ReversalOrder) -> IssuedThere:
        """Turn a whole e-invoice red (冲红); returns the red one. Raises: AlreadyRedThere."""
        ...

    async def red_of(self, batch_code: str, bill_no: str) -> IssuedThere | None:
        """The red one of an e-invoice, or None (状态查询)."""
        ...

    async def print_paper(self, order: PaperOrder) -> None:
        """Note the paper copy of an e-invoice (换开纸质, turnPaper). Raises: AlreadyOnPaperThere."""
        ...

    async def paper_of(self, batch_code: str, bill_no: str) -> PaperNumber | None:
        """The living paper copy of an e-invoice, or None (状态查询)."""
        ...

    async def void_paper(self, paper: PaperNumber, reason: str, bus_at: datetime) -> None:
        """Void a blank, used or not (作废纸质票据, invalidPaper). Raises: AlreadyVoidThere."""
        ...

    async def totals(self, day: date) -> tuple[PlatformTotal, PlatformTotal]:
        """Issued and red documents of a business day (checkTotalData, checkWriteOffData)."""
        ...

    async def documents(self, day: date) -> list[PlatformDocument]:
        """All documents of a business day, page by page (getBillByBusDate)."""
        ...
