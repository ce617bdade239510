"""Staff at workstations (职工端接口): ``/api/staff/v1``. One module per desk."""

from backend.api.staff import (
    accounts,
    allergies,
    billing,
    cashier,
    catalogue,
    clinic_changes,
    devices,
    guide,
    mini_program,
    money,
    oversight,
    patients,
    people,
    places,
    planning,
    queue,
    sessions,
    walk_ins,
)
from backend.http.routing import Route

ROUTES: list[Route] = [
    *sessions.routes.table,
    *queue.routes.table,
    *patients.routes.table,
    *accounts.routes.table,
    *allergies.routes.table,
    *walk_ins.routes.table,
    *planning.routes.table,
    *clinic_changes.routes.table,
    *guide.routes.table,
    *money.routes.table,
    *billing.routes.table,
    *cashier.routes.table,
    *people.routes.table,
    *places.routes.table,
    *devices.routes.table,
    *catalogue.routes.table,
    *mini_program.routes.table,
    *oversight.routes.table,
]
