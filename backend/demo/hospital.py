"""The whole demo hospital (演示医院) in one frozen object, made from a seed; no database, no clock, no network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from backend.demo.diagnoses import DemoDiagnosis, make_diagnoses
from backend.demo.organization import HOSPITAL_NAME, DemoOrganization, make_organization
from backend.demo.people import DemoPatient, DemoRelation, make_people
from backend.demo.prices import DemoExamination, DemoPriceItem, make_examinations, make_prices
from backend.demo.schedules import DemoSession, DemoTemplate, Timetable
from backend.demo.staff import DemoStaff, make_staff

DEFAULT_SEED = 20261122
SCHEDULED_DAYS = 14


@dataclass(frozen=True, slots=True)
class DemoHospital:
    """Everything of the demo hospital. Only `patients`, `relations` and `sessions` depend on `start_date`."""

    seed: int
    start_date: date
    name: str
    organization: DemoOrganization
    staff: tuple[DemoStaff, ...]
    price_items: tuple[DemoPriceItem, ...]
    diagnoses: tuple[DemoDiagnosis, ...]
    patients: tuple[DemoPatient, ...]
    relations: tuple[DemoRelation, ...]
    templates: tuple[DemoTemplate, ...]
    examinations: tuple[DemoExamination, ...]
    examination_templates: tuple[DemoTemplate, ...]
    sessions: tuple[DemoSession, ...]

    def sessions_for(self, day: date) -> tuple[DemoSession, ...]:
        """Sessions (出诊单元) of any day; on days within the range the same as in `sessions`."""
        return Timetable(self.organization, self.staff).sessions_for(day)


def make_hospital(seed: int = DEFAULT_SEED, *, start_date: date) -> DemoHospital:
    """Make the demo hospital (演示医院) with timetables for 14 days from `start_date`, a Shanghai date.

    Same seed and date, same hospital. Organization, staff, prices, diagnoses and `sessions_for(day)` depend on the seed
    alone, so a demo started again on a later day may take its missing days from a freshly made hospital.
    """
    organization = make_organization()
    staff = make_staff(seed, organization)
    patients, relations = make_people(seed, start_date)
    timetable = Timetable(organization, staff)
    days = (start_date + timedelta(days=number) for number in range(SCHEDULED_DAYS))
    return DemoHospital(
        seed=seed,
        start_date=start_date,
        name=HOSPITAL_NAME,
        organization=organization,
        staff=staff,
        price_items=make_prices(),
        diagnoses=make_diagnoses(),
        patients=patients,
        relations=relations,
        templates=timetable.templates,
        examinations=make_examinations(),
        examination_templates=timetable.examination_templates,
        sessions=tuple(session for day in days for session in timetable.sessions_for(day)),
    )
