"""The schedule of a million feeds on a real PostgreSQL, with time run fast-forward.

    .venv/bin/python benchmarks/scheduler.py [--db postgresql://…] [--feeds 1000000] [--hours 2]
        [--processes 2] [--batch 500] [--speed 10]

Each feed has the rhythm of one of the sample's feeds, as it stands after seven days of polls
(benchmarks/schedule.py), and its first poll is due somewhere in its interval. From then on
processes lease what is due and store a poll for each, with the next time that its rhythm gives;
nothing is fetched. The simulated clock runs ``--speed`` times as fast as the real one, and all
processes share it; where they can't keep up, polls come late, and that is what is measured: the
lag of a poll behind its due time, in simulated time and in real time.

Also printed: polls a second, the CPU of PostgreSQL and of the processes, and how the database
grows.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import resource
import statistics
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from schedule import DAY, Source, by_rhythm, lived, share_of, sources_of
from world import ROOT, unpacked

from newsreel.core.conclude import conclude
from newsreel.core.schedule import PATIENCE
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, Outcome, Poll, Reading
from newsreel.store import open_store
from newsreel.store.rows import dumps, micros

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + 7 * DAY
WINDOW = 30
TERM = timedelta(minutes=15)
IDLE = 0.05
TABLES = ("feed_state", "host_leases", "polls", "poll_days")
COPY_FEEDS = "COPY feeds (id, url, first_url, file_name, host, added_at) FROM STDIN"
COPY_STATES = """
    COPY feed_state (feed_id, next_poll_at, last_poll_at, last_ok_at, etag, hints)
    FROM STDIN
"""
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NO_CHANGES = Changes()


def main() -> None:
    """Simulate and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db")
    parser.add_argument("--feeds", type=int, default=1_000_000)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--speed", type=float, default=10.0)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        address = options.db
        if address is None:
            server = stack.enter_context(contextlib.closing(Server(uuid.uuid4().hex)))
            address = server.make_database("scheduler")
        archive = stack.enter_context(unpacked())
        learned = [learn(source) for source in sources_of(archive, BEGIN, END)]
        due = fill(address, learned, options.feeds)
        print(
            f"{options.feeds:,} feeds; {due / 3600:,.0f} polls a second are due in simulated time"
        )
        before = sizes(address)
        run(address, options)
        grown(before, sizes(address))


def learn(source: Source) -> Feed:
    """Return a feed as it stands after seven days of polls."""
    found: list[Feed] = []

    def ask(
        feed: Feed, reading: Reading, changes: Changes, window: Sequence[int], now: datetime
    ) -> Feed:
        found.append(by_rhythm(PATIENCE, feed, reading, changes, window, now))
        return found[-1]

    lived(source, ask, WINDOW, begin=BEGIN, end=END)
    return found[-1]


def fill(address: str, learned: list[Feed], count: int) -> float:
    """Make feeds of the rhythms that were learned; return how many polls an hour they want."""
    asyncio.run(_opened(address))
    with psycopg.connect(address, autocommit=True) as connection:
        with connection.cursor().copy(COPY_FEEDS) as copy:
            for n in range(1, count + 1):
                url = f"https://h{n}.example/feed"
                copy.write_row((n, url, url, f"f{n}", f"h{n}.example", micros(BEGIN)))
        with connection.cursor().copy(COPY_STATES) as copy:
            hints = [dumps(dict(feed.hints)) for feed in learned]
            for n in range(1, count + 1):
                last, due, _ = times(learned[n % len(learned)], n)
                row = (n, micros(due), micros(last), micros(last), '"abcdefgh"')
                copy.write_row((*row, hints[n % len(learned)]))
        connection.execute("VACUUM ANALYZE")
    spans = [times(feed, 0)[2] for feed in learned]
    return sum(3600 / span.total_seconds() for span in spans) / len(learned) * count


def times(feed: Feed, number: int) -> tuple[datetime, datetime, timedelta]:
    """Return when a feed of this rhythm was polled and is due again, and the time between."""
    assert feed.next_poll_at is not None
    assert feed.last_poll_at is not None
    span = feed.next_poll_at - feed.last_poll_at
    last = END - share_of(str(number)) * span
    return last, last + span, span


async def _opened(address: str) -> None:
    await open_store(address).close()


