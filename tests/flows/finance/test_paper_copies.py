"""Paper copies of e-invoices: blanks are used in order, each once; a copy comes back before its e-invoice turns red."""

import asyncio
import itertools
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from asyncpg import Record

from hospital_core.finance.einvoicing import ladder
from hospital_core.finance.einvoicing.errors import (
    BlanksHandedOut,
    BlankUnderWay,
    EInvoicingOff,
    NoBlankLeft,
    NotForPaper,
    OtherBlankNext,
    PaperExists,
)
from hospital_core.finance.einvoicing.paper_commands import (
    HandOutBlanks,
    PrintPaper,
    RetryPaper,
    ReturnBlanks,
    SpoilBlank,
    TakeBackPaper,
)
from hospital_core.finance.einvoicing.paper_outside import settle_now
from hospital_core.finance.einvoicing.paper_queries import paper_copies, paper_stocks
from hospital_core.finance.einvoicing.paper_views import PaperCopyView, PaperStockView
from hospital_core.finance.einvoicing.papers import (
    hand_out_blanks,
    print_paper,
    retry_paper,
    return_blanks,
    spoil_blank,
    take_back_paper,
)
from hospital_core.finance.einvoicing.ports import EInvoicePlatform
from hospital_core.finance.einvoicing.queries import counts, e_invoices
from hospital_core.finance.einvoicing.states import PAPER, PaperStatus
from hospital_core.finance.payments.errors import ShiftNotOpen
from hospital_core.kernel import ports, relay
from hospital_core.kernel.context import Context, system_context
from hospital_core.kernel.errors import FieldProblem, Forbidden, StateConflict
from hospital_core.kernel.ids import new_id
from hospital_core.kernel.reading import Reading
from hospital_core.kernel.run import run
from tests.fixtures.einvoice import PlatformControl
from tests.fixtures.einvoiced import issued, next_rung, of, refund
from tests.fixtures.finance import FakeGateway, rows, run_system, value
from tests.fixtures.people import make_cashier

_ranges = itertools.count(1)


async def window() -> tuple[Context, UUID]:
    """A cashier at work and their drawer."""
    ctx = await make_cashier()
    return ctx, await value("SELECT drawer_id FROM cashier_shift WHERE staff_id = $1 AND status = 'open'", ctx.actor.id)


async def blanks(drawer_id: UUID, count: int = 5) -> PaperStockView:
    """A range of blanks for a drawer, of numbers that nobody had."""
    first = next(_ranges) * 1000
    command = HandOutBlanks(
        drawer_id=drawer_id, batch_code="P1106", first_no=f"{first:010d}", last_no=f"{first + count - 1:010d}"
    )
    return await run_system(hand_out_blanks, command)


async def top(stock: PaperStockView) -> str:
    """The number that the cashier sees on the blank on top."""
    (now,) = [one for one in (await paper_stocks(Reading(system_context()))).items if one.id == stock.id]
    return now.next_no or ""


async def copied(ctx: Context, row: Record, paper_no: str) -> PaperCopyView:
    """An e-invoice copied to a blank, as far as the platform lets."""
    return await settle_now(ctx, print_paper, PrintPaper(e_invoice_id=row["id"], paper_no=paper_no))


async def papers_there(platform: PlatformControl, stock: PaperStockView) -> dict[str, tuple[Any, bool]]:
    """What the platform knows of a range: on which document, and whether void."""
    found = (await platform.http.get("/state")).json()["papers"]
    own = [one for one in found if stock.first_no <= one["paper_no"] <= stock.last_no]
    return {one["paper_no"]: (one["of"], one["void"]) for one in own}


