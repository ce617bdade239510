"""Refusals of the patient index."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class PatientMerged(DomainError):
    """The file was merged; commands go to its survivor. Fields: ``survivor_id``."""

    code = "patients.merged"
    kind = Kind.CONFLICT
    title = "该档案已合并，请使用合并后的档案"


class MergeWithItself(DomainError):
    """A file cannot be merged into itself."""

    code = "patients.merge_with_itself"
    kind = Kind.INVALID
    title = "不能与自身合并"


class NotMerged(DomainError):
    """There is no merge of this file to undo."""

    code = "patients.not_merged"
    kind = Kind.CONFLICT
    title = "该档案未被合并，无需撤销"


class NotTemporary(DomainError):
    """The file is not, or no longer, a temporary one."""

    code = "patients.not_temporary"
    kind = Kind.CONFLICT
    title = "该档案不是临时档案"


class IdentifierTaken(DomainError):
    """The document already names another patient."""

    code = "patients.identifier_taken"
    kind = Kind.CONFLICT
    title = "该证件已属于另一份档案"


class AllergyKnown(DomainError):
    """The same substance is already recorded as an active allergy."""

    code = "patients.allergy_known"
    kind = Kind.CONFLICT
    title = "该过敏原已有记录"


means("identifier_names_one_patient", IdentifierTaken)
means("allergy_recorded_once", AllergyKnown)
means("merge_into_one_survivor", PatientMerged)
means("merge_two_different_files", MergeWithItself)
