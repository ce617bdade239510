"""Why a place cannot be had, kept or given back."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class SlotFull(DomainError):
    """Every place of the session is taken."""

    code = "scheduling.slot_full"
    kind = Kind.CONFLICT
    title = "该时段号源已约满"


class SlotTaken(DomainError):
    """The chosen place went to somebody else."""

    code = "scheduling.slot_taken"
    kind = Kind.CONFLICT
    title = "该号已被他人预约，请另选一个"


class SlotBegun(DomainError):
    """The chosen place's time has passed."""

    code = "scheduling.slot_begun"
    kind = Kind.CONFLICT
    title = "该号的就诊时间已过，请另选一个"


class SessionOver(DomainError):
    """The session has ended, or every place of it has begun."""

    code = "scheduling.session_over"
    kind = Kind.CONFLICT
    title = "该时段已结束，不能再预约"


class SessionStopped(DomainError):
    """The doctor's session does not take place."""

    code = "scheduling.session_stopped"
    kind = Kind.CONFLICT
    title = "该时段医生已停诊"


class SessionNotOpen(DomainError):
    """The window sells places of a session from two hours before it begins."""

    code = "scheduling.session_not_open"
    kind = Kind.CONFLICT
    title = "该时段尚未开始现场挂号"


class ProofNeeded(DomainError):
    """An account that nobody has proven may give away what it booked itself, not what others booked for the patient."""

    code = "scheduling.proof_needed"
    kind = Kind.CONFLICT
    title = "不是用这个微信预约的，请先核验就诊人再操作"


class WindowOnly(DomainError):
    """Emergency places are given at the window, after triage."""

    code = "scheduling.window_only"
    kind = Kind.CONFLICT
    title = "急诊请到现场分诊挂号"


class OnlineFirstVisit(DomainError):
    """Online visits follow one in person: the patient was not seen in the department within ``days``."""

    code = "scheduling.online_first_visit"
    kind = Kind.CONFLICT
    title = "线上只接诊复诊患者：请先到本科室就诊一次"


class OnlineAccountNeeded(DomainError):
    """An online visit takes place on a phone whose link to the patient's file was proven."""

    code = "scheduling.online_account_needed"
    kind = Kind.CONFLICT
    title = "线上复诊要先在手机上核验就诊人身份"


class OnlineByPhone(DomainError):
    """Online visits are not booked at kiosks."""

    code = "scheduling.online_by_phone"
    kind = Kind.CONFLICT
    title = "线上复诊请用手机预约"


class PaidExaminationOnly(DomainError):
    """Places for examinations are had with a paid examination, and with nothing else."""

    code = "scheduling.paid_examination_only"
    kind = Kind.CONFLICT
    title = "检查号须凭已缴费的检查项目预约"


class AlreadyBooked(DomainError):
    """The patient already holds a place of this department in this part of the day."""

    code = "scheduling.already_booked"
    kind = Kind.CONFLICT
    title = "该就诊人在本科室此时段已有预约"


class NotReleased(DomainError):
    """Places of the session are given out from ``opens_at`` on."""

    code = "scheduling.not_released"
    kind = Kind.CONFLICT
    title = "该时段尚未放号"


class RealNameRequired(DomainError):
    """A file without an identity document books at the window only."""

    code = "scheduling.real_name_required"
    kind = Kind.CONFLICT
    title = "该就诊人尚未登记证件，请到窗口挂号"


class BookingBanned(DomainError):
    """The patient may not book online until ``until``; the window serves them. ``ban_kind`` says why."""

    code = "scheduling.booking_banned"
    kind = Kind.CONFLICT
    title = "该就诊人暂被限制线上预约，可到窗口挂号或提出申诉"


class TooManyBookings(DomainError):
    """The patient, account or device has had its bookings of the day; ``subject`` says which."""

    code = "scheduling.too_many_bookings"
    kind = Kind.CONFLICT
    title = "今日预约次数已达上限"


class PaymentOver(DomainError):
    """The time to pay for a held place is over."""

    code = "scheduling.payment_over"
    kind = Kind.CONFLICT
    title = "支付时间已过，请重新预约"


