"""Reads of the patient index. Who may see a file is decided in ``registry.care_relations``; callers audit reads."""

from hospital_core.registry.patients.queries.files import (
    holder_of,
    open_duplicates,
    patient,
    patient_names,
    patient_views,
    phone_of,
    require_live_file,
    survivors,
)
from hospital_core.registry.patients.queries.searching import search_patients

__all__ = [
    "holder_of",
    "open_duplicates",
    "patient",
    "patient_names",
    "patient_views",
    "phone_of",
    "require_live_file",
    "search_patients",
    "survivors",
]
