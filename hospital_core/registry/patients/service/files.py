"""Opening files (建档): find or create by document, temporary files and their completion."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import FieldProblem, StateConflict
from hospital_core.kernel.ids import new_id, new_opaque_id
from hospital_core.kernel.numbers import NumberKind, next_number
from hospital_core.kernel.pinyin import initials_of, pinyin_of
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day
from hospital_core.registry.patients.commands import ChangePhone, CompleteTemporaryFile, RegisterPatient
from hospital_core.registry.patients.document_validation import ValidDocument, check_birth_date, validate_document
from hospital_core.registry.patients.errors import NotTemporary
from hospital_core.registry.patients.events import PatientIdentityChanged, PatientRegistered
from hospital_core.registry.patients.names import is_same_name, normal_phone, person_name
from hospital_core.registry.patients.queries import holder_of, require_live_file
from hospital_core.registry.patients.sealing import seal_document, seal_phone
from hospital_core.registry.patients.service.identifiers import claim_document
from hospital_core.registry.patients.states import DocumentKind, Sex
from hospital_core.registry.patients.views import IdentifierAdded, PatientFound
from hospital_core.registry.staff.permissions import Permission, require

# The document is claimed before the file exists (the foreign key is looked at when the statement ends): of two
# registrations at once, the later waits on the unique index, claims nothing and so opens nothing.
_OPEN_BY_DOCUMENT = """
WITH claimed AS (
    INSERT INTO patient_identifier (id, version, patient_id, kind, value_sealed, value_index, status, created_at)
    VALUES ($11, 0, $1, $12, $13, $14, 'active', $10)
    ON CONFLICT (kind, value_index) WHERE status = 'active' DO NOTHING RETURNING patient_id)
INSERT INTO patient (id, version, patient_no, name, pinyin, initials, sex, birth_date, phone_sealed, phone_index,
                     temporary, temporary_reason, created_at)
SELECT patient_id, 0, $2, $3, $4, $5, $6, $7, $8, $9, false, NULL, $10 FROM claimed RETURNING id"""

_OPEN_TEMPORARY = """
INSERT INTO patient (id, version, patient_no, name, pinyin, initials, sex, birth_date, phone_sealed, phone_index,
                     temporary, temporary_reason, created_at)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, true, $11, $10)"""

_COMPLETE = """
UPDATE patient SET temporary = false, temporary_reason = NULL, version = version + 1, name = $2, pinyin = $3,
    initials = $4, sex = $5, birth_date = $6, phone_sealed = coalesce($7, phone_sealed),
    phone_index = coalesce($8, phone_index)
