"""Permissions of roles (权限), in code: what a role may do changes by release and review, not by a click.

Three administrators are kept apart (三员分立): the system administrator runs the house but gives nobody rights and
reads no audit; the security administrator gives rights and reviews break-glass; the audit administrator only reads.
Source: GB/T 22239-2019 §8.1.5.
"""

from collections.abc import Iterable
from enum import StrEnum

from hospital_core.kernel.context import ActorKind, Context
from hospital_core.kernel.errors import Forbidden
from hospital_core.registry.staff.states import SEPARATED, StaffRole


class Permission(StrEnum):
    """One thing a staff member may be allowed to do (权限点)."""

    QUEUE_READ = "queue.read"
    QUEUE_CALL = "queue.call"  # call, recall, pass, return
    ENCOUNTER_CONDUCT = "encounter.conduct"  # start and finish a visit
    PATIENT_SEARCH = "patient.search"
    PATIENT_READ = "patient.read"  # a file one has a care relation to
    PATIENT_REGISTER = "patient.register"  # open and complete files, see the card at the counter
    PATIENT_MERGE = "patient.merge"
    ALLERGY_RECORD = "allergy.record"  # a warning more harms nobody: who hears of it may write it down
    ALLERGY_JUDGE = "allergy.judge"  # taking a warning away is a clinician's decision
    WALK_IN_REGISTER = "walk_in.register"
    CASH_TAKE = "cash.take"
    CASH_DESK = "cash.desk"  # see drawers, shifts and receipts; end a shift
    REFUND_REQUEST = "refund.request"
    PRICE_OVERRIDE = "price.override"  # charge another price than the list's, with a reason
    E_INVOICE_MANAGE = "e_invoice.manage"  # see e-invoices, send failed ones again, check a day
    E_INVOICE_PAPER = "e_invoice.paper"  # hand out blanks for paper copies, void spoiled ones of any drawer
    RECONCILE_PROPOSE = "reconcile.propose"  # read reconciliations, say what was done about a difference
    RECONCILE_APPROVE = "reconcile.approve"  # agree, as another person
    DAY_CLOSE = "day.close"  # close accounting days, correct journals, keep drawers
    SCHEDULE_READ = "schedule.read"
    SCHEDULE_MANAGE = "schedule.manage"
    APPOINTMENT_ADD_ON = "appointment.add_on"  # places beyond the plan, in one's own session
    EXAMINATION_BOOK = "examination.book"  # places for patients' paid examinations
    SERIES_BOOK = "series.book"  # several visits of a course together
    GUIDE_MANAGE = "guide.manage"  # search words and the symptom guide, as patients meet them
    DISRUPTION_SETTLE = "disruption.settle"  # answer for a patient whose clinic was changed
    WAITLIST_READ = "waitlist.read"
    BAN_MANAGE = "ban.manage"  # keep patients from booking online, answer their objections
    BOARD_READ = "board.read"  # the day in figures, money among them
    BREAK_GLASS_OPEN = "break_glass.open"
    BREAK_GLASS_REVIEW = "break_glass.review"
    WARD_READ = "ward.read"
    CATALOGUE_READ = "catalogue.read"
    PRICE_MANAGE = "price.manage"
    ORGANIZATION_MANAGE = "organization.manage"
    STAFF_READ = "staff.read"
    STAFF_MANAGE = "staff.manage"  # hire, open accounts without roles
    ROLES_ASSIGN = "roles.assign"
    ACCOUNT_DISABLE = "account.disable"
    DEVICE_MANAGE = "device.manage"
    PARKED_RELEASE = "parked.release"
    MESSAGE_LOG_READ = "message_log.read"  # what became of messages to patients
    AUDIT_READ = "audit.read"


P = Permission

