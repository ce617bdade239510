"""A program for the fault tests: both engines and a plain child under a supervisor, until it is told to stop.

`python -m tests.faults.supervised_engines DATA READY_FILE`
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from backend.embedded.postgres import EmbeddedPostgres
from backend.embedded.redis import EmbeddedRedis
from backend.supervisor import ChildSpec, Supervisor


async def main(data_dir: Path, ready_file: Path) -> None:
    postgres, redis = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
    await postgres.prepare()
    await redis.prepare()
    supervisor = Supervisor(data_dir / "logs")
    supervisor.add(postgres.child_spec())
    supervisor.add(redis.child_spec())
    sleeper = [sys.executable, "-c", "import time; time.sleep(300)"]
    supervisor.add(ChildSpec("sleeper", sleeper, depends_on=("postgres", "redis")))

    async def tell() -> None:
        fresh = ready_file.with_suffix(".new")
        ready = {"pids": supervisor.pids(), "app": postgres.urls.app, "own": os.getpid()}
        fresh.write_text(json.dumps(ready))
        fresh.replace(ready_file)

    await supervisor.run(tell)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
