"""Check characters (校验码) that catch a mistyped or misread number before it names the wrong person.

Source: ISO/IEC 7064 (MOD 11-10, MOD 37-36, MOD 11-2), GB 11643-1999 (公民身份号码), GS1 General Specifications §7.9.
"""

import string

DIGITS = string.digits
ALPHANUMERIC = string.digits + string.ascii_uppercase

_NATIONAL_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_NATIONAL_ID_CHECKS = "10X98765432"


def _hybrid(payload: str, alphabet: str) -> str:
    """ISO 7064 hybrid system MOD (n+1, n): finds every single wrong character and nearly every swap."""
    modulus = len(alphabet)
    product = modulus
    for character in payload:
        total = (product + alphabet.index(character)) % modulus or modulus
        product = total * 2 % (modulus + 1)
    return alphabet[(modulus + 1 - product) % modulus]


def mod11_10(payload: str) -> str:
    """Check digit over decimal digits. Raises ValueError for any other character."""
    return _hybrid(payload, DIGITS)


def mod37_36(payload: str) -> str:
    """Check character over digits and capital letters. Raises ValueError for any other character."""
    return _hybrid(payload, ALPHANUMERIC)


def national_id_check(first_seventeen: str) -> str:
    """Last character of an 18-character Chinese identity number (公民身份号码): 0–9 or X."""
    total = sum(int(digit) * weight for digit, weight in zip(first_seventeen, _NATIONAL_ID_WEIGHTS, strict=True))
    return _NATIONAL_ID_CHECKS[total % 11]


def gs1_mod10(payload: str) -> str:
    """GS1 check digit (GTIN, GSRN, SSCC) over the digits that stand before it."""
    total = sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(reversed(payload)))
    return str(-total % 10)
