"""Our own import contract: a context's tables are its own."""

from typing import Any

from importlinter import Contract, ContractCheck, output


class PrivateModels(Contract):
    """Only the modules of ``hospital_core.<room>.<context>`` import its ``models``."""

    type_name = "private_models"

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        """Find every importer from outside."""
        breaches = [
            (importer, module)
            for module in sorted(graph.modules)
            if module.startswith("hospital_core.") and module.endswith(".models")
            for importer in sorted(graph.find_modules_that_directly_import(module))
            if not importer.startswith(module.removesuffix("models"))
        ]
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each importer."""
        for importer, module in check.metadata["breaches"]:
            output.print_error(f"{importer} imports {module}")
