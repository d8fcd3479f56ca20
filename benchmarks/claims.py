"""How fast feeds are leased and their polls stored on PostgreSQL, beside the same in plain SQL.

    .venv/bin/python benchmarks/claims.py [--db postgresql://…] [--feeds 100000] [--seconds 10]
        [--processes 1,2,4] [--batch 500]

Each process leases a batch of due feeds and stores an answer of "not modified" for each: the
feed's state, the line of the log, its day, its host. "claim and finish" does that in bare SQL with
the same rows, and nothing else: what PostgreSQL itself takes. "update only" leaves out hosts, log
and days.

The CPU that PostgreSQL and the processes take for each feed says what two idle cores could do,
also where others use them; it is known for a server of this machine.

Without --db a server is started for it, of the tests' kind, whose commits cost nothing.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from scheduler import cpu_seconds, server_seconds
from world import ROOT

from newsreel.cli.context import Context
from newsreel.config import Settings
from newsreel.core.conclude import conclude
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, Outcome, Poll, Reading
from newsreel.store import open_store

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server

NOW = datetime(2026, 3, 4, 8, tzinfo=UTC)
TERM = timedelta(minutes=15)
FILL = """
    INSERT INTO feeds (id, url, first_url, file_name, host, added_at)
    SELECT n, 'https://h' || n || '.example/feed', 'https://h' || n || '.example/feed', 'f' || n,
           'h' || n || '.example', 0 FROM generate_series(1, %(feeds)s) n;
    INSERT INTO feed_state (feed_id, next_poll_at, last_poll_at, etag, hints)
    SELECT n, n, %(polled)s, '"abcdefgh"', '{"rhythm":[' || repeat('1234,', 60) || '0]}'
    FROM generate_series(1, %(feeds)s) n;
"""
RENEW = """
    UPDATE feed_state SET next_poll_at = feed_id, lease_holder = NULL, lease_token = NULL;
    UPDATE host_leases SET holder = NULL;
    TRUNCATE polls, poll_days, dirty;
"""
CHOOSE = """
    WITH chosen AS (
        SELECT s.feed_id, h.host FROM feed_state s JOIN feeds f ON f.id = s.feed_id
        JOIN host_leases h ON h.host = f.host
        WHERE s.next_poll_at <= %(now)s AND s.lease_holder IS NULL AND h.holder IS NULL
        ORDER BY s.next_poll_at LIMIT %(limit)s FOR UPDATE OF s, h SKIP LOCKED),
    held AS (UPDATE host_leases h SET holder = %(me)s, until = %(until)s, token = %(token)s
             FROM chosen c WHERE h.host = c.host)
    UPDATE feed_state s SET lease_holder = %(me)s, lease_until = %(until)s,
                            lease_token = %(token)s
    FROM chosen c WHERE s.feed_id = c.feed_id RETURNING s.feed_id, c.host
