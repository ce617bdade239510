"""Documents of a file (证件): added, found to belong to another file, retired."""

from uuid import UUID

from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import hospital_day
from hospital_core.registry.patients.commands import AddIdentifier, RetireIdentifier
from hospital_core.registry.patients.document_validation import ValidDocument, validate_document
from hospital_core.registry.patients.duplicates import flag_pair
from hospital_core.registry.patients.events import PatientIdentityChanged
from hospital_core.registry.patients.queries import holder_of, require_live_file
from hospital_core.registry.patients.sealing import seal_document
from hospital_core.registry.patients.states import IDENTIFIER, MatchReason
from hospital_core.registry.patients.views import IdentifierAdded
from hospital_core.registry.staff.permissions import Permission, require

_CLAIM = """
INSERT INTO patient_identifier (id, version, patient_id, kind, value_sealed, value_index, status, created_at)
VALUES ($1, 0, $2, $3, $4, $5, 'active', $6)
ON CONFLICT (kind, value_index) WHERE status = 'active' DO NOTHING RETURNING id"""


async def add_identifier(uow: UnitOfWork, command: AddIdentifier) -> IdentifierAdded:
    """Add a further document to a file (添加证件); one that names another file puts the pair into the worklist.

    Raises: Forbidden, NotFound, PatientMerged, FieldProblem. Emits: PatientIdentityChanged.
    """
    require(uow.ctx, Permission.PATIENT_REGISTER)
    await require_live_file(uow, command.patient_id)
    uow.audited("patient", command.patient_id, patient_id=command.patient_id)
    birth_date = await uow.fetch_value("SELECT birth_date FROM patient WHERE id = $1", command.patient_id)
    document = validate_document(
        command.document_kind, command.document_no, today=hospital_day(uow.now), birth_date=birth_date
    )
    answer = await claim_document(uow, command.patient_id, document)
    if answer.added:
        uow.record(PatientIdentityChanged(patient_id=command.patient_id))
    return answer


async def retire_identifier(uow: UnitOfWork, command: RetireIdentifier) -> Done:
    """A document no longer names its patient (证件停用), or never did. Raises: Forbidden, NotFound, StateConflict."""
    require(uow.ctx, Permission.PATIENT_REGISTER)
    move = "strike" if command.in_error else "retire"
    row = await transition(uow, IDENTIFIER, move, command.identifier_id)
    uow.audited("patient_identifier", command.identifier_id, patient_id=row["patient_id"])
    return Done()


async def claim_document(uow: UnitOfWork, patient_id: UUID, document: ValidDocument) -> IdentifierAdded:
    """Let a document name a file; when it names another person's already, flag the pair instead.

    Locks: the document's index entry.
    """
    claimed = await uow.fetch_value(
        _CLAIM, new_id(), patient_id, document.kind.value, *seal_document(document), uow.now
    )
    if claimed is not None:
        return IdentifierAdded(patient_id=patient_id, added=True)
    holder = await holder_of(uow, document)
    if holder is None:  # claimed by another transaction and given up again since: the caller looks again
        raise StateConflict()
    if holder == patient_id:
        return IdentifierAdded(patient_id=patient_id, added=True)
    await flag_pair(uow, patient_id, holder, MatchReason.SAME_DOCUMENT)
    return IdentifierAdded(patient_id=patient_id, added=False, duplicate_of=holder)
