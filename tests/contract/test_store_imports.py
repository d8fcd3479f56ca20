"""What every store must do with what comes in from files."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

import pytest

from newsreel.app.poll import take_in
from newsreel.core.conclude import conclude
from newsreel.core.normalize import public_id_of, sighting_of
from newsreel.core.reading import read
from newsreel.core.revise import revise, revise_import
from newsreel.errors import StoreError
from newsreel.model.capture import Capture
from newsreel.model.entry import Content, Doubt, Sighting
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.legacy import FeedChanges, Import, LegacyFile, LegacyKind, LegacyRow
from newsreel.model.poll import Changes, Poll, Tombstone
from newsreel.store import Store
from polled_world import DAY, HOUR, MORNING, PRESS, World, item, rss, titles_of

MARCH_1 = date(2026, 3, 1)
THEN = MORNING - 3 * DAY


def old(name: str, title: str | None = None, *, summary: str | None = None) -> Content:
    link = f"https://press.example/{name}"
    return Content(title=title or name.title(), link=link, permalink=link, summary=summary)


def sighted(content: Content) -> Sighting:
    return sighting_of(content, guid=None, doubts=frozenset({Doubt.IMPORTED}))


async def changes_of(
    store: Store, feed: Feed, contents: Iterable[Content], seen_at: datetime = THEN
) -> Changes:
    sightings = [sighted(content) for content in contents]
    known = await store.known(feed, sightings, has_wordings=True)
    return revise_import(
        feed, [(found, seen_at) for found in sightings], known, day=seen_at.date()
    )


async def drafted(
    store: Store, feed: Feed, *contents: Content, name: str = "press", day: date = MARCH_1
) -> Import:
    """One file with these records, as its import is worked out now."""
    changes = await changes_of(store, feed, contents)
    rows = [
        LegacyRow(
            feed_id=feed.id,
            identity=found.identity,
            digest=found.digest,
            leftover={"page_rating": number},
        )
        for number, found in enumerate(map(sighted, contents))
    ]
    file = LegacyFile(day=day, name=name, kind=LegacyKind.JSON, form={"indent": 2})
    group = FeedChanges(feed=feed, title="The Old Press", changes=changes)
    return Import(groups=(group,), file=file, rows=tuple(rows))


async def bring_in(
    store: Store, feed: Feed, *contents: Content, name: str = "press", day: date = MARCH_1
) -> Changes:
    """Import one file with these records."""
    imported = await drafted(store, feed, *contents, name=name, day=day)
    await store.save_import(imported)
    return imported.groups[0].changes


async def test_imported_entries_stand_in_the_day_of_their_file(world: World) -> None:
    feed = await world.feed()

    await bring_in(world.store, feed, old("a"), old("b"))

    (page,) = await world.store.pages(MARCH_1, is_private=False)
    assert titles_of(page.entries) == ["A", "B"]
    assert page.title == "The Old Press"
    assert {entry.day for entry in page.entries} == {MARCH_1}
    assert {entry.first_seen_at for entry in page.entries} == {THEN}
    assert (await world.again(feed)).entry_count == 2


async def test_an_import_makes_no_day_dirty(world: World) -> None:
    feed = await world.feed()

    await bring_in(world.store, feed, old("a"))
    await bring_in(world.store, feed, old("a", "Another title"))

    assert await world.store.dirty() == []
    assert await world.store.gaps() == []


async def test_an_imported_file_is_read_back_record_by_record(world: World) -> None:
    feed = await world.feed()

    await bring_in(world.store, feed, old("b"), old("a"))

    ((file, rows),) = await world.store.legacy_files(MARCH_1)
    assert await world.store.legacy_days() == [MARCH_1]
    assert (file.name, file.kind, file.form) == ("press", LegacyKind.JSON, {"indent": 2})
    assert [row.content.title for row in rows] == ["B", "A"]
    assert [row.leftover for row in rows] == [{"page_rating": 0}, {"page_rating": 1}]
    assert {row.feed.id for row in rows} == {feed.id}
    assert await world.store.has_legacy_file(MARCH_1, "press", LegacyKind.JSON)
    assert not await world.store.has_legacy_file(MARCH_1, "press", LegacyKind.MARKDOWN)
    assert not await world.store.has_legacy_file(MARCH_1, "other", LegacyKind.JSON)


async def test_importing_again_changes_nothing(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"), old("b"))
    entries = await world.entries(feed)
    files = await world.store.legacy_files(MARCH_1)

    changes = await bring_in(world.store, feed, old("a"), old("b"))

    assert changes == Changes(unchanged=2)
    assert await world.entries(feed) == entries
    assert await world.store.legacy_files(MARCH_1) == files


async def test_another_wording_is_a_revision_and_each_file_shows_its_own(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a", "First"))
    await bring_in(world.store, feed, old("a", "Second"), name="later")

    (entry,) = await world.entries(feed)
    files = await world.store.legacy_files(MARCH_1)

    assert [revision.content.title for revision in entry.revisions] == ["First", "Second"]
    assert {file.name: rows[0].content.title for file, rows in files} == {
        "later": "Second",
        "press": "First",
    }


async def test_an_older_wording_imported_later_is_not_the_newest(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a", "Newer"))
    older = await changes_of(world.store, feed, [old("a", "Older")], THEN - DAY)

    await world.store.save_import(Import(groups=(FeedChanges(feed=feed, changes=older),)))
    again = await changes_of(world.store, feed, [old("a", "Newer"), old("a", "Older")])

    (entry,) = await world.entries(feed)
    assert [(r.number, r.content.title) for r in entry.revisions] == [(2, "Older"), (1, "Newer")]
    assert again == Changes(unchanged=2)


async def test_a_polled_entry_takes_over_what_was_imported_under_its_link(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"), old("b"))
    public_id = public_id_of(PRESS, "https://press.example/a")

    first = await world.poll(feed, item("a"), item("c"))
    world.later()
    second = await world.poll(feed, item("c"), item("a"))

    entry = await world.store.entry(public_id)
    assert entry is not None
    assert (entry.guid, entry.identity, entry.day) == ("press-a", "press-a", MARCH_1)
    assert (len(first.changes.new), len(first.changes.adoptions)) == (1, 1)
    assert (second.changes.adoptions, second.changes.unchanged) == ((), 2)
    assert len(await world.entries(feed)) == 3


async def test_what_the_old_system_cut_short_is_read_anew_not_revised(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a", summary="A sum"), old("b", "Before"))

    poll = await world.poll(feed, item("a", summary="A summary."), item("b", title="After"))

    by_title = {entry.content.title: entry for entry in await world.entries(feed)}
    assert (len(poll.changes.rereads), len(poll.changes.revised)) == (1, 1)
    assert by_title["A"].revision_count == 1
    assert by_title["After"].revision_count == 2


async def test_a_file_imported_again_after_its_entry_took_a_guid_changes_nothing(
    world: World,
) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"))
    await world.poll(feed, item("a"))
    entries, files = await world.entries(feed), await world.store.legacy_files(MARCH_1)

    changes = await bring_in(world.store, await world.again(feed), old("a"))

    assert changes == Changes(unchanged=1)
    assert await world.entries(feed) == entries
    assert await world.store.legacy_files(MARCH_1) == files


async def test_a_feed_that_drops_its_guids_goes_on_with_its_entries(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"))
    await world.poll(feed, item("a"))
    world.later()

    poll = await world.poll(feed, item("a", guid=None, title="Changed"))

    (entry,) = await world.entries(feed)
    assert (len(poll.changes.new), len(poll.changes.revised)) == (0, 1)
    assert entry.identity == "press-a"


async def test_two_entries_of_one_link_do_not_take_over_the_same_import(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("live"))
    one, two = (item("live", guid=f"report-{n}", title=f"Report {n}") for n in (1, 2))

    first = await world.poll(feed, two, one)
    world.later()
    second = await world.poll(feed, one, two)

    assert (len(first.changes.new), len(first.changes.adoptions)) == (1, 1)
    assert (len(second.changes.new), second.changes.unchanged) == (0, 2)
    assert len(await world.entries(feed)) == 2


async def test_a_wording_imported_while_its_feed_is_polled_is_kept_beside_the_new_one(
    world: World,
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a", guid=None))
    world.later()
    stale = await changes_of(world.store, feed, [old("a", "Imported")], MORNING + HOUR)

    await world.poll(feed, item("a", guid=None, title="Polled"))
    await world.store.save_import(Import(groups=(FeedChanges(feed=feed, changes=stale),)))

    (entry,) = await world.entries(feed)
    assert {(r.number, r.content.title) for r in entry.revisions} == {
        (1, "A"),
        (2, "Polled"),
        (3, "Imported"),
    }


@pytest.mark.parametrize("guid", [None, "press-a"])
async def test_an_entry_imported_while_its_feed_is_polled_spoils_no_poll(
    world: World, guid: str | None
) -> None:
    feed = await world.feed()
    (leased,) = await world.lease()
    body = rss([item("a", guid=guid), item("b")])
    reading = read(leased, Capture(url=PRESS, final_url=PRESS, fetched_at=world.now, body=body))
    found = await world.store.known(leased, reading.sightings)
    changes = revise(leased, reading.sightings, found, seen_at=world.now)

    await bring_in(world.store, feed, old("a"))
    await world.store.save(conclude(leased, reading, changes, window=found.window, now=world.now))
    world.later()
    await world.poll(feed, item("b"), item("a", guid=guid))

    entries = await world.entries(feed)
    assert len(entries) == (2 if guid is None else 3)
    assert "B" in titles_of(entries)


async def test_an_entry_that_a_feed_shows_twice_is_one(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"))
    await world.poll(feed, item("a"))
    world.later()

    poll = await world.poll(feed, item("a"), item("a", guid=None, title="Again"))

    assert (poll.changes.new, poll.changes.revised, poll.changes.unchanged) == ((), (), 1)
    assert len(await world.entries(feed)) == 1


async def test_an_erased_entry_does_not_come_back_by_importing_or_polling(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"), old("b"))
    public_id = public_id_of(PRESS, "https://press.example/a")
    await world.store.tombstone(public_id, Tombstone.ERASED, reason="asked", now=world.now)

    changes = await bring_in(world.store, feed, old("a"), old("b"))
    poll = await world.poll(feed, item("a"), item("b"))

    ((_, rows),) = await world.store.legacy_files(MARCH_1)
    assert (changes.new, changes.unchanged, poll.changes.new) == ((), 1, ())
    assert titles_of(await world.entries(feed)) == ["B"]
    assert [row.content.title for row in rows] == ["B"]


async def test_withheld_entries_stand_in_no_imported_file(world: World) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, old("a"), old("b"))
    public_id = public_id_of(PRESS, "https://press.example/a")

    await world.store.tombstone(public_id, Tombstone.WITHHELD, reason="asked", now=world.now)

    ((_, rows),) = await world.store.legacy_files(MARCH_1)
    assert [row.content.title for row in rows] == ["B"]


async def test_an_import_under_way_is_stored_wholly_or_not_at_all(world: World) -> None:
    feed, ghost = await world.feed(), replace(await world.feed(), id=999)
    changes = await changes_of(world.store, feed, [old("a")])
    groups = (FeedChanges(feed=feed, changes=changes), FeedChanges(feed=ghost, changes=changes))

    with pytest.raises(StoreError):
        await world.store.save_import(Import(groups=groups))

    assert await world.entries(feed) == []
    assert (await world.again(feed)).entry_count == 0


async def test_a_feed_that_came_with_an_import_is_not_polled(world: World) -> None:
    feed = await world.feed(status=FeedStatus.ARCHIVED)

    await bring_in(world.store, feed, old("a"))

    assert await world.lease(is_forced=True) == []
    assert await world.store.feeds() == [await world.again(feed)]


async def test_two_files_that_were_read_at_once_leave_both_wordings(
    world: World, other: Store
) -> None:
    feed = await world.feed()
    one = await drafted(world.store, feed, old("a", "One"))
    two = await drafted(other, feed, old("a", "Two"), old("b"), name="two")

    await world.store.save_import(one)
    await other.save_import(two)

    by_link = {entry.identity[-1]: entry for entry in await world.entries(feed)}
    assert [(r.number, r.content.title) for r in by_link["a"].revisions] == [
        (1, "One"),
        (2, "Two"),
    ]
    assert by_link["a"].content.title == "Two"
    assert (await world.again(feed)).entry_count == 2
    files = await other.legacy_files(MARCH_1)
    assert {file.name: rows[0].content.title for file, rows in files} == {
        "press": "One",
        "two": "Two",
    }


@pytest.mark.parametrize("former", [(), ("a",)])
async def test_a_file_that_two_read_at_once_is_there_once(
    world: World, other: Store, former: tuple[str, ...]
) -> None:
    feed = await world.feed()
    await bring_in(world.store, feed, *map(old, former), name="former")
    contents = [old("a", "Changed"), old("b")]
    imports = [await drafted(store, feed, *contents) for store in (world.store, other)]

    await world.store.save_import(imports[0])
    await other.save_import(imports[1])

    entries = {entry.identity[-1]: entry for entry in await world.entries(feed)}
    titles = [revision.content.title for revision in entries["a"].revisions]
    assert titles == [*map(str.title, former), "Changed"]
    assert len(entries["b"].revisions) == 1


async def test_a_poll_and_a_file_at_once_leave_both_wordings(world: World, other: Store) -> None:
    feed = await world.feed()
    imported = await drafted(other, feed, old("a", "Then"))
    await world.poll(feed, item("a", title="Now", guid=None))
    await other.save_import(imported)

    (entry,) = await world.entries(feed)
    assert {revision.content.title for revision in entry.revisions} == {"Now", "Then"}
    assert entry.content.title == "Now"


async def test_a_file_that_comes_in_while_its_feed_is_polled_costs_no_wording(
    world: World, other: Store
) -> None:
    feed = await world.feed()
    imported = await drafted(other, feed, old("a", "Then"), old("b", "Same", summary="A summary."))
    (leased,) = await world.lease(feed)
    body = rss([item("a", title="Now", guid=None), item("b", title="Same", guid=None)])
    capture = Capture(
        url=feed.url, final_url=feed.url, fetched_at=world.now, status=200, body=body
    )

    async def keep(poll: Poll, *, is_purged: bool = False) -> None:
        assert not is_purged
        assert poll.changes.new
        await other.save_import(imported)

    await take_in(leased, capture, world.store, clock=world.clock, keep=keep)

    found = {entry.identity[-1]: entry for entry in await world.entries(feed)}
    wordings = {
        name: [revision.content.title for revision in entry.revisions]
        for name, entry in found.items()
    }
    assert wordings == {"a": ["Then", "Now"], "b": ["Same"]}
    assert found["a"].content.title == "Now"
