"""A patient's bills as the phone shows them (缴费单): money from finance, the names of visits from the chart."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from uuid import UUID

from hospital_core.chart.encounters.queries import visit_labels
from hospital_core.chart.encounters.views import VisitLabel
from hospital_core.finance.billing.queries import open_charges
from hospital_core.finance.payments.self_service_queries import REGISTRATION, own_bill
from hospital_core.finance.payments.self_service_views import BillItem
from hospital_core.kernel.masking import mask_name
from hospital_core.kernel.reading import Reading
from miniapp_api.views import BillPage, OpenMoney, VisitCharges


async def open_money(reading: Reading, patient_id: UUID) -> OpenMoney:
    """What a patient has to pay (待缴费). Raises: NotFound.

    A registration fee without a bill is left out: it is paid with its appointment, or not at all.
    """
    found = await open_charges(reading, patient_id)
    charged = [item for group in found.groups for item in group.items if item.source_kind != REGISTRATION]
    items = [BillItem(**item.model_dump()) for item in charged]
    bills = [await own_bill(reading, bill.id) for bill in found.invoices]
    labels = await visit_labels(reading, _visits_of(items, *(bill.items for bill in bills)))
    name = await reading.fetch_value("SELECT name FROM patient WHERE id = $1", patient_id)
    return OpenMoney(
        patient_id=patient_id,
        patient_name_masked=mask_name(name),
        due_fen=sum(item.amount_fen for item in items) + sum(bill.due_fen for bill in bills),
        visits=_by_visit(items, labels),
        bills=bills,
    )


async def bill_page(reading: Reading, invoice_id: UUID) -> BillPage:
    """A bill with its items by visit (缴费单). Raises: NotFound."""
    bill = await own_bill(reading, invoice_id)
    labels = await visit_labels(reading, _visits_of(bill.items))
    return BillPage(**dict(bill), visits=_by_visit(bill.items, labels))


def _visits_of(*lists: Iterable[BillItem]) -> set[UUID]:
    return {item.encounter_id for items in lists for item in items}


def _by_visit(items: Iterable[BillItem], labels: Mapping[UUID, VisitLabel]) -> list[VisitCharges]:
    groups = groupby(sorted(items, key=lambda item: (item.encounter_id, item.id)), lambda item: item.encounter_id)
    visits = []
    for encounter_id, group in groups:
        of_visit, label = list(group), labels.get(encounter_id)
        visits.append(
            VisitCharges(
                encounter_id=encounter_id,
                department=label.department if label else None,
                doctor=label.doctor if label else None,
                at=label.at if label else min(item.created_at for item in of_visit),
                amount_fen=sum(item.amount_fen for item in of_visit),
                items=of_visit,
            )
        )
    return sorted(visits, key=lambda visit: visit.at, reverse=True)
