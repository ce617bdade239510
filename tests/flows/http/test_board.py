"""The board of the day over HTTP: its figures are those of the rows, and an unchanged day is not sent twice."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hospital_core.access.queueing.commands import CallNext
from hospital_core.access.queueing.service import call_next
from hospital_core.access.scheduling.days import SHANGHAI
from hospital_core.access.scheduling.planning_commands import StopClinic
from hospital_core.access.scheduling.service.changing import stop_clinic
from hospital_core.access.scheduling.views import ScheduleView
from hospital_core.finance.payments.commands import RequestRefund, TakeCash
from hospital_core.finance.payments.service import request_refund, take_cash
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.run import run
from hospital_core.registry.staff.states import StaffRole
from tests.fixtures import access
from tests.fixtures.finance import make_invoice, rows, run_cashier
from tests.fixtures.people import make_cashier
from tests.fixtures.server import Party, Server
from tests.fixtures.waiting import line_up, make_full_session

GROUP = "server"

BOARD = "/api/staff/v1/board"
MONEY = ("received_fen", "received_count", "refunded_fen", "refunded_count")


async def begun() -> timedelta:
    """How long ago a session began that runs now and began today, also right after midnight."""
    now = (await access.now()).astimezone(SHANGHAI)
    return -min(timedelta(minutes=10), now - datetime.combine(now.date(), datetime.min.time(), SHANGHAI))


async def department(caller: Party, department_id: UUID) -> dict[str, Any]:
    """One department's line on the board."""
    (own,) = [one for one in (await caller.got(BOARD))["departments"] if one["department_id"] == str(department_id)]
    return dict(own)


async def test_given_a_morning_then_the_board_counts_it(server: Server) -> None:
    manager, clinic = await server.role(StaffRole.MANAGER), await access.make_clinic()
    session = await access.make_session(clinic=clinic, starts_in=await begun(), places=12)
    before = await manager.got(BOARD)
    for _ in range(3):
        await access.make_ticket(session=session)
    _, missed = await access.make_booked(session=session)
    await rows("UPDATE appointment SET status = 'noshow' WHERE id = $1 RETURNING id", missed.id)
    await access.book(person=await access.make_person(), session=session)
    await run(clinic.doctor, call_next, CallNext(room_id=clinic.room_id))
    own = await department(manager, clinic.department_id)
    assert {name: own[name] for name in ("places", "booked", "no_show", "arrived", "waiting", "finished")} == {
        "places": 12, "booked": 4, "no_show": 1, "arrived": 3, "waiting": 2, "finished": 0,
    }  # fmt: skip
    # One or two of twelve numbers lie before now, and five were taken.
    free = await rows(
        "SELECT count(*) FROM slot WHERE schedule_id = $1 AND status = 'free' AND starts_at > hospital_now()",
        session.schedule_id,
    )
    assert own["places_free"] == free[0]["count"] > 0
    after = await manager.got(BOARD)
    grown = {name: after[name] - before[name] for name in ("booked", "no_show", "held", "arrived", "waiting", "called")}
    assert grown == {"booked": 4, "no_show": 1, "held": 1, "arrived": 3, "waiting": 2, "called": 1}
    assert after["waiting"] == sum(one["waiting"] for one in after["departments"])
    assert after["quarters"][-1]["waiting"] == after["waiting"], "the curve ends at the figure"
    assert sum(one["arrived"] for one in after["quarters"]) == after["arrived"]


async def test_given_money_that_came_and_went_then_the_board_says_by_which_channel_and_hour(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)

    def cash(board: dict[str, Any]) -> list[int]:
        found = [one for one in board["money"]["takings"] if one["channel"] == "cash"]
        return [found[0][name] for name in MONEY] if found else [0] * 4

    before = await manager.got(BOARD)
    billed = await make_invoice()
    await run_cashier(take_cash, TakeCash(invoice_id=billed.invoice.id, tendered_fen=10_000))
    back = RequestRefund(
        invoice_id=billed.invoice.id, amount_fen=2_000, reason="退费", source_kind="appointment", source_id=new_id()
    )
    await run_cashier(request_refund, back)
    after = await manager.got(BOARD)
    assert [now - then for now, then in zip(cash(after), cash(before), strict=True)] == [5_000, 1, 2_000, 1]
    for side in ("received_fen", "refunded_fen"):
        by_channel = sum(one[side] for one in after["money"]["takings"])
        assert sum(one[side] for one in after["money"]["hours"]) == by_channel


async def test_given_a_stopped_clinic_and_a_line_then_the_board_names_and_counts_them(server: Server) -> None:
    manager, clinic = await server.role(StaffRole.MANAGER), await access.make_clinic()
    full, _ = await make_full_session()
    before = await manager.got(BOARD)
    await line_up(full)
    session = await access.make_session(clinic=clinic, starts_in=await begun(), places=12)
    await access.make_booked(session=session)
    await run(access.SYSTEM, stop_clinic, StopClinic(schedule_ids=(session.schedule_id,), reason="设备故障"))
    after = await manager.got(BOARD)
    assert str(session.schedule_id) in [one["schedule_id"] for one in after["stopped"]]
    assert after["disruptions_open"] - before["disruptions_open"] == 1
    assert after["waitlist_waiting"] - before["waitlist_waiting"] == 1
    assert (after["sessions"], after["places"]) == (before["sessions"], before["places"]), (
        "what is stopped is not for sale"
    )