async def test_given_blanks_then_they_are_used_in_order_each_once(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock = await blanks(drawer_id, 2)
    first, second = [(await issued(gateway))[1] for _ in range(2)]
    with pytest.raises(OtherBlankNext) as other:
        await copied(ctx, first, stock.last_no)
    assert other.value.fields == {"next_no": stock.first_no}
    copy = await copied(ctx, first, stock.first_no)
    assert (copy.status, copy.paper_no, copy.bill_no) == (PaperStatus.PRINTED, stock.first_no, first["bill_no"])
    with pytest.raises(PaperExists):
        await copied(ctx, first, stock.last_no)
    await copied(ctx, second, stock.last_no)
    with pytest.raises(NoBlankLeft):
        await copied(ctx, (await issued(gateway))[1], f"{int(stock.last_no) + 1:010d}")
    assert await papers_there(platform, stock) == {
        stock.first_no: (first["bill_no"], False),
        stock.last_no: (second["bill_no"], False),
    }
    shown = (await e_invoices(Reading(ctx), number=first["bill_no"])).items[0]
    assert (shown.paper_no, shown.paper_status, shown.paper_wanted) == (stock.first_no, PaperStatus.PRINTED, False)


async def test_given_six_askings_at_once_then_one_blank_is_used(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row) = await blanks(drawer_id), await issued(gateway)
    done = await asyncio.gather(*(copied(ctx, row, stock.first_no) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, PaperExists) for one in done) == 5
    assert int(await top(stock)) == int(stock.first_no) + 1
    twin = dict((await rows("SELECT * FROM paper_copy WHERE e_invoice_id = $1", row["id"]))[0])
    for changed, rule in (
        ({"number": twin["number"] + 1}, "paper_copy_one_living"),
        ({"e_invoice_id": None, "status": "void", "void_reason": "x", "voided_at": twin["asked_at"]},
         "paper_copy_number_once"),
    ):  # fmt: skip
        with pytest.raises(asyncpg.UniqueViolationError, match=rule):
            await _insert(twin | {"id": new_id()} | changed)


async def test_given_rules_broken_by_hand_then_the_database_refuses(
    platform: PlatformControl, gateway: FakeGateway, admin: asyncpg.Connection
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row) = await blanks(drawer_id), await issued(gateway)
    copy = await copied(ctx, row, stock.first_no)
    for change, rule in (
        ("paper_copy SET number = number + 1", "keeps its number"),
        ("paper_copy SET e_invoice_id = NULL", "keeps its number"),
        ("paper_copy SET printed_at = NULL", "paper_copy_printed_of_what"),
        ("paper_copy SET status = 'voiding'", "paper_copy_void_says_why"),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match=rule):
            await rows(f"UPDATE {change} WHERE id = $1 RETURNING id", copy.id)
    for change, rule in (
        ("e_invoice SET status = 'reversing'", "e_invoice_paper_back_first"),
        ("e_invoice SET paper_id = NULL, paper_wanted_at = hospital_now()", "e_invoice_wants_its_paper"),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match=rule):
            await rows(f"UPDATE {change} WHERE id = $1 RETURNING id", row["id"])
    for number in (int(stock.first_no) - 1, int(stock.last_no) + 2):
        with pytest.raises(asyncpg.CheckViolationError, match="paper_stock_in_order"):
            await rows("UPDATE paper_stock SET next_number = $2 WHERE id = $1 RETURNING id", stock.id, number)
    attempt = admin.transaction()  # the control: with the rule off, red it turns while its copy is outside
    await attempt.start()
    await admin.execute("ALTER TABLE e_invoice DROP CONSTRAINT e_invoice_paper_back_first")
    red = await admin.fetchval("UPDATE e_invoice SET status = 'reversing' WHERE id = $1 RETURNING status", row["id"])
    await attempt.rollback()
    assert red == "reversing"


async def test_given_a_refund_of_what_is_on_paper_then_the_copy_comes_back_before_it_turns_red(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (billed, row) = await blanks(drawer_id), await issued(gateway, items=2)
    copy = await copied(ctx, row, stock.first_no)
    await refund(billed, items=1)
    assert [one["status"] for one in await of(billed)] == ["issued"], "not red while its copy is outside"
    (shown,) = (await e_invoices(Reading(ctx), number=row["bill_no"], waiting=True)).items
    assert shown.paper_wanted
    assert (await counts(Reading(ctx))).paper_wanted >= 1
    back = await settle_now(ctx, take_back_paper, TakeBackPaper(paper_id=copy.id, reason="退费收回"))
    assert (back.status, back.void_reason) == (PaperStatus.VOID, "退费收回")
    await relay.drain(10)
    states = [(one["status"], one["amount_fen"], one["paper_id"]) for one in await of(billed)]
    assert states == [("reversed", 10_000, None), ("issued", 5_000, None)]
    rest = (await of(billed))[1]
    again = await copied(ctx, rest, await top(stock))
    assert again.status is PaperStatus.PRINTED
    with pytest.raises(StateConflict):
        await settle_now(ctx, take_back_paper, TakeBackPaper(paper_id=copy.id, reason="再收一次"))
    assert await papers_there(platform, stock) == {
        copy.paper_no: (row["bill_no"], True),
        again.paper_no: (rest["bill_no"], False),
    }


async def test_given_a_refund_at_the_same_moment_then_either_the_copy_is_wanted_back_or_there_is_none(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (billed, row) = await blanks(drawer_id), await issued(gateway)
    copy, _ = await asyncio.gather(copied(ctx, row, stock.first_no), refund(billed), return_exceptions=True)
    await relay.drain(10)
    (now,) = await of(billed)
    if isinstance(copy, PaperCopyView):
        assert (now["status"], copy.status, now["paper_wanted_at"] is not None) == ("issued", PaperStatus.PRINTED, True)
    else:
        assert isinstance(copy, NotForPaper)
        assert (now["status"], now["paper_id"]) == ("reversed", None)


async def test_given_a_platform_that_is_told_first_then_it_refuses_the_red_one_itself(
    platform: PlatformControl, gateway: FakeGateway, admin: asyncpg.Connection
) -> None:
    """The control: a house that forgot about the copy would be refused there, and a person would look."""
    ctx, drawer_id = await window()
    stock, (billed, row) = await blanks(drawer_id), await issued(gateway)
    await copied(ctx, row, stock.first_no)
    await rows("UPDATE e_invoice SET paper_id = NULL WHERE id = $1 RETURNING id", row["id"])
    await refund(billed)
    (refused,) = await of(billed)
    assert (refused["status"], refused["failure_code"]) == ("reversal-failed", "E2006")


async def test_given_money_on_its_way_back_or_no_number_then_it_does_not_go_on_paper(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (billed, row) = await blanks(drawer_id), await issued(gateway)
    await refund(billed)
    with pytest.raises(NotForPaper):
        await copied(ctx, row, stock.first_no)
    with pytest.raises(ShiftNotOpen):
        await copied(await make_cashier(opening_fen=None), row, stock.first_no)
    adapter = ports._adapters.pop(EInvoicePlatform)
    with pytest.raises(EInvoicingOff):
        await copied(ctx, row, stock.first_no)
    ports.provide(EInvoicePlatform, adapter)
    assert await top(stock) == stock.first_no


@pytest.mark.parametrize("fault", ["lost", "system_error_after", "forged"])
async def test_given_an_answer_that_never_came_then_the_platform_is_asked_and_the_next_blank_waits(
    platform: PlatformControl, gateway: FakeGateway, fault: str
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row), (_, other) = await blanks(drawer_id), await issued(gateway), await issued(gateway)
    await platform.fault(fault, target="turnPaper", times=1)
    unknown = await copied(ctx, row, stock.first_no)
    assert unknown.status is PaperStatus.REQUESTED
    for use in (copied(ctx, other, await top(stock)), _spoil(ctx, stock, await top(stock))):
        with pytest.raises(BlankUnderWay):
            await use
    await next_rung(unknown.id)
    (copy,) = (await paper_copies(Reading(ctx), stock.id)).items
    assert (copy.status, copy.failure_code) == (PaperStatus.PRINTED, None)
    assert await papers_there(platform, stock) == {stock.first_no: (row["bill_no"], False)}
    assert (await platform.calls(row["bill_no"])) == ["turnPaper", "getEBillStatesByBillInfo"]
    assert (await copied(ctx, other, await top(stock))).status is PaperStatus.PRINTED


async def test_given_a_refusal_then_the_blank_is_on_top_again(platform: PlatformControl, gateway: FakeGateway) -> None:
    ctx, drawer_id = await window()
    stock, (billed, row) = await blanks(drawer_id), await issued(gateway)
    await platform.fault("refuse", target="turnPaper", times=1)
    refused = await copied(ctx, row, stock.first_no)
    assert (refused.status, refused.failure_text) == (PaperStatus.REFUSED, "纸质票号不在本开票点的库存中")
    assert await top(stock) == stock.first_no
    assert (await copied(ctx, row, stock.first_no)).status is PaperStatus.PRINTED
    assert [one["status"] for one in await of(billed)] == ["issued"]


async def test_given_a_platform_that_is_away_then_a_person_looks_and_asks_again(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row) = await blanks(drawer_id), await issued(gateway)
    await platform.fault("down")
    copy = await copied(ctx, row, stock.first_no)
    for _ in ladder.STEPS_S:
        await next_rung(copy.id)
    (parked,) = (await paper_copies(Reading(ctx), stock.id)).items
    assert (parked.status, parked.failure_code) == (PaperStatus.FAILED, "HTTP_503")
    assert (await counts(Reading(ctx))).paper_failed >= 1
    await platform.heal()
    assert (await settle_now(ctx, retry_paper, RetryPaper(paper_id=copy.id))).status is PaperStatus.PRINTED
    await platform.fault("refuse", target="invalidPaper", times=1)
    kept = await settle_now(ctx, take_back_paper, TakeBackPaper(paper_id=copy.id, reason="打印模糊"))
    assert (kept.status, kept.failure_text) == (PaperStatus.VOID_FAILED, "该纸质票据暂不能作废")
    await platform.fault("lost", target="invalidPaper", times=1)
    assert (await settle_now(ctx, retry_paper, RetryPaper(paper_id=copy.id))).status is PaperStatus.VOIDING
    await next_rung(copy.id)
    (gone,) = (await paper_copies(Reading(ctx), stock.id)).items
    assert (gone.status, gone.failure_code) == (PaperStatus.VOID, None), "void there already counts as void"
    with pytest.raises(StateConflict):
        await settle_now(ctx, retry_paper, RetryPaper(paper_id=copy.id))


async def test_given_another_number_on_paper_there_then_ours_is_free_again(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row) = await blanks(drawer_id), await issued(gateway)
    await copied(ctx, row, stock.first_no)
    await rows("UPDATE e_invoice SET paper_id = NULL WHERE id = $1 RETURNING id", row["id"])
    await rows(
        "UPDATE paper_copy SET status = 'void', void_reason = 'x', voided_at = hospital_now() WHERE stock_id = $1 "
        "RETURNING id",
        stock.id,
    )
    refused = await copied(ctx, row, await top(stock))
    assert (refused.status, refused.failure_code) == (PaperStatus.REFUSED, "OTHER_PAPER")
    assert stock.first_no in (refused.failure_text or "")
    assert await top(stock) != stock.first_no, "the blank of before stays used"


async def test_given_a_spoiled_blank_then_it_is_void_with_its_reason_and_the_next_is_on_top(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock = await blanks(drawer_id)
    with pytest.raises(OtherBlankNext):
        await _spoil(ctx, stock, stock.last_no)
    gone = await _spoil(ctx, stock, stock.first_no)
    assert (gone.status, gone.void_reason, gone.e_invoice_id) == (PaperStatus.VOID, "打印机卡纸", None)
    assert int(await top(stock)) == int(stock.first_no) + 1
    elsewhere, _ = await window()
    with pytest.raises(Forbidden):
        await _spoil(elsewhere, stock, await top(stock))
    assert await papers_there(platform, stock) == {stock.first_no: (None, True)}
    assert await value("SELECT count(*) FROM audit_row WHERE object_id = $1 AND reason = '打印机卡纸'", gone.id) == 1


async def test_given_a_range_then_no_number_of_it_is_handed_out_again(core: Any) -> None:
    _, drawer_id = await window()
    stock = await blanks(drawer_id)

    def ask(first: int, last: int, batch: str = "P1106") -> HandOutBlanks:
        return HandOutBlanks(drawer_id=drawer_id, batch_code=batch, first_no=f"{first:010d}", last_no=f"{last:010d}")

    first, last = int(stock.first_no), int(stock.last_no)
    for pair in ((first, last), (last, last + 5), (first - 5, first), (first + 1, first + 1)):
        with pytest.raises(BlanksHandedOut):
            await run_system(hand_out_blanks, ask(*pair))
    assert (await run_system(hand_out_blanks, ask(first, last, f"Q{new_id().hex[-6:]}"))).left == 5
    for wrong in (ask(last + 9, last + 8), ask(10**9, 2 * 10**9)):
        with pytest.raises(FieldProblem):
            await run_system(hand_out_blanks, wrong)
    with pytest.raises(FieldProblem):
        await run_system(hand_out_blanks, ask(1, 2).model_copy(update={"first_no": "0001"}))
    wanted = ask(last + 100, last + 101)
    done = await asyncio.gather(*(run_system(hand_out_blanks, wanted) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, BlanksHandedOut) for one in done) == 3


async def test_given_blanks_that_come_back_then_each_number_is_explained_and_the_rest_goes_out_again(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, later = await blanks(drawer_id), await blanks(drawer_id)
    elsewhere, other_drawer = await window()
    await copied(ctx, (await issued(gateway))[1], stock.first_no)
    with pytest.raises(OtherBlankNext):
        await _give_back(ctx, stock, stock.first_no)
    with pytest.raises(Forbidden):
        await _give_back(elsewhere, stock, await top(stock))
    first_back = await top(stock)
    back = await _give_back(ctx, stock, first_back)
    assert (back.left, back.next_no, back.on_top) == (0, None, False)
    assert (back.returned_no, back.returned_count, back.return_reason) == (first_back, 4, "窗口停用")
    assert await value("SELECT returned_by FROM paper_stock WHERE id = $1", stock.id) == ctx.actor.id
    assert await value("SELECT count(*) FROM audit_row WHERE object_id = $1 AND reason = '窗口停用'", stock.id) == 1
    for use in (_give_back(ctx, stock, first_back), _spoil(ctx, stock, first_back)):
        with pytest.raises(NoBlankLeft):
            await use
    assert (await copied(ctx, (await issued(gateway))[1], later.first_no)).stock_id == later.id

    def hand_out(first_no: str) -> HandOutBlanks:
        return HandOutBlanks(
            drawer_id=other_drawer, batch_code=stock.batch_code, first_no=first_no, last_no=stock.last_no
        )

    with pytest.raises(BlanksHandedOut):
        await run_system(hand_out_blanks, hand_out(stock.first_no))
    again = await run_system(hand_out_blanks, hand_out(first_back))
    assert (await copied(elsewhere, (await issued(gateway))[1], first_back)).stock_id == again.id
    for change in ("next_number = next_number + 1", "return_reason = NULL", "returned_from = first_number"):
        with pytest.raises(asyncpg.CheckViolationError, match="paper_stock_return_says_why"):
            await rows(f"UPDATE paper_stock SET {change} WHERE id = $1 RETURNING id", stock.id)


async def test_given_a_blank_whose_fate_is_unknown_then_its_range_does_not_go_back(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row) = await blanks(drawer_id), await issued(gateway)
    await platform.fault("lost", target="turnPaper", times=1)
    unknown = await copied(ctx, row, stock.first_no)
    with pytest.raises(BlankUnderWay):
        await _give_back(ctx, stock, await top(stock))
    await next_rung(unknown.id)
    assert (await _give_back(ctx, stock, await top(stock))).returned_count == 4


async def test_given_a_whole_range_that_comes_back_while_it_is_used_then_one_of_both_happens(
    platform: PlatformControl, gateway: FakeGateway
) -> None:
    ctx, drawer_id = await window()
    stock, (_, row) = await blanks(drawer_id), await issued(gateway)
    ends = await asyncio.gather(
        copied(ctx, row, stock.first_no), _give_back(ctx, stock, stock.first_no), return_exceptions=True
    )
    copy, back = ends
    assert isinstance(copy, PaperCopyView) is not isinstance(back, PaperStockView)
    if isinstance(back, PaperStockView):
        assert (back.returned_no, back.returned_count) == (stock.first_no, 5)
        assert isinstance(copy, NoBlankLeft)
    else:
        assert isinstance(back, BlankUnderWay | OtherBlankNext)


def test_the_page_about_e_invoices_draws_the_life_of_a_blank(repository: Any) -> None:
    page = (repository / "docs" / "einvoices.md").read_text()
    assert f"```mermaid\n{PAPER.mermaid()}\n```" in page


async def _spoil(ctx: Context, stock: PaperStockView, paper_no: str) -> PaperCopyView:
    return await settle_now(ctx, spoil_blank, SpoilBlank(stock_id=stock.id, paper_no=paper_no, reason="打印机卡纸"))


async def _give_back(ctx: Context, stock: PaperStockView, paper_no: str) -> PaperStockView:
    return await run(ctx, return_blanks, ReturnBlanks(stock_id=stock.id, paper_no=paper_no, reason="窗口停用"))


async def _insert(row: dict[str, Any]) -> None:
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await rows(f"INSERT INTO paper_copy ({', '.join(row)}) VALUES ({places}) RETURNING id", *row.values())
