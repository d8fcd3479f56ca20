"""The replayed world, which also writes down each request: when, at which host, by whom.

    python benchmarks/recorded_world.py LOG [the world's own options]

A line is the time of the request, that of the answer (on one clock, in seconds), the host, and
the User-Agent.
"""

import importlib.machinery
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from world import SHARED


def main() -> None:
    """Run the world with a log."""
    path = Path(sys.argv.pop(1))
    world = loaded(SHARED / "world" / "replay_server")
    with path.open("a", buffering=1) as log:
        record(world.Client, log)
        world.main()


def record(client: Any, log: TextIO) -> None:  # noqa: ANN401 - a class of an untyped program
    """Have a line written whenever a client of the world was answered."""
    respond, handle = client.respond, client.handle
    began: dict[int, float] = {}

    def handled(self: Any, request: bytes) -> None:  # noqa: ANN401
        began[id(self)] = time.monotonic()
        handle(self, request)

    def responded(self: Any, number: int, request: bytes, *rest: object) -> None:  # noqa: ANN401
        begin = began.pop(id(self), 0.0)
        respond(self, number, request, *rest)
        agent = request.lower().partition(b"user-agent: ")[2].split(b"\r")[0].decode()
        log.write(f"{begin:.6f} {time.monotonic():.6f} {self.host} {agent}\n")

    client.handle, client.respond = handled, responded


def loaded(path: Path) -> ModuleType:
    """Return a program as a module."""
    loader = importlib.machinery.SourceFileLoader("replay_server", str(path))
    spec = importlib.util.spec_from_loader("replay_server", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
