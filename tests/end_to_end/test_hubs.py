"""Hubs: asked, confirmed, pushed by; a real hub, a real publisher, and our server between."""

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from hub import CHALLENGE, Hub
from newsreel.app.captures import Captures, captures_of, days_of, trees_in
from newsreel.app.export import Roots
from newsreel.app.hubs import Hubs, Push, Verdict
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.app.rebuild_captures import rebuild_from_captures
from newsreel.app.reparse import reparse
from newsreel.errors import UsageError
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.host import HostState
from newsreel.model.hub import HubStatus, HubSubscription
from newsreel.model.poll import Outcome, Poll
from newsreel.store import Store, open_store
from newsreel.web import server
from newsreel.web.app import make_app
from newsreel.web.server import serving
from polled_world import DAY, HOUR, MINUTE, MORNING, Item, item, rss, titles_of
from publisher import Publisher

PUBLIC = "https://news.example/reader"
MAX_BYTES = 100_000


@dataclass
class Town:
    """A publisher, its hub, and us; what time it is."""

    store: Store
    client: Client
    publisher: Publisher
    hub: Hub
    hubs: Hubs
    now: datetime = MORNING
    pushed: list[Poll] = field(default_factory=list)
    captures: Captures | None = None

    async def publish(self, *items: Item, path: str = "/feed.xml", **told: str) -> str:
        link = f'<{self.hub.url}>; rel="hub", <{self.publisher.url(path)}>; rel="self"'
        return self.publisher.put(path, rss(items), headers={"Link": link, **told})

    async def feed(self, *items: Item, **fields: object) -> Feed:
        """A feed that was polled once."""
        url = await self.publish(*items)
        new = NewFeed(url=url, **fields)  # type: ignore[arg-type]
        (added,) = await self.store.add_feeds([new], now=self.now)
        await self.poll(added.feed)
        return await self.again(added.feed)

    async def poll(self, feed: Feed) -> Poll:
        keep = {"keep": self.captures.keep} if self.captures else {}
        wanted = Wanted(feed_ids=(feed.id,))
        polls = poll_feeds(self.store, self.client, clock=lambda: self.now, wanted=wanted, **keep)
        (poll,) = [poll async for poll in polls]
        return poll

    async def again(self, feed: Feed) -> Feed:
        found = await self.store.feed(feed.id)
        assert found is not None
        return found

    async def subscription(self) -> HubSubscription:
        (found,) = await self.store.hub_subscriptions()
        return found

    async def subscribed(self, *items: Item) -> Feed:
        """A feed whose hub has confirmed."""
        feed = await self.feed(*items)
        assert await self.hubs.ask_around() == 1
        assert (await self.subscription()).status is HubStatus.VERIFIED
        return feed

    async def push(self, *items: Item, **told: object) -> int:
        return await self.push_bytes(rss(items), **told)

    async def push_bytes(self, body: bytes, **told: object) -> int:
        return await asyncio.to_thread(partial(self.hub.push, body, **told))  # type: ignore[arg-type]

    async def entries(self, feed: Feed) -> list[Entry]:
        return await self.store.entries_of(feed.id)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@asynccontextmanager
async def built(
    store: Store, publisher: Publisher, hub: Hub, captures: Path | None = None, **told: object
) -> AsyncIterator[Town]:
    policy = FetchPolicy(allow_private=("127.0.0.0/8",), timeout=timedelta(seconds=10))

    async def loopback(_: str) -> list[str]:
        return ["127.0.0.1"]

    async with Client(policy, lookup=loopback) as client:
        town = Town(store, client, publisher, hub, None)  # type: ignore[arg-type]
        if captures is not None:
            town.captures = Captures(
                captures, budget=10**9, clock=lambda: town.now, notify=lambda _: None
            )
        town.hubs = Hubs(
            store,
            client,
            public_url=PUBLIC + "/",
            clock=lambda: town.now,
            tell=town.pushed.append,
            **({"keep": town.captures.keep} if town.captures else {}),  # type: ignore[arg-type]
            **told,  # type: ignore[arg-type]
        )
        app = make_app(town.hubs, path="/reader", max_bytes=MAX_BYTES)
        async with serving(app, "127.0.0.1:0") as address:
            hub.at = {PUBLIC: f"http://{address}/reader"}
            yield town
        if town.captures is not None:
            await town.captures.close()


