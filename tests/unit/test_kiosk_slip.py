"""The slip: readable by machines and people, the same dots on paper as on the preview."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageChops

from kiosk_agent import fonts
from kiosk_agent.devices.escpos_paper import Paper, UnknownCommand
from kiosk_agent.devices.receipt_printer import encode
from kiosk_agent.protocol import KioskTicket
from kiosk_agent.slip import WIDTH_DOTS, render_slip

HOSPITAL = "仁和示范医院"


def make_ticket(**changes: object) -> KioskTicket:
    values = {
        "display_no": "A012",
        "department": "呼吸与危重症医学科",
        "doctor": "欧阳文静",
        "area": "二楼A候诊区",
        "room": "203诊室",
        "ahead": 3,
        "checked_in_at": datetime(2026, 3, 5, 0, 30, tzinfo=UTC),
        "patient_name_masked": "张*丰",
        "barcode": "T2611220012K",
    }
    return KioskTicket.model_validate({**values, **changes})


def _printed(image: Image.Image, chunk: int = 100_000) -> Image.Image:
    paper, data = Paper(), encode(image)
    for at in range(0, len(data), chunk):
        paper.feed(data[at : at + chunk])
    assert len(paper.cut) == 1
    assert not paper.is_in_job
    return paper.cut[0]


def test_slip_carries_the_barcode_as_qr_and_code128() -> None:
    found = zxingcpp.read_barcodes(render_slip(make_ticket(), HOSPITAL).convert("L"))
    assert {(one.format.name, one.text) for one in found} == {("QRCode", "T2611220012K"), ("Code128", "T2611220012K")}


def test_barcode_too_long_for_code128_is_still_on_the_qr() -> None:
    text = "HSP1.K." + "A1B2C3D4" * 7
    found = zxingcpp.read_barcodes(render_slip(make_ticket(barcode=text), HOSPITAL).convert("L"))
    assert [(one.format.name, one.text) for one in found] == [("QRCode", text)]


@pytest.mark.parametrize("chunk", [1, 7, 4096, 1_000_000])
def test_printed_bytes_read_back_equal_the_preview(chunk: int) -> None:
    preview = render_slip(make_ticket(), HOSPITAL)
    printed = _printed(preview.crop((0, 0, WIDTH_DOTS, 300)) if chunk == 1 else preview, chunk)
    expected = preview.crop((0, 0, WIDTH_DOTS, 300)) if chunk == 1 else preview
    assert printed.size == expected.size
    assert ImageChops.difference(printed.convert("L"), expected.convert("L")).getbbox() is None


def test_other_ticket_gives_another_slip() -> None:
    one, other = (render_slip(make_ticket(display_no=number), HOSPITAL) for number in ("A012", "A013"))
    assert one.tobytes() != other.tobytes()


def test_long_texts_stay_on_the_paper() -> None:
    slip = render_slip(
        make_ticket(
            department="老年心血管与代谢病多学科联合诊疗特需门诊",
            area="门诊三楼东区第二候诊区靠近电梯厅一侧",
            room=None,
        ),
        "仁和示范医院附属国际医疗中心（东院区）门诊部",
    )
    ink = ImageChops.invert(slip.convert("L")).getbbox()
    assert slip.width == WIDTH_DOTS
    assert ink is not None
    assert ink[0] >= 20
    assert ink[2] <= WIDTH_DOTS - 20


def test_chinese_is_drawn_and_not_replaced_by_boxes() -> None:
    font = fonts.load_font(40)
    shapes = {bytes(font.getmask(character)) for character in "呼吸与危重症排队凭条"}
    assert len(shapes) == 10


def test_without_a_chinese_font_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fonts, "_SHARE", (tmp_path,))
    fonts.find_face.cache_clear()
    try:
        with pytest.raises(fonts.FontMissing, match="fonts-noto-cjk"):
            fonts.find_face(bold=False)
    finally:
        fonts.find_face.cache_clear()


def test_paper_refuses_what_it_cannot_show() -> None:
    with pytest.raises(UnknownCommand):
        Paper().feed("你好".encode("gb18030"))
