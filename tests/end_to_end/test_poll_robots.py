"""Pages that are read as feeds are fetched only where their site lets robots do so."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from test_fetch_addresses import FORMS

from newsreel.app.discover import discover_page
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.app.robots import crawl_fault
from newsreel.errors import FeedError
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.fetch.hosts import HostGate
from newsreel.model.capture import FaultKind
from newsreel.model.feed import NewFeed, PageRules, RequestOptions
from newsreel.model.poll import Poll
from newsreel.store.sqlite import SqliteStore, open_store
from polled_world import DAY, HOUR, MORNING, item, rss
from publisher import Publisher, endless, fail, hang, redirect

OPEN = FetchPolicy(allow_private=("127.0.0.0/8",), timeout=timedelta(seconds=20))
PAGE = "<html><body><article><a href='/1'>A quiet day</a></article></body></html>"
RULES = PageRules(entries="article")
NOBODY = "User-agent: *\nDisallow: /"


class Clock:
    """The test's own time."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = open_store(tmp_path / "newsreel.sqlite")
    yield store
    await store.close()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[Client]:
    async with Client(OPEN, clock=clock) as client:
        yield client


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/page", PAGE, content_type="text/html")
        publisher.put("/feed", rss([item("a")]))
        yield publisher


async def polled(store: SqliteStore, client: Client, clock: Clock) -> list[Poll]:
    wanted = Wanted(is_forced=True)
    return [poll async for poll in poll_feeds(store, client, clock=clock, wanted=wanted)]


