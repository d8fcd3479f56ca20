"""Rounds of polling, in one process: over a real socket, into a real database."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import newsreel.app.poll
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.errors import StoreBusy
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.model.feed import NewFeed
from newsreel.model.host import HostState
from newsreel.model.poll import Outcome, Poll
from newsreel.store.protocols import HOST_SHARE
from newsreel.store.sqlite import SqliteStore, open_store
from polled_world import DAY, MORNING, item, rss
from publisher import Answer, Exchange, Publisher, fail, hang, redirect

OPEN = FetchPolicy(allow_private=("127.0.0.0/8",))
ALL = Wanted(is_forced=True)


def clock() -> datetime:
    return MORNING


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "newsreel.sqlite"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = open_store(path, busy_seconds=0.05)
    yield store
    await store.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(OPEN, clock=clock) as client:
        yield client


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


async def publish(publisher: Publisher, store: SqliteStore, count: int) -> list[str]:
    """Publish feeds and add them; return their addresses."""
    urls = [
        publisher.put(f"/{number}", rss([item(f"{number}-{n}") for n in range(3)]))
        for number in range(count)
    ]
    await store.add_feeds([NewFeed(url=url) for url in urls], now=MORNING)
    return urls


async def round_of(store: SqliteStore, client: Client, wanted: Wanted = ALL) -> list[Poll]:
    return [poll async for poll in poll_feeds(store, client, clock=clock, wanted=wanted)]


async def test_a_round_takes_each_feed_once(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    await publish(publisher, store, 30)

    polls = await round_of(store, client)

    assert len({poll.feed.id for poll in polls}) == len(polls) == 30
    assert {poll.reading.outcome for poll in polls} == {Outcome.OK}
    assert (await store.counts(now=MORNING)).entries == 90
    assert publisher.most_open == 1


async def test_a_round_under_a_clock_that_was_set_back_ends(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    await publish(publisher, store, 3)
    later = [
        poll
        async for poll in poll_feeds(
            store, client, clock=lambda: MORNING + 300 * DAY, wanted=Wanted()
        )
    ]

    first = await round_of(store, client, Wanted())
    second = await round_of(store, client, Wanted())

    assert [len(found) for found in (later, first, second)] == [3, 3, 0]


async def test_what_a_host_asks_for_is_remembered_at_once(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    urls = await publish(publisher, store, 3)
    publisher.answer("/0", fail(429, Retry_After="3600"))

    async with aclosing(poll_feeds(store, client, clock=clock, wanted=ALL)) as polls:
        first = await anext(polls)
        (host,) = await store.hosts()
        rest = [poll async for poll in polls]

    assert first.feed.url == urls[0]
    assert host.not_before == MORNING + timedelta(hours=1)
    assert rest == []
    assert len(publisher.requests) == 1
    assert await store.lease(now=MORNING, term=DAY, limit=10, is_forced=True) == []


async def test_a_host_that_was_closed_in_another_time_is_polled(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    await publish(publisher, store, 1)
    await store.save_hosts([HostState("127.0.0.1", MORNING + 300 * DAY)])

    assert len(await round_of(store, client)) == 1


async def test_a_redirect_to_a_host_that_was_closed_before_is_not_followed(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    await publish(publisher, store, 1)
    publisher.answer("/0", redirect(publisher.url("/there", host="localhost")))
    await store.save_hosts([HostState("localhost", MORNING + timedelta(hours=1))])

    (poll,) = await round_of(store, client)

    assert poll.reading.fault is not None
    assert poll.reading.fault.reason == "http-429"
    assert publisher.requests_for("/there") == []


async def test_a_round_that_is_given_up_gives_its_leases_back(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    urls = await publish(publisher, store, 5)
    publisher.answer("/1", hang())

    async with aclosing(poll_feeds(store, client, clock=clock, wanted=ALL)) as polls:
        first = await anext(polls)

    leased = await store.lease(now=MORNING, term=DAY, limit=10, is_forced=True)
    assert first.feed.url == urls[0]
    assert len(leased) == 5
    assert (await store.counts(now=MORNING)).polls == 1


async def test_a_round_that_is_told_to_stop_stops(
    publisher: Publisher, store: SqliteStore, client: Client
) -> None:
    await publish(publisher, store, 3)
    stop = asyncio.Event()
    polls = poll_feeds(store, client, clock=clock, wanted=Wanted(stop=stop))

    found = []
    async for poll in polls:
        found.append(poll)
        stop.set()

    assert 1 <= len(found) <= 3
    assert (await store.counts(now=MORNING)).polls == len(found)


async def test_a_database_that_is_locked_under_way_ends_the_round_and_loses_nothing(
    publisher: Publisher, store: SqliteStore, client: Client, path: Path
) -> None:
    await publish(publisher, store, 4)
    locker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    publisher.answer("/2", after(lambda: locker.execute("BEGIN IMMEDIATE"), rss([item("x")])))

    with pytest.raises(StoreBusy):
        await round_of(store, client)
    polls = await store.polls()
    locker.execute("ROLLBACK")
    locker.close()
    publisher.put("/2", rss([item("x")]))
    await store.release([1, 2, 3, 4])
    again = await round_of(store, client)

    assert len(polls) == 2
    assert len(again) == 4
    assert (await store.counts(now=MORNING)).entries == 3 * 3 + 1


def after(act: Callable[[], object], body: bytes) -> Answer:
    """Do something, then answer."""

    async def answer(exchange: Exchange) -> None:
        act()
        await exchange.head(200, {"Content-Length": str(len(body))})
        await exchange.send(body)

    return answer


async def test_what_outlasts_its_lease_is_leased_anew_and_asked_once(
    publisher: Publisher, store: SqliteStore, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newsreel.app.poll, "LEASE_TERM", timedelta(seconds=1))
    monkeypatch.setattr(newsreel.app.poll, "LEASE_REST", timedelta(seconds=0.6))
    await publish(publisher, store, HOST_SHARE)
    await store.save_hosts([HostState("127.0.0.1", gap=timedelta(seconds=0.15))])

    def now() -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - gaps are kept by a clock that goes on

    polls = [one async for one in poll_feeds(store, client, clock=now, wanted=Wanted())]

    assert len(polls) == len(publisher.requests) == HOST_SHARE
