"""Online follow-up visits (线上复诊): who may have one, and when their patients arrive.

A first visit never takes place online: whoever books one was seen in the department, in person, not too long ago. What
an account learns here about a file's past it may know: the link between them was proven.
Source: 互联网诊疗管理办法（试行）第十六条.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hospital_core.access.scheduling.days import day_of
from hospital_core.access.scheduling.errors import OnlineAccountNeeded, OnlineByPhone, OnlineFirstVisit
from hospital_core.access.scheduling.rules import RuleBook, RuleCode
from hospital_core.access.scheduling.states import AppointmentStatus, BookingChannel, ServiceKind
from hospital_core.kernel.errors import DomainError
from hospital_core.kernel.reading import Reading
from hospital_core.registry.accounts.queries import accounts_acting

# Of each wish for an online visit: when the patient was last seen in the department in person, and whether a phone
# holds the file for certain: the one that books, or any when the hospital books. 1 patients, 2 departments, 3 accounts
_FOLLOW_UPS = f"""
SELECT (SELECT max(a.starts_at) FROM appointment a
        WHERE a.patient_id IN (SELECT person_ids(w.patient_id)) AND a.department_id = w.department_id
          AND a.status = '{AppointmentStatus.FULFILLED.value}'
          AND a.service_kind <> '{ServiceKind.ONLINE.value}') AS seen_in_person_at,
       EXISTS (SELECT 1 FROM ({accounts_acting("w.patient_id", proven=True)}) AS theirs
               WHERE w.account_id IS NULL OR theirs.account_id = w.account_id) AS proven_phone
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS w (patient_id, department_id, account_id, wish)
ORDER BY w.wish"""


def is_online(row: Mapping[str, Any]) -> bool:
    """Whether a session, an appointment or a fact about a wish is of an online visit."""
    return bool(row["service_kind"] == ServiceKind.ONLINE)


async def follow_ups(
    reading: Reading, patients: Sequence[UUID], departments: Sequence[UUID], accounts: Sequence[UUID | None]
) -> Sequence[Mapping[str, Any]]:
    """What decides whether these patients may have online visits there, in their order."""
    rows: Sequence[Mapping[str, Any]] = await reading.fetch(
        _FOLLOW_UPS, list(patients), list(departments), list(accounts)
    )
    return rows


def follow_up_refusal(fact: Mapping[str, Any], book: RuleBook, channel: BookingChannel) -> DomainError | None:
    """Why a patient may not have this online visit, or None. ``fact``: a session's, with its patient's follow-up."""
    if channel is BookingChannel.KIOSK:
        return OnlineByPhone()
    if not fact["proven_phone"]:
        return OnlineAccountNeeded()
    days = book.value(RuleCode.ONLINE_REVISIT_DAYS, fact["department_id"], fact["service_kind"])
    seen_at = fact["seen_in_person_at"]
    if seen_at is None or not 0 <= (fact["day"] - day_of(seen_at)).days <= days:
        return OnlineFirstVisit(days=days)
    return None