class FeeDue(DomainError):
    """The fee is paid before checking in; ``fee_fen`` of ``appointment_id`` is not."""

    code = "scheduling.fee_due"
    kind = Kind.CONFLICT
    title = "请先缴纳挂号费，再签到取号"


class FeeOnBill(DomainError):
    """The fee stands on the bill ``invoice_id`` together with other charges, and is paid with it."""

    code = "scheduling.fee_on_bill"
    kind = Kind.CONFLICT
    title = "挂号费已并入缴费单，请一起缴费"


class NotPayable(DomainError):
    """The appointment waits for no payment."""

    code = "scheduling.not_payable"
    kind = Kind.CONFLICT
    title = "该预约当前无需支付"


class NotCancellable(DomainError):
    """The appointment is checked in, seen, or no longer stands."""

    code = "scheduling.not_cancellable"
    kind = Kind.CONFLICT
    title = "该预约当前状态不能取消"


class TooLateToCancel(DomainError):
    """The time has come until which an appointment is given back or moved online (``cancel_until``)."""

    code = "scheduling.too_late_to_cancel"
    kind = Kind.CONFLICT
    title = "已过线上退号、改约的截止时间，请到窗口办理"


class ReschedulesUsedUp(DomainError):
    """The appointment was moved as often as the rules allow."""

    code = "scheduling.reschedules_used_up"
    kind = Kind.CONFLICT
    title = "改约次数已达上限"


class RescheduleDearer(DomainError):
    """The new place costs more than was paid: it has to be booked anew."""

    code = "scheduling.reschedule_dearer"
    kind = Kind.CONFLICT
    title = "新号挂号费更高，请取消后重新预约"


class MoveElsewhere(DomainError):
    """An appointment moves within its department, an online visit to another online one."""

    code = "scheduling.move_elsewhere"
    kind = Kind.CONFLICT
    title = "只能改约到本科室的同类门诊，换科室请取消后重新预约"


class ReschedulePaidFirst(DomainError):
    """The fee of the new place is paid at once, that of the old one was still to be paid at the hospital."""

    code = "scheduling.reschedule_paid_first"
    kind = Kind.CONFLICT
    title = "新号需先付费：请先缴纳本次挂号费再改约，或取消后重新预约"


class SeriesNotOffered(DomainError):
    """These visits are not booked as a course from here."""

    code = "scheduling.series_not_offered"
    kind = Kind.CONFLICT
    title = "该门诊暂不支持疗程预约，请逐次预约"


class SeriesTooLong(DomainError):
    """A course has ``most`` visits at most."""

    code = "scheduling.series_too_long"
    kind = Kind.CONFLICT
    title = "疗程次数超过上限"


class SeriesDayRefused(DomainError):
    """One visit of the course cannot be had: ``schedule_id`` says which, ``reason`` why. Nothing was booked."""

    code = "scheduling.series_day_refused"
    kind = Kind.CONFLICT
    title = "有一次就诊约不上，请重新查看"


class StillBookable(DomainError):
    """There is a free place: nobody needs to wait for one."""

    code = "scheduling.still_bookable"
    kind = Kind.CONFLICT
    title = "当前仍有号源，请直接预约"


class NothingToWaitFor(DomainError):
    """No released session of that day and kind is left to become free."""

    code = "scheduling.nothing_to_wait_for"
    kind = Kind.CONFLICT
    title = "该日该时段没有可候补的门诊"


class WaitlistClosed(DomainError):
    """The line of a day closes on the evening before."""

    code = "scheduling.waitlist_closed"
    kind = Kind.CONFLICT
    title = "候补登记已截止"


class AlreadyWaiting(DomainError):
    """The patient waits for a place of this department on this day already."""

    code = "scheduling.already_waiting"
    kind = Kind.CONFLICT
    title = "该就诊人当日已在本科室候补"


class TooManyWaits(DomainError):
    """An account waits for three places at most."""

    code = "scheduling.too_many_waits"
    kind = Kind.CONFLICT
    title = "每个账户最多同时候补三个号"


class NotOffered(DomainError):
    """No place is held for this entry, or no longer."""

    code = "scheduling.not_offered"
    kind = Kind.CONFLICT
    title = "当前没有为您保留的号，或答复时间已过"


