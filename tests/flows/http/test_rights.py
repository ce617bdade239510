"""Every route × every kind of caller (权限矩阵), over HTTP against the running server."""

from pathlib import Path

import pytest

from backend.app import all_routes
from backend.http.routing import Route
from tests.fixtures.server import Party, Server, running_server
from tests.flows.http.house import House, build_house
from tests.flows.http.matrix import MATRIX, PARTIES

GROUP = "server"

ROUTES = {route.key: route for route in all_routes()}


@pytest.fixture(scope="session")
async def house(server: Server) -> House:
    """One house for all cells."""
    return await build_house(server)


async def answers(house: House, route: Route, origin: str | None = None) -> dict[str, int]:
    """What each party gets."""
    row, found = MATRIX[route.key], {}
    path = route.path
    for name, value in (row.path(house.world) if row.path else {}).items():
        path = path.replace("{" + name + "}", str(value))
    assert "{" not in path, f"the row of {route.key} names no id"
    for name in PARTIES:
        party = await house.party(name, fresh=row.fresh)
        if origin is not None:
            party = Party(house.server.party().http, party.headers)
            path = origin + path.removeprefix(origin)
        if route.method == "GET":
            answer = await party.get(path, **(row.query(house.world) if row.query else {}))
        else:
            answer = await party.post(path, row.body(house.world) if row.body else {})
        found[name] = answer.status_code
    return found


def differences(route: Route, found: dict[str, int]) -> dict[str, str]:
    """Cells that are not as the matrix says."""
    row = MATRIX[route.key]
    return {
        name: f"{status}, not {row.expected(name)}"
        for name, status in found.items()
        if status not in row.expected(name)
    }


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(ROUTES) - set(MATRIX) == set(), "routes without a row in tests/flows/http/{matrix,*_rows}.py"
    assert set(MATRIX) - set(ROUTES) == set(), "rows without a route"


def test_every_write_of_a_person_or_device_needs_a_key_or_says_why_not() -> None:
    """Exempt are log-in, passwords and log-out, what changes nothing twice, and what the channel makes unique."""
    without = {key for key, route in ROUTES.items() if route.method == "POST" and not route.idempotent}
    assert without == {
        "POST /api/miniapp/v1/sessions",
        "POST /api/miniapp/v1/sessions/refresh",
        "POST /api/miniapp/v1/sessions/end",
        "POST /api/miniapp/v1/guide/advice",
        "POST /api/miniapp/v1/series/plan",
        "POST /api/miniapp/v1/wechat/pay-notify",
        "POST /api/miniapp/v1/wechat/refund-notify",
        "POST /api/miniapp/v1/wechat/push",
        "POST /api/staff/v1/sessions",
        "POST /api/staff/v1/session/password",
        "POST /api/staff/v1/session/end",
        "POST /api/staff/v1/staff/{staff_id}/account",
        "POST /api/staff/v1/invoices/{invoice_id}/refund-preview",
        "POST /api/staff/v1/payments/{intent_id}/check",
        "POST /api/staff/v1/series/plan",
        "POST /api/kiosk/v1/enrolments",
        "POST /api/kiosk/v1/device-challenges",
        "POST /api/kiosk/v1/device-tokens",
        "POST /api/kiosk/v1/sessions",
        "POST /api/kiosk/v1/sessions/end",
        "POST /api/kiosk/v1/appointments/{appointment_id}/payment-check",
        "POST /api/display/v1/pairings",
        "POST /api/display/v1/device-challenges",
        "POST /api/display/v1/device-tokens",
    }


@pytest.mark.parametrize("key", sorted(ROUTES))
async def test_each_caller_gets_what_the_matrix_says(house: House, key: str) -> None:
    route = ROUTES[key]
    assert differences(route, await answers(house, route)) == {}


async def test_given_a_route_that_lost_its_permission_then_the_matrix_notices(
    house: House, server: Server, tmp_path: Path
) -> None:
    """The control: a server whose device list forgot to ask for its permission."""
    route = ROUTES["GET /api/staff/v1/devices"]
    async with running_server(
        server.database, tmp_path, web="tests.flows.http.forgetful_server", worker=False
    ) as forgetful:
        found = differences(route, await answers(house, route, forgetful.origin))
    assert set(found) == {*(name for name in house.staff if name != "system_admin")}
