"""How fast a whole archive gets from SQLite into PostgreSQL and back, and whether it is the same.

    .venv/bin/python benchmarks/copying.py ARCHIVE.sqlite [--db postgresql://...] [--work DIR]
        [--kills 0] [--compare DAYS]

The archive is not written to. Without --db a server is started for it, of the tests' kind, whose
commits cost nothing. --kills lets each copy be killed so many times on its way. --compare exports
so many days, spread over the archive, from the original and from what came back, and compares
their files byte for byte.
"""

import argparse
import contextlib
import filecmp
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from world import ROOT, environment, newsreel

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server


def main() -> None:
    """Copy there and back, check, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--db", default="")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--compare", type=int, default=0, metavar="DAYS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as box, contextlib.ExitStack() as stack:
        source, back = Path(box) / "source.sqlite", Path(box) / "back.sqlite"
        shutil.copyfile(options.archive, source)
        there = options.db or made(stack)
        chance = random.Random(1)
        print("| step | seconds | CPU s of ours | rows/s | sha256 |")
        print("|---|--:|--:|--:|---|", flush=True)
        copied("SQLite to PostgreSQL", source, there, options.kills, chance)
        copied("PostgreSQL to SQLite", there, back, options.kills, chance)
        checked("check PostgreSQL", there)
        checked("check SQLite", back)
        size = source.stat().st_size, back.stat().st_size
        print(f"\nSQLite {size[0] / 1e6:,.0f} MB with its index, back {size[1] / 1e6:,.0f} MB")
        if options.compare:
            compare(Path(box), source, back, options.compare)


def made(stack: contextlib.ExitStack) -> str:
    """Return the address of an empty database of a server of our own."""
    server = stack.enter_context(contextlib.closing(Server(uuid.uuid4().hex)))
    return server.make_database("copying")


def copied(what: str, source: object, target: object, kills: int, chance: random.Random) -> None:
    """Copy, killed now and then, and print a line."""
    command = newsreel("db", "copy", str(source), str(target))
    start, used = time.perf_counter(), cpu()
    for _ in range(kills):
        with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as copy:
            with contextlib.suppress(subprocess.TimeoutExpired):
                copy.wait(2 + 20 * chance.random())
            copy.kill()
    done = subprocess.run(command, env=environment(), check=False, capture_output=True, text=True)
    seconds, own = time.perf_counter() - start, cpu() - used
    if done.returncode:
        raise SystemExit(done.stderr)
    found = re.search(r"copied (\d+) rows with (\d+) entries", done.stderr)
    digest = re.search(r"rows: ([0-9a-f]{64})", done.stderr)
    assert found is not None
    assert digest is not None
    went_on = re.search(r"went on after (\d+) rows", done.stderr)
    told = f"{what}, {kills} kills, the last after {went_on[1]} rows" if went_on else what
    print(
        f"| {told}: {int(found[2]):,} entries, {int(found[1]):,} rows | {seconds:.0f} "
        f"| {own:.0f} | {int(found[1]) / seconds:,.0f} | {digest[1][:16]} |",
        flush=True,
    )


def checked(what: str, address: object) -> None:
    """Check a database, and print a line, with what is wrong."""
    start, used = time.perf_counter(), cpu()
    command = newsreel("--db", str(address), "db", "check")
    done = subprocess.run(command, env=environment(), check=False, capture_output=True, text=True)
    seconds, own = time.perf_counter() - start, cpu() - used
    wrong = re.findall(r"^wrong: (.*)$", done.stderr, re.MULTILINE)
    print(f"| {what} | {seconds:.0f} | {own:.0f} | | {'; '.join(wrong) or 'sound'} |", flush=True)


def compare(box: Path, source: Path, back: Path, count: int) -> None:
    """Export some days from both, and print how many of their files are the same."""
    days = re.findall(r"\d{4}-\d\d-\d\d", told(source, "days", "--json"))
    chosen = days[:: max(1, len(days) // count)][:count]
    for day in chosen:
        for database in (source, back):
            told(database, "--archive", str(box / database.stem), "export", "--day", day)
    files = sorted((box / "source").rglob("*_entries.*"))
    other = [
        path
        for path in files
        if not filecmp.cmp(path, box / "back" / path.relative_to(box / "source"), shallow=False)
    ]
    extra = sum(1 for _ in (box / "back").rglob("*_entries.*")) - len(files)
    print(
        f"{len(chosen)} days from {chosen[0]} to {chosen[-1]}: {len(files):,} files compared, "
        f"{len(other)} differ, {extra} more in what came back"
    )


def told(database: Path, *arguments: str) -> str:
    """Run newsreel on a database and return what it said."""
    command = newsreel("--db", str(database), "--captures", "off", *arguments)
    done = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    return done.stdout


def cpu() -> float:
    """Return the seconds of processor that our commands have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
