"""An archive in which every table has rows, odd values among them."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

from newsreel.core.normalize import sighting_of
from newsreel.core.revise import revise_import
from newsreel.model.day import WriteReason
from newsreel.model.entry import Content, Doubt
from newsreel.model.feed import Feed, NewFeed
from newsreel.model.host import HostState
from newsreel.model.hub import Announcement, HubStatus, HubSubscription
from newsreel.model.legacy import FeedChanges, Import, LegacyFile, LegacyKind, LegacyRow
from newsreel.model.poll import Tombstone
from newsreel.model.query import SavedSearch
from newsreel.model.site import Icon, Robots
from newsreel.store import Store, open_store
from newsreel.store.protocols import WrittenFile
from polled_world import DAY, HOUR, PRESS, World, item

MARCH_1, MARCH_4 = date(2026, 3, 1), date(2026, 3, 4)
LONG_GUID = "".join(sha256(b"%d" % number).hexdigest() for number in range(60))
"""Longer than what an index of PostgreSQL holds."""
ODD = "Ünïcödé 🐑 \\N \t tab, \r\n line, \x7f, \u2028, \U0010ffff, 'quoted' \"twice\""


async def fill(address: str) -> None:
    """Make the archive in a new database."""
    store = open_store(address)
    try:
        await _live(World(store))
        await _remember(store, World(store))
    finally:
        await store.close()


async def _live(world: World) -> None:
    """Two feeds are polled for a while: news, an edit, a restamped date, a failure."""
    press, other = [
        found.feed
        for found in await world.store.add_feeds(
            [
                NewFeed(url=PRESS, title="P", folder="Papers", tags=("daily", "städte")),
                NewFeed(url="https://other.example/feed?ä=1", title=None),
            ],
            now=world.now,
        )
    ]
    bridge, ferry = item("bridge", summary=ODD), item("ferry", author="A. Quill", category="Birds")
    long = item("long", guid=LONG_GUID)
    await world.poll(press, bridge, ferry, long, item("hush"), item("gone"), title="The Press")
    await world.poll(other, item("tide", date="Sat, 31 Jan 2026 23:59:59 +0000"), title="Other")
    world.later(HOUR)
    restamped = item("ferry", author="A. Quill", category="Boats")
    edited = item("bridge", summary=f"{ODD} again")
    await world.poll(press, edited, restamped, long, title="The Press")
    await world.fail(other, 503)
    world.later(40 * DAY)
    await world.poll(press, item("late"), title="The Evening Press")
    await world.fail(other, 500)
    for guid, kind in (("press-hush", Tombstone.WITHHELD), ("press-gone", Tombstone.ERASED)):
        entry = await world.entry(press, guid)
        await world.store.tombstone(entry.public_id, kind, reason="asked to", now=world.now)


async def _remember(store: Store, world: World) -> None:
    """What is known beside the news."""
    press = await store.find_feed(PRESS)
    assert press is not None
    moved = "https://old.example/feed"
    await store.restore_feeds(
        [replace(press, url=moved, first_url=moved, file_name="Old", aliases=(f"{moved}/rss",))]
    )
    await store.save_hosts([HostState("press.example", world.now + HOUR, timedelta(seconds=3))])
    await store.save_icon(
        Icon(
            site_url="https://press.example/",
            content_type="image/png",
            body=bytes(range(256)),
            fetched_at=world.now,
            next_at=world.now + DAY,
        )
    )
    await store.save_robots(
        Robots(
            origin="https://press.example",
            status=200,
            body=b"User-agent: *\n",
            fetched_at=world.now,
            next_at=world.now + DAY,
        )
    )
    await store.save_search(SavedSearch("Birds", "bird OR birds", world.now))
    await store.save_search(SavedSearch("Älteste", "alt*", world.now))
    await store.change_hub(
        press.id,
        lambda _: HubSubscription(
            feed_id=press.id,
            announced=Announcement("https://hub.example/", PRESS),
            token="t0ken",
            secret="s3cret",
            status=HubStatus.VERIFIED,
            asked_at=world.now,
            next_at=world.now + DAY,
        ),
    )
    await _import(store, press, world)
    await store.save_written(
        [
            WrittenFile(
                path=f"2026/03/2026-03-04/{press.file_name}_entries.{kind}",
                version=2,
                sha256="ab" * 32,
            )
            for kind in ("md", "json")
        ],
        day=MARCH_4,
        is_private=False,
    )
    await store.make_dirty(MARCH_1, press.id, WriteReason.IMPORTED)


async def _import(store: Store, feed: Feed, world: World) -> None:
    link = "https://press.example/old"
    content = Content(title="Old", link=link, permalink=link, summary="Of old.")
    sighting = sighting_of(content, guid=None, doubts=frozenset({Doubt.IMPORTED}))
    known = await store.known(feed, [sighting], has_wordings=True)
    changes = revise_import(feed, [(sighting, world.now)], known, day=MARCH_1)
    row = LegacyRow(
        feed_id=feed.id,
        identity=sighting.identity,
        digest=sighting.digest,
        leftover={"page_rating": 0},
    )
    await store.save_import(
        Import(
            groups=(FeedChanges(feed=feed, title="The Old Press", changes=changes),),
            file=LegacyFile(day=MARCH_1, name="press", kind=LegacyKind.JSON, form={"indent": 2}),
            rows=(row,),
        )
    )
