"""Commands of the organization. A code names its row: saving an existing code changes that row."""

from uuid import UUID

from pydantic import Field
from typing_extensions import Annotated

from hospital_core.kernel.commands import Command
from hospital_core.registry.organization.states import DepartmentKind, LocationKind

Code = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z][0-9A-Za-z_\-]*$")]
LongCode = Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[0-9A-Za-z][0-9A-Za-z_\-]*$")]
Name = Annotated[str, Field(min_length=1, max_length=60)]


class SaveCampus(Command):
    """Create or change a campus (院区)."""

    code: Code
    name: Name
    address: Annotated[str, Field(max_length=200)] = ""


class LocateCampus(Command):
    """Say where a campus is on the map (院区定位), and how near a phone has to be to count as being there.

    Units: degrees (GCJ-02, as phones in mini programs report them), metres.
    """

    campus_id: UUID
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    radius_m: int = Field(default=300, ge=50, le=5000)


class SaveDepartment(Command):
    """Create or change a department (科室); ``version`` guards against overwriting another's change."""

    campus_id: UUID
    code: LongCode
    name: Name
    kind: DepartmentKind
    intro: Annotated[str, Field(max_length=400)] = ""
    number_only_on_screen: bool = False
    active: bool = True
    version: int | None = None


class SaveLocation(Command):
    """Create or change a place (地点); ``parent_id`` of a room or window is its waiting area."""

    campus_id: UUID
    department_id: UUID | None = None
    parent_id: UUID | None = None
    kind: LocationKind
    code: LongCode
    name: Name
    floor: Annotated[str, Field(max_length=40)] = ""
    beds: Annotated[int, Field(ge=0, le=200)] = 0
    active: bool = True
    version: int | None = None
