"""Starting the replayed world for a benchmark: real feeds, served again on loopback.

The world lives beside the checkout (``../shared/world``) and is not part of the project; without
it these benchmarks say so and stop.
"""

import contextlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("NEWSREEL_SHARED", ROOT.parent / "shared"))


@dataclass(frozen=True)
class World:
    """A running world, and how to ask it."""

    port: int

    def ask(self, path: str) -> bytes:
        """Return the answer of a control address."""
        url = f"http://127.0.0.1:{self.port}/_/{path}"
        with urllib.request.urlopen(url, timeout=120) as answer:
            return bytes(answer.read())

    def stats(self) -> dict[str, object]:
        """Return the counters."""
        return dict(json.loads(self.ask("stats")))

    def seen(self) -> set[tuple[str, str]]:
        """Return feed and entry address of everything that could be seen since the start."""
        lines = self.ask("keys").decode().splitlines()
        return {(line.split("\t")[0], line.split("\t")[1]) for line in lines}


@contextlib.contextmanager
def running(
    archive: Path,
    *,
    feeds: int,
    port: int,
    hosts: str = "each",
    bad: float = 0.0,
    kinds: str = "",
) -> Iterator[World]:
    """Run a world for the length of a block; a share of its feeds may be ``bad``."""
    command = [
        sys.executable,
        SHARED / "world" / "replay_server",
        "--archive",
        archive,
        "--port",
        str(port),
    ]
    command += ["--feeds", str(feeds), "--hosts", hosts]
    if bad:
        command += ["--bad", str(bad), "--bad-kinds", kinds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("ready"):
            raise SystemExit(f"the world did not start: {line}")
        try:
            yield World(port)
        finally:
            process.terminate()


@contextlib.contextmanager
def unpacked(where: Path | None = None) -> Iterator[Path]:
    """Unpack the sample of 2026 for the length of a block."""
    packed = SHARED / "data" / "archive-2026-01-01-to-07.tar.xz"
    if not packed.exists():
        raise SystemExit(f"the shared data is absent: {packed}")
    with tempfile.TemporaryDirectory(dir=where) as folder:
        with tarfile.open(packed) as file:
            file.extractall(folder, filter="data")
        yield Path(folder)


def newsreel(*arguments: str | Path) -> list[str]:
    """Return the command line of this checkout's newsreel."""
    return [str(Path(sys.executable).with_name("newsreel")), *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return an environment in which loopback may be polled and no settings of the user count."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
    return kept | {"NEWSREEL_ALLOW_PRIVATE": "127.0.0.0/8", "XDG_CONFIG_HOME": "/nonexistent"}
