"""Booking when everybody books at once (放号高峰): many wishes in one transaction.

Only what is plain is done here: an account books for a patient of its own, nothing about the file, the session or the
rules stands against it. "Nothing left" is answered here too, because after a rush that is what most people hear. For
everything else the member is done alone by ``book_appointment``, which finds the same reasons in the same order.
"""

from collections.abc import Hashable, Iterator, Sequence

from hospital_core.access.scheduling.commands import BookAppointment
from hospital_core.access.scheduling.errors import SlotFull
from hospital_core.access.scheduling.rules import rule_book
from hospital_core.access.scheduling.service.book import MINIAPP, announce, book_appointment, wish_of
from hospital_core.access.scheduling.service.taking import Locking, count, facts_of, place, refusal, terms_of
from hospital_core.access.scheduling.views import AppointmentView
from hospital_core.kernel.combining import Combiner, Outcomes, Undone
from hospital_core.kernel.context import ActorKind, Context
from hospital_core.kernel.uow import UnitOfWork


async def book_together(uows: Sequence[UnitOfWork], commands: Sequence[BookAppointment]) -> Outcomes:
    """Book what is plain, refuse what is sold out, leave the rest to ``book_appointment`` (合并占号).

    Raises: Undone, when somebody has had their bookings of the day in the meantime.
    """
    sql, outcomes = uows[0], list[AppointmentView | SlotFull | None]([None] * len(commands))
    book = await rule_book(sql)
    wishes = [wish_of(uow.ctx.actor, command.patient_id, command) for uow, command in zip(uows, commands, strict=True)]
    facts = await facts_of(sql, wishes, MINIAPP)
    plain = []
    for position, fact in enumerate(facts):
        if not fact["linked"] or fact["merged"]:
            continue
        why = refusal(fact, book, sql.now, MINIAPP)
        if why is None:
            plain.append(position)
        elif isinstance(why, SlotFull) and wishes[position].slot_id is None:
            outcomes[position] = why
    if not plain:
        return outcomes
    wanted, known = [wishes[position] for position in plain], [facts[position] for position in plain]
    terms = await terms_of(sql, wanted, known, book, MINIAPP)
    made = await place(sql, wanted, known, terms, MINIAPP, how=Locking.TOGETHER)
    if made and await count(sql, [wanted[at] for at in made], book, MINIAPP) is not None:
        raise Undone()
    for at, row in made.items():
        outcomes[plain[at]] = await announce(uows[plain[at]], row)
    return outcomes


def _apart(ctx: Context, command: BookAppointment) -> Iterator[Hashable]:
    """Two wishes of one person or one account are two transactions: the second must see the first."""
    yield command.patient_id
    yield ctx.actor.id


_combiner = Combiner[BookAppointment, AppointmentView](book_appointment, book_together, _apart)


async def book_in_rush(ctx: Context, command: BookAppointment) -> AppointmentView:
    """Book from a phone, alone or together with whoever books just now (预约挂号). Raises: as ``book_appointment``."""
    if ctx.actor.kind is not ActorKind.ACCOUNT:
        raise TypeError("only accounts book in a rush")
    return await _combiner.run(ctx, command)