@dataclass(slots=True)
class Done:
    """What a process did: how late its polls were, in simulated seconds, and its CPU time."""

    lags: list[float]
    cpu: float


def run(address: str, options: argparse.Namespace) -> None:
    """Let simulated time run, and say how late polls were."""
    began_at = time.monotonic() + 3 + options.processes
    before, watched = server_seconds(address), 0.0
    arguments = (address, began_at, options.hours, options.speed, options.batch)
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        results = pool.starmap(work, [arguments] * options.processes, chunksize=1)
    watched = time.monotonic() - began_at
    lags = sorted(lag for done in results for lag in done.lags)
    served = server_seconds(address) - before
    cuts = statistics.quantiles(lags, n=100)
    print(
        f"{len(lags):,} polls in {watched:.0f} s, {len(lags) / watched:,.0f} a second "
        f"({options.speed:g} times as fast as real)"
    )
    print(
        "lag, simulated: "
        f"median {cuts[49]:.1f} s, 95 % {cuts[94]:.1f} s, 99 % {cuts[98]:.1f} s, "
        f"most {lags[-1]:.1f} s; in real seconds {cuts[94] / options.speed:.2f} at 95 %"
    )
    cpu = sum(done.cpu for done in results)
    print(
        f"CPU: PostgreSQL {served:.0f} s ({served / watched:.0%} of a core, "
        f"{served / len(lags) * 1e6:.0f} µs a poll), processes {cpu:.0f} s "
        f"({cpu / len(lags) * 1e6:.0f} µs a poll)"
    )


def work(address: str, began_at: float, hours: float, speed: float, batch: int) -> Done:
    """Poll what gets due until the simulated time is up."""
    return asyncio.run(_work(address, began_at, hours, speed, batch))


async def _work(address: str, began_at: float, hours: float, speed: float, batch: int) -> Done:
    store, lags = open_store(address), []
    await asyncio.sleep(began_at - time.monotonic())
    begun = cpu_seconds()
    while (now := END + (time.monotonic() - began_at) * speed * SECOND) < END + hours * HOUR:
        feeds = await store.lease(now=now, term=TERM, limit=batch)
        lags += [(now - feed.next_poll_at).total_seconds() for feed in feeds if feed.next_poll_at]
        await asyncio.gather(*(store.save(polled(feed, now)) for feed in feeds))
        if len(feeds) < batch / 2:
            await asyncio.sleep(IDLE)
    done = Done(lags, cpu_seconds() - begun)
    await store.close()
    return done


def polled(feed: Feed, now: datetime) -> Poll:
    """Return the poll of a feed that did not change."""
    capture = Capture(url=feed.url, final_url=feed.url, fetched_at=now, status=304)
    reading = Reading(capture=capture, outcome=Outcome.NOT_MODIFIED)
    return conclude(feed, reading, NO_CHANGES, window=(), now=now)


def cpu_seconds() -> float:
    """Return the CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def server_seconds(address: str) -> float:
    """Return the CPU time of all of the server's processes, past ones too; 0 from elsewhere."""
    with psycopg.connect(address) as connection:
        pid = connection.info.backend_pid
        with contextlib.suppress(OSError):
            parent = stat_of(pid)[1]
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            ticks = sum(sum(map(int, stat_of(int(child))[11:13])) for child in children)
            return (ticks + sum(map(int, stat_of(int(parent))[11:15]))) / os.sysconf("SC_CLK_TCK")
    return 0.0


def stat_of(pid: int) -> list[str]:
    """Return what the kernel tells of a process, behind its name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def sizes(address: str) -> dict[str, int]:
    """Return how large the database and its busiest tables are."""
    with psycopg.connect(address) as connection:
        found = {"database": "pg_database_size(current_database())"}
        found |= {table: f"pg_total_relation_size('{table}')" for table in TABLES}
        return {
            name: int(connection.execute(f"SELECT {size}").fetchone()[0])  # type: ignore[index]
            for name, size in found.items()
        }


def grown(before: dict[str, int], after: dict[str, int]) -> None:
    """Say how large all was and is."""
    for name, size in after.items():
        print(f"{name}: {before[name] / 1e6:,.0f} MB before, {size / 1e6:,.0f} MB after")


if __name__ == "__main__":
    main()
