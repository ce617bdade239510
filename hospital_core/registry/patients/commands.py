"""Commands of the patient index."""

from datetime import date
from uuid import UUID

from pydantic import Field
from typing_extensions import Annotated

from hospital_core.kernel.commands import Command
from hospital_core.registry.patients.states import AllergySeverity, DocumentKind, Sex, TemporaryReason

Reason = Annotated[str, Field(min_length=2, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
DocumentNumber = Annotated[str, Field(max_length=40)]
Phone = Annotated[str, Field(max_length=30)]


class RegisterPatient(Command):
    """Find or open a file (建档). Birth date and sex may be left out where the document's number says them."""

    document_kind: DocumentKind
    document_no: DocumentNumber | None = None
    name: Name
    sex: Sex | None = None
    birth_date: date | None = None
    phone: Phone | None = None
    temporary_reason: TemporaryReason | None = None


class CompleteTemporaryFile(Command):
    """Give a temporary file its document (临时档案补全); what is left out stays as it is."""

    patient_id: UUID
    document_kind: DocumentKind
    document_no: DocumentNumber
    name: Name | None = None
    sex: Sex | None = None
    birth_date: date | None = None
    phone: Phone | None = None


class ChangePhone(Command):
    """Change a file's telephone (修改电话)."""

    patient_id: UUID
    phone: Phone


class AddIdentifier(Command):
    """Add a further document to a file (添加证件)."""

    patient_id: UUID
    document_kind: DocumentKind
    document_no: DocumentNumber


class RetireIdentifier(Command):
    """A document no longer names the patient (证件停用); ``in_error`` when it never did."""

    identifier_id: UUID
    in_error: bool = False


class RecordAllergy(Command):
    """Record a known allergy (登记过敏史)."""

    patient_id: UUID
    substance: Annotated[str, Field(min_length=1, max_length=80)]
    severity: AllergySeverity
    reaction: Annotated[str, Field(max_length=120)] = ""


class AllergyCommand(Command):
    """Change the status of one recorded allergy of a patient."""

    patient_id: UUID
    allergy_id: UUID
    version: int | None = None


class MergePatients(Command):
    """Say that ``source`` is the same person as ``survivor`` (合并档案)."""

    source_id: UUID
    survivor_id: UUID
    reason: Reason


class UnmergePatients(Command):
    """Undo the merge of ``source`` (撤销合并)."""

    source_id: UUID
    reason: Reason


class DismissDuplicate(Command):
    """The two files are two people (排除重复)."""

    duplicate_id: UUID
    version: int | None = None


class ResealStale(Command):
    """Seal a batch of values again with the current key (密钥轮换)."""

    batch: Annotated[int, Field(ge=1, le=2000)] = 500