@pytest.fixture
async def town(store: Store, publisher: Publisher, hub: Hub) -> AsyncIterator[Town]:
    async with built(store, publisher, hub) as town:
        yield town


# --- asking


async def test_a_hub_is_asked_asks_back_and_pushes(town: Town) -> None:
    feed = await town.feed(item("a"))

    asked = await town.hubs.ask_around()

    (form,) = town.hub.forms
    found = await town.subscription()
    assert asked == 1
    assert form == {
        "hub.mode": "subscribe",
        "hub.topic": feed.url,
        "hub.callback": f"{PUBLIC}/hub/{found.token}",
        "hub.secret": found.secret,
        "hub.lease_seconds": "864000",
    }
    assert (len(found.token), len(found.secret)) == (32, 64)
    (answer,) = town.hub.answers
    assert (answer.status, answer.body) == (200, CHALLENGE.encode())
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert found.lease_until == town.now + 10 * DAY
    assert await town.hubs.ask_around() == 0

    assert await town.push(item("b")) == 202

    assert titles_of(await town.entries(feed)) == ["B", "A"]
    assert [poll.reading.outcome for poll in town.pushed] == [Outcome.PUSHED]
    assert len(town.publisher.requests) == 1


async def test_a_hub_that_asks_back_later_is_answered_then(town: Town) -> None:
    town.hub.is_prompt = False
    await town.feed(item("a"))
    await town.hubs.ask_around()
    waiting = await town.subscription()

    answer = await asyncio.to_thread(town.hub.verify, town.hub.forms[0])
    again = await asyncio.to_thread(town.hub.verify, town.hub.forms[0])

    assert waiting.status is HubStatus.ASKED
    assert (answer.status, answer.body) == (200, CHALLENGE.encode())
    assert again.status == 404  # nothing is asked for any more
    assert (await town.subscription()).status is HubStatus.VERIFIED


@pytest.mark.parametrize(
    "told",
    [
        {"topic": "https://other.example/feed"},
        {"mode": "unsubscribe"},
        {"mode": "publish"},
        {"mode": ""},
        {"challenge": ""},
        {"challenge": "x" * 5000},
    ],
)
async def test_what_we_did_not_ask_for_is_not_confirmed(town: Town, told: dict[str, str]) -> None:
    town.hub.is_prompt = False
    await town.feed(item("a"))
    await town.hubs.ask_around()

    answer = await asyncio.to_thread(partial(town.hub.verify, town.hub.forms[0], **told))

    assert (answer.status, answer.body) == (404, b"")
    assert (await town.subscription()).status is HubStatus.ASKED


async def test_a_stranger_learns_nothing(town: Town) -> None:
    feed = await town.subscribed(item("a"))
    form = town.hub.forms[0]
    stranger = {**form, "hub.callback": f"{PUBLIC}/hub/{'x' * 32}"}

    answer = await asyncio.to_thread(town.hub.verify, stranger)
    pushed = await town.push(item("b"), form=stranger)

    assert (answer.status, answer.body) == (404, b"")
    assert pushed == 410
    assert titles_of(await town.entries(feed)) == ["A"]
    base = town.hub.at[PUBLIC].removesuffix("/reader")
    for path in ("/", "/hub/", "/hub", "/docs"):
        assert (await asyncio.to_thread(town.hub.ask, base + path, {})).status == 404


@pytest.fixture
async def open_road(store: Store, publisher: Publisher, hub: Hub) -> AsyncIterator[Town]:
    """A town whose hub has a name, is not under TLS, and not the operator's own."""
    hub.name = "hub.example"
    async with built(store, publisher, hub) as town:
        yield town


async def test_a_hub_without_tls_is_told_no_secret_and_believed_in_nothing(
    open_road: Town,
) -> None:
    town = open_road
    feed = await town.subscribed(item("a"))

    answers = [await town.push(item("b"), secret=secret) for secret in ("guess", "")]

    assert "hub.secret" not in town.hub.forms[0]
    assert (await town.subscription()).secret == ""
    assert answers == [202, 202]
    assert titles_of(await town.entries(feed)) == ["A"]
    assert not town.pushed
    assert (await town.subscription()).pushes == 0


