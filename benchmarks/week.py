"""Seven days, polled hour by hour by workers that are killed: is anything missed or doubled?

    .venv/bin/python benchmarks/week.py [--feeds 616] [--hours 168] [--workers 4] [--seed 1]

The same replayed world is polled twice: left in peace, and with SIGKILL for workers, and now and
then for the process that started them, at random moments; a round that was killed is run again.
Compares what is stored.
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from completeness import opml, query, stored
from world import World, environment, newsreel, running, unpacked

START = "2026-01-01T00:00:00Z"
DOUBLED = "SELECT count(*) - count(DISTINCT public_id) FROM entries"
WITHOUT_WORDING = """
    SELECT count(*) FROM entries e
    WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.entry_id = e.id)
"""


def main() -> None:
    """Poll two weeks and compare them; exit 1 where anything is missing or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=616)
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8645)
    options = parser.parse_args()
    memory = Path("/dev/shm")
    found = []
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        unpacked(Path(folder)) as archive,
    ):
        for name in ("killed", "peace"):
            box = Path(folder) / name
            box.mkdir()
            with running(archive, feeds=options.feeds, port=options.port) as world:
                week = Week(world, box, options, has_kills=name == "killed")
                week.run()
            found.append(stored(box))
            wrong = (query(box, DOUBLED)[0][0], query(box, WITHOUT_WORDING)[0][0])
            print(
                f"{name}: {week.rounds} rounds, {dict(week.kills)} kills, "
                f"{len(found[-1])} entries, {wrong[0]} doubled, {wrong[1]} without a wording",
                flush=True,
            )
    missing = found[1] - found[0]
    print(f"{len(missing)} entries missing, {len(found[0] - found[1])} more than in peace")
    raise SystemExit(bool(missing or any(wrong)))


class Week:
    """One database that is polled for a week."""

    def __init__(
        self, world: World, box: Path, options: argparse.Namespace, *, has_kills: bool
    ) -> None:
        self._world, self._box, self._options = world, box, options
        self._has_kills, self._chance = has_kills, random.Random(options.seed)
        self.rounds = 0
        self.kills: Counter[str] = Counter()

    def run(self) -> None:
        """Poll every hour."""
        self._world.ask(f"time?set={START}&start=1")
        self._command("import", opml(self._world, self._box)).wait()
        for _ in range(self._options.hours):
            self._world.ask("time?add=1h&prepare=1")
            while self._round() != 0:
                pass

    def _round(self) -> int:
        self.rounds += 1
        workers = str(self._options.workers)
        process = self._command("poll", "--all", "--no-export", "--workers", workers)
        if self._has_kills:
            killer = threading.Thread(target=self._kill, args=(process,))
            killer.start()
            killer.join()
        return process.wait()

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        for _ in range(2):
            time.sleep(self._chance.uniform(0.4, 1.5))
            if process.poll() is not None:
                return
            if self._chance.random() < 0.1:
                self.kills["whole"] += 1
                process.kill()
            elif workers := workers_of(process.pid):
                self.kills["worker"] += 1
                signal.pidfd_send_signal(self._chance.choice(workers), signal.SIGKILL)
                for handle in workers:
                    os.close(handle)

    def _command(self, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        command = newsreel("--db", self._box / "db.sqlite", *arguments)
        return subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def workers_of(pid: int) -> list[int]:
    """Return handles of the processes that this one started to poll."""
    found: list[int] = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return found
    for child in children:
        try:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(os.pidfd_open(int(child)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


if __name__ == "__main__":
    main()
