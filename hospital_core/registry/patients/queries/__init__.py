"""Reads of the patient index. Who may see a file is decided in ``registry.care_relations``; callers audit reads."""

from hospital_core.registry.patients.queries.files import (
    holder_of,
    merged_files,
    open_duplicates,
    patient,
    patient_names,
    patient_views,
    phone_of,
    require_live_file,
    survivors,
)
from hospital_core.registry.patients.queries.searching import files_named_by, search_patients

__all__ = [
    "files_named_by",
    "holder_of",
    "merged_files",
    "open_duplicates",
    "patient",
    "patient_names",
    "patient_views",
    "phone_of",
    "require_live_file",
    "search_patients",
    "survivors",
]