async def test_a_hint_lets_a_feed_be_polled_but_not_too_often(open_road: Town) -> None:
    town = open_road
    feed = await town.subscribed(item("a"))
    await town.publish(item("a"), item("b"))
    await town.push(item("c"), secret="guess")
    town.now += 14 * MINUTE
    assert await town.hubs.poll_hinted() == []

    town.now += MINUTE
    (poll,) = await town.hubs.poll_hinted()

    assert (poll.feed.id, poll.reading.outcome) == (feed.id, Outcome.OK)
    assert set(titles_of(await town.entries(feed))) == {"A", "B"}
    town.now += HOUR
    assert await town.hubs.poll_hinted() == []


async def test_a_hint_of_a_feed_that_is_deleted_is_forgotten(open_road: Town) -> None:
    feed = await open_road.subscribed(item("a"))
    await open_road.push(item("b"), secret="guess")
    await open_road.store.purge_feed(feed.id)
    open_road.now += HOUR

    assert await open_road.hubs.poll_hinted() == []


async def test_a_secret_that_was_told_in_the_open_is_no_longer_believed(open_road: Town) -> None:
    town = open_road
    feed = await town.subscribed(item("a"))
    await town.store.change_hub(feed.id, lambda found: found and replace(found, secret="told"))
    await town.push(item("b"), secret="told")
    town.now = (await town.subscription()).next_at

    assert await town.hubs.ask_around() == 1

    assert "hub.secret" not in town.hub.forms[1]
    assert (await town.subscription()).secret == ""
    assert titles_of(await town.entries(feed)) == ["A"]


async def test_a_lease_is_renewed_with_the_same_callback(town: Town) -> None:
    await town.subscribed(item("a"))
    first = await town.subscription()
    town.now = first.next_at - MINUTE
    assert await town.hubs.ask_around() == 0

    town.now = first.next_at
    assert await town.hubs.ask_around() == 1

    second = await town.subscription()
    assert first.next_at < MORNING + 9 * DAY
    assert second.lease_until == first.next_at + 10 * DAY
    assert town.hub.forms[0] == town.hub.forms[1]
    assert second.status is HubStatus.VERIFIED


async def test_while_a_hub_does_not_renew_it_may_still_push(town: Town) -> None:
    feed = await town.subscribed(item("a"))
    town.hub.status = 503
    town.now = (await town.subscription()).next_at

    await town.hubs.ask_around()

    found = await town.subscription()
    assert (found.status, found.fault, found.attempts) == (HubStatus.VERIFIED, "http-503", 1)
    assert await town.push(item("b")) == 202
    assert titles_of(await town.entries(feed)) == ["B", "A"]


async def test_a_hub_may_deny_at_once_or_later(town: Town) -> None:
    town.hub.is_prompt = False
    feed = await town.feed(item("a"))
    await town.hubs.ask_around()
    (form,) = town.hub.forms

    answer = await asyncio.to_thread(town.hub.deny, form)

    found = await town.subscription()
    assert answer.status == 200
    assert (found.status, found.fault) == (HubStatus.DENIED, "denied")
    assert await town.push(item("b")) == 410
    assert titles_of(await town.entries(feed)) == ["A"]
    town.now += 6 * DAY
    assert await town.hubs.ask_around() == 0
    town.now += DAY
    assert await town.hubs.ask_around() == 1


@pytest.mark.parametrize("status", [FeedStatus.PAUSED, FeedStatus.REMOVED])
async def test_a_feed_that_rests_is_unsubscribed(town: Town, status: FeedStatus) -> None:
    feed = await town.subscribed(item("a"))
    await town.store.save_feed(replace(feed, status=status))

    early = await town.push(item("b"))
    await town.hubs.ask_around()

    assert early == 410
    assert [form["hub.mode"] for form in town.hub.forms] == ["subscribe", "unsubscribe"]
    assert "hub.secret" not in town.hub.forms[1]
    assert town.hub.answers[1].body == CHALLENGE.encode()
    assert await town.store.hub_subscriptions() == []
    assert await town.hubs.ask_around() == 0


