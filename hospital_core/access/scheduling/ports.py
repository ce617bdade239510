"""What scheduling needs from outside."""

from hospital_core.kernel.signed_codes import CodeKey as QrKey

__all__ = ["QrKey"]
