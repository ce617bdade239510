"""Commands of e-invoicing."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from hospital_core.finance.einvoicing.ports import PlatformDocument, PlatformTotal
from hospital_core.kernel.commands import Command


class IssueEInvoice(Command):
    """Issue the e-invoice of a bill that has none (补开)."""

    invoice_id: UUID


class RetryEInvoice(Command):
    """Ask the platform again (重试)."""

    e_invoice_id: UUID


class BeginTry(Command):
    """A call to the platform is about to be made."""

    e_invoice_id: UUID


class RecordIssued(Command):
    """The platform's number, from its answer or from a query."""

    e_invoice_id: UUID
    batch_code: str = Field(min_length=1, max_length=50)
    bill_no: str = Field(min_length=1, max_length=20)
    check_code: str = Field(min_length=1, max_length=20)
    issued_at: datetime
    qr_png: str | None = Field(default=None, max_length=200_000)
    picture_url: str | None = Field(default=None, max_length=500)
    picture_net_url: str | None = Field(default=None, max_length=500)

    model_config = Command.model_config | {"str_max_length": 200_000}


class RecordReversed(Command):
    """The platform's red number."""

    e_invoice_id: UUID
    batch_code: str = Field(min_length=1, max_length=50)
    bill_no: str = Field(min_length=1, max_length=20)
    check_code: str = Field(max_length=20)
    reversed_at: datetime
    picture_net_url: str | None = Field(default=None, max_length=500)


class RecordTrouble(Command):
    """A call that brought no number: the platform refused (``refused``), or nothing is known and it is asked again."""

    e_invoice_id: UUID
    code: str = Field(max_length=40)
    text: str = Field(default="", max_length=200)
    refused: bool


class ScheduleNext(Command):
    """Ask again on the next rung, if it is still under way."""

    e_invoice_id: UUID
    step: int = Field(ge=0)


class CheckDay(Command):
    """Compare a day with the platform (日核对)."""

    day: date = Field(ge=date(2000, 1, 1))


class RecordCheck(Command):
    """What the platform says of a day; ``asked_at``: what was recorded here later cannot be missing there."""

    day: date
    asked_at: datetime
    checked_by: UUID | None
    total: PlatformTotal
    red_total: PlatformTotal
    documents: tuple[PlatformDocument, ...]
