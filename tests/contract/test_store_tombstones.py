"""What every store must do where something was taken out: which entries it touches, which not."""

import pytest

from newsreel.model.poll import Tombstone
from polled_world import Item, World, titles_of


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
