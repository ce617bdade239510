"""Refusals of the organization."""

from hospital_core.kernel.errors import DomainError, Kind


class PlaceOutOfOrder(DomainError):
    """A place's campus, department or waiting area do not belong together."""

    code = "organization.place_out_of_order"
    kind = Kind.INVALID
    title = "地点的院区、科室或候诊区不匹配"


class StillInUse(DomainError):
    """A department or waiting area still has active places."""

    code = "organization.still_in_use"
    kind = Kind.CONFLICT
    title = "仍有启用的下属地点，不能停用"
