"""What every store must do with hubs: remember them, and store what they push as no poll."""

import dataclasses
from datetime import timedelta
from hashlib import sha256

import pytest

from newsreel.app.poll import take_in
from newsreel.errors import LeaseLost
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.host import HostState
from newsreel.model.hub import Announcement, HubStatus, HubSubscription
from newsreel.model.poll import Outcome, Poll, Tombstone
from newsreel.store import Store
from polled_world import DAY, HOUR, MINUTE, MORNING, PRESS, Item, World, item, rss, titles_of

HUB = Announcement("https://hub.example/", PRESS)
LINK = f'HTTP/1.1 200 OK\r\nLink: <{HUB.hub}>; rel=hub, <{PRESS}>; rel="self"'.encode()


async def subscribe(world: World, feed: Feed, **fields: object) -> HubSubscription:
    """Note a subscription that the hub confirmed."""
    usual: dict[str, object] = {
        "feed_id": feed.id,
        "announced": HUB,
        "token": f"t{feed.id}",
        "secret": "s3cret",
        "status": HubStatus.VERIFIED,
        "asked_at": world.now,
        "next_at": world.now + 8 * DAY,
        "lease_until": world.now + 10 * DAY,
    }
    wanted = HubSubscription(**(usual | fields))  # type: ignore[arg-type]
    saved = await world.store.change_hub(feed.id, lambda _: wanted)
    assert saved is not None
    return saved


async def push(world: World, feed: Feed, *items: Item) -> Poll:
    """Push these items alone."""
    leased = await world.store.lease_pushed(feed.id, now=world.now, term=MINUTE)
    assert leased is not None
    body = rss(items)
    capture = Capture(
        url=leased.url,
        final_url=leased.url,
        fetched_at=world.now,
        body=body,
        digest=sha256(body).digest(),
        is_pushed=True,
    )
    return await take_in(leased, capture, world.store, clock=world.clock)


# --- subscriptions


async def test_a_subscription_is_kept_whole(world: World) -> None:
    feed = await world.feed()
    wanted = HubSubscription(
        feed_id=feed.id,
        announced=HUB,
        token="t",
        secret="s",
        status=HubStatus.ASKED,
        is_pending=True,
        asked_at=MORNING,
        next_at=MORNING + HOUR,
        attempts=3,
        lease_until=MORNING + DAY,
        last_push_at=MORNING - DAY,
        pushes=7,
        ignored=2,
        fault="http-500",
    )

    saved = await world.store.change_hub(feed.id, lambda _: wanted)

    assert saved == wanted
    assert await world.store.hub_subscriptions() == [wanted]
    assert await world.store.hub_subscription("t") == wanted
    assert await world.store.hub_subscription("T") is None


async def test_a_change_sees_what_is_there_and_may_delete_it(world: World) -> None:
    feed = await world.feed()
    seen: list[HubSubscription | None] = []
    first = await subscribe(world, feed)

    def forget(found: HubSubscription | None) -> None:
        seen.append(found)

    assert await world.store.change_hub(feed.id, forget) is None
    assert seen == [first]
    assert await world.store.hub_subscriptions() == []


async def test_a_subscription_goes_with_its_feed(world: World) -> None:
    feed = await world.feed()
    found = await subscribe(world, feed)

    await world.store.purge_feed(feed.id)

    assert await world.store.hub_subscriptions() == []
    assert await world.store.change_hub(feed.id, lambda _: found) is None


async def test_feeds_that_announce_a_hub_are_found(world: World) -> None:
    announcing = await world.feed()
    silent = await world.feed("https://silent.example/feed")
    paused = await world.feed("https://paused.example/feed")
    left = await world.feed("https://left.example/feed")
    for feed in (announcing, paused):
        await world.poll(feed, item("a"), head=LINK)
    await world.poll(silent, item('"hub":'))
    for feed in (paused, left):
        await world.store.save_feed(dataclasses.replace(feed, status=FeedStatus.PAUSED))
    kept = await subscribe(world, left)

    found = await world.store.hub_feeds()

    assert [(feed.id, known) for feed, known in found] == [(announcing.id, None), (left.id, kept)]