class PaymentNeeded(DomainError):
    """The offered place is accepted by paying for it."""

    code = "scheduling.payment_needed"
    kind = Kind.CONFLICT
    title = "请支付挂号费以确认该号"


class BanOverlaps(DomainError):
    """The patient is banned in that time already."""

    code = "scheduling.ban_overlaps"
    kind = Kind.CONFLICT
    title = "该就诊人在此期间已有限约"


class BanOver(DomainError):
    """The ban has ended or was lifted."""

    code = "scheduling.ban_over"
    kind = Kind.CONFLICT
    title = "该限约已结束"


class AlreadyAppealed(DomainError):
    """A ban can be objected to once."""

    code = "scheduling.already_appealed"
    kind = Kind.CONFLICT
    title = "该限约已提出过申诉"


class CheckInClosed(DomainError):
    """Check-in opens so long before the appointed time as the rules say, and closes with the session."""

    code = "scheduling.check_in_closed"
    kind = Kind.CONFLICT
    title = "不在签到时间内"


class NotCheckInAble(DomainError):
    """The appointment is not paid, was cancelled, or is over."""

    code = "scheduling.not_check_in_able"
    kind = Kind.CONFLICT
    title = "该预约当前状态不能签到"


class OnlineVisit(DomainError):
    """An online visit begins on the phone: nobody checks in for it in the hospital."""

    code = "scheduling.online_visit"
    kind = Kind.CONFLICT
    title = "这是线上复诊，不用到院，请在手机上签到候诊"


class VisitInPerson(DomainError):
    """The visit takes place in the hospital, not on the phone."""

    code = "scheduling.visit_in_person"
    kind = Kind.CONFLICT
    title = "该预约需要到院就诊"


class DoctorElsewhere(DomainError):
    """The doctor has another session at that time."""

    code = "scheduling.doctor_elsewhere"
    kind = Kind.CONFLICT
    title = "该医生此时段已有其他排班"


class RoomTaken(DomainError):
    """Another doctor uses the room at that time."""

    code = "scheduling.room_taken"
    kind = Kind.CONFLICT
    title = "该诊室此时段已有其他医生"


class TemplateOverlaps(DomainError):
    """Two templates want the same doctor or the same room at the same time."""

    code = "scheduling.template_overlaps"
    kind = Kind.CONFLICT
    title = "与已有排班模板时间冲突"


class AddOnsUsedUp(DomainError):
    """The session has had its places beyond the plan."""

    code = "scheduling.add_ons_used_up"
    kind = Kind.CONFLICT
    title = "本时段加号已达上限"


class NothingToStop(DomainError):
    """No session, or no place of it, is left to be stopped."""

    code = "scheduling.nothing_to_stop"
    kind = Kind.CONFLICT
    title = "没有可停诊的时段"


class SearchWordTaken(DomainError):
    """The word leads there already."""

    code = "scheduling.search_word_taken"
    kind = Kind.CONFLICT
    title = "该检索词已指向这个科室或医生"


class DisruptionSettled(DomainError):
    """The patient's answer was taken already, or its time is over."""

    code = "scheduling.disruption_settled"
    kind = Kind.CONFLICT
    title = "停替诊已处理，请查看预约单"


class QrInvalid(DomainError):
    """The code is not ours, was altered, or is of another kind."""

    code = "scheduling.qr_invalid"
    kind = Kind.INVALID
    title = "二维码无效，请在手机上重新打开"


class QrExpired(DomainError):
    """The code's minute has passed."""

    code = "scheduling.qr_expired"
    kind = Kind.INVALID
    title = "二维码已过期，请在手机上刷新"


means("place_sold_once", SlotTaken)
means("patient_once_per_half_day", AlreadyBooked)
means("doctor_in_one_room", DoctorElsewhere)
means("room_has_one_doctor", RoomTaken)
means("waitlist_once_per_day", AlreadyWaiting)
means("waitlist_at_most_three", TooManyWaits)
means("ban_one_at_a_time", BanOverlaps)
means("appeal_once_per_ban", AlreadyAppealed)
