"""Linking patients to accounts (就诊人管理)."""

from datetime import date, timedelta
from uuid import UUID

from asyncpg import Record

from hospital_core.kernel import attempts
from hospital_core.kernel.attempts import Purpose
from hospital_core.kernel.commands import Done
from hospital_core.kernel.errors import FieldProblem, Unauthenticated
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.accounts.commands import AddPatient, PreferLink, RevokeLink
from hospital_core.registry.accounts.errors import (
    AlreadyLinked,
    GuardianNeeded,
    GuardianStillNeeded,
    LinkedTooOften,
    LinkRefused,
    RelationNotForAge,
    SelfAlreadyLinked,
    TooManyLinks,
)
from hospital_core.registry.accounts.events import LinkRevoked
from hospital_core.registry.accounts.queries import link, link_basis, own_active_link
from hospital_core.registry.accounts.service.sessions import acting_account, open_phone
from hospital_core.registry.accounts.states import LINK, ProofKind, Relation
from hospital_core.registry.accounts.views import LinkView
from hospital_core.registry.patients.ages import age_years, hospital_day
from hospital_core.registry.patients.commands import RegisterPatient
from hospital_core.registry.patients.queries import patient_names
from hospital_core.registry.patients.service import find_or_create_patient
from hospital_core.registry.patients.states import DocumentKind
from hospital_core.registry.patients.views import PatientFound

ADULT_YEARS = 18
OWN_ACCOUNT_YEARS = 14
LINKS_A_DAY_MAX = 10
ADD_PATIENT = Purpose("add_patient", failures_max=5, window=timedelta(hours=1), lock=timedelta(hours=1))

# A guardian's link ends on the child's eighteenth birthday; readers ignore it from then on, here its place is freed.
_END_GROWN_UP = f"""
UPDATE account_link l SET status = {LINK.target_sql("revoke")}, version = l.version + 1, revoked_at = $2
FROM patient p
WHERE l.account_id = $1 AND p.id = l.patient_id AND {LINK.sources_sql("revoke", "l")} AND l.relation = 'child'
  AND p.birth_date <= ($3::date - interval '18 years')"""

_OWN_LINKS = """
SELECT l.relation, p.birth_date FROM account_link l JOIN patient p ON p.id = l.patient_id
WHERE l.account_id = $1 AND l.status = 'active' AND l.relation IN ('self', 'child')"""

# The lowest free place; five rows at most are looked at, and the unique index is the last word.
_LINK = """
INSERT INTO account_link (id, version, account_id, patient_id, relation, place, status, linked_at, proof)
SELECT $1, 0, $2, $3, $4, place, 'active', $5, $6 FROM generate_series(1, 5) AS place
WHERE place NOT IN (SELECT l.place FROM account_link l WHERE l.account_id = $2 AND l.status = 'active')
ORDER BY place LIMIT 1"""


_PREFER = "UPDATE account_link SET preferred_at = $2, version = version + 1 WHERE id = $1 AND status = 'active'"


async def add_patient(uow: UnitOfWork, command: AddPatient) -> LinkView:
    """Link a patient to the acting account (添加就诊人), opening the file when there is none.

    The answer does not tell whether there was one. A link to a file that was there shows nothing older than itself
    until proven; one to a new file has nothing older, and is proven no sooner. A name or birth date that differs from
    the file's is refused in words that name neither, and counted.

    Relations and ages (个人信息保护法 §31, 民法典 §17–§35):
    under 14 only a guardian may link (``child``); from 14 to 17 also the person (``self``); from 18 anybody but
    ``child``. A guardian's account must have its own adult holder linked (``self``). One ``self`` per account, five
    patients, ten links a day.

    Raises: LinkRefused, RelationNotForAge, GuardianNeeded, TooManyLinks, AlreadyLinked, SelfAlreadyLinked,
    LinkedTooOften, TooManyAttempts, FieldProblem. Locks: the account, after the document's index entry.
    """
    account_id = acting_account(uow)
    await attempts.guard(ADD_PATIENT, account_id, uow)
    if command.document_kind is DocumentKind.NONE_YET:
        raise FieldProblem("/document_kind", "请提供证件；暂无证件者请到医院窗口建档")
    # Not locked yet: the document's index entry comes first, so that two accounts never wait for each other.
    account = await _account(uow, account_id, lock=False)
    found = await find_or_create_patient(uow, _registration(command, open_phone(account)))
    await _account(uow, account_id, lock=True)
    birth_date = await _checked_birth_date(uow, command, found)
    today = hospital_day(uow.now)
    await uow.execute(_END_GROWN_UP, account_id, uow.now, today)
    # The index keeps one link per file; after a merge one person may have several files.
    if await link_basis(uow, account_id, found.patient_id) is not None:
        raise AlreadyLinked()
    await _refuse_too_often(uow, account_id)
    await _check_relation(uow, account_id, command.relation, birth_date, today)
    link_id = new_id()
    proof = ProofKind.CREATED_HERE.value if found.created else None
    values = (link_id, account_id, found.patient_id, command.relation.value, uow.now, proof)
    if not await uow.execute(_LINK, *values):
        raise TooManyLinks()
    uow.audited("account_link", link_id, patient_id=found.patient_id)
    return await link(uow, link_id)