# --- the lease


async def test_a_push_waits_for_the_poll_that_holds_the_feed(world: World, other: Store) -> None:
    feed = await world.feed()
    (leased,) = await world.lease(feed, is_forced=True)

    held = [
        await store.lease_pushed(feed.id, now=world.now, term=MINUTE)
        for store in (world.store, other)
    ]
    await world.store.release([leased.id])
    free = await other.lease_pushed(feed.id, now=world.now, term=MINUTE)

    assert held == [None, None]
    assert free == feed
    assert await world.lease(feed, is_forced=True) == []


async def test_a_push_is_taken_while_the_host_wants_to_be_left_alone(world: World) -> None:
    feed = await world.feed()
    closed = HostState("press.example", world.now + DAY)
    await world.store.save_hosts([closed])

    assert await world.lease(feed, is_forced=True) == []
    assert await world.store.lease_pushed(feed.id, now=world.now, term=MINUTE) == feed


@pytest.mark.parametrize("status", [FeedStatus.PAUSED, FeedStatus.REMOVED, FeedStatus.GONE])
async def test_nothing_is_pushed_to_a_feed_that_sleeps(world: World, status: FeedStatus) -> None:
    feed = await world.feed()
    await world.store.save_feed(dataclasses.replace(feed, status=status))

    assert await world.store.lease_pushed(feed.id, now=world.now, term=MINUTE) is None
    assert await world.store.lease_pushed(99, now=world.now, term=MINUTE) is None


async def test_a_push_without_its_lease_stores_nothing(world: World, other: Store) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await subscribe(world, feed)
    leased = await world.store.lease_pushed(feed.id, now=world.now, term=MINUTE)
    assert leased is not None
    world.later(2 * MINUTE)
    await other.lease_pushed(feed.id, now=world.now, term=MINUTE)
    body = rss([item("b")])
    capture = Capture(
        url=PRESS, final_url=PRESS, fetched_at=world.now, body=body,
        digest=sha256(body).digest(), is_pushed=True,
    )  # fmt: skip

    with pytest.raises(LeaseLost):
        await take_in(leased, capture, world.store, clock=world.clock)

    assert titles_of(await world.entries(feed)) == ["A"]
    assert [found.pushes for found in await world.store.hub_subscriptions()] == [0]


# --- what is pushed


