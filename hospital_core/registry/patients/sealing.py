"""How documents and telephones are sealed and found again (加密与盲索引): column names are part of both."""

from hospital_core.kernel.run import keyring
from hospital_core.registry.patients.document_validation import ValidDocument

IDENTIFIER_COLUMN = "patient_identifier.value"
PHONE_COLUMN = "patient.phone"


def seal_document(document: ValidDocument) -> tuple[bytes, bytes]:
    """Sealed number and its blind index."""
    return keyring().seal(document.number, IDENTIFIER_COLUMN), document_index(document)


def document_index(document: ValidDocument) -> bytes:
    """Blind index of a document's normal form."""
    return keyring().index(document.number, IDENTIFIER_COLUMN)


def seal_phone(phone: str | None) -> tuple[bytes | None, bytes | None]:
    """Sealed telephone and its blind index; both None without one."""
    if phone is None:
        return None, None
    return keyring().seal(phone, PHONE_COLUMN), phone_index(phone)


def phone_index(phone: str) -> bytes:
    """Blind index of a telephone in normal form."""
    return keyring().index(phone, PHONE_COLUMN)


def open_number(sealed: bytes) -> str:
    """A document's number in clear."""
    return keyring().open(sealed, IDENTIFIER_COLUMN)


def open_phone(sealed: bytes) -> str:
    """A telephone in clear."""
    return keyring().open(sealed, PHONE_COLUMN)
