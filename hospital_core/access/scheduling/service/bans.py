"""Keeping patients from booking online, and letting them again (限约、解除、申诉)."""

from datetime import timedelta

from hospital_core.access.scheduling.ban_commands import AnswerAppeal, AppealBan, LiftBan, SetBan
from hospital_core.access.scheduling.ban_queries import ban, permitted_ban
from hospital_core.access.scheduling.ban_views import BanView
from hospital_core.access.scheduling.errors import BanOver
from hospital_core.access.scheduling.events import AppealAnswered, BanLifted, PatientBanned
from hospital_core.access.scheduling.states import BAN_APPEAL, AppealStatus
from hospital_core.kernel.context import ActorKind
from hospital_core.kernel.errors import Forbidden, NotFound
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.states import transition
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.queries import require_live_file
from hospital_core.registry.staff.permissions import Permission, require

_SET = """
INSERT INTO booking_ban (id, version, patient_id, kind, reason, starts_at, ends_at, made_at, made_by)
VALUES ($1, 0, $2, $3, $4, $5, $6, $5, $7)"""

_LIFT = """
UPDATE booking_ban SET lifted_at = $2, lifted_by = $3, lift_reason = $4, version = version + 1
WHERE id = $1 AND lifted_at IS NULL AND ends_at > $2 RETURNING patient_id"""

# A ban that is lifted needs no answer to the objection any more: this is it.
_GRANT = f"""
UPDATE ban_appeal SET status = {BAN_APPEAL.target_sql("accept")}, answer = $2, answered_at = $3, answered_by = $4,
    version = version + 1
WHERE ban_id = $1 AND {BAN_APPEAL.sources_sql("accept")}"""

_APPEAL = f"""
INSERT INTO ban_appeal (id, version, ban_id, account_id, text, status, made_at)
VALUES ($1, 0, $2, $3, $4, '{AppealStatus.OPEN.value}', $5)"""


async def set_ban(uow: UnitOfWork, command: SetBan) -> BanView:
    """Keep a patient from booking online for some days, with a reason (设置限约); the window still serves them.

    Raises: Forbidden, NotFound, PatientMerged, BanOverlaps. Emits: PatientBanned.
    """
    require(uow.ctx, Permission.BAN_MANAGE)
    await require_live_file(uow, command.patient_id)
    ban_id, ends_at = new_id(), uow.now + timedelta(days=command.days)
    await uow.execute(
        _SET, ban_id, command.patient_id, command.kind.value, command.reason, uow.now, ends_at, uow.ctx.actor.id
    )
    uow.audited("booking_ban", ban_id, patient_id=command.patient_id, reason=command.reason)
    uow.record(PatientBanned(ban_id=ban_id))
    return await ban(uow, ban_id)


async def lift_ban(uow: UnitOfWork, command: LiftBan) -> BanView:
    """End a ban before its time, with a reason (解除限约), which answers an objection that is open as well.

    Raises: Forbidden, NotFound, BanOver. Emits: BanLifted.
    """
    require(uow.ctx, Permission.BAN_MANAGE)
    if not await _lift(uow, command):
        if await uow.fetch_value("SELECT true FROM booking_ban WHERE id = $1", command.ban_id):
            raise BanOver()
        raise NotFound()
    await uow.execute(_GRANT, command.ban_id, command.reason, uow.now, uow.ctx.actor.id)
    uow.record(BanLifted(ban_id=command.ban_id))
    return await ban(uow, command.ban_id)


async def _lift(uow: UnitOfWork, command: LiftBan) -> bool:
    row = await uow.fetch_row(_LIFT, command.ban_id, uow.now, uow.ctx.actor.id, command.reason)
    if row is not None:
        uow.audited("booking_ban", command.ban_id, patient_id=row["patient_id"], reason=command.reason)
    return row is not None


async def appeal_ban(uow: UnitOfWork, command: AppealBan) -> BanView:
    """Object to a ban in one's own words, once (申诉). Raises: NotFound, BanOver, AlreadyAppealed."""
    actor = uow.ctx.actor
    if actor.kind is not ActorKind.ACCOUNT:
        raise Forbidden()
    row = await permitted_ban(uow, command.ban_id)
    if not row["live"]:
        raise BanOver()
    await uow.execute(_APPEAL, new_id(), command.ban_id, actor.id, command.text, uow.now)
    uow.audited("booking_ban", command.ban_id, patient_id=row["patient_id"])
    return await ban(uow, command.ban_id)


async def answer_appeal(uow: UnitOfWork, command: AnswerAppeal) -> BanView:
    """Answer a patient's objection (处理申诉): accepted, the ban ends now, unless it has ended meanwhile.

    Raises: Forbidden, NotFound (no objection), StateConflict (answered). Emits: AppealAnswered.
    """
    require(uow.ctx, Permission.BAN_MANAGE)
    appeal_id = await uow.fetch_value("SELECT id FROM ban_appeal WHERE ban_id = $1", command.ban_id)
    if appeal_id is None:
        raise NotFound()
    await transition(
        uow, BAN_APPEAL, "accept" if command.accept else "refuse", appeal_id,
        answer=command.answer, answered_at=uow.now, answered_by=uow.ctx.actor.id,
    )  # fmt: skip
    if command.accept:
        await _lift(uow, LiftBan(ban_id=command.ban_id, reason=command.answer))
    answered = await ban(uow, command.ban_id)
    uow.audited("booking_ban", command.ban_id, patient_id=answered.patient_id, reason=command.answer)
    uow.record(AppealAnswered(ban_id=command.ban_id))
    return answered
