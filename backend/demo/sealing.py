"""Sealing with a key ring in hand (加密字段): columns and normal forms are the registry's own."""

from datetime import date

from backend.demo.people import DemoPatient
from hospital_core.kernel.secrecy import KeyRing
from hospital_core.registry.patients.document_validation import validate_document
from hospital_core.registry.patients.names import normal_phone
from hospital_core.registry.patients.sealing import IDENTIFIER_COLUMN, PHONE_COLUMN
from hospital_core.registry.patients.states import DocumentKind

_KINDS = {"resident_id": DocumentKind.NATIONAL_ID, "passport": DocumentKind.PASSPORT}


def sealed_document(keyring: KeyRing, person: DemoPatient, today: date) -> tuple[str, bytes, bytes]:
    """Kind, sealed number and blind index of a person's document (证件). Raises FieldProblem for a wrong one."""
    document = validate_document(
        _KINDS[person.document_kind], person.document_no, today=today, birth_date=person.birth_date
    )
    sealed = keyring.seal(document.number, IDENTIFIER_COLUMN)
    return document.kind.value, sealed, keyring.index(document.number, IDENTIFIER_COLUMN)


def sealed_phone(keyring: KeyRing, phone: str) -> tuple[bytes, bytes]:
    """Sealed telephone number and its blind index (电话)."""
    number = normal_phone(phone)
    return keyring.seal(number, PHONE_COLUMN), keyring.index(number, PHONE_COLUMN)
