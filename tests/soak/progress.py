"""How far a soak has come (进度): one small file, written whole after every piece of work, read again at the start."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Progress:
    """Counts of work that is done and was found right."""

    path: Path
    seed: int = 0
    chunk: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    sold: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    starts: int = 0

    @staticmethod
    def read(path: Path) -> "Progress":
        """What an earlier run left; a new seed when there was none."""
        if not path.exists():
            return Progress(path, seed=secrets.randbelow(10**9))
        return Progress(path, **json.loads(path.read_text()))

    def write(self) -> None:
        """Keep it, whatever happens next."""
        known = {name: value for name, value in asdict(self).items() if name != "path"}
        fresh = self.path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(known, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    @property
    def steps_done(self) -> int:
        """Steps of all machines."""
        return sum(self.steps.values())

    def spent(self, part: str, seconds: float) -> None:
        """Time that a part took."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def rate(self, part: str, done: int) -> float:
        """How much of it a second."""
        return done / self.seconds[part] if self.seconds.get(part) else 0.0
