"""A paid bill has one e-invoice, whatever the platform does; refunds turn it red; a day is compared."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from backend.einvoice import HttpEInvoicePlatform
from hospital_core.finance.einvoicing import ladder
from hospital_core.finance.einvoicing.checking import bounds, check_day
from hospital_core.finance.einvoicing.commands import (
    CheckDay,
    IssueEInvoice,
    RecordIssued,
    RecordReversed,
    RecordTrouble,
    RetryEInvoice,
)
from hospital_core.finance.einvoicing.errors import DayNotOver, EInvoiceExists, EInvoiceNotPaid, EInvoicingOff
from hospital_core.finance.einvoicing.events import EInvoiceDue
from hospital_core.finance.einvoicing.ports import EInvoicePlatform, PlatformDocument
from hospital_core.finance.einvoicing.queries import checks, counts, day_to_check, e_invoices
from hospital_core.finance.einvoicing.service import (
    issue_e_invoice,
    record_issued,
    record_reversed,
    record_trouble,
    retry_e_invoice,
    retry_unanswered,
)
from hospital_core.finance.einvoicing.states import E_INVOICE, DifferenceKind, EInvoiceStatus
from hospital_core.finance.einvoicing.views import EInvoiceCheckDetail
from hospital_core.finance.payments import outside as payments
from hospital_core.finance.payments.events import InvoicePaid
from hospital_core.kernel import ports, relay
from hospital_core.kernel.commands import Empty
from hospital_core.kernel.context import system_context
from hospital_core.kernel.errors import OutsideUnavailable, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.uow import UnitOfWork
from hospital_core.registry.patients.ages import SHANGHAI
from tests.fixtures.einvoice import PlatformControl, platform_settings
from tests.fixtures.einvoiced import issued, next_rung, of, paid, refund, troubled
from tests.fixtures.finance import FakeGateway, forged, make_intent, make_invoice, rows, run_system, value
from tests.fixtures.findings import money_findings


async def test_a_paid_bill_gets_one_e_invoice(platform: PlatformControl, gateway: FakeGateway) -> None:
    billed, row = await issued(gateway, items=2)
    assert (row["amount_fen"], row["kind"], row["generation"]) == (10_000, "registration", 1)
    (document,) = await platform.documents(row["bus_no"])
    assert (document["bill_no"], document["batch_code"]) == (row["bill_no"], row["batch_code"])
    assert (document["fen"], document["random"]) == (10_000, row["check_code"])
    assert document["payer"] == "测**者", "the simulator keeps no name"
    assert row["qr_png"].startswith("iVBOR")
    assert row["picture_net_url"].endswith(row["check_code"])
    lines = await rows("SELECT * FROM e_invoice_line WHERE e_invoice_id = $1", row["id"])
    assert sum(line["amount_fen"] for line in lines) == 10_000
    with pytest.raises(EInvoiceExists):
        await run_system(issue_e_invoice, IssueEInvoice(invoice_id=billed.invoice.id))
    assert await platform.calls(row["bus_no"]) == ["invEBillRegistration"]


async def test_an_unpaid_bill_is_refused_and_a_part_payment_issues_nothing(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed = await make_invoice()
    with pytest.raises(EInvoiceNotPaid):
        await run_system(issue_e_invoice, IssueEInvoice(invoice_id=billed.invoice.id))
    part = await make_intent(gateway, invoice_id=billed.invoice.id, amount_fen=2_000)
    await payments.take_in_success(system_context(), gateway.pay(part.out_trade_no))
    await relay.drain(6)
    with pytest.raises(EInvoiceNotPaid):
        await run_system(issue_e_invoice, IssueEInvoice(invoice_id=billed.invoice.id))
    assert await of(billed) == []


async def test_the_same_news_ten_times_is_one_e_invoice(platform: PlatformControl, gateway: FakeGateway) -> None:
    billed, row = await issued(gateway)
    event = InvoicePaid(invoice_id=billed.invoice.id, encounter_id=billed.encounter_id, patient_id=billed.patient_id)
    due = EInvoiceDue(e_invoice_id=row["id"], step=0)

    async def again(uow: UnitOfWork) -> None:
        for _ in range(5):
            uow.record(event)
            uow.record(due)

    await run_system(forged(again), None)
    await relay.drain(10)
    assert len(await of(billed)) == len(await platform.documents(row["bus_no"])) == 1


async def test_two_askings_at_once_make_one_living_e_invoice(platform: PlatformControl, gateway: FakeGateway) -> None:
    ports._adapters.pop(EInvoicePlatform)
    billed = await paid(gateway)
    await relay.drain(6)
    assert await of(billed) == [], "off: nothing is written"
    with pytest.raises(EInvoicingOff):
        await run_system(issue_e_invoice, IssueEInvoice(invoice_id=billed.invoice.id))
    ports.provide(EInvoicePlatform, HttpEInvoicePlatform(platform_settings(platform.address)))
    ask = IssueEInvoice(invoice_id=billed.invoice.id)
    done = await asyncio.gather(*(run_system(issue_e_invoice, ask) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, EInvoiceExists) for one in done) == 5
    await relay.drain(6)
    (row,) = await of(billed)
    assert row["status"] == EInvoiceStatus.ISSUED


async def test_the_constraint_alone_refuses_a_second_living_one(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    _, row = await issued(gateway)
    twin = {
        **dict(row),
        "id": new_id(),
        "generation": 2,
        "bus_no": f"{row['bus_no']}x",
        "bill_no": "x",
        "check_code": "x",
    }
    places = ", ".join(f"${n}" for n in range(1, len(twin) + 1))
    with pytest.raises(asyncpg.UniqueViolationError, match="e_invoice_one_living"):
        await rows(f"INSERT INTO e_invoice ({', '.join(twin)}) VALUES ({places}) RETURNING id", *twin.values())


@pytest.mark.parametrize("fault", ["lost", "system_error_after", "forged"])
async def test_an_answer_that_never_came_is_asked_for_and_not_issued_twice(
    platform: PlatformControl, gateway: FakeGateway, fault: str
) -> None:
    billed, row = await troubled(platform, gateway, fault)
    assert row["status"] == EInvoiceStatus.REQUESTED
    assert row["failure_code"] in ("NO_ANSWER", "S9999", "BAD_ANSWER")
    assert len(await platform.documents(row["bus_no"])) == 1, "it did act"
    await next_rung(row["id"])
    (row,) = await of(billed)
    (document,) = await platform.documents(row["bus_no"])
    assert (row["status"], row["bill_no"]) == ("issued", document["bill_no"])
    assert await platform.calls(row["bus_no"]) == ["invEBillRegistration", "getEBillByBusNo"]


async def test_a_worker_that_died_after_the_call_finds_the_number(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    """The relay delivers the same event again: the counted try says that a call may have acted."""
    billed, row = await troubled(platform, gateway, "lost")

    async def again(uow: UnitOfWork) -> None:
        uow.record(EInvoiceDue(e_invoice_id=row["id"], step=0))

    await run_system(forged(again), None)
    await relay.drain(6)
    assert [one["status"] for one in await of(billed)] == ["issued"]
    assert len(await platform.documents(row["bus_no"])) == 1


async def test_a_platform_that_knows_the_number_already_is_asked_for_it(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed, row = await troubled(platform, gateway, "lost")
    await rows("UPDATE e_invoice SET tries = 0 WHERE id = $1 RETURNING id", row["id"])
    await next_rung(row["id"])
    assert [one["status"] for one in await of(billed)] == ["issued"]
    assert (await platform.calls(row["bus_no"]))[1:] == ["invEBillRegistration", "getEBillByBusNo"]


async def test_a_refund_in_full_turns_it_red(platform: PlatformControl, gateway: FakeGateway) -> None:
    billed, row = await issued(gateway)
    await refund(billed)
    (red,) = await of(billed)
    assert (red["status"], red["reversal_reason"]) == ("reversed", "全额退费")
    blue_there, red_there = await platform.documents(row["bus_no"])
    assert (red["red_bill_no"], blue_there["red_no"]) == (red_there["bill_no"], red_there["bill_no"])
    assert red_there["of"] == row["bill_no"]
    with pytest.raises(EInvoiceNotPaid):
        await run_system(issue_e_invoice, IssueEInvoice(invoice_id=billed.invoice.id))
    assert await money_findings(billed.patient_id) == []


async def test_partial_refunds_turn_the_whole_red_and_issue_the_rest(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed, _ = await issued(gateway, items=3)
    await refund(billed, items=1)
    first, second = await of(billed)
    assert (first["status"], second["status"], second["amount_fen"]) == ("reversed", "issued", 10_000)
    await refund(billed, items=1)
    await refund(billed, items=1)
    states = [(one["generation"], one["status"], one["amount_fen"]) for one in await of(billed)]
    assert states == [(1, "reversed", 15_000), (2, "reversed", 10_000), (3, "reversed", 5_000)]
    numbers = await rows("SELECT bill_no, red_bill_no FROM e_invoice WHERE invoice_id = $1", billed.invoice.id)
    assert len({number for row in numbers for number in row.values()}) == 6


async def test_a_red_call_without_answer_is_asked_for_and_not_repeated(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed, row = await issued(gateway)
    await platform.fault("lost", target="writeOffEBill", times=1)
    await refund(billed)
    (unknown,) = await of(billed)
    assert unknown["status"] == EInvoiceStatus.REVERSING
    await next_rung(row["id"])
    (red,) = await of(billed)
    assert red["status"] == EInvoiceStatus.REVERSED
    assert len(await platform.documents(row["bus_no"])) == 2
    assert (await platform.calls(row["bill_no"])) == ["writeOffEBill", "getEBillStatesByBillInfo"]


async def test_a_refund_while_issuing_is_unknown_ends_with_the_rest(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    await platform.fault("lost", target="issue", times=1)
    billed = await paid(gateway, items=2)
    await relay.drain(6)
    await refund(billed, items=1)
    (row,) = await of(billed)
    assert (row["status"], row["amount_fen"]) == ("requested", 10_000)
    await next_rung(row["id"])
    states = [(one["status"], one["amount_fen"]) for one in await of(billed)]
    assert states == [("reversed", 10_000), ("issued", 5_000)]


async def test_a_platform_that_is_down_parks_for_a_person_who_sends_all_again(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    await platform.fault("down")
    billed = await paid(gateway)
    await relay.drain(6)
    (row,) = await of(billed)
    for _ in ladder.STEPS_S:
        await next_rung(row["id"])
    (parked,) = await of(billed)
    assert (parked["status"], parked["failure_code"], parked["refused"]) == ("failed", "HTTP_503", False)
    assert parked["tries"] == len(ladder.STEPS_S) + 1
    listed = await e_invoices(Reading(system_context()), [EInvoiceStatus.FAILED])
    assert row["id"] in {one.id for one in listed.items}
    assert (await counts(Reading(system_context()))).failed >= 1
    await platform.heal()
    assert (await run_system(retry_unanswered, Empty())).retried >= 1
    await relay.drain(10)
    (row,) = await of(billed)
    assert (row["status"], row["failure_code"]) == ("issued", None)
    assert len(await platform.documents(row["bus_no"])) == 1


async def test_a_refusal_waits_for_a_person_at_once_with_the_platforms_words(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed, row = await troubled(platform, gateway, "refuse")
    assert (row["status"], row["failure_code"], row["failure_text"]) == ("failed", "E3001", "开票点票据余量不足")
    again = await run_system(retry_e_invoice, RetryEInvoice(e_invoice_id=row["id"]))
    assert again.status is EInvoiceStatus.REQUESTED
    await relay.drain(6)
    assert [one["status"] for one in await of(billed)] == ["issued"]
    with pytest.raises(StateConflict):
        await run_system(retry_e_invoice, RetryEInvoice(e_invoice_id=row["id"]))


async def test_a_refused_one_is_replaced_when_money_went_back(platform: PlatformControl, gateway: FakeGateway) -> None:
    await platform.fault("refuse", target="issue", times=1)
    billed = await paid(gateway, items=2)
    await relay.drain(6)
    await refund(billed, items=1)
    states = [(one["status"], one["amount_fen"]) for one in await of(billed)]
    assert states == [("cancelled", 10_000), ("issued", 5_000)]


async def test_a_red_one_that_is_refused_waits_and_is_sent_again(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed, row = await issued(gateway)
    await platform.fault("refuse", target="writeOffEBill", times=1)
    await refund(billed)
    assert [one["status"] for one in await of(billed)] == ["reversal-failed"]
    await run_system(retry_e_invoice, RetryEInvoice(e_invoice_id=row["id"]))
    await relay.drain(6)
    assert [one["status"] for one in await of(billed)] == ["reversed"]


async def test_answers_that_come_twice_or_after_it_turned_red_change_nothing(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    billed, row = await issued(gateway)
    now = await value("SELECT hospital_now()")
    late = RecordIssued(e_invoice_id=row["id"], batch_code="X", bill_no="9", check_code="z", issued_at=now)
    red = RecordReversed(e_invoice_id=row["id"], batch_code="X", bill_no="8", check_code="z", reversed_at=now)
    await run_system(record_reversed, red)
    await run_system(record_issued, late)
    assert [dict(one) for one in await of(billed)] == [dict(row)], "nobody asked for a red one"
    await refund(billed)
    known = [dict(one) for one in await of(billed)]
    for service, fact in ((record_issued, late), (record_reversed, red)):
        await run_system(service, fact)
    trouble = RecordTrouble(e_invoice_id=row["id"], code="E3001", text="迟到的拒绝", refused=True)
    await run_system(record_trouble, trouble)
    assert [dict(one) for one in await of(billed)] == known
    assert known[0]["status"] == "reversed"


async def test_another_amount_at_the_platform_is_never_taken(platform: PlatformControl, gateway: FakeGateway) -> None:
    billed, row = await troubled(platform, gateway, "wrong_amount", items=2)
    assert (row["status"], row["failure_code"], row["bill_no"]) == ("failed", "OTHER_AMOUNT", None)
    await refund(billed, items=1)
    found = [(one["status"], one["failure_code"]) for one in await of(billed)]
    assert found == [("failed", "OTHER_AMOUNT")], "the platform holds a number: another would be the bill's second"


async def test_a_number_and_an_amount_are_never_changed(platform: PlatformControl, gateway: FakeGateway) -> None:
    _, row = await issued(gateway)
    for change in ("bill_no = 'x'", "amount_fen = amount_fen + 1", "bus_no = 'x'"):
        with pytest.raises(asyncpg.CheckViolationError, match="keeps its number"):
            await rows(f"UPDATE e_invoice SET {change} WHERE id = $1 RETURNING id", row["id"])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows("UPDATE e_invoice_line SET name = 'x' WHERE e_invoice_id = $1 RETURNING id", row["id"])


async def test_a_day_in_which_both_sides_agree_has_no_difference(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    await _empty_days()
    billed, _ = await issued(gateway, items=2)
    await issued(gateway)
    await refund(billed, items=1)
    found = await _check_today()
    assert (found.issued_count, found.platform_issued_count) == (3, 3)
    assert (found.issued_fen, found.red_fen) == (found.platform_issued_fen, found.platform_red_fen) == (20_000, 10_000)
    assert found.items == []


async def test_planted_differences_are_all_found_and_none_else(platform: PlatformControl, gateway: FakeGateway) -> None:
    await _empty_days()
    made = [(await issued(gateway))[1] for _ in range(5)]
    billed, _ = await issued(gateway)
    await refund(billed)
    (red,) = await of(billed)
    await platform.plant("missing", made[0]["bill_no"])
    await platform.plant("amount", made[1]["bill_no"])
    await platform.plant("extra", made[2]["bill_no"])
    await platform.plant("missing", red["red_bill_no"])
    await platform.fault("duplicate", target="issue", times=1)
    doubled = (await issued(gateway))[1]
    never = await _paid_long_ago_without(gateway)
    found = await _check_today()
    assert sorted((one.kind, one.red, one.bus_no) for one in found.items if one.invoice_id != never) == sorted(
        [
            (DifferenceKind.MISSING_THERE, False, made[0]["bus_no"]),
            (DifferenceKind.AMOUNT_DIFFERS, False, made[1]["bus_no"]),
            (DifferenceKind.MISSING_HERE, False, f"X{made[2]['bus_no']}"),
            (DifferenceKind.MISSING_THERE, True, red["bus_no"]),
            (DifferenceKind.MISSING_HERE, False, doubled["bus_no"]),
        ]
    )
    assert [one.kind for one in found.items if one.invoice_id == never] == [DifferenceKind.NOT_ISSUED]
    listed = (await checks(Reading(system_context()))).items[0]
    assert (listed.id, listed.differences) == (found.id, 6)


async def test_the_platforms_own_total_is_compared_with_its_list(
    platform: PlatformControl, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _empty_days()
    await issued(gateway)
    adapter = ports.use(EInvoicePlatform)
    whole = await adapter.documents((await value("SELECT hospital_now()")).astimezone(SHANGHAI).date())

    async def cut_off(_: Any) -> list[Any]:
        return whole[:-1]

    monkeypatch.setattr(adapter, "documents", cut_off)
    found = await _check_today()
    assert {one.kind for one in found.items} == {DifferenceKind.TOTAL_DIFFERS, DifferenceKind.MISSING_THERE}


async def test_a_document_of_another_system_with_a_long_number_is_a_difference_and_no_trouble(
    platform: PlatformControl, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _empty_days()

    async def foreign(_: Any) -> list[PlatformDocument]:
        return [PlatformDocument("OLDHIS" + "7" * 50, "110601", "0000000099", 100, red=False)]

    monkeypatch.setattr(ports.use(EInvoicePlatform), "documents", foreign)
    found = await _check_today()
    assert [one.bus_no for one in found.items if one.kind is DifferenceKind.MISSING_HERE] == ["OLDHIS" + "7" * 24]


async def test_a_check_of_a_silent_platform_or_a_coming_day_is_refused(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    now = await value("SELECT hospital_now()")
    with pytest.raises(DayNotOver):
        await check_day(system_context(), CheckDay(day=now.astimezone(SHANGHAI).date() + timedelta(days=1)))
    await platform.fault("down")
    with pytest.raises(OutsideUnavailable):
        await check_day(system_context(), CheckDay(day=now.astimezone(SHANGHAI).date()))


async def test_yesterday_is_checked_by_itself_once_and_then_days_that_were_missed(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    _, row = await issued(gateway)
    await rows("UPDATE e_invoice SET requested_at = requested_at - interval '30 days' WHERE id = $1 RETURNING id",
               row["id"])  # fmt: skip
    days = []
    while (day := await day_to_check(Reading(system_context()))) is not None:
        await check_day(system_context(), CheckDay(day=day))
        days.append(day)
    last = (await value("SELECT hospital_now() - interval '2 hours'")).astimezone(SHANGHAI).date()
    assert days == [last - timedelta(days=back) for back in range(1, 8)]


def test_the_page_about_e_invoices_draws_the_machine_that_runs(repository: Any) -> None:
    page = (repository / "docs" / "einvoices.md").read_text()
    assert f"```mermaid\n{E_INVOICE.mermaid()}\n```" in page


def test_a_day_before_there_were_e_invoices_is_none_to_check() -> None:
    with pytest.raises(ValidationError):
        CheckDay(day=date(1, 1, 1))


async def _check_today() -> EInvoiceCheckDetail:
    now = await value("SELECT hospital_now()")
    return await check_day(system_context(), CheckDay(day=now.astimezone(SHANGHAI).date()))


async def _empty_days() -> None:
    """Other tests' e-invoices belong to days before this one, on both sides."""
    await rows(
        "UPDATE e_invoice SET requested_at = requested_at - interval '9 days', "
        "reversal_asked_at = reversal_asked_at - interval '9 days' RETURNING id"
    )
    await rows("UPDATE payment_intent SET succeeded_at = succeeded_at - interval '9 days' RETURNING id")
    adapter = ports.use(EInvoicePlatform)
    now = await value("SELECT hospital_now()")
    control = PlatformControl(adapter._settings.url)  # type: ignore[attr-defined]
    for document in await adapter.documents(now.astimezone(SHANGHAI).date()):
        await control.plant("missing", document.bill_no)
    await control.http.aclose()


async def _paid_long_ago_without(gateway: FakeGateway) -> UUID:
    """A bill of today, paid before the platform was joined."""
    adapter = ports._adapters.pop(EInvoicePlatform)
    billed = await paid(gateway)
    await relay.drain(6)
    ports.provide(EInvoicePlatform, adapter)
    since, _ = bounds((await value("SELECT hospital_now()")).astimezone(SHANGHAI).date())
    await rows(
        "UPDATE payment_intent SET succeeded_at = $2 WHERE invoice_id = $1 RETURNING id", billed.invoice.id, since
    )
    return billed.invoice.id
