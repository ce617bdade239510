"""Why an examination cannot have a place."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class ExaminationNotPaid(DomainError):
    """A place for an examination is had with its paid charge."""

    code = "examinations.not_paid"
    kind = Kind.CONFLICT
    title = "请先缴费，再预约检查"


class ExaminationOver(DomainError):
    """The examination was done, or its money is back."""

    code = "examinations.over"
    kind = Kind.CONFLICT
    title = "该检查已完成或已退费"


class ExaminationBooked(DomainError):
    """The charge has a place already; ``appointment_id`` says which."""

    code = "examinations.booked"
    kind = Kind.CONFLICT
    title = "该检查已预约，如需换时间请改约"


class ExaminationElsewhere(DomainError):
    """The examination is not done at that place: another department's, another patient's, or no longer to be joined."""

    code = "examinations.elsewhere"
    kind = Kind.CONFLICT
    title = "所选时段不能做该检查，请重新选择"


class ExaminationTooSoon(DomainError):
    """The patient could not prepare by then; ``earliest_at`` is the first time that can be had."""

    code = "examinations.too_soon"
    kind = Kind.CONFLICT
    title = "该检查需提前准备，请选择更晚的时间"


class ExaminationItemTaken(DomainError):
    """The price item is an examination already."""

    code = "examinations.item_taken"
    kind = Kind.CONFLICT
    title = "该收费项目已在检查项目中"


means("examination_charge_booked_once", ExaminationBooked)
means("examination_item_once", ExaminationItemTaken)