ROLE_PERMISSIONS: dict[StaffRole, frozenset[Permission]] = {
    StaffRole.DOCTOR: frozenset(
        {P.QUEUE_READ, P.QUEUE_CALL, P.ENCOUNTER_CONDUCT, P.PATIENT_READ, P.ALLERGY_RECORD, P.ALLERGY_JUDGE,
         P.BREAK_GLASS_OPEN, P.CATALOGUE_READ, P.SCHEDULE_READ, P.WARD_READ, P.APPOINTMENT_ADD_ON, P.SERIES_BOOK}
    ),
    StaffRole.NURSE: frozenset(
        {P.QUEUE_READ, P.QUEUE_CALL, P.PATIENT_READ, P.ALLERGY_RECORD, P.ALLERGY_JUDGE, P.BREAK_GLASS_OPEN,
         P.SCHEDULE_READ, P.WARD_READ, P.EXAMINATION_BOOK}
    ),
    StaffRole.REGISTRAR: frozenset(
        {P.PATIENT_SEARCH, P.PATIENT_READ, P.PATIENT_REGISTER, P.PATIENT_MERGE, P.ALLERGY_RECORD, P.WALK_IN_REGISTER,
         P.CASH_TAKE, P.CASH_DESK, P.QUEUE_READ, P.SCHEDULE_READ, P.CATALOGUE_READ, P.DISRUPTION_SETTLE,
         P.WAITLIST_READ, P.BAN_MANAGE, P.EXAMINATION_BOOK, P.SERIES_BOOK}
    ),
    StaffRole.CASHIER: frozenset(
        {P.PATIENT_SEARCH, P.PATIENT_READ, P.CASH_TAKE, P.CASH_DESK, P.REFUND_REQUEST, P.SCHEDULE_READ,
         P.CATALOGUE_READ, P.RECONCILE_PROPOSE, P.E_INVOICE_MANAGE, P.EXAMINATION_BOOK}
    ),
    StaffRole.PHARMACIST: frozenset({P.PATIENT_READ, P.CATALOGUE_READ}),
    StaffRole.TECHNICIAN: frozenset(
        {P.PATIENT_READ, P.QUEUE_READ, P.QUEUE_CALL, P.ENCOUNTER_CONDUCT, P.CATALOGUE_READ, P.EXAMINATION_BOOK}
    ),
    StaffRole.MANAGER: frozenset(
        {P.QUEUE_READ, P.SCHEDULE_READ, P.SCHEDULE_MANAGE, P.CATALOGUE_READ, P.PRICE_MANAGE, P.STAFF_READ, P.WARD_READ,
         P.GUIDE_MANAGE, P.DISRUPTION_SETTLE, P.WAITLIST_READ, P.BAN_MANAGE, P.PRICE_OVERRIDE, P.CASH_DESK, P.DAY_CLOSE,
         P.MESSAGE_LOG_READ, P.BOARD_READ, P.RECONCILE_PROPOSE, P.RECONCILE_APPROVE,
         P.E_INVOICE_MANAGE, P.E_INVOICE_PAPER}
    ),
    StaffRole.SYSTEM_ADMIN: frozenset(
        {P.STAFF_READ, P.STAFF_MANAGE, P.DEVICE_MANAGE, P.PRICE_MANAGE, P.CATALOGUE_READ, P.ORGANIZATION_MANAGE,
         P.SCHEDULE_READ, P.SCHEDULE_MANAGE, P.GUIDE_MANAGE, P.PARKED_RELEASE, P.MESSAGE_LOG_READ, P.BOARD_READ}
    ),
    StaffRole.SECURITY_ADMIN: frozenset({P.STAFF_READ, P.ROLES_ASSIGN, P.ACCOUNT_DISABLE, P.BREAK_GLASS_REVIEW}),
    StaffRole.AUDIT_ADMIN: frozenset({P.AUDIT_READ}),
}  # fmt: skip

# Roles whose log-in needs a second factor (双因素).
PRIVILEGED = SEPARATED | {StaffRole.MANAGER}


def permissions_of(roles: Iterable[StaffRole]) -> frozenset[Permission]:
    """Everything that any of the roles may do."""
    return frozenset[Permission]().union(*(ROLE_PERMISSIONS[role] for role in roles))


def needs_totp(roles: Iterable[StaffRole]) -> bool:
    """Whether an account with these roles signs in with a second factor."""
    return not PRIVILEGED.isdisjoint(roles)


def require(ctx: Context, permission: Permission) -> None:
    """Let the hospital itself and staff with the permission pass. Raises Forbidden.

    The edge checks the same before it comes here; this is for every other way in.
    """
    actor = ctx.actor
    if actor.kind is ActorKind.SYSTEM or (actor.kind is ActorKind.STAFF and permission in actor.permissions):
        return
    raise Forbidden()
