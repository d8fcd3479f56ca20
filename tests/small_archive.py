"""A small archive to be read: two public feeds, a private one, an edit, a gap, what was taken out.

The entries of ``PRESS``, by title: Bridge (edited once), Ferry, both of 4 March; Tram, of 6 March;
and Hush, which was withheld.
"""

from datetime import UTC, datetime
from pathlib import Path

from newsreel.model.feed import NewFeed
from newsreel.model.poll import Tombstone
from newsreel.store import open_store
from polled_world import DAY, HOUR, PRESS, World, item

OTHER = "https://other.example/feed"
TOKEN = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
PRIVATE = f"https://club.example/feed?token={TOKEN}"
PRIVATE_ID = 3


async def fill(database: Path | str) -> None:
    """Make the archive in a new database: a path, or an address."""
    store = open_store(str(database))
    try:
        await _live(World(store))
    finally:
        await store.close()


async def _live(world: World) -> None:
    new = [NewFeed(url=url, title=title) for url, title in ((PRESS, "P"), (OTHER, "Other"))]
    await world.store.add_feeds([*new, NewFeed(url=PRIVATE, title="Club")], now=world.now)
    press, other, club = [await world.store.find_feed(url) for url in (PRESS, OTHER, PRIVATE)]
    assert press
    assert other
    assert club
    bridge, ferry, hush = item("bridge", summary="It opens."), item("ferry"), item("hush")
    await world.poll(press, bridge, ferry, hush, title="The Press")
    await world.poll(other, item("tide"), title="Other")
    link = PRIVATE.replace("/feed", "/meeting")
    await world.poll(club, item("meeting", link=link, guid=link), title="Club")
    world.later(HOUR)
    await world.poll(press, item("bridge", summary="It shuts."), ferry, hush, title="The Press")
    await world.fail(other)
    world.now = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)
    tram = item("tram", date="Fri, 06 Mar 2026 08:00:00 +0000", category="Städte")
    await world.poll(press, tram, ferry, title="The Press")
    await world.poll(other, item("tide"), title="Other")
    entry = await world.entry(press, "press-hush")
    await world.store.tombstone(
        entry.public_id, Tombstone.WITHHELD, reason="asked to", now=world.now + DAY
    )