async def test_a_feed_that_moves_to_another_hub_is_subscribed_there(
    town: Town, publisher: Publisher
) -> None:
    feed = await town.subscribed(item("a"))
    with Hub(at=town.hub.at) as other:
        link = f'<{other.url}>; rel="hub"'
        publisher.put("/feed.xml", rss([item("a"), item("b")]), headers={"Link": link})
        town.now += HOUR
        await town.poll(feed)

        await town.hubs.ask_around()
        await town.hubs.ask_around()

        assert [form["hub.mode"] for form in town.hub.forms] == ["subscribe", "unsubscribe"]
        assert [form["hub.mode"] for form in other.forms] == ["subscribe"]
        assert (await town.subscription()).announced.hub == other.url
        assert other.forms[0]["hub.secret"] != town.hub.forms[0]["hub.secret"]


async def test_a_hub_that_is_down_costs_nothing_but_a_fault(town: Town) -> None:
    feed = await town.feed(item("a"))
    usual = feed.next_poll_at
    with Hub() as gone:
        url = gone.url
    link = f'<{url}>; rel="hub"'
    town.publisher.put("/feed.xml", rss([item("a")]), headers={"Link": link}, etag='"2"')
    await town.poll(feed)  # the same body: the hub is the one of before

    town.publisher.put("/feed.xml", rss([item("a"), item("b")]), headers={"Link": link})
    town.now += HOUR
    poll = await town.poll(feed)
    await town.hubs.ask_around()

    found = await town.subscription()
    assert usual is not None
    assert (found.status, found.fault, found.lease_until) == (HubStatus.ASKED, "connect", None)
    assert poll.feed.next_poll_at is not None
    assert poll.feed.next_poll_at - town.now < 2 * (usual - MORNING)
    assert (await town.again(feed)).next_poll_at == poll.feed.next_poll_at
    town.now += 59 * MINUTE
    assert await town.hubs.ask_around() == 0
    town.now += MINUTE
    assert await town.hubs.ask_around() == 1


async def test_a_hub_s_wish_to_be_left_alone_is_everybody_s(town: Town) -> None:
    await town.feed(item("a"))
    town.hub.status = 429

    assert await town.hubs.ask_around() == 1
    (told,) = [host for host in await town.store.hosts() if host.not_before]

    assert told.host == "127.0.0.1"


async def test_no_hub_is_asked_at_a_host_that_wants_to_be_left_alone(town: Town) -> None:
    await town.feed(item("a"))
    await town.store.save_hosts([HostState("127.0.0.1", town.now + HOUR)])

    assert await town.hubs.ask_around() == 0
    assert town.hub.forms == []


async def test_a_hub_in_a_private_network_is_not_asked(
    store: Store, publisher: Publisher, hub: Hub
) -> None:
    async with built(store, publisher, hub) as town:
        feed = await town.feed(item("a"))
        async with Client(FetchPolicy(timeout=timedelta(seconds=5))) as strict:
            hubs = Hubs(store, strict, public_url=PUBLIC, clock=lambda: town.now)
            await hubs.ask_around()

        assert hub.forms == []
        assert (await town.subscription()).fault == "refused-address"
        assert (await town.again(feed)).failures == 0


async def test_a_private_feed_is_not_told_of(town: Town) -> None:
    await town.feed(item("a"), is_private=True)

    assert await town.hubs.ask_around() == 0
    assert town.hub.forms == []


# --- pushes


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
async def test_every_signature_of_the_standard_is_known(town: Town, method: str) -> None:
    feed = await town.subscribed(item("a"))

    assert await town.push(item("b"), method=method) == 202
    assert titles_of(await town.entries(feed)) == ["B", "A"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"secret": "guessed"}, "bad-signature"),
        ({"X_Hub_Signature": ""}, "bad-signature"),
        ({"X_Hub_Signature": "sha256=0"}, "bad-signature"),
        ({"method": "md5"}, "bad-signature"),
        ({"Link": '<https://other.example/>; rel="self"'}, "wrong-topic"),
    ],
)
async def test_what_is_not_to_be_believed_is_acknowledged_and_ignored(
    town: Town, told: dict[str, str], why: str
) -> None:
    feed = await town.subscribed(item("a"))

    status = await town.push(item("b"), **told)

    found = await town.subscription()
    assert status == 202
    assert titles_of(await town.entries(feed)) == ["A"]
    assert (found.ignored, found.pushes, found.fault) == (1, 0, why)
    assert len(await town.store.polls()) == 1


