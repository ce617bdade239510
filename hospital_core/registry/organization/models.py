"""Tables of the organization."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to
from hospital_core.registry.organization.states import DepartmentKind, LocationKind


class Campus(Row):
    """A site of the hospital (院区). Within ``radius_m`` metres of its point a phone counts as being there (GCJ-02)."""

    code = fields.CharField(max_length=20, unique=True)
    name = fields.CharField(max_length=60)
    address = fields.CharField(max_length=200, default="")
    latitude = fields.FloatField(null=True)
    longitude = fields.FloatField(null=True)
    radius_m = fields.IntField(default=300)

    class Meta:
        table = "campus"
        constraints = [
            CheckConstraint(
                check="(latitude IS NULL) = (longitude IS NULL) AND latitude BETWEEN -90 AND 90 "
                "AND longitude BETWEEN -180 AND 180 AND radius_m BETWEEN 50 AND 5000",
                name="campus_place_on_earth",
            )
        ]


class Department(VersionedRow):
    """A department (科室). ``number_only_on_screen`` keeps even masked names off its screens."""

    campus_id: UUID
    campus = refers_to("Campus")
    code = fields.CharField(max_length=30, unique=True)
    name = fields.CharField(max_length=60)
    pinyin = fields.CharField(max_length=200)
    initials = fields.CharField(max_length=60)
    kind = fields.CharField(max_length=20)
    intro = fields.CharField(max_length=400, default="")
    number_only_on_screen = fields.BooleanField(default=False)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "department"
        indexes = [Index(fields=["campus_id"])]
        constraints = [one_of("department", DepartmentKind, "kind")]


class Location(VersionedRow):
    """A place (地点): waiting area, consulting room, window, ward. A room's ``parent`` is its waiting area."""

    campus_id: UUID
    campus = refers_to("Campus")
    department_id: UUID | None
    department = refers_to("Department", null=True)
    parent_id: UUID | None
    parent = refers_to("Location", null=True)
    kind = fields.CharField(max_length=20)
    code = fields.CharField(max_length=30, unique=True)
    name = fields.CharField(max_length=60)
    floor = fields.CharField(max_length=40, default="")
    beds = fields.SmallIntField(default=0)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "location"
        indexes = [Index(fields=["parent_id"]), Index(fields=["department_id"])]
        constraints = [one_of("location", LocationKind, "kind")]
