"""Kinds of departments and places."""

from enum import StrEnum


class DepartmentKind(StrEnum):
    """What a department does (科室类别)."""

    OUTPATIENT = "outpatient"
    EMERGENCY = "emergency"
    WARD = "ward"
    MEDICAL_TECHNOLOGY = "medical_technology"
    PHARMACY = "pharmacy"
    ADMINISTRATION = "administration"


class LocationKind(StrEnum):
    """What a place is (地点类别)."""

    WAITING_AREA = "waiting_area"
    ROOM = "room"
    WINDOW = "window"
    WARD = "ward"
    LOBBY = "lobby"
