"""How many entries a second get from feeds into the database: SQLite and PostgreSQL, side by side.

    .venv/bin/python benchmarks/saving.py --postgres ADDRESS [--feeds 2000] [--workers 1,2,4]

ADDRESS is a database of a PostgreSQL server in which others may be made and dropped. Each line is
a cold round of the replayed world: fetched, parsed, stored, indexed, raw captures kept, no day
files. SQLite lies in memory, where there is /dev/shm: compare it with a server that does the same.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from world import environment, running, unpacked

MEMORY = Path("/dev/shm")
NEWSREEL = Path(sys.executable).with_name("newsreel")
DATABASE = "newsreel_saving"


def main() -> None:
    """Run a round with each store and number of workers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--feeds", type=int, default=2000)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--work", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    options = parser.parse_args()
    print("| store | workers | seconds | entries | entries/s | feeds/s |")
    print("|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory(dir=options.work) as box, unpacked(Path(box)) as archive:
        for workers in options.workers.split(","):
            for store in ("SQLite", "PostgreSQL"):
                with tempfile.TemporaryDirectory(dir=box) as home, emptied(options.postgres) as db:
                    address = db if store == "PostgreSQL" else f"{home}/newsreel.sqlite"
                    with running(archive, feeds=options.feeds, port=8661, hosts="each") as world:
                        Path(home, "feeds.opml").write_bytes(world.ask("opml"))
                        seconds, entries = cold_round(Path(home), address, workers)
                print(
                    f"| {store} | {workers} | {seconds:.2f} | {entries:,} "
                    f"| {entries / seconds:,.0f} | {options.feeds / seconds:,.0f} |",
                    flush=True,
                )


@contextmanager
def emptied(address: str) -> Iterator[str]:
    """Make an empty database beside the one at an address, for the length of a block."""
    parts = urlsplit(address)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        yield urlunsplit((parts.scheme, parts.netloc, f"/{DATABASE}", parts.query, ""))
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def cold_round(home: Path, address: str, workers: str) -> tuple[float, int]:
    """Import the feeds and poll each once; return the seconds that took, and the new entries."""
    base = [NEWSREEL, "--db", address, "--archive", home / "archive"]
    env = environment()
    subprocess.run([*base, "import", home / "feeds.opml"], env=env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    begin = time.perf_counter()
    poll = [*base, "poll", "--all", "--no-export", "--workers", workers]
    done = subprocess.run(poll, env=env, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    found = re.search(r"(\d+) new entries", done.stdout + done.stderr)
    if found is None:
        raise SystemExit(f"what did it do? {done.stdout}{done.stderr}")
    return seconds, int(found[1])


if __name__ == "__main__":
    main()
