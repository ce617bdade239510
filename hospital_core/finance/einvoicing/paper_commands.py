"""Commands about paper copies of e-invoices (换开纸质票据)."""

from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import Command

_NUMBER = r"^[0-9]{4,18}$"


class HandOutBlanks(Command):
    """Hand out a range of numbered blanks to a drawer (领用); both numbers as they are printed."""

    drawer_id: UUID
    batch_code: str = Field(min_length=1, max_length=50)
    first_no: str = Field(pattern=_NUMBER)
    last_no: str = Field(pattern=_NUMBER)


class PrintPaper(Command):
    """Copy an e-invoice to the blank on top (换开); ``paper_no`` is the number that the cashier sees on it."""

    e_invoice_id: UUID
    paper_no: str = Field(pattern=_NUMBER)


class SpoilBlank(Command):
    """Void the blank on top, which was spoiled (空白作废)."""

    stock_id: UUID
    paper_no: str = Field(pattern=_NUMBER)
    reason: str = Field(min_length=2, max_length=200)


class ReturnBlanks(Command):
    """Hand back the unused rest of a range (退回空白票据); ``paper_no`` is the number seen on its first blank."""

    stock_id: UUID
    paper_no: str = Field(pattern=_NUMBER)
    reason: str = Field(min_length=2, max_length=200)


class TakeBackPaper(Command):
    """Void a paper copy that came back (收回作废)."""

    paper_id: UUID
    reason: str = Field(min_length=2, max_length=200)


class RetryPaper(Command):
    """Ask the platform again (重试)."""

    paper_id: UUID


class PaperStep(Command):
    """A paper copy, in the steps of its call to the platform."""

    paper_id: UUID


class RecordPaperTrouble(Command):
    """A call that brought nothing: the platform refused (``refused``), or nothing is known and it is asked again."""

    paper_id: UUID
    code: str = Field(max_length=40)
    text: str = Field(default="", max_length=200)
    refused: bool


class SchedulePaper(Command):
    """Ask again on the next rung, if it is still under way."""

    paper_id: UUID
    step: int = Field(ge=0)
