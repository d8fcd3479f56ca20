"""What every store must do with feeds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from newsreel.model.capture import Validators
from newsreel.model.day import WriteReason
from newsreel.model.feed import (
    FeedStatus,
    IdentityPolicy,
    NewFeed,
    PageRules,
    RequestOptions,
)
from newsreel.store import Store
from polled_world import DAY, MORNING, PRESS, World, item

FULL = NewFeed(
    url=PRESS,
    title="The Press",
    site_url="https://press.example/",
    language="en",
    folder="Papers",
    tags=("daily", "north"),
    interval=timedelta(hours=6),
)


async def test_a_feed_that_was_added_is_there_with_all_that_was_said(store: Store) -> None:
    (added,) = await store.add_feeds([FULL], now=MORNING)

    found = await store.feed(added.feed.id)
    assert added.is_new
    assert found == added.feed
    assert found.url == found.first_url == PRESS
    assert found.host == "press.example"
    assert (found.title, found.folder, found.tags) == ("The Press", "Papers", ("daily", "north"))
    assert (found.site_url, found.language) == ("https://press.example/", "en")
    assert found.interval == timedelta(hours=6)
    assert found.added_at == MORNING
    assert found.status is FeedStatus.ACTIVE
    assert not found.is_private


async def test_adding_a_feed_again_adds_nothing(store: Store) -> None:
    first, second = await store.add_feeds([FULL, NewFeed(url=PRESS)], now=MORNING)
    (third,) = await store.add_feeds([FULL], now=MORNING + DAY)

    assert [first.is_new, second.is_new, third.is_new] == [True, False, False]
    assert third.feed == first.feed
    assert await store.feeds() == [first.feed]


async def test_two_who_add_the_same_feeds_at_once_add_each_once(
    store: Store, other: Store
) -> None:
    first = [NewFeed(url=f"https://{number}.example/x?y") for number in range(20)]
    second = [NewFeed(url=f"https://{number}.example/x/y") for number in range(20)]

    results = await asyncio.gather(
        *(one.add_feeds(feeds, now=MORNING) for one in (store, other) for feeds in (first, second))
    )

    added = [found for result in results for found in result]
    assert sum(found.is_new for found in added) == 40
    assert len({found.feed.file_name for found in added}) == 40
    assert len(await store.feeds()) == 40


async def test_none_never_overwrites_what_is_known(store: Store) -> None:
    await store.add_feeds([FULL], now=MORNING)

    (added,) = await store.add_feeds([NewFeed(url=PRESS)], now=MORNING)

    assert added.feed.title == "The Press"
    assert added.feed.folder == "Papers"
    assert added.feed.tags == ("daily", "north")
    assert added.feed.interval == timedelta(hours=6)


async def test_what_was_not_known_is_filled_in(store: Store) -> None:
    await store.add_feeds([NewFeed(url=PRESS)], now=MORNING)

    (added,) = await store.add_feeds([FULL], now=MORNING)

    assert replace(added.feed, id=0) == replace(
        (await store.feeds())[0], id=0, title="The Press", folder="Papers"
    )
    assert added.feed.tags == ("daily", "north")


async def test_an_address_that_a_feed_had_finds_it(world: World) -> None:
    feed = await world.feed()
    moved = "https://moved.example/feed"
    for _ in range(3):
        await world.poll(feed, item("a"), final_url=moved, permanent_url=moved)
        world.later()

    found = await world.store.find_feed(PRESS)
    (added,) = await world.store.add_feeds([NewFeed(url=PRESS)], now=world.now)

    assert found is not None
    assert found.id == feed.id
    assert found.url == moved
    assert found.first_url == PRESS
    assert found.host == "moved.example"
    assert found.aliases == (PRESS,)
    assert (added.is_new, added.feed.id) == (False, feed.id)
    assert await world.store.find_feed(moved) == found
    assert await world.store.find_feed("https://nowhere.example/") is None


@pytest.mark.parametrize("status", [FeedStatus.REMOVED, FeedStatus.ARCHIVED])
async def test_adding_a_feed_that_sleeps_wakes_it(world: World, status: FeedStatus) -> None:
    feed = await world.feed()
    await world.store.save_feed(replace(feed, status=status))
    asleep = await world.lease()

    awake = await world.feed()

    assert asleep == []
    assert awake.status is FeedStatus.ACTIVE
    assert [found.id for found in await world.lease()] == [feed.id]


async def test_an_archived_feed_named_again_by_an_import_wakes_nothing(world: World) -> None:
    feed = await world.feed(status=FeedStatus.ACTIVE)

    again = await world.feed(status=FeedStatus.ARCHIVED)

    assert again == feed


async def test_a_paused_feed_stays_paused_when_it_is_added_again(world: World) -> None:
    feed = await world.feed()
    await world.store.save_feed(replace(feed, status=FeedStatus.PAUSED))

    assert (await world.feed()).status is FeedStatus.PAUSED


async def test_feeds_whose_addresses_give_one_file_name_get_two(store: Store) -> None:
    added = await store.add_feeds(
        [NewFeed(url="https://a.example/x?y"), NewFeed(url="https://a.example/x/y")], now=MORNING
    )

    first, second = (found.feed.file_name for found in added)
    assert first != second
    stem, tilde, digits = second.rpartition("~")
    assert (stem.lower(), tilde) == (first.lower(), "~")
    assert len(digits) == 8


async def test_file_names_that_differ_only_in_capitals_are_told_apart(store: Store) -> None:
    added = await store.add_feeds(
        [NewFeed(url="https://a.example/News"), NewFeed(url="https://a.example/news")], now=MORNING
    )

    names = {found.feed.file_name.lower() for found in added}
    assert len(names) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:quill-pen@press.example/feed",
        "https://press.example/feed?token=4f9d8a7b6c5e4d3c",
        "https://press.example/feed?key=Zk3vT9qLw2XbN7",
    ],
    ids=["user", "token", "key"],
)
async def test_a_feed_whose_address_carries_a_credential_is_private(
    store: Store, url: str
) -> None:
    (added,) = await store.add_feeds([NewFeed(url=url)], now=MORNING)

    assert added.feed.is_private


async def test_a_feed_that_moves_to_an_address_with_a_credential_becomes_private(
    world: World,
) -> None:
    feed = await world.feed()
    moved = "https://press.example/feed?token=4f9d8a7b6c5e4d3c"
    for _ in range(3):
        await world.poll(feed, item("a"), final_url=moved, permanent_url=moved)
        world.later()

    assert (await world.again(feed)).is_private


async def test_feeds_are_listed_by_folder_then_title_without_the_removed(store: Store) -> None:
    added = await store.add_feeds(
        [
            NewFeed(url="https://1.example/", title="b"),
            NewFeed(url="https://2.example/", title="C", folder="West"),
            NewFeed(url="https://3.example/", title="a", folder="West"),
            NewFeed(url="https://4.example/", title="z", folder="East"),
            NewFeed(url="https://5.example/", title="gone"),
        ],
        now=MORNING,
    )
    await store.save_feed(replace(added[4].feed, status=FeedStatus.REMOVED))

    assert [feed.title for feed in await store.feeds()] == ["z", "a", "C", "b"]
    assert [f.title for f in await store.feeds(statuses=[FeedStatus.REMOVED])] == ["gone"]
    assert len(await store.feeds(statuses=FeedStatus)) == 5


async def test_the_operators_choices_are_kept(world: World) -> None:
    feed = await world.feed()
    wanted = replace(
        feed,
        title="Ours",
        has_own_title=True,
        folder="East",
        tags=("x",),
        interval=timedelta(hours=2),
        is_private=True,
        status=FeedStatus.PAUSED,
        next_poll_at=None,
    )

    saved = await world.store.save_feed(wanted)

    assert saved == wanted == await world.again(feed)


async def test_a_shorter_interval_holds_from_now_on_and_a_longer_one_from_the_next_poll(
    world: World,
) -> None:
    feed = await world.feed()
    poll = await world.poll(feed, item("a"))
    polled = await world.again(feed)

    longer = await world.store.save_feed(replace(polled, interval=10 * DAY))
    shorter = await world.store.save_feed(replace(polled, interval=timedelta(minutes=5)))
    world.later(timedelta(minutes=5))

    assert longer.next_poll_at == poll.feed.next_poll_at
    assert shorter.next_poll_at == world.now
    assert [found.id for found in await world.lease()] == [feed.id]


async def test_a_shorter_interval_wakes_no_feed_that_is_paused(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    paused = await world.store.save_feed(
        replace(await world.again(feed), status=FeedStatus.PAUSED)
    )

    shorter = await world.store.save_feed(replace(paused, interval=timedelta(minutes=5)))
    world.later(DAY)

    assert shorter.next_poll_at is None
    assert await world.lease() == []


async def test_a_title_of_the_operators_outlives_a_poll(world: World) -> None:
    feed = await world.feed()
    await world.store.save_feed(replace(feed, title="Ours", has_own_title=True))

    await world.poll(feed, item("a"), title="Theirs")

    assert (await world.again(feed)).title == "Ours"


async def test_a_poll_does_not_undo_what_the_operator_does_meanwhile(world: World) -> None:
    feed = await world.feed()
    (leased,) = await world.lease(feed)
    await world.store.save_feed(replace(feed, status=FeedStatus.PAUSED, folder="East"))
    await world.store.release([leased.id])

    await world.store.save_feed(replace(await world.again(feed), status=FeedStatus.ACTIVE))
    await world.poll(feed, item("a"), title="New")

    found = await world.again(feed)
    assert found.folder == "East"
    assert found.title == "New"


async def test_a_feed_that_turns_private_makes_its_days_dirty(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await _clean(world)

    await world.store.save_feed(replace(await world.again(feed), is_private=True))

    (page,) = await world.store.dirty()
    assert (page.feed_id, page.reason) == (feed.id, WriteReason.WITHHELD)


async def test_purging_a_feed_deletes_it_with_its_entries(world: World) -> None:
    feed, kept = await world.feed(), await world.feed("https://kept.example/feed")
    await world.poll(feed, item("a"), item("b"))
    await world.poll(kept, item("c"))
    entry = await world.entry(feed, "press-a")
    await _clean(world)

    count = await world.store.purge_feed(feed.id)

    assert count == 2
    assert await world.store.feed(feed.id) is None
    assert await world.store.entry(entry.public_id) is None
    assert await world.store.polls(feed_id=feed.id) == []
    assert [page.day for page in await world.store.dirty()] == [MORNING.date()]
    assert len(await world.entries(kept)) == 1
    assert await world.store.purge_feed(feed.id) == 0


async def test_restored_feeds_keep_what_was_written_out_of_them(store: Store) -> None:
    (added,) = await store.add_feeds([NewFeed(url="https://other.example/")], now=MORNING)
    feed = replace(
        added.feed,
        id=77,
        url="https://now.example/feed",
        first_url="https://then.example/feed",
        file_name="https...then.example.feed~0123abcd",
        host="now.example",
        aliases=("https://between.example/feed", "https://then.example/feed"),
        title="Kept",
        has_own_title=True,
        status=FeedStatus.PAUSED,
        identity_policy=IdentityPolicy.LINK,
        validators=Validators(),
        next_poll_at=None,
    )

    (restored,) = await store.restore_feeds([feed])
    (again,) = await store.restore_feeds([feed])

    assert again == restored
    assert replace(restored, id=77) == feed
    assert await store.find_feed("https://between.example/feed") == restored


async def _clean(world: World) -> None:
    for page in await world.store.dirty():
        await world.store.save_written([], day=page.day, is_private=False, done=[page])


async def test_active_feeds_are_named_longest_due_first(world: World) -> None:
    first, second = await world.feed(), await world.feed("https://second.example/")
    paused = await world.feed("https://third.example/")
    await world.store.save_feed(replace(paused, status=FeedStatus.PAUSED))
    await world.poll(first, item("a"))

    assert await world.store.active_ids() == [second.id, first.id]


async def test_how_a_feed_is_asked_for_and_read_is_kept(store: Store) -> None:
    options = RequestOptions(
        user_agent="Reader/2",
        headers=(("X-Desk", "north"), ("X-Desk-Key", "k")),
        proxy="http://proxy.example:3128",
        user="ada",
        password="lovelace",
    )
    rules = PageRules(entries="article", title="h2", date="time")
    new = NewFeed(url=PRESS, request_options=options, page_rules=rules)

    feed = (await store.add_feeds([new], now=MORNING))[0].feed
    edited = await store.save_feed(
        replace(feed, request_options=RequestOptions(user="ada"), page_rules=None)
    )

    assert (feed.request_options, feed.page_rules) == (options, rules)
    assert edited == await store.feed(feed.id)
    assert (edited.request_options, edited.page_rules) == (RequestOptions(user="ada"), None)