WHERE id = $1 AND temporary RETURNING id"""


@dataclass(frozen=True)
class _Person:
    name: str
    sex: Sex
    birth_date: date | None

    def columns(self) -> tuple[str, str, str, str, date | None]:
        """Name, pinyin, initials, sex, birth date."""
        pinyin = pinyin_of(self.name, is_person=True)[:200]
        return self.name, pinyin, initials_of(self.name, is_person=True)[:60], self.sex.value, self.birth_date


async def find_or_create_patient(uow: UnitOfWork, command: RegisterPatient) -> PatientFound:
    """Find the file that a document names, or open one (建档); without a document a temporary, flagged file.

    A file that exists is never changed by this: whoever knows a document must not be able to rewrite its owner.
    Raises: FieldProblem. Emits: PatientRegistered. Locks: the document's index entry.
    """
    phone = normal_phone(command.phone) if command.phone else None
    if command.document_kind is DocumentKind.NONE_YET:
        return await _open_temporary(uow, command, phone)
    if command.temporary_reason is not None:
        raise FieldProblem("/temporary_reason", "有证件时不需要填写无证件原因")
    today = hospital_day(uow.now)
    document = validate_document(
        command.document_kind, command.document_no, today=today, birth_date=command.birth_date, sex=command.sex
    )
    person = _person_of(command, document, today)
    found = await holder_of(uow, document)
    if found is None:
        patient_id = await _open_by_document(uow, person, phone, document)
        if patient_id is not None:
            uow.audited("patient", patient_id, patient_id=patient_id)
            uow.record(PatientRegistered(patient_id=patient_id, temporary=False))
            return PatientFound(patient_id=patient_id, created=True)
        found = await holder_of(uow, document)
        if found is None:
            raise StateConflict()  # claimed by a twin and given up again since
    uow.audited("patient", found, patient_id=found)
    kept: str = await uow.fetch_value("SELECT name FROM patient WHERE id = $1", found)
    return PatientFound(patient_id=found, created=False, name_matches=is_same_name(kept, person.name))


async def complete_temporary_file(uow: UnitOfWork, command: CompleteTemporaryFile) -> IdentifierAdded:
    """Give a temporary file its document (临时档案补全). A document that has a file already puts both in the worklist:
    people decide about merging, and the temporary file stays as it is.

    Raises: Forbidden, NotFound, PatientMerged, NotTemporary, FieldProblem. Emits: PatientIdentityChanged.
    """
    require(uow.ctx, Permission.PATIENT_REGISTER)
    await require_live_file(uow, command.patient_id)
    uow.audited("patient", command.patient_id, patient_id=command.patient_id)
    row = await uow.fetch_row(
        "SELECT name, sex, birth_date FROM patient WHERE id = $1 AND temporary FOR UPDATE", command.patient_id
    )
    if row is None:
        raise NotTemporary()
    today = hospital_day(uow.now)
    document = validate_document(
        command.document_kind, command.document_no, today=today, birth_date=command.birth_date, sex=command.sex
    )
    person = _completed(command, document, row, today)
    phone = seal_phone(normal_phone(command.phone) if command.phone else None)
    answer = await claim_document(uow, command.patient_id, document)
    if answer.added:
        await uow.execute(_COMPLETE, command.patient_id, *person.columns(), *phone)
        uow.record(PatientIdentityChanged(patient_id=command.patient_id))
    return answer


async def change_phone(uow: UnitOfWork, command: ChangePhone) -> Done:
    """Change a file's telephone (修改电话).

    Raises: Forbidden, NotFound, PatientMerged, FieldProblem. Emits: PatientIdentityChanged.
    """
    require(uow.ctx, Permission.PATIENT_REGISTER)
    await require_live_file(uow, command.patient_id)
    uow.audited("patient", command.patient_id, patient_id=command.patient_id)
    sealed, index = seal_phone(normal_phone(command.phone))
    await uow.execute(
        "UPDATE patient SET phone_sealed = $2, phone_index = $3, version = version + 1 WHERE id = $1",
        command.patient_id, sealed, index,
    )  # fmt: skip
    uow.record(PatientIdentityChanged(patient_id=command.patient_id))
    return Done()


async def _open_by_document(
    uow: UnitOfWork, person: _Person, phone: str | None, document: ValidDocument
) -> UUID | None:
    """Open a file, or return None when a twin has just opened it."""
    number = await next_number(uow, NumberKind.PATIENT)
    created: UUID | None = await uow.fetch_value(
        _OPEN_BY_DOCUMENT,
        new_opaque_id(), number, *person.columns(), *seal_phone(phone), uow.now,
        new_id(), document.kind.value, *seal_document(document),
    )  # fmt: skip
    return created


async def _open_temporary(uow: UnitOfWork, command: RegisterPatient, phone: str | None) -> PatientFound:
    if command.document_no:
        raise FieldProblem("/document_no", "选择“暂无证件”时不能填写证件号码")
    if command.temporary_reason is None:
        raise FieldProblem("/temporary_reason", "请选择暂无证件的原因")
    if command.birth_date:
        check_birth_date(command.birth_date, hospital_day(uow.now))
    person = _Person(person_name(command.name, temporary=True), command.sex or Sex.UNKNOWN, command.birth_date)
    patient_id = new_opaque_id()
    number = await next_number(uow, NumberKind.PATIENT)
    await uow.execute(
        _OPEN_TEMPORARY,
        patient_id, number, *person.columns(), *seal_phone(phone), uow.now, command.temporary_reason.value,
    )  # fmt: skip
    uow.audited("patient", patient_id, patient_id=patient_id)
    uow.record(PatientRegistered(patient_id=patient_id, temporary=True))
    return PatientFound(patient_id=patient_id, created=True)


def _person_of(command: RegisterPatient, document: ValidDocument, today: date) -> _Person:
    birth_date = document.birth_date or command.birth_date
    if birth_date is None:
        raise FieldProblem("/birth_date", "请填写出生日期")
    check_birth_date(birth_date, today)
    return _Person(person_name(command.name), document.sex or command.sex or Sex.UNKNOWN, birth_date)


def _completed(command: CompleteTemporaryFile, document: ValidDocument, kept: Any, today: date) -> _Person:
    """What the document says goes before what is typed, what is typed before what the temporary file guessed."""
    birth_date = document.birth_date or command.birth_date or kept["birth_date"]
    if birth_date is None:
        raise FieldProblem("/birth_date", "请填写出生日期")
    check_birth_date(birth_date, today)
    name = person_name(command.name if command.name is not None else kept["name"])
    return _Person(name, document.sex or command.sex or Sex(kept["sex"]), birth_date)
