"""The e-invoice platform's simulator: it keeps its book over a restart, checks what it is told, keeps no names."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from backend.checks import Level, check_e_invoices
from backend.einvoice import HttpEInvoicePlatform
from hospital_core.finance.einvoicing.ports import (
    AlreadyIssuedThere,
    AlreadyRedThere,
    AlreadyVoidThere,
    EInvoiceOrder,
    OrderLine,
    PaperNumber,
    PaperOrder,
    PlatformRefused,
    PlatformUnknown,
    ReversalOrder,
)
from hospital_core.finance.einvoicing.states import EInvoiceKind
from hospital_core.registry.catalogue.states import FeeCategory
from tests.fixtures.einvoice import PlatformControl, platform_settings, start_platform, stop_platform

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def order(bus_no: str, *, amount_fen: int = 1230, kind: EInvoiceKind = EInvoiceKind.OUTPATIENT) -> EInvoiceOrder:
    line = OrderLine("B1", "阿司匹林", FeeCategory.WESTERN_DRUG, "盒", Decimal("12.30"), Decimal(1), 1230)
    return EInvoiceOrder(bus_no, kind, AT, "张三丰", "000000017", amount_fen, 0, None, [line])


async def test_a_restart_keeps_documents_and_goes_on_counting_and_no_name_is_on_file(tmp_path: Path) -> None:
    book = tmp_path / "book.jsonl"
    process, address = start_platform(book)
    platform = HttpEInvoicePlatform(platform_settings(address))
    first = await platform.issue(order("B1-1"))
    red = await platform.reverse(ReversalOrder(first.batch_code, first.bill_no, "全额退费", AT))
    kept, blank = await platform.issue(order("B3-1")), PaperNumber("P1106", "0000000101")
    await platform.print_paper(PaperOrder(kept.batch_code, kept.bill_no, blank, AT))
    await platform.void_paper(PaperNumber("P1106", "0000000102"), "卡纸", AT)
    await platform.close()
    stop_platform(process)
    assert book.stat().st_mode & 0o077 == 0
    assert "张三丰" not in book.read_text()

    process, address = start_platform(book)
    platform = HttpEInvoicePlatform(platform_settings(address))
    try:
        found = await platform.find("B1-1")
        assert found is not None
        assert (found.bill_no, found.check_code, found.amount_fen) == (first.bill_no, first.check_code, 1230)
        again = await platform.red_of(first.batch_code, first.bill_no)
        assert again is not None
        assert again.bill_no == red.bill_no
        assert int((await platform.issue(order("B2-1"))).bill_no) == int(kept.bill_no) + 1
        assert await platform.paper_of(kept.batch_code, kept.bill_no) == blank
        with pytest.raises(AlreadyVoidThere):
            await platform.void_paper(PaperNumber("P1106", "0000000102"), "卡纸", AT)
        with pytest.raises(PlatformRefused, match="E2006"):
            await platform.reverse(ReversalOrder(kept.batch_code, kept.bill_no, "退费", AT))
        async with httpx.AsyncClient(trust_env=False) as anybody:
            copied = await platform.find("B3-1")
            assert copied is not None
            assert "0000000101" in (await anybody.get(copied.picture_net_url or "")).text.split("纸质票据", 1)[1]
            face = await anybody.get(found.picture_net_url or "")
            assert ("已冲红作废" in face.text, "张*丰" in face.text) == (True, True)
            assert (await anybody.get((found.picture_net_url or "")[:-1] + "x")).status_code == 404
    finally:
        await platform.close()
        stop_platform(process)


async def test_the_platform_says_no_in_its_words_and_each_kind_has_its_call(tmp_path: Path) -> None:
    process, address = start_platform()
    platform, control = HttpEInvoicePlatform(platform_settings(address)), PlatformControl(address)
    try:
        for number, kind in enumerate(EInvoiceKind):
            await platform.issue(order(f"K{number}", kind=kind))
            assert await control.calls(f"K{number}") == [
                {"registration": "invEBillRegistration", "outpatient": "invoiceEBillOutpatient",
                 "inpatient": "invEBillHospitalized", "check_up": "invEBillCheckUp"}[kind]
            ]  # fmt: skip
        with pytest.raises(AlreadyIssuedThere):
            await platform.issue(order("K0"))
        with pytest.raises(PlatformRefused) as refusal:
            await platform.issue(order("K9", amount_fen=1231))
        assert refusal.value.code == "E2002"
        assert await platform.find("nobody's") is None
        known = await platform.find("K0")
        assert known is not None
        back = ReversalOrder(known.batch_code, known.bill_no, "退费", AT)
        await platform.reverse(back)
        with pytest.raises(AlreadyRedThere):
            await platform.reverse(back)
        await control.fault("slow", target="getEBillByBusNo", times=1, seconds=0.2)
        assert await platform.find("K1") is not None
        for fault in ("system_error", "down", "lost", "forged"):
            await control.fault(fault, times=1)
            with pytest.raises(PlatformUnknown):
                await platform.find("K1")
    finally:
        await control.http.aclose()
        await platform.close()
        stop_platform(process)


async def test_the_check_of_the_house_tells_joined_from_not_and_from_a_wrong_key() -> None:
    nothing = await check_e_invoices(None)
    assert (nothing.level, "HOSPITAL_EINVOICE_URL" in nothing.mend) == (Level.WARN, True)
    process, address = start_platform()
    try:
        assert (await check_e_invoices(platform_settings(address))).level is Level.OK
        wrong = await check_e_invoices(platform_settings(address, key="another key of theirs"))
        assert (wrong.level, "BAD_ANSWER" in wrong.what) == (Level.FAIL, True)
    finally:
        stop_platform(process)
    assert (await check_e_invoices(platform_settings(address))).level is Level.FAIL
