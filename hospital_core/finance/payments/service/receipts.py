"""Receipts (收据): numbered in series per drawer and day, drawn when issued, voided but never removed."""

from datetime import date
from uuid import UUID

from hospital_core.finance.billing.states import InvoiceStatus
from hospital_core.finance.payments.commands import AskReceipt, VoidReceipt
from hospital_core.finance.payments.errors import AlreadyVoided, NotPaid
from hospital_core.finance.payments.service.windows import window_of
from hospital_core.finance.payments.states import DrawerKind, ReceiptKind
from hospital_core.finance.payments.views import ReceiptView
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.care_relations.queries import permitted_patient
from hospital_core.registry.patients.ages import hospital_day

ONLINE_CODE = "NET"

# The number is drawn with the receipt and goes back with it when the transaction fails: no gap is left behind.
_NUMBER = """
INSERT INTO receipt_series AS s (id, drawer_id, day, last_number) VALUES ($1, $2, $3, 1)
ON CONFLICT (drawer_id, day) DO UPDATE SET last_number = s.last_number + 1 RETURNING last_number"""

_RECEIPT = """
INSERT INTO receipt (id, receipt_no, drawer_id, day, number, kind, patient_id, source_id, amount_fen, issued_at,
                     issued_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *"""

_ONLINE = """
WITH made AS (
    INSERT INTO cash_drawer (id, version, code, name, kind, active) VALUES ($1, 0, $2, '线上收款', $3, true)
    ON CONFLICT (code) DO NOTHING RETURNING id)
SELECT id FROM made UNION ALL SELECT id FROM cash_drawer WHERE code = $2 LIMIT 1"""

_STANDING = "SELECT * FROM receipt WHERE kind = $1 AND source_id = $2 AND voided_at IS NULL"


def receipt_no(code: str, day: date, number: int) -> str:
    """``W01-20261122-000123``: drawer, day, place in the series."""
    return f"{code}-{day:%Y%m%d}-{number:06d}"


async def draw_receipt(
    uow: UnitOfWork, kind: ReceiptKind, drawer: tuple[UUID, str], patient_id: UUID, source_id: UUID, amount_fen: int
) -> ReceiptView:
    """Draw the next receipt of a drawer's series of today (开具收据). ``drawer``: id and code.

    Locks: the series, until the end; call it late.
    """
    day, (drawer_id, code) = hospital_day(uow.now), drawer
    number = await uow.fetch_value(_NUMBER, new_id(), drawer_id, day)
    row = await uow.fetch_row(
        _RECEIPT, new_id(), receipt_no(code, day, number), drawer_id, day, number, kind.value, patient_id, source_id,
        amount_fen, uow.now, uow.ctx.actor.id,
    )  # fmt: skip
    assert row is not None
    return ReceiptView(**dict(row))


async def receipt_of_shift(
    uow: UnitOfWork, shift_id: UUID | None, kind: ReceiptKind, patient_id: UUID, source_id: UUID, amount_fen: int
) -> str | None:
    """The number of the receipt that a window's money gets at once; None for money of no window."""
    drawer = await uow.fetch_row(
        "SELECT d.id, d.code FROM cashier_shift s JOIN cash_drawer d ON d.id = s.drawer_id WHERE s.id = $1", shift_id
    )
    if drawer is None:
        return None
    drawn = await draw_receipt(uow, kind, (drawer["id"], drawer["code"]), patient_id, source_id, amount_fen)
    return drawn.receipt_no


async def ask_receipt(uow: UnitOfWork, command: AskReceipt) -> ReceiptView:
    """The receipt of a bill that is paid in full (开具收据): the standing one, else the next of this window or online.

    Raises: NotFound, NotPaid. Locks: the invoice, the series.
    """
    bill = await uow.fetch_row("SELECT * FROM invoice WHERE id = $1 FOR UPDATE", command.invoice_id)
    if bill is None:
        raise NotFound()
    await permitted_patient(uow, bill["patient_id"])
    if bill["status"] != InvoiceStatus.BALANCED or not bill["total_fen"]:
        raise NotPaid()
    uow.audited("invoice", bill["id"], patient_id=bill["patient_id"])
    standing = await uow.fetch_row(_STANDING, ReceiptKind.PAYMENT.value, bill["id"])
    if standing is not None:
        return ReceiptView(**dict(standing))
    window = await window_of(uow)
    drawer = (window.drawer_id, window.code) if window else (await _online_drawer(uow), ONLINE_CODE)
    return await draw_receipt(uow, ReceiptKind.PAYMENT, drawer, bill["patient_id"], bill["id"], bill["total_fen"])


async def _online_drawer(uow: UnitOfWork) -> UUID:
    drawer_id: UUID | None = None
    while drawer_id is None:  # a twin that made it is seen by the next statement
        drawer_id = await uow.fetch_value(_ONLINE, new_id(), ONLINE_CODE, DrawerKind.ONLINE.value)
    return drawer_id


async def void_receipt(uow: UnitOfWork, command: VoidReceipt) -> ReceiptView:
    """Make a receipt void (作废收据): misprinted, lost before it was handed over. Another may then be asked for.

    Raises: NotFound, AlreadyVoided.
    """
    row = await uow.fetch_row(
        "UPDATE receipt SET voided_at = $2, void_reason = $3 WHERE id = $1 AND voided_at IS NULL RETURNING *",
        command.receipt_id,
        uow.now,
        command.reason,
    )
    if row is None:
        known = await uow.fetch_value("SELECT 1 FROM receipt WHERE id = $1", command.receipt_id)
        raise AlreadyVoided() if known else NotFound()
    uow.audited("receipt", row["id"], patient_id=row["patient_id"], reason=command.reason)
    return ReceiptView(**dict(row))
