"""What publishers are promised, each over a real socket and on a clock of its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from newsreel.app.discover import add_feed, discover
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.core.schedule import MOST_JITTER
from newsreel.core.states import Condition, condition_of
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.fetch.hosts import HostGate
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.poll import Outcome, Poll
from newsreel.store import Store, open_store
from polled_world import DAY, HOUR, MINUTE, World, item, rss
from publisher import Answer, Exchange, Page, Publisher, fail, redirect

HOST = "paper.example"
POLICY = FetchPolicy(
    allow_private=("127.0.0.1",), host_gap=timedelta(), contact="https://archive.example/about"
)
SECOND = timedelta(seconds=1)
SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"


async def here(_: str) -> Sequence[str]:
    """Every host lives on this machine."""
    return ["127.0.0.1"]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with Client(POLICY, clock=world.clock, lookup=here) as client:
        yield client


async def round_of(world: World, client: Client, store: Store | None = None) -> list[Poll]:
    """Poll what is due now."""
    polls = poll_feeds(store or world.store, client, clock=world.clock, wanted=Wanted())
    async with aclosing(polls):
        return [poll async for poll in polls]


async def next_of(world: World, client: Client, feed: Feed) -> Poll:
    """Wait until a feed is due, and poll it."""
    at = (await world.again(feed)).next_poll_at
    assert at is not None
    world.now = max(at, world.now)
    (poll,) = [poll for poll in await round_of(world, client) if poll.feed.id == feed.id]
    return poll


def conditions(publisher: Publisher) -> list[tuple[str | None, str | None]]:
    """What each request said of the state that is known."""
    names = ("if-none-match", "if-modified-since")
    return [
        (seen.headers.get(names[0]), seen.headers.get(names[1])) for seen in publisher.requests
    ]


def body_of(*names: str, extra: str = "") -> bytes:
    return rss(item(name) for name in names).replace(b"</title>", f"</title>{extra}".encode(), 1)


# --- conditional requests -----------------------------------------------------------------------


async def test_a_feed_is_asked_for_unconditionally_once_when_it_is_added(
    world: World, client: Client, publisher: Publisher
) -> None:
    url = publisher.put("/feed", body_of("a"))
    found = await discover(url, client)
    assert found.capture is not None
    added = await add_feed(NewFeed(url=url), found.capture, world.store, clock=world.clock)
    for _ in range(4):
        await next_of(world, client, added.feed)

    assert [asked for asked, _ in conditions(publisher)] == [None, *[publisher.etag("/feed")] * 4]


@pytest.mark.parametrize(
    ("etag", "modified"),
    [
        ('W/"a:b/c+d=="', None),
        ("no-quotes at all", None),
        ('"a""b\\"c"', "Wed, 04 Mar 2026 07:00:00 GMT"),
        (None, "yesterday, more or less"),
        (None, "Mon, 31 Feb 2026 99:00:00 XYZ"),
    ],
)
async def test_validators_are_given_back_as_they_came_even_if_they_are_none(
    world: World, client: Client, publisher: Publisher, etag: str | None, modified: str | None
) -> None:
    feed = await world.feed(
        publisher.put("/feed", body_of("a"), etag=etag, last_modified=modified)
    )
    await round_of(world, client)

    poll = await next_of(world, client, feed)

    assert conditions(publisher) == [(None, None), (etag, modified)]
    assert poll.reading.outcome is Outcome.NOT_MODIFIED


async def test_a_304_may_bring_a_new_etag(
    world: World, client: Client, publisher: Publisher
) -> None:
    since = "Wed, 04 Mar 2026 07:00:00 GMT"
    feed = await world.feed(publisher.put("/feed", body_of("a"), etag='"1"', last_modified=since))
    await round_of(world, client)
    publisher.answer("/feed", fail(304, "", ETag='"2"', Last_Modified=since))
    await next_of(world, client, feed)
    await next_of(world, client, feed)

    assert conditions(publisher) == [(None, None), ('"1"', since), ('"2"', since)]


@pytest.mark.parametrize(
    "answer",
    [
        fail(500, ETag='"error"'),
        fail(404, ETag='"error"'),
        Page(body=b"<html><p>no feed</p></html>", etag='"page"'),
    ],
    ids=["500", "404", "a page"],
)
async def test_validators_are_taken_from_bodies_that_were_read_and_kept_through_errors(
    world: World, client: Client, publisher: Publisher, answer: Answer
) -> None:
    feed = await world.feed(publisher.put("/feed", body_of("a"), etag='"1"'))
    await round_of(world, client)
    publisher.answer("/feed", answer)
    await next_of(world, client, feed)
    await next_of(world, client, feed)

    assert [asked for asked, _ in conditions(publisher)] == [None, '"1"', '"1"']


@pytest.mark.parametrize("status", [301, 308])
async def test_a_move_is_believed_after_three_polls_and_the_validators_stay_behind(
    world: World, client: Client, publisher: Publisher, status: int
) -> None:
    start = publisher.answer("/old", redirect("/new", status))
    there = publisher.put("/new", body_of("a"))
    feed = await world.feed(start)
    await round_of(world, client)
    urls = []
    for _ in range(3):
        urls.append((await world.again(feed)).url)
        await next_of(world, client, feed)

    assert urls == [start, start, there]
    asked = [(seen.path, seen.headers.get("if-none-match")) for seen in publisher.requests]
    assert asked[-1] == ("/new", None)
    assert (await world.store.find_feed(start) or feed).url == there
    assert start in (await world.again(feed)).aliases


@pytest.mark.parametrize("status", [302, 303, 307])
async def test_a_redirect_that_is_not_permanent_is_followed_and_never_believed(
    world: World, client: Client, publisher: Publisher, status: int
) -> None:
    start = publisher.answer("/old", redirect("/new", status))
    publisher.put("/new", body_of("a"))
    feed = await world.feed(start)
    await round_of(world, client)
    for _ in range(6):
        poll = await next_of(world, client, feed)

    assert poll.reading.outcome is Outcome.NOT_MODIFIED
    assert (poll.feed.url, poll.feed.moved_to) == (start, None)
    assert poll.feed.status is FeedStatus.ACTIVE


# --- never too early ----------------------------------------------------------------------------


async def test_a_restart_asks_nobody_earlier(
    world: World, client: Client, publisher: Publisher, address: str
) -> None:
    feed = await world.feed(publisher.put("/feed", body_of("a")))
    await round_of(world, client)
    due_at = (await world.again(feed)).next_poll_at
    assert due_at is not None
    after = open_store(address)
    try:
        for at in (world.now, world.now + 10 * MINUTE, due_at - SECOND):
            world.now = at
            assert await round_of(world, client, after) == []
        world.now = due_at
        assert len(await round_of(world, client, after)) == 1
    finally:
        await after.close()


async def test_a_new_feed_comes_again_after_an_hour(
    world: World, client: Client, publisher: Publisher
) -> None:
    feed = await world.feed(publisher.put("/feed", rss([item("a", date=None)])))

    await round_of(world, client)

    after = await world.again(feed)
    assert after.next_poll_at is not None
    assert HOUR * 0.9 <= after.next_poll_at - world.now <= HOUR * 1.1 + MOST_JITTER


@pytest.mark.parametrize(
    ("extra", "headers", "least"),
    [
        ("<ttl>300</ttl>", {}, 5 * HOUR),
        (f'<sy:updatePeriod xmlns:sy="{SYNDICATION}">daily</sy:updatePeriod>', {}, DAY),
        ("<skipHours><hour>9</hour><hour>10</hour></skipHours>", {}, 3 * HOUR),
        ("<skipDays><day>Wednesday</day></skipDays>", {}, 16 * HOUR),
        ("", {"Cache-Control": "public, max-age=36000"}, 10 * HOUR),
        ("", {"Expires": "Wed, 04 Mar 2026 19:00:00 GMT"}, 11 * HOUR),
        ("", {"Cache-Control": "max-age=31536000"}, DAY),
    ],
    ids=["ttl", "sy", "hours", "days", "max-age", "expires", "a year"],
)
async def test_the_publishers_wishes_are_kept_and_those_for_a_year_are_cut_to_a_day(
    world: World,
    client: Client,
    publisher: Publisher,
    extra: str,
    headers: dict[str, str],
    least: timedelta,
) -> None:
    feed = await world.feed(publisher.put("/feed", body_of("a", extra=extra), headers=headers))

    await round_of(world, client)

    after = await world.again(feed)
    assert after.next_poll_at is not None
    assert least <= after.next_poll_at - world.now <= DAY + MOST_JITTER


# --- hosts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "a date"])
async def test_retry_after_closes_the_whole_host_and_a_restart_changes_nothing(
    world: World,
    client: Client,
    publisher: Publisher,
    address: str,
    status: int,
    is_date: bool,
) -> None:
    until = world.now + 3 * HOUR
    wait = format_datetime(until, usegmt=True) if is_date else str(3 * 3600)
    date = format_datetime(world.now, usegmt=True)
    url = publisher.answer("/a", fail(status, Retry_After=wait, Date=date))
    feeds = [await world.feed(url)]
    await round_of(world, client)
    feeds += [await world.feed(publisher.put(f"/{name}", body_of(name))) for name in "bc"]
    after = open_store(address)
    try:
        for at in (world.now + SECOND, until - SECOND):
            world.now = at
            assert await round_of(world, client, after) == []
        assert len(publisher.requests) == 1
        world.now = until
        polls = await round_of(world, client, after)
    finally:
        await after.close()

    assert {poll.feed.id for poll in polls} >= {feed.id for feed in feeds[1:]}
    first = await world.again(feeds[0])
    assert first.next_poll_at is not None
    assert first.next_poll_at >= until


async def test_a_403_of_a_host_that_limited_us_before_is_a_complaint(
    world: World, client: Client, publisher: Publisher
) -> None:
    gate = HostGate(replace(POLICY, host_gap=SECOND), world.clock)
    feed = await world.feed(publisher.answer("/feed", fail(403)))
    (first,) = await round_of(world, client)
    before = gate.learn(HOST, replace(first.reading.capture, url="", final_url=""))
    publisher.answer("/feed", fail(429))
    limited = await next_of(world, client, feed)
    complained = gate.learn(HOST, replace(limited.reading.capture, url="", final_url=""))
    again = gate.learn(HOST, replace(first.reading.capture, url="", final_url=""))

    assert before.not_before is None
    assert complained.not_before is not None
    assert again.gap == complained.gap * 2


async def test_a_host_is_asked_one_at_a_time_with_gaps_that_differ(
    world: World, publisher: Publisher
) -> None:
    """The publisher measures them itself: from the end of an answer to the next request."""
    gap = 0.05
    spans: list[tuple[float, float]] = []

    def noted(page: Page) -> Answer:
        async def answer(exchange: Exchange) -> None:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await page(exchange)
            spans.append((begun, loop.time()))

        return answer

    for number in range(6):
        publisher.answer(f"/{number}", noted(Page(body=body_of(str(number)))))
        await world.feed(publisher.url(f"/{number}", host=HOST))
    policy = replace(POLICY, host_gap=timedelta(seconds=gap))
    async with Client(policy, clock=world.clock, lookup=here) as client:
        polls = await round_of(world, client)

    assert len(polls) == 6
    spans.sort()
    rests = [later[0] - earlier[1] for earlier, later in itertools.pairwise(spans)]
    assert min(rests) >= gap * 0.9  # the publisher's clock ticks in another thread


async def test_feeds_of_one_host_do_not_come_due_at_one_instant_again(
    world: World, client: Client, publisher: Publisher
) -> None:
    urls = [publisher.put(f"/{n}", rss([item(f"{n}", date=None)])) for n in range(20)]
    feeds = [await world.feed(url) for url in urls]

    await round_of(world, client)

    due = {(await world.again(feed)).next_poll_at for feed in feeds}
    assert len(due) > 15


# --- what comes to an end, and what never does --------------------------------------------------


async def test_410_ends_the_polling_and_the_archive_stays(
    world: World, client: Client, publisher: Publisher
) -> None:
    feed = await world.feed(publisher.put("/feed", body_of("a", "b")))
    await round_of(world, client)
    publisher.answer("/feed", fail(410))
    await next_of(world, client, feed)
    count = len(publisher.requests)
    world.later(60 * DAY)

    assert await round_of(world, client) == []
    assert len(publisher.requests) == count
    assert condition_of(await world.again(feed)) is Condition.GONE
    assert len(await world.entries(feed)) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 451, 500, 502, 504])
async def test_errors_are_met_with_patience_and_never_with_silence(
    world: World, client: Client, publisher: Publisher, status: int
) -> None:
    feed = await world.feed(publisher.answer("/feed", fail(status)))
    (poll,) = await round_of(world, client)
    waits = []
    for _ in range(12):
        assert poll.feed.next_poll_at is not None
        waits.append(poll.feed.next_poll_at - world.now)
        poll = await next_of(world, client, feed)

    after = await world.again(feed)
    assert all(earlier < later for earlier, later in itertools.pairwise(waits[:4]))
    assert all(DAY <= wait <= DAY + MOST_JITTER for wait in waits[6:])
    assert (after.status, after.failures) == (FeedStatus.ACTIVE, 13)
    assert condition_of(after) is Condition.BACKING_OFF
    publisher.put("/feed", body_of("a"))
    assert (await next_of(world, client, feed)).reading.outcome is Outcome.OK
    assert condition_of(await world.again(feed)) is Condition.ACTIVE


@pytest.mark.parametrize(
    "answer",
    [
        fail(403, "<html>wait</html>", Content_Type="text/html"),
        fail(403, cf_mitigated="challenge"),
        fail(503, cf_mitigated="challenge"),
        fail(200, "<rss/>", cf_mitigated="challenge"),
    ],
)
async def test_a_challenge_is_a_state_and_no_end(
    world: World, client: Client, publisher: Publisher, answer: Answer
) -> None:
    feed = await world.feed(publisher.put("/feed", body_of("a"), etag='"1"'))
    await round_of(world, client)
    publisher.answer("/feed", answer)
    for _ in range(5):
        await next_of(world, client, feed)

    challenged = await world.again(feed)
    assert condition_of(challenged) is Condition.CHALLENGED
    assert challenged.status is FeedStatus.ACTIVE
    assert challenged.validators.etag == '"1"'
    publisher.put("/feed", body_of("a", "b"))
    await next_of(world, client, feed)
    assert condition_of(await world.again(feed)) is Condition.ACTIVE


# --- what is sent -------------------------------------------------------------------------------


async def test_a_request_names_us_and_carries_nothing_else(
    world: World, client: Client, publisher: Publisher
) -> None:
    cookie = {"Set-Cookie": "visitor=1; Max-Age=99999999"}
    publisher.answer("/a", redirect("/b?x=%7e&y"))
    publisher.put("/b?x=%7e&y", body_of("a"), headers=cookie)
    feed = await world.feed(publisher.url("/a"))
    await round_of(world, client)
    await next_of(world, client, feed)

    assert [seen.path for seen in publisher.requests] == ["/a", "/b?x=%7e&y"] * 2
    usual = {"host", "user-agent", "accept", "accept-encoding", "connection", "if-none-match"}
    for seen in publisher.requests:
        assert set(seen.headers) <= usual
        assert seen.headers["user-agent"].startswith("Newsreel/")
        assert "+https://archive.example/about" in seen.headers["user-agent"]
        assert seen.headers["accept-encoding"].startswith("gzip, br, zstd")


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate"])
async def test_what_is_offered_can_be_read(
    world: World, client: Client, publisher: Publisher, encoding: str
) -> None:
    await world.feed(publisher.put("/feed", body_of("a", "b"), encoding=encoding))

    (poll,) = await round_of(world, client)

    assert len(poll.changes.new) == 2


async def test_a_feed_that_is_added_again_is_one_feed_and_asked_for_once(
    world: World, client: Client, publisher: Publisher
) -> None:
    url = publisher.put("/feed", body_of("a"))
    for _ in range(3):
        await world.feed(url)

    polls = await round_of(world, client)

    assert len(polls) == len(publisher.requests) == 1


# --- what may have been missed ------------------------------------------------------------------


def written_at(names: str, at: datetime) -> bytes:
    """Entries that came one after the other, every two hours until now."""
    dates = [format_datetime(at - 2 * HOUR * n) for n in range(len(names))]
    return rss(item(name, date=date) for name, date in zip(names, dates, strict=True))


async def test_a_window_without_overlap_is_a_gap_that_is_shown_and_shortens_the_interval(
    world: World, client: Client, publisher: Publisher
) -> None:
    """Two feeds with the same rhythm, of which one shows nothing of the last time."""
    paths = ("/calm", "/torn")
    calm, torn = [
        await world.feed(publisher.put(path, written_at("abcdefghijkl", world.now)))
        for path in paths
    ]
    await round_of(world, client)
    world.later(DAY)
    publisher.put("/calm", written_at("mnopqrstuvwl", world.now))
    publisher.put("/torn", written_at("mnopqrstuvwx", world.now))
    await round_of(world, client)

    after = {feed.id: await world.again(feed) for feed in (calm, torn)}
    next_calm, next_torn = after[calm.id].next_poll_at, after[torn.id].next_poll_at
    assert next_calm is not None
    assert next_torn is not None
    assert next_torn - world.now < (next_calm - world.now) * 0.95
    gaps = {feed.id: await world.store.gaps(feed_id=feed.id) for feed in (calm, torn)}
    assert "no-overlap" in [gap.reason for gap in gaps[torn.id]]
    assert "no-overlap" not in [gap.reason for gap in gaps[calm.id]]
    (record,) = await world.store.polls(feed_id=torn.id, limit=1)
    assert record.overlap == 0