async def paid_in_cash(session: ScheduleView, *, at_window_of: access.Clinic | None) -> None:
    """A bill of a visit, paid at a window that stands at a clinic's campus, or nowhere."""
    _, visit = await access.make_booked(session=session)
    billed = await make_invoice()
    await rows(
        "UPDATE charge_item SET encounter_id = (SELECT encounter_id FROM appointment WHERE id = $2) "
        "WHERE invoice_id = $1 RETURNING id",
        billed.invoice.id, visit.id,
    )  # fmt: skip
    cashier = await make_cashier()
    if at_window_of is not None:
        await rows(
            "UPDATE cash_drawer SET location_id = $2 WHERE id = "
            "(SELECT drawer_id FROM cashier_shift WHERE staff_id = $1 AND status = 'open') RETURNING id",
            cashier.actor.id, at_window_of.room_id,
        )  # fmt: skip
    await run(cashier, take_cash, TakeCash(invoice_id=billed.invoice.id, tendered_fen=10_000))


def flat(board: dict[str, Any]) -> dict[str, int]:
    """Every figure that adds up."""
    sums = {name: value for name, value in board.items() if isinstance(value, int)}
    sums |= {f"open {name}": value for name, value in board["money"].items() if isinstance(value, int)}
    sums["stopped"], sums["departments"] = len(board["stopped"]), len(board["departments"])
    sums["quarters"] = sum(one["arrived"] + one["finished"] for one in board["quarters"])
    for name in MONEY:
        sums[name] = sum(one[name] for one in board["money"]["takings"])
    return sums


async def test_given_campuses_then_their_boards_together_are_the_whole_and_each_has_its_own(server: Server) -> None:
    manager, here, there = await server.role(StaffRole.MANAGER), await access.make_clinic(), await access.make_clinic()
    session = await access.make_session(clinic=here, starts_in=await begun(), places=12)
    await access.make_ticket(session=session)
    await paid_in_cash(session, at_window_of=None)
    await paid_in_cash(session, at_window_of=there)
    billed = await make_invoice()  # of a visit that no campus knows, paid at a window that stands nowhere
    await run(await make_cashier(), take_cash, TakeCash(invoice_id=billed.invoice.id, tendered_fen=5_000))
    for _ in range(3):  # the worker goes on meanwhile, and a quarter of an hour may begin
        whole = await manager.got(BOARD)
        parts = {one["id"]: flat(await manager.got(BOARD, campus_id=one["id"])) for one in whole["campuses"]}
        if flat(await manager.got(BOARD)) == flat(whole):
            break
    together = {name: sum(part[name] for part in parts.values()) for name in flat(whole)}
    nowhere = {name: value - together[name] for name, value in flat(whole).items() if value != together[name]}
    assert set(nowhere) <= {*MONEY, "open payments_open", "open payments_open_fen", "open refunds_pending",
                            "open refunds_pending_fen", "open refunds_abnormal"}  # fmt: skip
    assert nowhere["received_fen"] >= 5_000, "money of no campus is the whole's alone"
    mine, other = parts[str(here.campus_id)], parts[str(there.campus_id)]
    assert (mine["received_fen"], mine["booked"], mine["arrived"], mine["waiting"]) == (5_000, 3, 1, 1)
    assert (other["received_fen"], other["booked"], other["arrived"]) == (5_000, 0, 0)


async def test_given_a_campus_without_a_day_or_none_at_all_then_the_board_is_empty_or_refuses(server: Server) -> None:
    manager, clinic = await server.role(StaffRole.MANAGER), await access.make_clinic()
    board = await manager.got(BOARD, campus_id=clinic.campus_id)
    assert board["campus_id"] == str(clinic.campus_id)
    assert set(flat(board).values()) == {0}
    assert (board["quarters"], board["money"]["hours"], board["money"]["takings"]) == ([], [], [])
    assert (await manager.get(BOARD, campus_id=new_id())).status_code == 404
    assert (await manager.get(BOARD, campus_id="x' OR 1=1")).status_code == 422
    assert (await manager.get(BOARD, campus="x")).status_code == 422


async def test_given_nothing_new_then_the_board_is_not_sent_again(server: Server) -> None:
    manager = await server.role(StaffRole.MANAGER)
    for _ in range(3):  # a quarter of an hour may begin between two reads, and others of this run make visits
        first = await manager.get(BOARD)
        again = await manager.get(BOARD, headers={"If-None-Match": first.headers["ETag"]})
        if again.status_code == 304:
            break
    assert (again.status_code, again.content) == (304, b"")
    await access.make_ticket(session=await access.make_session(clinic=await access.make_clinic(),
                                                               starts_in=await begun(), places=12))  # fmt: skip
    changed = await manager.get(BOARD, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert (await (await server.role(StaffRole.REGISTRAR)).get(BOARD)).status_code == 403
