"""What a round loses and how long it takes while a share of the hosts misbehaves.

    .venv/bin/python benchmarks/trouble.py [--feeds 2000] [--shares 0.05,0.3]

Every feed has a host of its own. The bad ones hang, drip, lie about their length or encoding, send
bombs, redirect in circles and more, in turn. A first round takes all; a second one, an hour
later, what is due. Prints when the good feeds were done, against the round without trouble, what
is missing of all that can be read, and what the second round cost.
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from completeness import opml, stored
from world import World, environment, newsreel, running, unpacked

from newsreel.app.captures import Captures
from newsreel.app.clock import utc_now
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.cli.context import Context
from newsreel.config import Settings
from newsreel.store import open_store

KINDS = (
    "500,404,410,301,429,hang,drip,truncated,charset,never304,huge,"
    "gzbomb,reset,notfeed,loop,slowhead"
)
READABLE = {"", "301", "charset", "never304", "huge"}


@dataclass(frozen=True)
class Round:
    """When the last good feed and the last of all were done, in seconds, and what was polled."""

    good: float
    all: float
    polls: int
    bad: int


def main() -> None:
    """Print a line for each share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=2000)
    parser.add_argument("--shares", default="0.05,0.3")
    parser.add_argument("--port", type=int, default=8643)
    options = parser.parse_args()
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        unpacked(Path(folder)) as archive,
    ):
        clean = 0.0
        for share in (0.0, *map(float, options.shares.split(","))):
            with running(
                archive, feeds=options.feeds, port=options.port, bad=share, kinds=KINDS
            ) as world:
                clean = measure(world, share, clean, Path(folder) / f"box{share}")


def measure(world: World, share: float, clean: float, box: Path) -> float:
    """Print what happens at this share; return when the good feeds were done."""
    box.mkdir()
    subprocess.run(
        newsreel("--db", box / "db.sqlite", "import", opml(world, box)),
        env=environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lines = [line.split("\t") for line in world.ask("keys").decode().splitlines()]
    feeds = json.loads(world.ask("stats?full=1"))["per_feed"]
    kinds = {feed["url"]: feed["bad"] or "" for feed in feeds}
    first = Context(Settings()).run(round_of(box, kinds, utc_now, Wanted(is_forced=True)))
    wanted = {(feed, entry) for feed, entry, kind in lines if kind in READABLE}
    missing = wanted - stored(box)
    again = Context(Settings()).run(round_of(box, kinds, later, Wanted()))
    ratio = f" ({first.good / clean:.2f} of the clean round)" if clean else ""
    print(
        f"{share:.0%} bad: {first.polls} polls, good feeds done after {first.good:.1f} s{ratio}, "
        f"all after {first.all:.1f} s; {len(missing)} of {len(wanted)} entries missing; "
        f"an hour later {again.polls} polls, {again.bad} of bad feeds, {again.all:.1f} s; "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
        flush=True,
    )
    return clean or first.good


def later() -> datetime:
    """Return the time in an hour, and a little more than the schedule's jitter."""
    return utc_now() + timedelta(minutes=70)


async def round_of(
    box: Path, kinds: dict[str, str], clock: Callable[[], datetime], wanted: Wanted
) -> Round:
    """Poll what is wanted."""
    settings = Settings(db=str(box / "db.sqlite"), allow_private=("127.0.0.0/8",))
    store = open_store(settings.db)
    captures = Captures(box / "captures", budget=2_000_000_000, clock=clock, notify=print)
    start, good, polls, bad = time.monotonic(), 0.0, 0, 0
    try:
        async with Context(settings).client() as client:
            async for poll in poll_feeds(
                store, client, clock=clock, wanted=wanted, keep=captures.keep
            ):
                polls += 1
                if not kinds[poll.feed.first_url]:
                    good = time.monotonic() - start
                bad += kinds[poll.feed.first_url] not in READABLE
    finally:
        await captures.close()
        await store.close()
    return Round(good, time.monotonic() - start, polls, bad)


if __name__ == "__main__":
    main()
