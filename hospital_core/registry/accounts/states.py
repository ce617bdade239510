"""Words of accounts and their links to patients."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class Relation(StrEnum):
    """What the patient is to the account's holder (与本人关系)."""

    SELF = "self"
    CHILD = "child"
    PARENT = "parent"
    SPOUSE = "spouse"
    OTHER = "other"


class LinkStatus(StrEnum):
    """Whether the account may act for the patient."""

    ACTIVE = "active"
    REVOKED = "revoked"


class ProofKind(StrEnum):
    """How a link to an existing file was proven (核验方式); before that nothing older than the link is shown."""

    CREATED_HERE = "created_here"  # the account opened the file itself: there is nothing older
    PHONE_CODE = "phone_code"
    KIOSK_CARD = "kiosk_card"
    COUNTER_CARD = "counter_card"


LINK = Machine("account_link", LinkStatus, [Move("revoke", (LinkStatus.ACTIVE,), LinkStatus.REVOKED)])
