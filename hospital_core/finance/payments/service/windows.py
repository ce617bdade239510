"""Who stands at a window (窗口): the open shift of the acting cashier, and the drawer in front of them."""

from dataclasses import dataclass
from uuid import UUID

from hospital_core.finance.ledger.queries import drawer_fen
from hospital_core.finance.payments.errors import NotEnoughCash, ShiftNotOpen
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.uow import UnitOfWork

# Taking shares the shift, so that closing waits for it; giving out takes it alone, so that a drawer is emptied once.
_WINDOW = """
SELECT s.id AS shift_id, s.drawer_id, d.code FROM cashier_shift s JOIN cash_drawer d ON d.id = s.drawer_id
WHERE s.staff_id = $1 AND s.status = 'open' FOR {strength} OF s"""


@dataclass(frozen=True)
class Window:
    """An open shift and its drawer."""

    shift_id: UUID
    drawer_id: UUID
    code: str


async def window_of(uow: UnitOfWork, *, giving: bool = False) -> Window | None:
    """The window of the acting cashier, None for everybody else. Locks: the shift, alone when money is given out."""
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.STAFF:
        return None
    row = await uow.fetch_row(_WINDOW.format(strength="NO KEY UPDATE" if giving else "SHARE"), actor.id)
    return Window(**dict(row)) if row else None


async def manned_window(uow: UnitOfWork, *, giving: bool = False) -> Window:
    """The same for what only a cashier at work does. Raises: ShiftNotOpen."""
    window = await window_of(uow, giving=giving)
    if window is None:
        raise ShiftNotOpen()
    return window


async def enough_cash(uow: UnitOfWork, window: Window, amount_fen: int) -> None:
    """See that the drawer holds what is to be given out of it. Raises: NotEnoughCash."""
    there_fen = await drawer_fen(uow, window.drawer_id)
    if there_fen < amount_fen:
        raise NotEnoughCash(drawer_fen=there_fen)
