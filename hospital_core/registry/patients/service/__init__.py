"""Services of the patient index, one public function per command."""

from hospital_core.registry.patients.service.allergies import (
    inactivate_allergy,
    reactivate_allergy,
    record_allergy,
    strike_allergy,
)
from hospital_core.registry.patients.service.files import change_phone, complete_temporary_file, find_or_create_patient
from hospital_core.registry.patients.service.identifiers import add_identifier, retire_identifier
from hospital_core.registry.patients.service.merging import dismiss_duplicate, merge_patients, unmerge_patients

__all__ = [
    "add_identifier",
    "change_phone",
    "complete_temporary_file",
    "dismiss_duplicate",
    "find_or_create_patient",
    "inactivate_allergy",
    "merge_patients",
    "reactivate_allergy",
    "record_allergy",
    "retire_identifier",
    "strike_allergy",
    "unmerge_patients",
]
