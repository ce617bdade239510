"""The check-in slip (排队凭条) as a picture: the same dots on every printer, on the preview and in tests."""

from datetime import timedelta, timezone

import qrcode
from barcode.codex import Code128
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_M

from kiosk_agent.fonts import load_font
from kiosk_agent.protocol import KioskTicket

WIDTH_DOTS = 576
_MARGIN = 24
_INNER = WIDTH_DOTS - 2 * _MARGIN
_SHANGHAI = timezone(timedelta(hours=8))
_HEIGHT_MAX = 3000
_QR_MODULE_DOTS = 8
_BAR_DOTS = 2
_BAR_HEIGHT = 90
_QUIET_MODULES = 10


class _Sheet:
    """A strip of paper that is written from the top down."""

    def __init__(self) -> None:
        self.image = Image.new("L", (WIDTH_DOTS, _HEIGHT_MAX), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.y = 20

    def gap(self, dots: int) -> None:
        self.y += dots

    def centred(self, text: str, size: int, *, bold: bool = False) -> None:
        font = _fitting(text, size, bold=bold)
        left, top, right, bottom = font.getbbox(text)
        self.draw.text(((WIDTH_DOTS - (right - left)) / 2 - left, self.y - top), text, font=font, fill=0)
        self.y += int(bottom - top) + size // 3

    def row(self, label: str, value: str, size: int = 34) -> None:
        """``label`` small on the left, ``value`` bold on the right of it, broken into lines when long."""
        label_font, value_font = load_font(26), load_font(size, bold=True)
        indent = _MARGIN + 132
        ascent = value_font.getmetrics()[0]
        for number, line in enumerate(_broken(value, value_font, WIDTH_DOTS - _MARGIN - indent)):
            if number == 0:
                self.draw.text((_MARGIN, self.y + ascent), label, font=label_font, fill=0, anchor="ls")
            self.draw.text((indent, self.y + ascent), line, font=value_font, fill=0, anchor="ls")
            self.y += int(size * 1.45)

    def rule(self) -> None:
        self.gap(10)
        for x in range(_MARGIN, WIDTH_DOTS - _MARGIN, 12):
            self.draw.rectangle((x, self.y, x + 6, self.y + 1), fill=0)
        self.gap(18)

    def band(self, text: str, size: int) -> None:
        """White on black, for the one line that says what to do now."""
        lines = _broken(text, load_font(size, bold=True), _INNER - 24)
        height = int(size * 1.4) * len(lines) + 24
        self.draw.rectangle((_MARGIN, self.y, WIDTH_DOTS - _MARGIN, self.y + height), fill=0)
        for number, line in enumerate(lines):
            middle = self.y + 12 + int(size * 1.4) * number + int(size * 0.7)
            self.draw.text((WIDTH_DOTS / 2, middle), line, font=load_font(size, bold=True), fill=255, anchor="mm")
        self.y += height + 18

    def qr(self, text: str) -> None:
        code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, box_size=_QR_MODULE_DOTS, border=4)
        code.add_data(text)
        code.make(fit=True)
        picture = code.make_image().get_image().convert("L")
        self.image.paste(picture, ((WIDTH_DOTS - picture.width) // 2, self.y))
        self.y += picture.height

    def code128(self, text: str) -> None:
        modules = Code128(text).build()[0]
        width = (len(modules) + 2 * _QUIET_MODULES) * _BAR_DOTS
        if width > WIDTH_DOTS:
            return  # narrower bars would not be read; the QR code above carries the same text
        left = (WIDTH_DOTS - width) // 2 + _QUIET_MODULES * _BAR_DOTS
        for number, module in enumerate(modules):
            if module == "1":
                x = left + number * _BAR_DOTS
                self.draw.rectangle((x, self.y, x + _BAR_DOTS - 1, self.y + _BAR_HEIGHT), fill=0)
        self.y += _BAR_HEIGHT + 10

    def finished(self) -> Image.Image:
        strip = self.image.crop((0, 0, WIDTH_DOTS, self.y + 20))
        # Thresholded, not dithered: dithering eats thin strokes.
        return strip.point(lambda level: 255 if level > 140 else 0).convert("1", dither=Image.Dither.NONE)


def render_slip(ticket: KioskTicket, hospital_name: str) -> Image.Image:
    """Draws the slip: 576 dots wide, one bit deep.

    Shapes: returns a Pillow image of mode ``1``; saved as PNG it is the preview.
    Raises: FontMissing.
    """
    sheet = _Sheet()
    if hospital_name:
        sheet.centred(hospital_name, 36, bold=True)
    sheet.centred("排 队 凭 条", 30)
    sheet.rule()
    sheet.centred("您的排队号", 30)
    sheet.gap(6)
    sheet.centred(ticket.display_no, 150, bold=True)
    sheet.centred(_ahead_text(ticket.ahead), 38, bold=True)
    sheet.gap(8)
    sheet.band(f"请到 {ticket.area} 等候叫号", 38)
    sheet.row("科    室", ticket.department, 40)
    if ticket.doctor:
        sheet.row("医    生", ticket.doctor, 40)
    if ticket.room:
        sheet.row("诊    室", ticket.room)
    sheet.row("姓    名", ticket.patient_name_masked)
    sheet.row("签到时间", ticket.checked_in_at.astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M"), 30)
    sheet.rule()
    sheet.qr(ticket.barcode)
    sheet.code128(ticket.barcode)
    sheet.centred(ticket.barcode, 24)
    sheet.gap(4)
    sheet.centred("过号请到分诊台  ·  凭条请妥善保管", 24)
    return sheet.finished()


def _ahead_text(ahead: int) -> str:
    return "您是下一位" if ahead == 0 else f"前面还有 {ahead} 人"


def _fitting(text: str, size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    """The wanted size, or smaller when the text would leave the paper."""
    while size > 20 and load_font(size, bold=bold).getlength(text) > _INNER:
        size -= 4
    return load_font(size, bold=bold)


def _broken(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines, line = [], ""
    for character in text:
        if line and font.getlength(line + character) > width:
            lines.append(line)
            line = ""
        line += character
    return [*lines, line]
