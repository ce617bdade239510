"""Words of the patient index."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class Sex(StrEnum):
    """Administrative sex (性别), FHIR AdministrativeGender."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class DocumentKind(StrEnum):
    """Identity documents (证件类型, WS 364 CV02.01.101); ``NONE_YET`` opens a temporary, flagged file."""

    NATIONAL_ID = "national_id"  # 居民身份证
    HOUSEHOLD_BOOK = "household_book"  # 户口簿
    PASSPORT = "passport"  # 护照
    HK_MACAO_PERMIT = "hk_macao_permit"  # 港澳居民来往内地通行证
    TAIWAN_PERMIT = "taiwan_permit"  # 台湾居民来往大陆通行证
    FOREIGNER_RESIDENCE = "foreigner_residence"  # 外国人永久居留身份证
    BIRTH_CERTIFICATE = "birth_certificate"  # 出生医学证明
    NONE_YET = "none_yet"  # 暂无证件


class TemporaryReason(StrEnum):
    """Why a file has no document yet (无证件原因)."""

    NEWBORN = "newborn"
    UNCONSCIOUS = "unconscious"
    FOREIGNER = "foreigner"
    OTHER = "other"


class IdentifierStatus(StrEnum):
    """Whether an identifier still names its patient."""

    ACTIVE = "active"
    RETIRED = "retired"
    ENTERED_IN_ERROR = "entered-in-error"


class AllergyStatus(StrEnum):
    """Clinical status of an allergy (过敏状态)."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ENTERED_IN_ERROR = "entered-in-error"


class AllergySeverity(StrEnum):
    """How bad the worst known reaction was (严重程度)."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class DuplicateStatus(StrEnum):
    """What became of a suspected duplicate (疑似重复)."""

    OPEN = "open"
    MERGED = "merged"
    DISMISSED = "dismissed"


class MatchReason(StrEnum):
    """Why two files are suspected to be one person (疑似原因)."""

    NAME_BIRTH_SEX = "name_birth_sex"
    NAME_PHONE = "name_phone"
    SAME_DOCUMENT = "same_document"


IDENTIFIER = Machine(
    "patient_identifier",
    IdentifierStatus,
    [
        Move("retire", (IdentifierStatus.ACTIVE,), IdentifierStatus.RETIRED),
        Move("strike", (IdentifierStatus.ACTIVE, IdentifierStatus.RETIRED), IdentifierStatus.ENTERED_IN_ERROR),
    ],
)

ALLERGY = Machine(
    "patient_allergy",
    AllergyStatus,
    [
        Move("inactivate", (AllergyStatus.ACTIVE,), AllergyStatus.INACTIVE),
        Move("reactivate", (AllergyStatus.INACTIVE,), AllergyStatus.ACTIVE),
        Move("strike", (AllergyStatus.ACTIVE, AllergyStatus.INACTIVE), AllergyStatus.ENTERED_IN_ERROR),
    ],
)

# A pair that was wrongly merged is known to be two people; should that prove wrong too, it may be merged again.
DUPLICATE = Machine(
    "patient_duplicate",
    DuplicateStatus,
    [
        Move("merge", (DuplicateStatus.OPEN, DuplicateStatus.DISMISSED), DuplicateStatus.MERGED),
        Move("unmerge", (DuplicateStatus.MERGED,), DuplicateStatus.DISMISSED),
        Move("dismiss", (DuplicateStatus.OPEN,), DuplicateStatus.DISMISSED),
    ],
)
