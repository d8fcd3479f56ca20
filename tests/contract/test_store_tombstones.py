"""What every store must do where something was taken out: which entries it touches, which not."""

import pytest

from newsreel.model.poll import Tombstone
from newsreel.store import Store
from polled_world import Item, World, item, titles_of


def one(guid: str, link: str, title: str) -> Item:
    return Item(guid=guid, link=f"https://press.example/{link}", title=title)


@pytest.mark.parametrize("kind", Tombstone)
async def test_an_entry_is_restored_though_it_took_the_link_of_one_that_was_taken_out(
    world: World, kind: Tombstone
) -> None:
    feed = await world.feed()
    await world.poll(feed, one("g0", "a", "T0"), one("g1", "b", "T1"))
    gone = await world.entry(feed, "g0")
    await world.store.tombstone(gone.public_id, kind, reason="asked", now=world.now)
    world.later()
    await world.poll(feed, one("g1", "a", "T1"))
    entries, records = [await world.entry(feed, "g1")], await world.store.tombstones()
    await world.store.purge_feed(feed.id)
    feed = await world.feed()
    await world.store.restore_tombstones(records)

    count = await world.store.restore_entries(feed, entries)

    (kept,) = await world.entries(feed)
    assert (count, titles_of([kept]), kept.withheld_at) == (1, ["T1"], None)


@pytest.mark.parametrize("kind", Tombstone)
async def test_a_link_that_other_entries_have_too_takes_nothing_out(
    world: World, kind: Tombstone
) -> None:
    feed = await world.feed()
    reports = [one(f"g{n}", "live", f"T{n}") for n in range(3)]
    await world.poll(feed, *reports[:2])
    gone = await world.entry(feed, "g0")
    await world.store.tombstone(gone.public_id, kind, reason="asked", now=world.now)
    world.later()

    poll = await world.poll(feed, *reports)

    new = await world.entry(feed, "g2")
    (record,) = await world.store.tombstones()
    assert (titles_of([new]), new.withheld_at) == (["T2"], None)
    assert record.ids == (gone.public_id,)
    assert poll.changes.left_out == int(kind is Tombstone.ERASED)


async def test_what_a_poll_leaves_out_is_counted_and_noted(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    gone = await world.entry(feed, "press-a")
    await world.store.tombstone(gone.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    world.later()

    poll = await world.poll(feed, item("a", guid="another"), item("b"), item("c"))

    assert (poll.changes.left_out, len(poll.changes.new)) == (1, 1)
    assert [line.left_out for line in await world.store.polls()] == [1, 0]


async def test_a_feed_of_which_all_was_erased_brings_nothing_new(
    world: World, other: Store
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    gone = await world.entry(feed)
    world.later()

    await other.tombstone(gone.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    poll = await world.poll(feed, item("a"), title="Another title")

    assert (poll.changes.new, poll.changes.left_out) == ((), 1)
    assert [(line.new, line.left_out) for line in await world.store.polls()] == [(0, 1), (1, 0)]
