"""Uploaded portraits: only pictures, always square, nothing of the photographer's camera or whereabouts."""

import io
import struct
import zlib

import pytest
from PIL import Image

from hospital_core.registry.staff.errors import PhotoUnusable
from hospital_core.registry.staff.portraits import EDGE_PX, UPLOAD_MAX, drawn_portrait, portrait_of


def picture(kind: str, size: tuple[int, int] = (600, 800), **options: object) -> bytes:
    image, written = Image.new("RGB", size, (20, 120, 200)), io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes that say they are a picture of this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_given_a_picture_then_a_square_jpeg_is_kept(kind: str) -> None:
    made = portrait_of(picture(kind))
    with Image.open(io.BytesIO(made.content)) as image:
        assert (image.format, image.size, made.media_type) == ("JPEG", (EDGE_PX, EDGE_PX), "image/jpeg")
    assert made.digest == portrait_of(picture(kind)).digest, "the same picture is the same picture"


def test_given_a_photograph_with_a_place_and_a_comment_then_neither_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif[0x8825] = {1: "N", 2: (31.0, 12.0, 5.0)}
    upload = picture("JPEG", exif=exif, comment=b"at home")
    assert b"SecretCamera" in upload
    assert b"at home" in upload
    made = portrait_of(upload).content
    assert b"SecretCamera" not in made
    assert b"at home" not in made
    assert b"Exif" not in made


def test_given_a_photograph_taken_sideways_then_it_stands_upright() -> None:
    sideways, exif, written = Image.new("RGB", (400, 400), "white"), Image.Exif(), io.BytesIO()
    sideways.paste((255, 0, 0), (0, 0, 400, 100))
    exif[0x0112] = 6
    sideways.save(written, "JPEG", exif=exif)
    with Image.open(io.BytesIO(portrait_of(written.getvalue()).content)) as image:
        right, left = image.getpixel((390, 200)), image.getpixel((10, 200))
    assert isinstance(right, tuple)
    assert isinstance(left, tuple)
    assert right[1] < 100 < left[1], "the red edge was on top and is on the right"


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        (b"", "没有收到"),
        (b"<svg onload='alert(1)'/>", "JPEG"),
        (b"GIF89a" + b"\0" * 400, "JPEG"),
        (picture("JPEG")[:300], "JPEG"),
        (picture("PNG", (40, 400)), "太小"),
        (png_claiming(60_000, 60_000), "尺寸过大|JPEG"),
        (b"\xff" * (UPLOAD_MAX + 1), "KB"),
    ],
    ids=["nothing", "svg", "gif", "cut off", "tiny", "bomb", "large"],
)
def test_given_no_usable_picture_then_it_is_refused_in_words(upload: bytes, why: str) -> None:
    with pytest.raises(PhotoUnusable) as refused:
        portrait_of(upload)
    assert any(part in str(refused.value.detail) for part in why.split("|"))


def test_given_no_photo_then_the_surname_is_drawn_and_nothing_in_it_is_markup() -> None:
    assert "欧" in drawn_portrait("欧阳明").content.decode()
    assert drawn_portrait("欧阳明") == drawn_portrait("欧阳明")
    assert "<text" in drawn_portrait("<script>").content.decode()
    assert "&lt;</text>" in drawn_portrait("<script>").content.decode()
    assert "医" in drawn_portrait(" ").content.decode()
