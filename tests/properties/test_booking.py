"""Any order of booking, paying, cancelling and lapsing leaves every place sold once or free, judged by SQL alone."""

import asyncio
import re

import pytest

from hospital_core.access.scheduling import statements
from hospital_core.access.scheduling.service import taking
from hospital_core.kernel import ports
from tests.fixtures.access import TestQrKey
from tests.fixtures.engines import Engines
from tests.properties.booking_machine import Clinics, limits_off
from tests.properties.driver import LOOP, histories


@pytest.fixture
async def _loop(core: Engines) -> None:
    LOOP[:] = [asyncio.get_running_loop()]
    ports.provide(TestQrKey, TestQrKey())


@pytest.mark.usefixtures("_loop")
def test_given_any_history_then_every_place_is_sold_once_or_free() -> None:
    with limits_off():
        histories(Clinics, examples=8, steps=25)


@pytest.mark.usefixtures("_loop")
@pytest.mark.parametrize("forgetting", [False, True])
def test_given_statements_that_forget_the_secret_then_the_machine_finds_it(
    monkeypatch: pytest.MonkeyPatch, forgetting: bool
) -> None:
    """The control: with the guard off the same steps fail."""
    hidden = re.compile(r"\(?slot\.free_from IS NULL OR slot\.free_from <= \$\d\)?")
    for name in ("FACTS", "BOOK") if forgetting else ():
        altered = hidden.sub("(true)", getattr(statements, name))
        assert altered != getattr(statements, name)
        monkeypatch.setattr(taking, name, altered)
        monkeypatch.setitem(taking._STATEMENTS, taking.Locking.SKIP, taking.BOOK)
    clinics = Clinics()
    for who in (0, 1):  # the sought-after session has two places
        held = clinics.book(who, 1, together=False)
        clinics.every_place_is_sold_once_or_free()
    clinics.give_back(held)
    if forgetting:
        with pytest.raises(AssertionError):
            clinics.book(2, 1, together=False)
    else:
        assert clinics.book(2, 1, together=False) is None
