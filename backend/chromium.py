"""Finding Chromium and Chinese fonts for browser tests (浏览器): the system's, else by apt as root, else a clear word.

``python -m backend.chromium`` makes sure they are there before the tests start.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-noto-cjk")
# The container's kernel offers no user namespaces to root; the other flags keep Chromium off the network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str | None:
    """The browser's program, None when there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def has_chinese_font() -> bool:
    """Whether some installed font can write Chinese."""
    if shutil.which("fc-list") is None:
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False).stdout.strip())


def main() -> None:
    """Exit with 1 and one sentence when browser tests could not run here."""
    if chromium_path() and has_chinese_font():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]):
            subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    if not (chromium_path() and has_chinese_font()):
        sys.exit(f"Browser tests need Chromium and a Chinese font: install {' and '.join(PACKAGES)}.")


if __name__ == "__main__":
    main()
