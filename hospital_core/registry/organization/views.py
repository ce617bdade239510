"""What readers see of the organization."""

from uuid import UUID

from hospital_core.kernel.commands import View
from hospital_core.registry.organization.states import DepartmentKind, LocationKind


class CampusView(View):
    """A campus (院区). Without a point on the map nobody can check in by place."""

    id: UUID
    code: str
    name: str
    address: str
    latitude: float | None = None
    longitude: float | None = None
    radius_m: int = 300


class DepartmentView(View):
    """A department (科室)."""

    id: UUID
    campus_id: UUID
    campus: str
    code: str
    name: str
    kind: DepartmentKind
    intro: str
    number_only_on_screen: bool
    active: bool
    version: int


class LocationView(View):
    """A place (地点): waiting area, room, window, ward or lobby."""

    id: UUID
    campus_id: UUID
    campus: str
    department_id: UUID | None
    department: str | None
    parent_id: UUID | None
    kind: LocationKind
    code: str
    name: str
    floor: str
    beds: int
    active: bool
    version: int
