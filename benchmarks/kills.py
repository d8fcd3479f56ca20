"""Kill -9 at random moments of import, poll and export; nothing may be lost, doubled or half done.

    .venv/bin/python benchmarks/kills.py [--kills 50] [--seed 1]

Each kill is followed by a look at what is there (does the database open, is anything gone, is a
poll half in, a day file half written?) and, now and then, by a run that must complete the job.
Prints the points at which the kills struck.
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from completeness import opml, query, stored, windows
from world import World, environment, newsreel, running, unpacked

PHASES = ("import", "poll", "export")
NO_WORDING = """
    SELECT count(*) FROM entries e
    WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.entry_id = e.id)
"""
DOUBLED = "SELECT count(*) - count(DISTINCT public_id) FROM entries"


def main() -> None:
    """Kill and look; exit 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8642)
    options = parser.parse_args()
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as box,
        unpacked(Path(box)) as sample,
        running(sample, feeds=616, port=options.port) as world,
    ):
        trial = Trial(world, Path(box), sample / "2026", random.Random(options.seed))
        for number in range(options.kills):
            trial.strike(PHASES[number % len(PHASES)])
        trial.complete()
        print("struck:", dict(sorted(trial.points.items())))
        print(f"{options.kills} kills, {trial.wrong} things wrong")
        raise SystemExit(trial.wrong > 0)


class Trial:
    """One database and one archive that are struck again and again."""

    def __init__(self, world: World, box: Path, sample: Path, chance: random.Random) -> None:
        self.world, self.box, self.sample, self.chance = world, box, sample, chance
        self.importing = box / "importing"
        self.points: Counter[str] = Counter()
        self.wrong = 0
        self.lengths = {"import": 6.0, "poll": 2.4, "export": 6.0}
        self.run("import", opml(world, box))
        self.run("import", sample)

    def strike(self, phase: str) -> None:
        """Start a phase, kill it at a random moment, and look."""
        if phase == "poll":
            self.world.ask("time?add=15m&prepare=1")
        if phase == "export" and self.chance.random() < 0.7:
            shutil.rmtree(self.box / "archive", ignore_errors=True)  # so that all is written again
        if phase == "import":
            self.importing.mkdir(exist_ok=True)
            self.run("feeds", box=self.importing)
        box = self.importing if phase == "import" else self.box
        before = stored(box)
        arguments = {
            "import": ["import", self.sample],
            "poll": ["poll", "--all", "--no-export"],
            "export": ["export", "--all"],
        }[phase]
        delay = self.chance.uniform(0.15, self.lengths[phase])
        process = subprocess.Popen(
            self.command(*arguments, box=box),
            env=environment(),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(delay)
        is_done = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.points[self.point(phase, box, len(before), is_done=is_done)] += 1
        self.look(phase, box, before)
        if phase == "import" and is_done:
            shutil.rmtree(box)  # so that there is something to import
        print(f"{phase} killed after {delay:.1f} s", file=sys.stderr, flush=True)

    def point(self, phase: str, box: Path, before: int, *, is_done: bool) -> str:
        """Name the moment at which the kill struck."""
        if is_done:
            return f"{phase}: it was done already"
        if phase == "export":
            staged = len(list((self.box / "archive").rglob("*.tmp")))
            return f"{phase}: {'files staged' if staged else 'between days, or before the first'}"
        grown = len(stored(box)) > before
        return f"{phase}: {'in the midst' if grown else 'before the first commit, or nothing new'}"

    def look(self, phase: str, box: Path, before: set[tuple[str, str]]) -> None:
        """Check everything that must hold at any moment."""
        self.expect(
            query(box, "PRAGMA integrity_check") == [("ok",)],
            phase,
            "the database is damaged",
        )
        self.expect(before <= stored(box), phase, "stored entries are gone")
        self.expect(query(box, NO_WORDING) == [(0,)], phase, "entries without a wording")
        self.expect(query(box, DOUBLED) == [(0,)], phase, "entries doubled")
        if phase == "poll":
            self.expect(self.polls_add_up(), phase, "a poll is half in")
        self.expect(
            not self.unlogged(), phase, f"files that no log line knows: {self.unlogged()[:3]}"
        )

    def polls_add_up(self) -> bool:
        """Tell whether each poll's count of new entries is what its feed gained by polls."""
        polled = query(self.box, "SELECT sum(new) FROM polls")[0][0] or 0
        window = query(
            self.box,
            "SELECT count(*) FROM entries "
            "WHERE first_seen_at >= (SELECT min(polled_at) FROM polls)",
        )
        return int(polled) == int(window[0][0])

    def unlogged(self) -> list[str]:
        """Return day files and manifests whose bytes the archive's log does not know."""
        archive = self.box / "archive"
        log = archive / "log.jsonl"
        known: dict[str, set[str]] = {}
        if log.exists():
            for line in log.read_bytes().splitlines():
                try:
                    found = json.loads(line)
                except ValueError:
                    continue  # torn by the kill; mended at the next run
                known.setdefault(found["path"], set()).add(found["sha256"])
        return [
            str(path.relative_to(archive))
            for path in archive.glob("*/*/*/[!.]*")
            if hashlib.sha256(path.read_bytes()).hexdigest()
            not in known.get(str(path.relative_to(archive)), set())
        ]

    def complete(self) -> None:
        """Run everything to its end: all must be there, and a second export find nothing to do."""
        self.run("import", self.sample)
        self.run("poll", "--all", "--no-export")
        self.run("export", "--all")
        found, shown = stored(self.box), windows(self.world)
        missing = shown - found
        print(
            f"at the end: {len(found)} stored; {len(shown)} in the feeds, {len(missing)} missing"
        )
        self.expect(not missing, "end", "entries that stand in the feeds are missing")
        log = self.box / "archive" / "log.jsonl"
        lines = len(log.read_bytes().splitlines())
        self.run("export", "--all")
        self.expect(
            len(log.read_bytes().splitlines()) == lines, "end", "a second export wrote again"
        )
        self.expect(not self.unlogged(), "end", "files that no log line knows")
        self.expect(not list((self.box / "archive").rglob("*.tmp")), "end", "staged files left")

    def expect(self, holds: object, phase: str, told: str) -> None:
        """Count and tell what does not hold."""
        if not holds:
            self.wrong += 1
            print(f"WRONG after a kill in {phase}: {told}")

    def command(self, *arguments: str | Path, box: Path | None = None) -> list[str]:
        """Return the command on a box's database and archive."""
        box = box or self.box
        return newsreel("--db", box / "db.sqlite", "--archive", box / "archive", *arguments)

    def run(self, *arguments: str | Path, box: Path | None = None) -> None:
        """Run a command to its end; it must succeed."""
        done = subprocess.run(
            self.command(*arguments, box=box),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.expect(done.returncode == 0, str(arguments[0]), done.stderr[-500:])


if __name__ == "__main__":
    main()