async def test_a_page_that_robots_may_not_read_is_left_alone_and_a_feed_is_not(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/robots.txt", NOBODY, content_type="text/plain")
    page = NewFeed(url=publisher.url("/page"), page_rules=RULES)
    await store.add_feeds([page, NewFeed(url=publisher.url("/feed"))], now=MORNING)

    polls = {poll.feed.id: poll for poll in await polled(store, client, clock)}

    fault = polls[1].reading.fault
    assert fault is not None
    assert fault.kind is FaultKind.ROBOTS
    assert polls[1].feed.fault == "robots"
    assert polls[2].reading.fault is None
    assert [seen.path for seen in publisher.requests_for("/robots.txt")] == ["/robots.txt"]
    assert not publisher.requests_for("/page")


async def test_a_page_that_robots_may_read_is_asked_for_after_robots_txt(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/robots.txt", "User-agent: *\nDisallow: /private", content_type="text/plain")
    await store.add_feeds([NewFeed(url=publisher.url("/page"), page_rules=RULES)], now=MORNING)

    await polled(store, client, clock)

    assert [seen.path for seen in publisher.requests] == ["/robots.txt", "/page"]


async def test_robots_txt_is_asked_for_once_a_day(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    url = publisher.url("/page")
    publisher.put("/robots.txt", NOBODY)

    first = await crawl_fault(url, store, client, clock=clock)
    publisher.put("/robots.txt", "")
    clock.now += DAY - HOUR
    same = await crawl_fault(url, store, client, clock=clock)
    clock.now += HOUR
    later = await crawl_fault(url, store, client, clock=clock)

    assert first is not None
    assert first == same
    assert later is None
    assert len(publisher.requests) == 2


async def test_a_clock_that_was_set_back_keeps_no_robots_txt_for_ever(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/robots.txt", NOBODY)
    clock.now += 365 * DAY
    await crawl_fault(publisher.url("/page"), store, client, clock=clock)
    publisher.put("/robots.txt", "")
    clock.now = MORNING

    assert await crawl_fault(publisher.url("/page"), store, client, clock=clock) is None


async def test_each_origin_has_its_own(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/robots.txt", NOBODY)
    with Publisher() as other:
        other.put("/robots.txt", "")

        faults = [
            await crawl_fault(url, store, client, clock=clock)
            for url in (publisher.url("/page"), other.url("/page"))
        ]

    assert [fault is None for fault in faults] == [False, True]


async def test_what_robots_txt_says_after_a_redirect_counts_for_the_page(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    with Publisher() as other:
        target = other.put("/rules.txt", NOBODY)
        publisher.answer("/robots.txt", redirect(target))

        fault = await crawl_fault(publisher.url("/page"), store, client, clock=clock)

    assert fault is not None


@pytest.mark.parametrize("rules", [NOBODY, "User-agent: *\nDisallow: /news"])
async def test_a_page_that_redirects_is_not_followed_to_where_robots_may_not_read(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock, rules: str
) -> None:
    with Publisher() as other:
        other.put("/robots.txt", rules)
        publisher.put("/robots.txt", "")
        publisher.answer("/page", redirect(other.put("/news", PAGE, content_type="text/html")))
        await store.add_feeds([NewFeed(url=publisher.url("/page"), page_rules=RULES)], now=MORNING)

        polls = await polled(store, client, clock) + await polled(store, client, clock)

    assert [poll.feed.fault for poll in polls] == ["robots", "robots"]
    assert [seen.path for seen in other.requests] == ["/robots.txt"]
    assert [seen.path for seen in publisher.requests] == ["/robots.txt", "/page", "/page"]


async def test_a_page_that_redirects_is_followed_to_where_robots_may_read(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    options = RequestOptions(user_agent="Quill/2")
    with Publisher() as other:
        other.put("/robots.txt", "User-agent: Quill\nDisallow: /")
        publisher.put("/robots.txt", "")
        publisher.answer("/page", redirect(other.put("/news", PAGE, content_type="text/html")))
        page = NewFeed(url=publisher.url("/page"), page_rules=RULES, request_options=options)
        await store.add_feeds([page], now=MORNING)

        (poll,) = await polled(store, client, clock)

    assert poll.reading.fault is None
    assert [seen.path for seen in other.requests] == ["/robots.txt", "/news"]
    assert not [seen for seen in other.requests if "Quill" in seen.headers["user-agent"]]


async def test_a_page_that_redirects_is_not_added_where_robots_may_not_read(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    with Publisher() as other:
        other.put("/robots.txt", NOBODY)
        publisher.answer("/page", redirect(other.put("/news", PAGE, content_type="text/html")))

        with pytest.raises(FeedError, match="robots"):
            await discover_page(
                publisher.url("/page"),
                RULES,
                client,
                store=store,
                clock=clock,
                gate=HostGate(OPEN, clock),
            )

    assert [seen.path for seen in other.requests] == ["/robots.txt"]


async def test_a_feed_is_followed_wherever_it_redirects(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    with Publisher() as other:
        other.put("/robots.txt", NOBODY)
        publisher.answer("/feed", redirect(other.put("/news", rss([item("a")]))))
        await store.add_feeds([NewFeed(url=publisher.url("/feed"))], now=MORNING)

        (poll,) = await polled(store, client, clock)

    assert poll.reading.fault is None
    assert [seen.path for seen in other.requests] == ["/news"]


async def test_a_name_of_the_feeds_own_is_the_one_that_counts(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/robots.txt", f"{NOBODY}\n\nUser-agent: Quill\nAllow: /")
    options = RequestOptions(user_agent="Quill/2", headers=(("X-Mark", "s3cret"),), user="ada")

    fault = await crawl_fault(publisher.url("/page"), store, client, clock=clock, options=options)

    assert fault is None
    (seen,) = publisher.requests
    assert seen.headers["user-agent"] == "Quill/2"
    assert not {"x-mark", "authorization"} & seen.headers.keys()


async def test_an_endless_robots_txt_is_read_up_to_a_limit(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    line = b"Disallow: /private\n"
    publisher.answer("/robots.txt", endless(b"User-agent: *\n", line * 1000))

    fault = await crawl_fault(publisher.url("/page"), store, client, clock=clock)

    assert fault is None
    kept = await store.robots(publisher.url("").rstrip("/"))
    assert kept is not None
    assert len(kept.body) < 512_000


@pytest.mark.parametrize("status", [429, 503])
async def test_a_host_that_asks_for_rest_is_given_it(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock, status: int
) -> None:
    publisher.answer("/robots.txt", fail(status, Retry_After="3600"))
    await store.add_feeds([NewFeed(url=publisher.url("/page"), page_rules=RULES)], now=MORNING)

    (poll,) = await polled(store, client, clock)
    again = await polled(store, client, clock)

    assert poll.feed.fault == "robots"
    assert not again
    assert [seen.path for seen in publisher.requests] == ["/robots.txt"]


async def test_a_host_that_asks_for_rest_now_is_given_it_whatever_was_known(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/robots.txt", "")
    await store.add_feeds([NewFeed(url=publisher.url("/page"), page_rules=RULES)], now=MORNING)
    await polled(store, client, clock)
    publisher.answer("/robots.txt", fail(429, Retry_After="3600"))
    publisher.requests.clear()
    clock.now += 2 * DAY

    (poll,) = await polled(store, client, clock)

    assert poll.feed.fault == "robots"
    assert [seen.path for seen in publisher.requests] == ["/robots.txt"]


async def test_a_robots_txt_that_never_comes_leaves_the_page_alone(
    publisher: Publisher, store: SqliteStore, clock: Clock
) -> None:
    publisher.answer("/robots.txt", hang())
    policy = replace(OPEN, timeout=timedelta(seconds=0.2))
    async with Client(policy, clock=clock) as client:
        fault = await crawl_fault(publisher.url("/page"), store, client, clock=clock)

    assert fault is not None
    assert "can't be read" in fault.detail


async def test_the_gap_is_kept_between_robots_txt_and_the_page(
    publisher: Publisher, store: SqliteStore, clock: Clock
) -> None:
    async def lookup(_: str) -> Sequence[str]:
        return ["127.0.0.1"]

    publisher.put("/robots.txt", "")
    policy = FetchPolicy(allow_private=("127.0.0.0/8",), host_gap=timedelta(seconds=0.2))
    async with Client(policy, clock=clock, lookup=lookup) as client:
        gate = HostGate(policy, clock)
        loop_time = asyncio.get_running_loop().time
        url, started = publisher.url("/page", host="paper.example"), loop_time()
        await crawl_fault(url, store, client, clock=clock, gate=gate)
        asked = loop_time() - started
        await crawl_fault(url, store, client, clock=clock, gate=gate)
        known = loop_time() - started - asked

    assert asked >= 0.2
    assert known < 0.2


@pytest.mark.parametrize("form", FORMS)
async def test_robots_txt_leads_to_no_address_that_may_not_be_reached(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock, form: str
) -> None:
    publisher.answer("/robots.txt", redirect(form.encode().decode("latin-1")))

    fault = await crawl_fault(publisher.url("/page"), store, client, clock=clock)
    await crawl_fault(form, store, client, clock=clock)

    assert fault is not None
    assert len(publisher.requests) == 1
