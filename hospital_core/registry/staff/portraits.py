"""Portraits (照片): what is kept of an uploaded picture, and what is shown of somebody who gave none."""

import hashlib
import io
from dataclasses import dataclass
from html import escape

from PIL import Image, ImageOps

from hospital_core.registry.staff.errors import PhotoUnusable

UPLOAD_MAX = 200 * 1024
EDGE_PX = 400
_EDGE_PX_MIN = 120
# A few kilobytes can claim to be a picture of gigabytes: the claim is read before anything is unpacked.
_PIXELS_MAX = 40_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")
# Faces sit above the middle of most portraits.
_CENTRE = (0.5, 0.4)

# Grounds on which white is readable, taken from the pages' own colours.
_GROUNDS = ("#0b6b5d", "#1d568f", "#17693f", "#7d4c00", "#5b4a8a", "#8a3b52", "#3f5f2a", "#2f5d73")


@dataclass(frozen=True)
class Portrait:
    """A picture ready to be sent; ``digest`` is its ETag."""

    media_type: str
    content: bytes
    digest: str

    @classmethod
    def of(cls, media_type: str, content: bytes) -> "Portrait":
        """A picture with its digest."""
        return cls(media_type, content, hashlib.sha256(content).hexdigest())


def portrait_of(upload: bytes) -> Portrait:
    """A square JPEG of 400 pixels from whatever was uploaded; nothing but the picture itself survives.

    Place, camera and comments that travel inside a photograph are nobody's business. Takes some tens of milliseconds
    of a core: call it in a thread, outside the unit of work. Raises: PhotoUnusable.
    """
    if not upload:
        raise PhotoUnusable("没有收到图片")
    if len(upload) > UPLOAD_MAX:
        raise PhotoUnusable(f"图片不能超过 {UPLOAD_MAX // 1024} KB")
    try:
        square = _square(upload)
    except PhotoUnusable:
        raise
    except Exception as error:  # decoders raise whatever they like at bytes that are no picture
        raise PhotoUnusable("请上传 JPEG、PNG 或 WebP 图片") from error
    kept = io.BytesIO()
    square.save(kept, "JPEG", quality=86, optimize=True, progressive=True)
    return Portrait.of("image/jpeg", kept.getvalue())


def _square(upload: bytes) -> Image.Image:
    with Image.open(io.BytesIO(upload), formats=_FORMATS) as image:
        if image.width * image.height > _PIXELS_MAX:
            raise PhotoUnusable("图片尺寸过大")
        if min(image.size) < _EDGE_PX_MIN:
            raise PhotoUnusable(f"图片太小，边长至少 {_EDGE_PX_MIN} 像素")
        upright = ImageOps.exif_transpose(image).convert("RGBA")
    fitted = ImageOps.fit(upright, (EDGE_PX, EDGE_PX), Image.Resampling.LANCZOS, centering=_CENTRE)
    # On a fresh ground: Pillow carries a JPEG's comment from one image into the next.
    ground = Image.new("RGB", fitted.size, "white")
    ground.paste(fitted, mask=fitted.getchannel("A"))
    return ground


def drawn_portrait(name: str) -> Portrait:
    """The surname on a coloured ground (默认头像): the same person always has the same colour."""
    text = name.strip()
    letter = text[:1].upper() or "医"
    ground = _GROUNDS[hashlib.sha256(text.encode()).digest()[0] % len(_GROUNDS)]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">'
        f'<rect width="400" height="400" fill="{ground}"/>'
        '<circle cx="320" cy="60" r="150" fill="#fff" fill-opacity=".07"/>'
        '<circle cx="60" cy="390" r="120" fill="#fff" fill-opacity=".07"/>'
        '<text x="200" y="206" fill="#fff" font-family="Noto Sans CJK SC,PingFang SC,Microsoft YaHei,sans-serif" '
        'font-size="180" font-weight="600" text-anchor="middle" dominant-baseline="central">'
        f"{escape(letter)}</text></svg>"
    )
    return Portrait.of("image/svg+xml", svg.encode())
