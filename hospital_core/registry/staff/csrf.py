"""CSRF tokens (跨站请求防护) of staff sessions."""

import base64
import hashlib
import hmac


def csrf_token_of(token: str) -> str:
    """The CSRF token that goes with a session token.

    Derived one way, so that a page loaded again gets it from its cookie, while a script that sees it learns no session.
    """
    mac = hmac.digest(token.encode(), b"hospital csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
