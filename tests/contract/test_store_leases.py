"""What every store must do with leases: who may poll what, and when."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from newsreel.app.poll import take_in
from newsreel.core.conclude import conclude
from newsreel.errors import LeaseLost
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.host import HostState
from newsreel.model.poll import Changes, Outcome, Poll, Reading
from newsreel.store import Store
from newsreel.store.protocols import HOST_SHARE
from polled_world import DAY, HOUR, MINUTE, World, item, rss

HOLD_ALL = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from newsreel.store import open_store
async def hold():
    store = open_store(sys.argv[1])
    now = datetime.fromisoformat(sys.argv[2])
    await store.lease(now=now, term=timedelta(days=1), limit=10)
    print("held", flush=True)
    sys.stdin.read()
asyncio.run(hold())
"""


@contextmanager
def holder_of_all(address: str, world: World) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the leases of all that is due."""
    command = [sys.executable, "-c", HOLD_ALL, address, world.now.isoformat()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


async def test_a_new_feed_is_due_at_once_and_leased_once(world: World, other: Store) -> None:
    feed = await world.feed()

    first = await world.lease()
    second = await world.lease(store=other)
    mine_again = await world.lease(feed, is_forced=True)

    assert first == [feed]
    assert second == mine_again == []


async def test_what_is_due_longest_comes_first(world: World) -> None:
    late, early = await world.feed("https://late.example/"), await world.feed("https://b.example/")
    await world.poll(early, item("a"))
    world.later()
    await world.poll(late, item("b"))
    world.later(2 * DAY)

    assert [feed.id for feed in await world.lease()] == [early.id, late.id]


async def test_no_more_is_leased_than_was_asked_for(world: World) -> None:
    await world.store.add_feeds(
        [NewFeed(url=f"https://{number}.example/") for number in range(5)], now=world.now
    )

    slices = [
        await world.store.lease(now=world.now, term=HOUR, limit=limit) for limit in (2, 2, 2, 2)
    ]

    assert [len(found) for found in slices] == [2, 2, 1, 0]
    assert len({feed.id for found in slices for feed in found}) == 5


async def test_a_polled_feed_is_not_due_before_its_time(world: World) -> None:
    feed = await world.feed()
    poll = await world.poll(feed, item("a"))
    next_poll_at = poll.feed.next_poll_at
    assert next_poll_at is not None

    world.now = next_poll_at - timedelta(seconds=1)
    before = await world.lease()
    world.now = next_poll_at
    after = await world.lease()

    assert before == []
    assert [found.id for found in after] == [feed.id]


async def test_force_takes_what_is_not_due_but_only_what_is_active(world: World) -> None:
    feed, paused = await world.feed(), await world.feed("https://paused.example/")
    await world.poll(feed, item("a"))
    await world.store.save_feed(replace(paused, status=FeedStatus.PAUSED))

    assert await world.lease() == []
    assert [found.id for found in await world.lease(is_forced=True)] == [feed.id]
    assert await world.lease(paused, is_forced=True) == []


async def test_a_lease_that_ran_out_is_another_ones(world: World, other: Store) -> None:
    feed = await world.feed()
    await world.lease()

    world.later(16 * MINUTE)

    assert [found.id for found in await world.lease(store=other)] == [feed.id]


async def test_a_lease_given_back_is_free(world: World, other: Store) -> None:
    feed = await world.feed()
    await world.lease()

    await other.release([feed.id])
    of_another = await world.lease(store=other)
    await world.store.release([feed.id])
    freed = await world.lease(store=other)

    assert of_another == []
    assert freed == [feed]


async def test_a_living_process_keeps_its_leases_and_a_dead_one_loses_them(
    world: World, address: str
) -> None:
    feed = await world.feed()

    with holder_of_all(address, world) as process:
        while_it_lives = await world.lease()
        process.kill()
        process.wait()
        once_it_is_dead = await world.lease()

    assert while_it_lives == []
    assert once_it_is_dead == [feed]


async def test_a_closed_store_holds_nothing(world: World, address: str) -> None:
    from newsreel.store import open_store

    feed = await world.feed()
    another = open_store(address)
    await world.lease(store=another)

    await another.close()

    assert await world.lease() == [feed]


async def test_a_poll_whose_lease_was_lost_is_not_stored(world: World, other: Store) -> None:
    feed = await world.feed()
    (leased,) = await world.lease()
    world.later(16 * MINUTE)
    await world.lease(store=other)

    with pytest.raises(LeaseLost):
        await take_in(leased, capture_of(leased, world), world.store, clock=world.clock)

    assert await world.entries(feed) == []
    assert await world.store.polls() == []
    assert await world.store.dirty() == []
    assert await world.lease() == []


async def test_a_poll_is_stored_under_one_lease_only_once(world: World) -> None:
    await world.feed()
    (leased,) = await world.lease()
    await take_in(leased, capture_of(leased, world), world.store, clock=world.clock)

    with pytest.raises(LeaseLost):
        await take_in(leased, capture_of(leased, world), world.store, clock=world.clock)

    assert len(await world.store.polls()) == 1


async def test_a_lost_lease_of_one_poll_spoils_no_other(world: World) -> None:
    feed, lost = await world.feed(), await world.feed("https://lost.example/feed")
    (leased,) = await world.lease(feed)

    with pytest.raises(LeaseLost):
        await world.store.save(empty_poll(lost, world))
    await world.store.save(empty_poll(leased, world))

    assert [record.feed_id for record in await world.store.polls()] == [feed.id]


@pytest.mark.parametrize("is_forced", [False, True])
async def test_a_feed_that_asked_to_be_left_alone_is_left_alone(
    world: World, *, is_forced: bool
) -> None:
    feed = await world.feed()
    await world.fail(feed, 503, retry_after=3 * DAY)

    world.later(3 * DAY - MINUTE)
    before = await world.lease(is_forced=is_forced)
    world.later(DAY)
    after = await world.lease(is_forced=is_forced)

    assert before == []
    assert [found.id for found in after] == [feed.id]


async def test_nobody_is_left_alone_for_longer_than_a_month(world: World) -> None:
    feed = await world.feed()
    await world.fail(feed, 503, retry_after=4000 * DAY)

    world.later(33 * DAY)

    assert [found.id for found in await world.lease(is_forced=True)] == [feed.id]


@pytest.mark.parametrize("is_forced", [False, True])
async def test_no_feed_of_a_host_that_is_closed_is_leased(
    world: World, *, is_forced: bool
) -> None:
    await world.feed("https://closed.example/a")
    await world.feed("https://closed.example/b")
    open_feed = await world.feed("https://open.example/")
    await world.store.save_hosts([HostState("closed.example", world.now + HOUR, 2 * MINUTE)])

    while_closed = await world.lease(is_forced=is_forced)
    world.later(HOUR)
    afterwards = await world.lease(is_forced=is_forced)

    assert while_closed == [open_feed]
    assert [feed.host for feed in afterwards].count("closed.example") == 2


async def test_of_two_words_on_a_host_the_later_moment_stays(world: World, other: Store) -> None:
    late, early = world.now + 2 * HOUR, world.now + HOUR

    await world.store.save_hosts([HostState("a.example", late, MINUTE)])
    await other.save_hosts(
        [HostState("a.example", early, 2 * MINUTE), HostState("b.example", None, MINUTE)]
    )

    assert await world.store.hosts() == [
        HostState("a.example", late, 2 * MINUTE),
        HostState("b.example", None, MINUTE),
    ]


async def test_a_clock_set_back_delays_no_feed_and_hurries_none(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.now -= 300 * DAY

    (leased,) = await world.lease()
    await world.store.release([leased.id])
    second = await world.poll(feed, item("a"), item("b"))
    at_once = await world.lease()
    world.later(DAY)
    next_day = await world.lease()

    assert second.feed.last_poll_at == leased.last_poll_at
    assert at_once == []
    assert [found.id for found in next_day] == [feed.id]
    assert len(await world.entries(feed)) == 2


async def test_after_the_clock_was_set_back_no_retry_after_of_the_future_holds(
    world: World,
) -> None:
    feed = await world.feed()
    await world.fail(feed, 503, retry_after=DAY)
    await world.store.save_hosts([HostState("press.example", world.now + HOUR)])
    world.now -= 300 * DAY

    (leased,) = await world.lease()
    await world.store.release([leased.id])
    await world.fail(feed, 503, retry_after=3 * HOUR)
    world.later(2 * HOUR)

    assert leased.id == feed.id
    assert await world.lease(is_forced=True) == []


async def test_a_clock_set_back_invents_no_missed_polls(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.now -= 300 * DAY
    await world.poll(feed, item("a"))
    world.later(DAY)

    poll = await world.poll(feed, item("a"), item("b"))

    assert sum(poll.expected.values()) < 100
    assert poll.feed.last_poll_at == world.polls[0].feed.last_poll_at


def capture_of(feed: Feed, world: World) -> Capture:
    body = rss([item("a")])
    return Capture(
        url=feed.url,
        final_url=feed.url,
        fetched_at=world.now,
        status=200,
        body=body,
        digest=b"\1" * 32,
    )


def empty_poll(feed: Feed, world: World) -> Poll:
    reading = Reading(capture=capture_of(feed, world), outcome=Outcome.NOT_MODIFIED)
    return conclude(feed, reading, Changes(), window=(), now=world.now)


async def test_a_forced_round_leaves_out_what_another_worker_polled_meanwhile(
    world: World, other: Store
) -> None:
    polled, waiting = await world.feed(), await world.feed("https://second.example/")
    await world.poll(polled, item("a"))
    mark = await other.poll_mark()
    await world.poll(polled, item("a"))

    leased = await other.lease(now=world.now, term=HOUR, limit=10, is_forced=True, since=mark)

    assert [feed.id for feed in leased] == [waiting.id]


async def test_a_forced_round_takes_what_was_polled_before_it_in_the_same_second(
    world: World,
) -> None:
    feed = await world.feed()
    assert await world.store.poll_mark() == 0
    await world.poll(feed, item("a"))
    mark = await world.store.poll_mark()

    leased = await world.store.lease(
        now=world.now, term=HOUR, limit=10, is_forced=True, since=mark
    )

    assert [found.id for found in leased] == [feed.id]


async def test_a_host_is_one_workers_at_a_time(world: World, other: Store) -> None:
    first = await world.feed("https://press.example/1")
    second = await world.feed("https://press.example/2")
    elsewhere = await world.feed("https://elsewhere.example/")
    (held,) = await world.lease(first)

    of_others = await world.lease(store=other)
    mine = await world.lease(second)
    await world.store.release([held.id, second.id])
    freed = await world.lease(store=other)

    assert [feed.id for feed in of_others] == [elsewhere.id]
    assert [feed.id for feed in mine] == [second.id]
    assert [feed.id for feed in freed] == [first.id, second.id]


async def test_a_lease_that_ran_out_holds_no_host(world: World, other: Store) -> None:
    first = await world.feed("https://press.example/1")
    second = await world.feed("https://press.example/2")
    await world.lease(first)
    world.later(16 * MINUTE)

    assert [feed.id for feed in await world.lease(store=other)] == [first.id, second.id]


async def test_a_large_host_takes_a_share_of_what_is_leased(world: World) -> None:
    large = [NewFeed(url=f"https://large.example/{number}") for number in range(HOST_SHARE + 3)]
    await world.store.add_feeds(large, now=world.now)
    small = await world.feed("https://small.example/")

    first = await world.lease()
    second = await world.lease()

    assert [feed.host for feed in first] == ["large.example"] * HOST_SHARE + ["small.example"]
    assert first[-1].id == small.id
    assert len(second) == 3


async def test_feeds_that_are_named_are_leased_however_many_of_one_host(world: World) -> None:
    large = [NewFeed(url=f"https://large.example/{number}") for number in range(HOST_SHARE + 3)]
    added = await world.store.add_feeds(large, now=world.now)

    leased = await world.lease(*(one.feed for one in added))

    assert len(leased) == HOST_SHARE + 3


async def test_hosts_that_have_enough_are_passed_over(world: World) -> None:
    await world.feed("https://full.example/")
    feed = await world.feed("https://other.example/")

    leased = await world.store.lease(
        now=world.now, term=HOUR, limit=10, but_hosts=["full.example"]
    )

    assert [found.id for found in leased] == [feed.id]


async def test_what_is_known_of_a_host_says_when_anybody_asked_it(world: World) -> None:
    feed = await world.feed("https://press.example/1")
    await world.feed("https://press.example/2")
    await world.feed("https://silent.example/")
    await world.poll(feed, item("a"))
    await world.store.save_hosts([HostState("press.example", world.now + HOUR, MINUTE)])

    assert await world.store.hosts(["press.example", "silent.example", "unknown.example"]) == [
        HostState("press.example", world.now + HOUR, MINUTE, world.now),
        HostState("silent.example"),
    ]


async def test_a_host_is_remembered_that_no_feed_is_asked_of(world: World) -> None:
    hub = HostState("hub.example", world.now + HOUR, MINUTE)
    await world.store.save_hosts([hub])

    assert await world.store.hosts(["hub.example", "press.example"]) == [hub]


async def test_what_a_dead_worker_held_counts_as_asked_until_it_was_freed(
    world: World, address: str
) -> None:
    feed = await world.feed()
    with holder_of_all(address, world) as process:
        process.kill()
        process.wait()
    world.later()

    await world.lease()

    assert await world.store.hosts([feed.host]) == [HostState(feed.host, asked_at=world.now)]


async def test_a_forced_round_goes_on_behind_a_number(world: World) -> None:
    added = [await world.feed(f"https://{number}.example/") for number in range(3)]
    await world.poll(added[0], item("a"))

    leased = await world.store.lease(
        now=world.now, term=HOUR, limit=10, is_forced=True, after=added[1].id
    )
    rest = await world.lease(is_forced=True)

    assert [feed.id for feed in leased] == [added[2].id]
    assert [feed.id for feed in rest] == [added[0].id, added[1].id]