async def revoke_link(uow: UnitOfWork, command: RevokeLink) -> Done:
    """Remove a patient from the acting account (移除就诊人), at once. What is booked stays; what it waits for ends.

    Raises: NotFound (also for another account's link), GuardianStillNeeded, StateConflict. Emits: LinkRevoked.
    """
    account_id = acting_account(uow)
    await _account(uow, account_id, lock=True)
    row = await own_active_link(uow, account_id, command.link_id)
    await uow.execute(_END_GROWN_UP, account_id, uow.now, hospital_day(uow.now))
    if row["relation"] == Relation.SELF and any(
        own["relation"] == Relation.CHILD for own in await _own(uow, account_id)
    ):
        raise GuardianStillNeeded()
    await transition(uow, LINK, "revoke", command.link_id, revoked_at=uow.now)
    uow.record(LinkRevoked(link_id=command.link_id))
    uow.audited("account_link", command.link_id, patient_id=row["patient_id"])
    return Done()


async def prefer_link(uow: UnitOfWork, command: PreferLink) -> LinkView:
    """Make a patient the acting account's default (设为默认就诊人). Raises: NotFound, as for another's link."""
    account_id = acting_account(uow)
    row = await own_active_link(uow, account_id, command.link_id)
    await uow.execute(_PREFER, command.link_id, uow.now)
    uow.audited("account_link", command.link_id, patient_id=row["patient_id"])
    return await link(uow, command.link_id)


def _registration(command: AddPatient, account_phone: str | None) -> RegisterPatient:
    """A file opened for the holder or a child gets the account's verified phone when no other is given."""
    phone = command.phone
    if phone is None and command.relation in (Relation.SELF, Relation.CHILD):
        phone = account_phone
    return RegisterPatient(
        document_kind=command.document_kind, document_no=command.document_no, name=command.name, sex=command.sex,
        birth_date=command.birth_date, phone=phone,
    )  # fmt: skip


async def _account(uow: UnitOfWork, account_id: UUID, *, lock: bool) -> Record:
    row = await uow.fetch_row(
        "SELECT phone_sealed FROM patient_account WHERE id = $1 AND disabled_at IS NULL"
        + (" FOR NO KEY UPDATE" if lock else ""),
        account_id,
    )
    if row is None:
        raise Unauthenticated()
    return row


async def _checked_birth_date(uow: UnitOfWork, command: AddPatient, found: PatientFound) -> date:
    """The file's birth date, when name and birth date are those that were given. Raises LinkRefused."""
    known = (await patient_names(uow, [found.patient_id]))[found.patient_id]
    differs = command.birth_date is not None and known.birth_date != command.birth_date
    if not found.name_matches or differs or known.birth_date is None:
        uow.if_refused(lambda: attempts.failed(ADD_PATIENT, acting_account(uow), uow.ctx))
        raise LinkRefused()
    return known.birth_date


async def _check_relation(uow: UnitOfWork, account_id: UUID, relation: Relation, birth_date: date, today: date) -> None:
    age = age_years(birth_date, today)
    own = {row["birth_date"] for row in await _own(uow, account_id) if row["relation"] == Relation.SELF}
    if relation is Relation.CHILD:
        if age >= ADULT_YEARS:
            raise RelationNotForAge("年满 18 周岁请选择其他关系")
        if not any(holder is not None and age_years(holder, today) >= ADULT_YEARS for holder in own):
            raise GuardianNeeded()
    elif relation is Relation.SELF:
        if own:
            raise SelfAlreadyLinked()
        if age < OWN_ACCOUNT_YEARS:
            raise RelationNotForAge("未满 14 周岁须由监护人以“子女”关系添加")
    elif age < ADULT_YEARS:
        raise RelationNotForAge("未满 18 周岁须由监护人以“子女”关系添加")


async def _own(uow: UnitOfWork, account_id: UUID) -> list[Record]:
    return list(await uow.fetch(_OWN_LINKS, account_id))


async def _refuse_too_often(uow: UnitOfWork, account_id: UUID) -> None:
    """Success tells nobody anything, but a hundred of them would fill the index with inventions."""
    oldest = await uow.fetch_value(
        "SELECT linked_at FROM account_link WHERE account_id = $1 AND linked_at > $2 ORDER BY linked_at DESC "
        "OFFSET $3 LIMIT 1",
        account_id, uow.now - timedelta(days=1), LINKS_A_DAY_MAX - 1,
    )  # fmt: skip
    if oldest is not None:
        raise LinkedTooOften(retry_after=int((oldest + timedelta(days=1) - uow.now).total_seconds()) + 1)
