"""Searching patients (患者检索) by whatever a registrar types, scans or hears."""

import re
from collections.abc import Awaitable, Callable
from uuid import UUID

from hospital_core.kernel.errors import FieldProblem
from hospital_core.kernel.numbers import BarcodeKind, NumberKind, is_valid_number, read_barcode
from hospital_core.kernel.reading import Reading
from hospital_core.registry.patients.document_validation import possible_documents
from hospital_core.registry.patients.names import normal_phone
from hospital_core.registry.patients.queries.files import patient_views, survivors
from hospital_core.registry.patients.sealing import document_index, phone_index
from hospital_core.registry.patients.views import PatientView
from hospital_core.registry.staff.permissions import Permission, require

ROWS_MAX = 50
_LETTERS_MIN = 2

_BY_NAME_PREFIX = "SELECT id FROM patient WHERE name LIKE $1 || '%' ORDER BY name <> $2, name, id LIMIT $3"
_BY_NAME_PART = "SELECT id FROM patient WHERE name LIKE '_%' || $1 || '%' ORDER BY name, id LIMIT $2"
_BY_INITIALS = "SELECT id FROM patient WHERE initials LIKE $1 || '%' ORDER BY initials, name, id LIMIT $2"
_BY_SPELLING = """
SELECT id FROM patient WHERE replace(pinyin, ' ', '') LIKE $1 || '%' OR lower(name) LIKE $2 || '%'
ORDER BY name, id LIMIT $3"""
_BY_PHONE = "SELECT id FROM patient WHERE phone_index = $1 ORDER BY id LIMIT $2"
_BY_DOCUMENT = """
SELECT patient_id FROM patient_identifier WHERE kind = $1 AND value_index = $2 AND status = 'active'"""

Step = Callable[[Reading, str], Awaitable[list[UUID]]]


async def search_patients(reading: Reading, q: str) -> list[PatientView]:
    """Up to 50 patients (患者检索) by patient number, barcode, document, telephone, name, initials or pinyin.

    Merged files are shown as their survivor. The caller audits the search. Raises: Forbidden.
    """
    require(reading.ctx, Permission.PATIENT_SEARCH)
    text = " ".join(q.split())
    found: dict[UUID, None] = {}
    for step in _steps(text):
        found.update(dict.fromkeys(await step(reading, text)))
        if len(found) >= ROWS_MAX:
            break
    if not found:
        return []
    standing = await survivors(reading, list(found))
    return await patient_views(reading, list(dict.fromkeys(standing[key] for key in found))[:ROWS_MAX])


async def files_named_by(reading: Reading, number: str) -> list[UUID]:
    """Files (their survivors) that exactly this patient number, wristband or document names; mostly one or none.

    A passport and a birth certificate of two people may carry the same number: then there are two.
    """
    text = " ".join(number.split())
    found = [*await _numbers(reading, text), *await _documents(reading, text)]
    if not found:
        return []
    standing = await survivors(reading, found)
    return list(dict.fromkeys(standing[key] for key in found))


def _steps(text: str) -> list[Step]:
    """The ways to understand a text, best first; later ones only fill what room is left."""
    if not text or len(text) > 60:
        return []
    if any(c.isdigit() for c in text):
        return [_numbers, _documents, _phones, _names]
    if re.fullmatch(r"[A-Za-z' .]+", text):
        return [_initials, _spellings] if len(text) >= _LETTERS_MIN else []
    return [_names, _name_parts]


async def _numbers(reading: Reading, text: str) -> list[UUID]:
    label = read_barcode(text)
    number = label.number if label and label.kind is BarcodeKind.PATIENT else text
    if not is_valid_number(NumberKind.PATIENT, number):
        return []
    return [row["id"] for row in await reading.fetch("SELECT id FROM patient WHERE patient_no = $1", number)]


async def _documents(reading: Reading, text: str) -> list[UUID]:
    today = await reading.fetch_value("SELECT (hospital_now() AT TIME ZONE 'Asia/Shanghai')::date")
    found: list[UUID] = []
    for document in possible_documents(text, today):
        rows = await reading.fetch(_BY_DOCUMENT, document.kind.value, document_index(document))
        found += [row["patient_id"] for row in rows]
    return found


async def _phones(reading: Reading, text: str) -> list[UUID]:
    try:
        phone = normal_phone(text)
    except FieldProblem:
        return []
    return [row["id"] for row in await reading.fetch(_BY_PHONE, phone_index(phone), ROWS_MAX)]


async def _names(reading: Reading, text: str) -> list[UUID]:
    return [row["id"] for row in await reading.fetch(_BY_NAME_PREFIX, _literal(text), text, ROWS_MAX)]


async def _name_parts(reading: Reading, text: str) -> list[UUID]:
    return [row["id"] for row in await reading.fetch(_BY_NAME_PART, _literal(text), ROWS_MAX)]


async def _initials(reading: Reading, text: str) -> list[UUID]:
    initials = re.sub(r"[^a-z]", "", text.lower())
    return [row["id"] for row in await reading.fetch(_BY_INITIALS, initials, ROWS_MAX)] if initials else []


async def _spellings(reading: Reading, text: str) -> list[UUID]:
    spelled = re.sub(r"[^a-z]", "", text.lower())
    rows = await reading.fetch(_BY_SPELLING, spelled, _literal(text.lower()), ROWS_MAX)
    return [row["id"] for row in rows] if spelled else []


def _literal(text: str) -> str:
    """Text for LIKE with its wildcards taken literally."""
    return re.sub(r"([\\%_])", r"\\\1", text)
