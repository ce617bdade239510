"""QR codes as pictures (二维码图片)."""

import io

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage


def svg_of(text: str) -> bytes:
    """A QR code as one SVG path on white: presentation attributes only, as a strict CSP wants."""
    picture = qrcode.QRCode(error_correction=ERROR_CORRECT_M, image_factory=SvgPathFillImage)
    picture.add_data(text)
    buffer = io.BytesIO()
    picture.make_image().save(buffer)
    return buffer.getvalue()
