"""Passwords (口令): what is good enough, and argon2id in a thread so that the event loop and no transaction waits.

Source: RFC 9106 §4; ASVS 5.0 V6.2 (length, no composition rules, list of common ones).
"""

import asyncio

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from hospital_core.registry.staff.errors import PasswordWeak

LENGTH_MIN = 10
_DIFFERENT_MIN = 4

_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1, type=Type.ID)

# Verified for logins that do not exist, so that they take as long as the others. Nobody knows its password.
DUMMY_HASH = "$argon2id$v=19$m=32768,t=3,p=1$8FRctrb4/t5GBXTfFvSCTg$85EaDImnhYv/WJPsvW5jECFUGcZtan81Plir0nnxgDM"

# Those of the well-known lists that are long enough to pass otherwise, and what hospitals add to them.
_COMMON_TEXT = """
    1234567890 0123456789 0987654321 9876543210 12345678910 123456789a a123456789 123456789q q123456789 1234567891
    1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz@wsx3edc zaq12wsxcde3 qwertyuiop qwertyuiop123 qwerty1234 qwerty12345
    qwerty123456 asdfghjkl1 asdfghjkl123 zxcvbnm123 abcdefghij abcd123456 abc1234567 abc123456789 abcd1234567
    a1b2c3d4e5 aa12345678 aa123456789 aaa123456789 admin12345 admin123456 admin@1234 admin@12345 admin@123456
    administrator administrator1 root123456 test123456 user123456 password12 password123 password1234 password12345
    p@ssword12 p@ssw0rd123 p@ssw0rd1234 passw0rd123 passw0rd1234 welcome123 welcome1234 changeme123 letmein1234
    iloveyou123 iloveyou520 iloveyou1314 woaini1314 woaini520520 woaini1314520 5201314520 1314520520 5201314woaini
    147258369a 1472583690 7418529630 741852963a 159357456258 147852369a 1123581321 3141592653 12qwaszx12 qazwsxedcrfv
    hospital123 hospital1234 hospital@123 yiyuan123456 doctor123456 nurse123456 yisheng123 hushi12345
"""
_COMMON = frozenset(_COMMON_TEXT.split())


def check_password(password: str, login: str) -> None:
    """Refuse a password that is short, common, made of few characters, or the login itself. Raises PasswordWeak."""
    folded = password.casefold()
    if len(password) < LENGTH_MIN:
        raise PasswordWeak(f"密码至少 {LENGTH_MIN} 位")
    if folded == login.casefold():
        raise PasswordWeak("密码不能与登录名相同")
    if folded in _COMMON or len(set(folded)) < _DIFFERENT_MIN:
        raise PasswordWeak("密码过于常见，请换一个")


async def hashed(password: str) -> str:
    """The argon2id hash to keep. Never call it inside a unit of work: it takes tens of milliseconds."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether a password is right; without a hash the dummy is verified, for the same time."""
    right = await asyncio.to_thread(_verify, password_hash or DUMMY_HASH, password)
    return right and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
