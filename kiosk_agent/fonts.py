"""Finds a font with Chinese characters (查找中文字体)."""

import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

# Families in the order we like them; sans serif first, it survives 203 dots per inch best.
_PREFERRED = ("Noto Sans CJK SC", "Source Han Sans", "Microsoft YaHei", "PingFang SC", "WenQuanYi", "Noto Serif CJK SC")
_INDEX_IN_COLLECTION = {"NotoSansCJK-Bold.ttc": 2, "NotoSansCJK-Regular.ttc": 2}
_KNOWN_PLACES = (
    "fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Bold.ttc",
    "fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "fonts/truetype/wqy/wqy-microhei.ttc",
    "fonts/truetype/wqy/wqy-zenhei.ttc",
)
_SHARE = (Path("/usr/share"), Path("/usr/local/share"), Path.home() / ".local/share")


class FontMissing(RuntimeError):
    """No font of this machine has Chinese characters (缺少中文字体)."""

    def __init__(self) -> None:
        super().__init__(
            "no font with Chinese characters was found, so no slip can be printed: install the package "
            "fonts-noto-cjk (Debian, Ubuntu), google-noto-sans-cjk-fonts (Fedora) or noto-fonts-cjk (Arch)"
        )


@dataclass(frozen=True, slots=True)
class FontFace:
    """One face of a font file."""

    path: Path
    index: int = 0


@lru_cache(maxsize=2)
def find_face(*, bold: bool) -> FontFace:
    """The best Chinese face of this machine. Raises: FontMissing."""
    listed = _listed_faces()
    if listed:
        return min(listed, key=lambda face: _rank(face[1], face[2], bold=bold))[0]
    for place in _KNOWN_PLACES:
        for share in _SHARE:
            path = share / place
            if path.is_file():
                return FontFace(path, _INDEX_IN_COLLECTION.get(path.name, 0))
    raise FontMissing


@lru_cache(maxsize=32)
def load_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A font of this height in dots. Raises: FontMissing."""
    face = find_face(bold=bold)
    return ImageFont.truetype(str(face.path), size, index=face.index)


def _listed_faces() -> list[tuple[FontFace, str, str]]:
    try:
        listing = subprocess.run(
            ["fc-list", "-f", "%{file}\t%{index}\t%{family}\t%{style}\n", ":lang=zh-cn"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []  # no fontconfig: the known places are tried
    rows = [line.split("\t") for line in listing.splitlines()]
    # The upper half of fontconfig's index counts named instances, which Pillow does not take.
    return [(FontFace(Path(r[0]), int(r[1]) & 0xFFFF), r[2], r[3]) for r in rows if len(r) == 4 and r[1].isdigit()]


def _rank(family: str, style: str, *, bold: bool) -> tuple[int, int, str]:
    liking = next((n for n, name in enumerate(_PREFERRED) if name in family), len(_PREFERRED))
    wanted = "Bold" if bold else "Regular"
    return liking + (10 if "Mono" in family else 0), 0 if wanted in style.split(",")[0] else 1, family
