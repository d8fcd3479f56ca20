"""Politeness across processes: four workers, killed again and again, and hosts with many feeds.

    .venv/bin/python benchmarks/hosts.py [--feeds 616] [--gap 0.2] [--kills 12] [--seed 1]

Feeds stand on the hosts that they really have (one of them has half of all), each a name that a
look-up of our own leads to the world's addresses, so that they count as public and get their gap.
Workers are killed with SIGKILL and replaced. The world counts: connections to one host at once,
and the least time between two requests to one.
"""

import argparse
import asyncio
import multiprocessing
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from completeness import query
from world import World, environment, newsreel, running, unpacked

from newsreel.app.clock import utc_now
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.store import open_store

OPENED = ("127.0.0.0/8",)


def main() -> None:
    """Kill and look; exit 1 where a host was treated worse than it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=616)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--gap", type=float, default=0.2)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8644)
    options = parser.parse_args()
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as box,
        unpacked(Path(box)) as archive,
        running(archive, feeds=options.feeds, port=options.port, hosts="real") as world,
    ):
        raise SystemExit(trial(world, Path(box), options))


def trial(world: World, box: Path, options: argparse.Namespace) -> int:
    """Poll all with workers that are killed; return how much was wrong."""
    named = box / "named.txt"
    named.write_text("\n".join(map(named_url, world.ask("urls").decode().split())))
    command = newsreel("--db", box / "db.sqlite", "import", named)
    subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
    chance, kills = random.Random(options.seed), options.kills
    workers = [start(box, options.gap) for _ in range(options.workers)]
    began = time.monotonic()
    while any(worker.is_alive() for worker in workers):
        time.sleep(chance.uniform(0.5, 3))
        number = chance.randrange(len(workers))
        if kills and workers[number].is_alive():
            kills -= 1
            workers[number].kill()
            workers[number].join()
            workers[number] = start(box, options.gap)
    stats = world.stats()
    polled = query(box, "SELECT count(DISTINCT feed_id), count(*) FROM polls")[0]
    most, least = stats["most_connections_one_host"], stats["least_gap_ms_one_host"]
    print(
        f"{options.workers} workers, {options.kills - kills} kills: {polled[0]} feeds polled in "
        f"{time.monotonic() - began:.0f} s with {stats['requests']} requests; most connections to "
        f"one host: {most}; least gap {least} ms of {options.gap * 1000:g}"
    )
    is_polite = most == 1 and float(str(least)) >= options.gap * 1000
    return int(not is_polite or int(polled[0]) != options.feeds)


def named_url(url: str) -> str:
    """Return the address with a name for a host: 127.0.3.4 is ``h-0-3-4.example``."""
    parts = urlsplit(url)
    digits = (parts.hostname or "").split(".")[1:]
    return parts._replace(netloc=f"h-{'-'.join(digits)}.example:{parts.port}").geturl()


async def lookup(host: str) -> Sequence[str]:
    """Return the address of a name."""
    return [f"127.{host.removeprefix('h-').removesuffix('.example').replace('-', '.')}"]


def start(box: Path, gap: float) -> multiprocessing.process.BaseProcess:
    """Start a worker."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(box, gap))
    process.start()
    return process


def work(box: Path, gap: float) -> None:
    """Poll what has not been polled yet, as a worker does."""
    asyncio.run(poll(box, gap))


async def poll(box: Path, gap: float) -> None:
    """Poll every feed once."""
    store = open_store(str(box / "db.sqlite"))
    policy = FetchPolicy(allow_private=OPENED, host_gap=timedelta(seconds=gap))
    async with Client(policy, lookup=lookup) as client:
        wanted = Wanted(is_forced=True, since=0)
        async for _ in poll_feeds(store, client, clock=utc_now, wanted=wanted):
            pass
    await store.close()


if __name__ == "__main__":
    main()
