"""Bearer tokens (令牌) that only their holder keeps: 256 random bits; the database keeps their SHA-256."""

import hashlib
import secrets


def new_token() -> str:
    """A fresh token, 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token. No salt and no slowness are needed: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode()).digest()
