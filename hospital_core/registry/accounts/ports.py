"""What accounts need from outside."""

from typing import Protocol


class SmsSender(Protocol):
    """Sends short messages (短信) through whatever the hospital has a contract with."""

    async def send_proof_code(self, phone: str, code: str, valid_minutes: int) -> None:
        """Send one code. Raises OutsideUnavailable (it is tried again until the code has expired)."""
        ...
