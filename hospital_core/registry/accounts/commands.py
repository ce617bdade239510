"""Commands about accounts and links."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from hospital_core.kernel.commands import Command
from hospital_core.registry.accounts.states import Relation
from hospital_core.registry.patients.commands import DocumentNumber, Name, Phone
from hospital_core.registry.patients.states import DocumentKind, Sex


class SignIn(Command):
    """A WeChat account whose code was just exchanged (微信登录). Never a body: the platform vouches for it."""

    appid: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    openid: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    unionid: Annotated[str, StringConstraints(max_length=128)] | None = None


class RotateRefresh(Command):
    """Trade a refresh token for the next one (续期)."""

    refresh_token: Annotated[str, StringConstraints(max_length=200)] = Field(repr=False)


class EndReusedSession(Command):
    """End a session whose spent refresh token came back."""

    session_id: UUID


class BindPhone(Command):
    """Keep the phone number that WeChat has verified (绑定手机号)."""

    phone: Phone = Field(repr=False)


class AddPatient(Command):
    """Link a patient to the account (添加就诊人). Sex and birth date may be left out where the document says them.

    Choosing ``child`` is the guardian's declaration and consent (监护人同意). Source: 个人信息保护法 §31.
    """

    name: Name = Field(repr=False)
    document_kind: DocumentKind
    document_no: DocumentNumber = Field(repr=False)
    sex: Sex | None = None
    birth_date: date | None = None
    phone: Phone | None = Field(default=None, repr=False)
    relation: Relation


class SendProofCode(Command):
    """Send a code to the phone that stands in the file (发送核验码)."""

    link_id: UUID


class ProveLink(Command):
    """Prove a link by the code that was sent (核验)."""

    link_id: UUID
    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] = Field(repr=False)


class ProveByCard(Command):
    """The patient's card was seen for this account (刷证核验); other accounts' links stay as they are."""

    account_id: UUID
    patient_id: UUID


class RevokeLink(Command):
    """Remove a patient from the account (移除就诊人)."""

    link_id: UUID


class PreferLink(Command):
    """Make a patient the account's default (设为默认就诊人)."""

    link_id: UUID


class IdentifyPatient(Command):
    """A patient's phone shows its code and a scanner reads it (扫就诊码)."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(repr=False)