async def test_a_push_brings_entries_and_is_no_poll(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    await subscribe(world, feed)
    before = await world.again(feed)
    world.later()

    poll = await push(world, feed, item("c"))

    after = await world.again(feed)
    assert poll.reading.outcome is Outcome.PUSHED
    assert titles_of(await world.entries(feed)) == ["C", "B", "A"]
    assert after.last_push_at == after.last_change_at == world.now
    assert after.entry_count == 3
    unchanged = (
        *("next_poll_at", "last_poll_at", "last_ok_at", "validators", "body_digest"),
        *("failures", "fault", "title", "url"),
    )
    for name in unchanged:
        assert getattr(after, name) == getattr(before, name)
    (found,) = await world.store.hub_subscriptions()
    assert (found.pushes, found.last_push_at) == (1, world.now)


async def test_a_push_counts_in_no_days_polls(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later(DAY)

    await push(world, feed, item("b"))

    (first,) = await world.store.day_feeds(MORNING.date(), is_private=False)
    assert (first.polls_expected, first.polls_made) == (1, 1)
    today = await world.store.day_feeds(world.now.date(), is_private=False)
    assert [(found.polls_expected, found.polls_made) for found in today] in ([], [(0, 0)])
    log = await world.store.polls(feed_id=feed.id)
    assert [(line.outcome, line.new, line.overlap) for line in log] == [
        (Outcome.PUSHED, 1, None),
        (Outcome.OK, 1, None),
    ]


async def test_what_is_not_in_a_push_is_neither_gone_nor_a_gap(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    first = await world.entry(feed, "press-a")
    world.later()
    await push(world, feed, item("c"))
    world.later()

    poll = await world.poll(feed, item("c"), item("b"), item("a"))

    assert await world.store.gaps() == []
    assert poll.lost == ()
    assert poll.changes.overlap == 3
    assert (len(poll.changes.new), len(poll.changes.revised)) == (0, 0)
    assert await world.store.last_seen_at(first) == world.now


async def test_what_was_pushed_is_known_where_all_that_stood_there_is_gone(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    for name in "cdef":
        world.later(10 * MINUTE)
        await push(world, feed, item(name))
    world.later()

    poll = await world.poll(feed, item("f"), item("e"))

    assert await world.store.gaps() == []
    assert poll.changes.overlap == 2
    assert len(poll.lost) == 4


async def test_without_any_push_the_same_is_a_gap(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    world.later()

    await world.poll(feed, item("f"), item("e"))

    assert [gap.reason for gap in await world.store.gaps()] == ["no-overlap"]


async def test_when_it_was_last_seen_is_what_polls_saw(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later()
    await push(world, feed, item("b"))
    pushed_at = world.now
    never = await world.entry(feed, "press-b")
    world.later()

    assert await world.store.last_seen_at(never) is None
    await world.poll(feed, item("c"))

    assert never.first_seen_at == pushed_at
    assert await world.store.last_seen_at(never) is None
    world.later()
    await world.poll(feed, item("b"), item("c"))
    assert await world.store.last_seen_at(never) == world.now


async def test_a_pushed_edit_is_a_revision(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    polled_at = world.now
    world.later()

    await push(world, feed, item("a", title="Another title"))

    entry = await world.entry(feed)
    assert [one.content.title for one in entry.revisions] == ["A", "Another title"]
    assert (entry.latest.seen_at, entry.latest.absent_at) == (world.now, polled_at)
    assert entry.latest.capture is not None


async def test_a_push_that_comes_twice_changes_nothing(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await push(world, feed, item("b"))
    entries = await world.entries(feed)
    world.later()

    again = await push(world, feed, item("b"))

    assert not again.changes.is_any
    assert await world.entries(feed) == entries


async def test_a_push_that_comes_late_brings_no_old_wording_back_but_a_poll_does(
    world: World,
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    for title in ("B", "C"):
        world.later()
        await push(world, feed, item("a", title=title))
    world.later()

    late = await push(world, feed, item("a", title="B"))
    world.later()
    poll = await world.poll(feed, item("a", title="B"))

    assert not late.changes.is_any
    assert len(poll.changes.revised) == 1
    entry = await world.entry(feed)
    assert [one.content.title for one in entry.revisions] == ["A", "B", "C", "B"]


async def test_what_left_the_feed_does_not_come_back_by_a_late_push(world: World) -> None:
    feed = await world.feed()
    seen_at = (await world.poll(feed, item("a"), item("b"))).at
    world.later()
    await world.poll(feed, item("b"))
    world.later()
    await push(world, feed, item("a"))
    world.later()

    poll = await world.poll(feed, item("b"), item("c"))

    assert poll.lost == ()
    assert await world.store.last_seen_at(await world.entry(feed, "press-a")) == seen_at


async def test_what_was_erased_is_not_pushed_back(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    gone = await world.entry(feed, "press-b")
    await world.store.tombstone(gone.public_id, Tombstone.ERASED, reason="x", now=world.now)

    poll = await push(world, feed, item("b"), item("c"))

    assert poll.changes.left_out == 1
    assert titles_of(await world.entries(feed)) == ["C", "A"]


async def test_an_open_gap_stays_open_and_failures_stay(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later()
    await world.fail(feed)
    world.later()

    await push(world, feed, item("b"))

    (gap,) = await world.store.gaps()
    assert gap.to_at is None
    assert (await world.again(feed)).failures == 1


async def test_a_poll_never_counts_as_made_before_a_push(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await subscribe(world, feed)
    pushed_at = world.later()
    await push(world, feed, item("a", title="B"))
    world.later(-HOUR / 2)  # the clock is set back

    await world.poll(feed, item("a", title="C"))

    entry = await world.entry(feed)
    assert [one.content.title for one in entry.revisions] == ["A", "B", "C"]
    assert entry.latest.seen_at == pushed_at


# --- polling slows down


async def settled(world: World, feed: Feed) -> timedelta:
    """Poll twelve hours of hourly news; return the wait that follows."""
    for n in range(12):
        at = world.later()
        date = f"{at:%a, %d %b %Y %H:%M:%S +0000}"
        poll = await world.poll(feed, *(item(f"n{m}", date=date) for m in range(n, n + 10)))
    assert poll.feed.next_poll_at is not None
    return poll.feed.next_poll_at - world.now


async def waits(world: World, poll: Poll) -> timedelta:
    assert poll.feed.next_poll_at is not None
    stored = await world.again(poll.feed)
    assert stored.next_poll_at == poll.feed.next_poll_at
    return poll.feed.next_poll_at - world.now


async def test_polls_slow_down_once_a_hub_keeps_its_word(world: World) -> None:
    feed = await world.feed()
    usual = await settled(world, feed)
    await subscribe(world, feed)
    items = [item(f"n{m}") for m in range(11, 21)]
    world.later()

    nothing_pushed = await waits(world, await world.unmodified(feed))
    await push(world, feed, item("n21"))
    world.later()
    slow = await waits(world, await world.poll(feed, *items[1:], item("n21")))
    world.later()
    still_slow = await waits(world, await world.unmodified(feed))
    world.later()
    unpushed = await waits(world, await world.poll(feed, *items[2:], item("n21"), item("n22")))

    assert nothing_pushed < 2 * usual
    assert slow > 2 * usual
    assert still_slow > 2 * usual
    assert unpushed < 2 * usual


async def test_an_edit_that_was_not_pushed_brings_polls_back(world: World) -> None:
    feed = await world.feed()
    usual = await settled(world, feed)
    await subscribe(world, feed)
    await push(world, feed, item("n21"))
    world.later()

    items = [item(f"n{m}") for m in range(12, 21)]
    poll = await world.poll(feed, *items, item("n21", title="Edited"))

    assert len(poll.changes.revised) == 1
    assert await waits(world, poll) < 2 * usual


async def test_a_denial_brings_polls_back_at_once(world: World) -> None:
    feed = await world.feed()
    usual = await settled(world, feed)
    found = await subscribe(world, feed)
    await push(world, feed, item("n21"))
    world.later()
    slow = await waits(world, await world.unmodified(feed))

    denied = dataclasses.replace(found, status=HubStatus.DENIED, lease_until=None)
    await world.store.change_hub(feed.id, lambda _: denied)

    after = await world.again(feed)
    assert slow > 2 * usual
    assert after.next_poll_at is not None
    assert after.next_poll_at - world.now < 2 * usual
    assert after.pushed_until is None


async def test_a_lease_that_ends_brings_polls_back(world: World) -> None:
    feed = await world.feed()
    usual = await settled(world, feed)
    await subscribe(world, feed, lease_until=world.now + 3 * HOUR)
    await push(world, feed, item("n21"))
    world.later(MINUTE)

    slow = await waits(world, await world.unmodified(feed))
    world.later(slow)
    after = await waits(world, await world.unmodified(feed))

    assert 2 * usual < slow <= 3 * HOUR + 15 * MINUTE
    assert after < 2 * usual


async def test_polls_that_fail_do_not_rely_on_a_hub(world: World) -> None:
    feed = await world.feed()
    usual = await settled(world, feed)
    await subscribe(world, feed)
    await push(world, feed, item("n21"))
    world.later()

    assert await waits(world, await world.fail(feed)) < 3 * usual