async def test_what_is_no_feed_is_ignored_and_the_feed_goes_on(town: Town) -> None:
    feed = await town.subscribed(item("a"))

    for body in (b"", b"{}", b"<html>hello</html>", bytes(500)):
        assert await town.push_bytes(body) == 202

    found = await town.subscription()
    assert (found.ignored, found.fault) == (4, "not-a-feed")
    assert (await town.again(feed)).failures == 0
    assert await town.store.gaps() == []
    assert await town.push(item("b"), Content_Type="") == 202
    assert titles_of(await town.entries(feed)) == ["B", "A"]
    assert (await town.subscription()).fault is None


async def test_a_body_has_a_limit(town: Town) -> None:
    feed = await town.subscribed(item("a"))
    long = rss([item("b", summary="x" * MAX_BYTES)])

    assert await town.push_bytes(long) == 413
    assert await town.push_bytes(long, is_chunked=True) == 413
    assert await town.push(item("c"), is_chunked=True) == 202
    assert await town.push_bytes(long, Content_Encoding="gzip") == 415
    assert titles_of(await town.entries(feed)) == ["C", "A"]


async def test_a_push_that_is_replayed_changes_nothing(town: Town) -> None:
    feed = await town.subscribed(item("a"))
    body = rss([item("b")])
    await town.push_bytes(body)
    before = await town.entries(feed)

    for _ in range(3):
        town.now += MINUTE
        assert await town.push_bytes(body) == 202

    assert await town.entries(feed) == before


async def test_a_push_of_what_a_poll_just_read_counts_as_one(town: Town) -> None:
    feed = await town.subscribed(item("a"))

    assert await town.push(item("a")) == 202

    found = await town.subscription()
    assert (found.pushes, found.ignored, found.fault) == (1, 0, None)
    assert titles_of(await town.entries(feed)) == ["A"]


async def test_pushes_of_one_feed_at_once_are_all_taken(town: Town) -> None:
    feed = await town.subscribed(item("a"))

    statuses = await asyncio.gather(*(town.push(item(f"p{n}")) for n in range(10)))

    assert statuses == [202] * 10
    assert len(await town.entries(feed)) == 11


async def test_while_a_poll_has_the_feed_the_hub_is_to_come_again(
    store: Store, publisher: Publisher, hub: Hub
) -> None:
    async with built(store, publisher, hub, longest_wait=0.0) as town:
        feed = await town.subscribed(item("a"))
        (leased,) = await store.lease(
            now=town.now, term=HOUR, limit=1, feed_ids=[feed.id], is_forced=True
        )

        busy = await town.push(item("b"))
        await store.release([leased.id])
        free = await town.push(item("b"))

        assert (busy, free) == (503, 202)
        assert titles_of(await town.entries(feed)) == ["B", "A"]


async def test_a_push_waits_a_little_for_a_poll(town: Town) -> None:
    feed = await town.subscribed(item("a"))
    found = await town.subscription()
    await town.store.lease(now=town.now, term=HOUR, limit=1, feed_ids=[feed.id], is_forced=True)
    tries, has_tried = 0, asyncio.Event()

    def clock() -> datetime:
        nonlocal tries
        tries += 1
        if tries >= 3:
            has_tried.set()
        return town.now

    hubs = Hubs(town.store, town.client, public_url=PUBLIC, clock=clock)
    body = rss([item("b")])
    signature = "sha1=" + hmac.new(found.secret.encode(), body, "sha1").hexdigest()
    pushing = asyncio.create_task(hubs.take(found.token, Push(body=body, signature=signature)))
    await has_tried.wait()

    assert not pushing.done()
    await town.store.release([feed.id])

    assert await pushing is Verdict.TAKEN
    assert titles_of(await town.entries(feed)) == ["B", "A"]


async def test_the_next_poll_asks_as_if_nothing_had_been_pushed(town: Town) -> None:
    feed = await town.subscribed(item("a"))
    etag = town.publisher.etag("/feed.xml")
    await town.push(item("b"))
    await town.publish(item("b"), item("a"))
    town.now += HOUR

    poll = await town.poll(feed)

    assert town.publisher.requests[-1].headers["if-none-match"] == etag
    assert poll.reading.outcome is Outcome.OK
    assert (len(poll.changes.new), poll.changes.overlap, poll.gaps) == (0, 2, ())


# --- captures


