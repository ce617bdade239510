"""One-time codes (动态口令), RFC 6238: SHA-1, six digits, thirty seconds, as every authenticator app makes them."""

import hmac
import time

import pyotp

ISSUER = "智慧医院"
STEP_S = 30


def new_secret() -> str:
    """A fresh base32 secret of 160 bits."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, login: str) -> str:
    """The ``otpauth://`` address to show as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def matching_step(secret: str, code: str) -> int | None:
    """The time step a code belongs to, at most one before or after the present one, or None.

    Real time, not the hospital's clock: the authenticator in somebody's hand knows no other.
    """
    now = int(time.time()) // STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found
