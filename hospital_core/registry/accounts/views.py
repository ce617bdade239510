"""What readers see of accounts and links."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field

from hospital_core.kernel.commands import View
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.patients.views import PatientView


class SignedIn(View):
    """A phone is signed in; the only time its refresh token is seen."""

    account_id: UUID
    session_id: UUID
    refresh_token: str = Field(repr=False)
    expires_at: datetime
    phone_masked: str | None


class Rotated(View):
    """The next refresh token of a session; asking again at once with the same old one gives the same answer."""

    account_id: UUID
    session_id: UUID
    refresh_token: str = Field(repr=False)
    expires_at: datetime
    phone_masked: str | None


class PhoneBound(View):
    """The account's phone number, masked."""

    phone_masked: str


class LinkView(View):
    """A linked patient (就诊人).

    Until the link is proven it looks the same whether the file was there before or was opened by this link: the number
    and the document, which the two would show differently, are held back. ``is_default``: whom a booking is for unless
    another is chosen.
    """

    link_id: UUID
    patient_id: UUID
    name_masked: str
    relation: Relation
    proven: bool
    document_masked: str | None
    patient_no: str | None
    linked_at: datetime
    is_default: bool


class IdentityCodeView(View):
    """What a phone shows as a QR code to say who its patient is (就诊码), and until when it works; once."""

    text: str = Field(repr=False)
    expires_at: datetime
    name_masked: str
    proven: bool


class IdentifiedPatient(View):
    """Whom an identity code names (就诊码识别), what they are to the phone's holder, and whether that is proven."""

    patient: PatientView
    relation: Relation
    proven: bool


class LinkedAccount(View):
    """An account that says it may act for a patient (关联的微信账户), as the patient is asked about it at the desk."""

    account_id: UUID
    phone_masked: str | None
    relation: Relation
    linked_at: datetime
    proven: bool


class ProofCodeSent(View):
    """A code is on its way, if the file has a phone: the answer is the same when it has none."""

    sent_to_masked: str = "就诊档案预留手机号"
    expires_at: datetime


class LinksProven(View):
    """How many links of the account a card has proven (0: none was waiting)."""

    proven: int


@dataclass(frozen=True)
class LinkBasis:
    """Why an account may act for a patient, and since when it sees the file: from ``linked_at`` until proven."""

    link_id: UUID
    relation: Relation
    linked_at: datetime
    proven_at: datetime | None

    @property
    def proven(self) -> bool:
        """Whether everything in the file may be shown."""
        return self.proven_at is not None
