"""Running state machines on one event loop, in short histories of a test or in endless ones of ``make soak``."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from hospital_core.kernel.errors import DomainError
from tests.faults.killing import Crashed

# The loop that the core is connected on; machines themselves are synchronous.
LOOP: list[asyncio.AbstractEventLoop] = []


class HospitalMachine(RuleBasedStateMachine):
    """A machine whose rules run commands; ``steps`` counts what all machines of its kind have done."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self._began = False

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run on the session's loop; a refusal, or a process that died on the way, is an answer."""
        try:
            return LOOP[0].run_until_complete(work)
        except (DomainError, Crashed) as refused:
            return refused

    @invariant()
    def _counted(self) -> None:
        type(self).steps += self._began
        self._began = True


def histories(
    machine: type[HospitalMachine], *, examples: int, steps: int, seeded: int | None = None, shrinking: bool = True
) -> None:
    """Let ``examples`` random histories of ``steps`` steps happen; one that fails is shrunk and printed.

    ``seeded``: the same histories whenever the seed is the same.
    """
    kind = machine
    if seeded is not None:
        kind = seed(seeded)(machine)
    try:
        run_state_machine_as_test(
            kind,
            settings=settings(
                max_examples=examples, stateful_step_count=steps, deadline=None, database=None, print_blob=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, Phase.shrink] if shrinking else [Phase.generate],
            ),
        )  # fmt: skip
    finally:
        machine._hypothesis_internal_use_seed = None