async def told_of(store: Store) -> list[object]:
    """All that an archive is made of."""
    (feed,) = await store.feeds()
    return [
        [
            (entry.public_id, entry.day, entry.first_seen_at, entry.revisions, found)
            for entry in sorted(await store.entries_of(feed.id), key=lambda one: one.public_id)
            for found in [await store.last_seen_at(entry)]
        ],
        await store.gaps(),
    ]


async def test_what_was_pushed_is_captured_and_rebuilt(
    store: Store, publisher: Publisher, hub: Hub, tmp_path: Path
) -> None:
    captures = tmp_path / "captures"
    async with built(store, publisher, hub, captures) as town:
        feed = await town.subscribed(item("a"), item("b"))
        for step in (item("c"), item("d"), item("c", title="Edited"), item("d")):
            town.now += 10 * MINUTE
            assert await town.push(step) == 202
        town.now += HOUR
        await town.publish(item("e"), item("d"), item("c", title="Edited"))
        await town.poll(feed)
        town.now += HOUR
        await town.push(item("f"))
        expected = await told_of(store)
    rebuilt = open_store(f"sqlite:{tmp_path / 'rebuilt.sqlite'}")
    try:
        await rebuild_from_captures(
            rebuilt, captures, Roots(tmp_path / "archive", None), clock=lambda: town.now
        )
        found = await told_of(rebuilt)
        (again,) = await rebuilt.feeds()
    finally:
        await rebuilt.close()

    trees = trees_in(captures)
    lines = [one for day in days_of(trees) for one in captures_of(trees, day)]
    kept = [one.tree.read(one.line) for one in lines]
    assert [one.capture.is_pushed for one in kept if one] == [0, 1, 1, 1, 0, 1]
    assert found == expected
    assert again.next_poll_at is not None


async def test_reading_captures_again_finds_nothing_to_change(
    store: Store, publisher: Publisher, hub: Hub, tmp_path: Path
) -> None:
    captures = tmp_path / "captures"
    async with built(store, publisher, hub, captures) as town:
        await town.subscribed(item("a"))
        town.now += HOUR
        await town.push(item("b"))
        town.now += HOUR
        await town.push(item("b", title="Edited"))

    account = await reparse(store, captures)

    assert account.captures == 3
    assert (account.changes, account.damaged) == ([], [])


async def test_what_was_missed_was_absent_at_the_last_poll_not_push(
    store: Store, publisher: Publisher, hub: Hub, tmp_path: Path
) -> None:
    captures = tmp_path / "captures"
    async with built(store, publisher, hub, captures) as town:
        feed = await town.subscribed(item("a"))
        first = town.now
        town.now += HOUR
        await town.push(item("b"))
        town.now += HOUR
        await town.publish(item("c"), item("b"), item("a"))
        await town.poll(feed)
    empty = open_store(f"sqlite:{tmp_path / 'empty.sqlite'}")
    try:
        await empty.add_feeds([NewFeed(url=feed.url)], now=MORNING)
        await reparse(empty, captures, is_applied=True)
        (again,) = await empty.feeds()
        found = await empty.entries_of(again.id)
    finally:
        await empty.close()

    assert [entry.latest.absent_at for entry in found] == [first, first, None]
    assert titles_of(found) == ["C", "B", "A"]


# --- the server


async def test_who_asks_for_nothing_is_hung_up_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SILENCE_SECONDS", 0.05)
    app = make_app(town.hubs, max_bytes=MAX_BYTES)

    async with serving(app, "127.0.0.1:0") as address:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /hub/x HTTP/1.1\r\nHost:")
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_an_address_that_is_taken_is_told(town: Town) -> None:
    taken = town.hub.at[PUBLIC].removeprefix("http://").removesuffix("/reader")

    with pytest.raises(UsageError, match=f"can't listen at {taken}"):
        async with serving(make_app(town.hubs, max_bytes=1), taken):
            pass


async def test_it_listens_at_a_unix_socket_and_takes_over_a_dead_one(
    town: Town, tmp_path: Path
) -> None:
    path = tmp_path / "newsreel.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    app = make_app(town.hubs, max_bytes=1)

    async with serving(app, f"unix:{path}") as address:
        assert address == f"unix:{path}"
        with pytest.raises(UsageError, match="another process listens there"):
            async with serving(app, f"unix:{path}"):
                pass
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /hub/x?hub.mode=denied HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"404"
        writer.close()
        await writer.wait_closed()

    assert not path.exists()
