"""One line of migrations for the core: written with ``hospital_core.authoring``, run by ``hospital migrate``."""

from collections.abc import Sequence
from typing import Any

from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_generator.state import State


class Together(TortoiseOperation):
    """Many operations as one step.

    Tortoise renders all its model classes anew for every operation, which takes longer than the statements (17 s for
    ninety operations); here that happens once, when all of them are known.
    """

    def __init__(self, operations: Sequence[TortoiseOperation]) -> None:
        self.operations = operations

    def describe(self) -> str:
        return f"{len(self.operations)} changes"

    def state_forward(self, app_label: str, state: State) -> None:
        touched: set[tuple[str, str]] = set()
        waiting: Any = state
        waiting.reload_model = lambda app, name: touched.add((app, name))
        waiting.reload_models = touched.update
        try:
            for operation in self.operations:
                operation.state_forward(app_label, state)
        finally:
            del waiting.reload_model, waiting.reload_models
        state.reload_models(touched)

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: Any = None
    ) -> None:
        for operation in self.operations:
            await operation.database_forward(app_label, old_state, new_state, state_editor)

    async def database_backward(
        self, app_label: str, old_state: State, new_state: State, state_editor: Any = None
    ) -> None:
        for operation in reversed(self.operations):
            await operation.database_backward(app_label, old_state, new_state, state_editor)