"""
CHOOSE_ONLY = """
    WITH chosen AS (
        SELECT feed_id FROM feed_state WHERE next_poll_at <= %(now)s AND lease_holder IS NULL
        ORDER BY next_poll_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    UPDATE feed_state s SET lease_holder = %(me)s, lease_until = %(until)s,
                            lease_token = %(token)s
    FROM chosen c WHERE s.feed_id = c.feed_id RETURNING s.feed_id, ''
"""
FINISH = """
    UPDATE feed_state s SET next_poll_at = %(next)s, lease_holder = NULL, lease_until = NULL,
                            lease_token = NULL, last_poll_at = %(now)s, last_ok_at = %(now)s
    WHERE s.feed_id = ANY (%(ids)s) AND s.lease_token = %(token)s
"""
HOSTS = """
    UPDATE host_leases SET holder = NULL, until = NULL, asked_at = %(now)s
    WHERE host = ANY (%(hosts)s) AND token = %(token)s
"""
LOG = """
    INSERT INTO polls (feed_id, polled_at, outcome, status, new, revised, unchanged, reread,
                       bytes, elapsed_ms, next_poll_at)
    SELECT n, %(now)s, 'not-modified', 304, 0, 0, 0, 0, 0, 100, %(next)s
    FROM unnest(%(ids)s::bigint[]) n
"""
DAYS = """
    INSERT INTO poll_days AS d (day, feed_id, expected, made)
    SELECT '2026-03-04', n, 1, 1 FROM unnest(%(ids)s::bigint[]) n
    ON CONFLICT (day, feed_id) DO UPDATE SET
        expected = d.expected + excluded.expected, made = d.made + excluded.made
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db")
    parser.add_argument("--feeds", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--processes", default="1,2,4")
    parser.add_argument("--batch", type=int, default=500)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        address = options.db
        if address is None:
            server = stack.enter_context(contextlib.closing(Server(uuid.uuid4().hex)))
            address = server.make_database("claims")
        fill(address, options.feeds)
        print("| what | processes | feeds a second | CPU of PostgreSQL | of the processes |")
        print("|---|---:|---:|---:|---:|")
        ways: dict[str, Callable[[str, float, int], tuple[int, float]]] = {
            "update only, plain SQL": partial(bare, is_whole=False),
            "claim and finish, plain SQL": bare,
            "the store": stored,
        }
        for count in map(int, options.processes.split(",")):
            for name, way in ways.items():
                renew(address)
                before = server_seconds(address)
                done, cpu, took = side_by_side(way, address, options.seconds, options.batch, count)
                served = server_seconds(address) - before
                cells = (name, str(count), f"{done / took:,.0f}", *micros_of(served, cpu, done))
                print(f"| {' | '.join(cells)} |", flush=True)


def micros_of(served: float, cpu: float, done: int) -> tuple[str, str]:
    """Return CPU times, of the server and of its clients, for each feed."""
    return f"{served / done * 1e6:.0f} µs", f"{cpu / done * 1e6:.0f} µs"


def fill(address: str, feeds: int) -> None:
    """Make a database of feeds that are all due."""
    asyncio.run(_opened(address))
    with psycopg.connect(address, autocommit=True) as connection:
        polled = int(NOW.timestamp() - 3600) * 1_000_000
        for statement in FILL.split(";"):
            if statement.strip():
                connection.execute(statement, {"feeds": feeds, "polled": polled})
        connection.execute("VACUUM ANALYZE")


async def _opened(address: str) -> None:
    await open_store(address).close()


def renew(address: str) -> None:
    """Let all be due again."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(RENEW)
        connection.execute("VACUUM ANALYZE feed_state, host_leases")


def side_by_side(
    way: Callable[[str, float, int], tuple[int, float]],
    address: str,
    seconds: float,
    batch: int,
    count: int,
) -> tuple[int, float, float]:
    """Return how many were done by all processes, their CPU, and how long it took."""
    began_at = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.map(abs, range(count))  # all have started
        began_at = time.monotonic()
        results = pool.starmap(way, [(address, seconds, batch)] * count, chunksize=1)
        took = time.monotonic() - began_at
    return sum(done for done, _ in results), sum(cpu for _, cpu in results), took


def bare(address: str, seconds: float, batch: int, *, is_whole: bool = True) -> tuple[int, float]:
    """Lease and finish with as few statements as possible."""
    done, begin = 0, cpu_seconds()
    with psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            row = connection.execute("SELECT nextval('lease_tokens')").fetchone()
            assert row is not None
            values = {
                "now": int(NOW.timestamp()) * 1_000_000,
                "next": int(NOW.timestamp() + 3600) * 1_000_000,
                "until": int(NOW.timestamp() + 900) * 1_000_000,
                "limit": batch,
                "me": "a-worker-of-such-a-name",
                "token": row[0],
            }
            rows = connection.execute(CHOOSE if is_whole else CHOOSE_ONLY, values).fetchall()
            if not rows:
                break
            values |= {"ids": [row[0] for row in rows], "hosts": [row[1] for row in rows]}
            with connection.transaction():
                for statement in (FINISH, HOSTS, LOG, DAYS) if is_whole else (FINISH,):
                    connection.execute(statement, values)
            done += len(rows)
    return done, cpu_seconds() - begin


def stored(address: str, seconds: float, batch: int) -> tuple[int, float]:
    """Lease and save as a worker does."""
    return Context(Settings(db=address)).run(_stored(address, seconds, batch))


async def _stored(address: str, seconds: float, batch: int) -> tuple[int, float]:
    store, done = open_store(address), 0
    begin, until = cpu_seconds(), time.monotonic() + seconds
    while time.monotonic() < until:
        feeds = await store.lease(now=NOW, term=TERM, limit=batch)
        if not feeds:
            break
        busy = time.thread_time()
        polls = [polled(feed) for feed in feeds]
        begin += time.thread_time() - busy  # what it takes to make polls is not asked here
        await asyncio.gather(*map(store.save, polls))
        done += len(feeds)
    cpu = cpu_seconds() - begin
    await store.close()
    return done, cpu


def polled(feed: Feed) -> Poll:
    """Return the poll of a feed that did not change; deciding that is measured elsewhere."""
    capture = Capture(url=feed.url, final_url=feed.url, fetched_at=NOW, status=304)
    reading = Reading(capture=capture, outcome=Outcome.NOT_MODIFIED)
    after = replace(feed, last_poll_at=NOW, last_ok_at=NOW, next_poll_at=NOW + TERM)
    return replace(TEMPLATE, feed=after, reading=reading)


def template() -> Poll:
    """Return a poll that others are made from."""
    feed = Feed(id=0, url="", first_url="", file_name="", host="", added_at=NOW)
    capture = Capture(url="", final_url="", fetched_at=NOW, status=304)
    reading = Reading(capture=capture, outcome=Outcome.NOT_MODIFIED)
    return conclude(feed, reading, Changes(), window=(), now=NOW)


TEMPLATE = template()

if __name__ == "__main__":
    main()
