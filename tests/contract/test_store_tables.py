"""The archive as tables: every row, once, in order, whatever the size of a page."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from newsreel.model.feed import FeedStatus
from newsreel.model.poll import Tombstone
from newsreel.model.tables import (
    CHANGES,
    COVERAGE,
    ENTRIES,
    EVERYTHING,
    FEEDS,
    POLLS,
    REVISIONS,
    TABLES,
    RowChoice,
    Table,
)
from newsreel.store import Store
from polled_world import DAY, HOUR, World, item, with_title

SECRET = "https://press.example/feed?token=9f8e7d6c5b4a39281706f5e4d3c2b1a0"
WITH_PRIVATE = RowChoice(has_private=True)


async def rows(
    store: Store, table: Table[Any], chosen: RowChoice = EVERYTHING, *, limit: int = 1000
) -> list[Any]:
    names = [column.name for column in table.columns]
    page = await store.page(table.name, names, chosen, limit=limit)
    found = list(page.rows)
    while page.last is not None:
        page = await store.page(table.name, names, chosen, after=page.last, limit=limit)
        found += page.rows
    return [table.row(*values) for values in found]


async def busy(world: World) -> None:
    """Three days of two feeds; entries are revised, a poll fails."""
    one, two = await world.feed(), await world.feed("https://other.example/feed", title="Other")
    for number in range(3):
        for feed in (one, two):
            names = [f"{feed.id}-{day}-{n}" for day in range(number + 1) for n in range(3)]
            items = [item(name, date=None) for name in names]
            await world.poll(feed, *items)
        world.later()
        await world.poll(one, item(f"1-{number}-0", title=f"Title {number}", date=None))
        world.later(DAY)
        await world.fail(two)
        world.later()


@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_pages_of_any_size_hold_the_same_rows(
    world: World, store: Store, table: Table[object], limit: int
) -> None:
    await busy(world)

    found = await rows(store, table)

    assert len(found) > 1
    assert await rows(store, table, limit=limit) == found


async def test_an_entry_shows_its_newest_wording_and_a_revision_each(
    world: World, store: Store
) -> None:
    await busy(world)
    entries = {row.id: row for row in await rows(store, ENTRIES)}
    revisions = await rows(store, REVISIONS)

    known = [e for feed in await store.feeds() for e in await store.entries_of(feed.id)]

    assert len(known) == len(entries)
    assert len(revisions) == sum(len(entry.revisions) for entry in known)
    assert max(row.revision_count for row in entries.values()) > 1
    for entry in known:
        row = entries[entry.public_id]
        assert (row.title, row.permalink) == (entry.content.title, entry.content.permalink)
        assert (row.day, row.first_seen_at) == (entry.day, entry.first_seen_at)
        assert (row.seen_at, row.digest) == (entry.latest.seen_at, entry.latest.digest.hex())
        assert row.revision_count == entry.revision_count
        assert row.doubts == tuple(sorted(entry.doubts))
        wordings = [found for found in revisions if found.entry_id == entry.public_id]
        assert [(found.number, found.title, found.seen_at) for found in wordings] == [
            (one.number, one.content.title, one.seen_at) for one in entry.revisions
        ]


async def test_a_change_tells_both_wordings_and_what_differs(world: World, store: Store) -> None:
    feed = await world.feed()
    await world.poll(feed, item("bridge", summary="It opens."), item("quiet"))
    before = world.now
    at = world.later()
    await world.poll(feed, item("bridge", title="Bridge", summary="It shuts."), item("quiet"))

    [change] = await rows(store, CHANGES)

    assert change.changed == ("summary",)
    assert (change.summary_before, change.summary) == ("It opens.", "It shuts.")
    assert (change.title_before, change.title) == ("Bridge", "Bridge")
    assert (change.number, change.absent_at, change.seen_at) == (2, before, at)


async def test_changes_are_those_seen_on_the_days_asked_for(world: World, store: Store) -> None:
    feed = await world.feed()
    found = item("bridge")
    for number in range(3):
        await world.poll(feed, with_title(found, f"Title {number}"))
        world.later(DAY)

    async def titles(first: date | None, last: date | None) -> list[str]:
        chosen = RowChoice(first=first, last=last)
        return [change.title for change in await rows(store, CHANGES, chosen)]

    assert await titles(None, None) == ["Title 1", "Title 2"]
    assert await titles(date(2026, 3, 5), date(2026, 3, 5)) == ["Title 1"]
    assert await titles(date(2026, 3, 6), None) == ["Title 2"]
    assert await titles(None, date(2026, 3, 4)) == []


async def test_rows_are_those_of_the_feed_entry_and_days_asked_for(
    world: World, store: Store
) -> None:
    await busy(world)
    entries = await rows(store, ENTRIES)
    first_day, day, last_day = sorted({row.day for row in entries})
    one = entries[0].id

    of_feed = await rows(store, ENTRIES, RowChoice(feed_id=2))
    of_day = await rows(store, ENTRIES, RowChoice(first=day, last=day))
    of_entry = await rows(store, REVISIONS, RowChoice(entry_id=one))
    polls = await rows(store, POLLS, RowChoice(feed_id=1, first=date(2026, 3, 5)))

    assert of_feed == [row for row in entries if row.feed_id == 2]
    assert of_day == [row for row in entries if row.day == day]
    assert 0 < len(of_feed) < len(entries)
    assert 0 < len(of_day) < len(entries)
    since = await rows(store, ENTRIES, RowChoice(first=day), limit=2)
    assert since == [row for row in entries if row.day in {day, last_day}]
    until = await rows(store, REVISIONS, RowChoice(last=day), limit=2)
    assert {row.day for row in until} == {first_day, day}
    assert {row.entry_id for row in of_entry} == {one}
    assert {row.feed_id for row in polls} == {1}
    assert {row.polled_at.date() for row in polls} == {date(2026, 3, 5), date(2026, 3, 6)}
    assert [row.id for row in await rows(store, FEEDS, RowChoice(feed_id=2))] == [2]


async def test_private_feeds_appear_only_when_asked_for_and_their_links_without_secrets(
    world: World, store: Store
) -> None:
    feed = await world.feed(SECRET)
    link = SECRET.replace("/feed", "/article")
    await world.poll(feed, item("a", link=link, guid=link), title=SECRET)
    await world.poll(feed, item("a", link=link, guid=link, title="B"), title=SECRET)
    world.later()
    await world.fail(feed)

    for table in TABLES:
        assert await rows(store, table) == []
        found = await rows(store, table, WITH_PRIVATE)
        assert found
        assert "token=9f8e" not in repr(found)
    [entry] = await rows(store, ENTRIES, WITH_PRIVATE)
    assert entry.permalink.startswith("https://press.example/article?token=")


@pytest.mark.parametrize("kind", Tombstone)
async def test_what_was_taken_out_is_in_no_table(
    world: World, store: Store, kind: Tombstone
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    world.later()
    await world.poll(feed, item("a", title="Other"), item("b", title="Another"))
    entry = await world.entry(feed, "press-a")
    await store.tombstone(entry.public_id, kind, reason="asked to", now=world.now)

    for table in (ENTRIES, REVISIONS, CHANGES):
        found = await rows(store, table, WITH_PRIVATE)
        assert found
        assert entry.public_id not in repr(found)
        assert "Other" not in repr(found)


async def test_coverage_tells_polls_and_blind_time_by_day(world: World, store: Store) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later(HOUR)
    await world.fail(feed)
    world.now = datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
    await world.poll(feed, item("a"))
    [gap] = await store.gaps()

    first, second = await rows(store, COVERAGE)

    assert (first.day, second.day) == (date(2026, 3, 4), date(2026, 3, 5))
    assert first.polls_made == second.polls_made == 1
    assert first.gap_reasons == second.gap_reasons == (gap.reason,)
    assert gap.to_at is not None
    blind = first.blind_seconds + second.blind_seconds
    assert blind == (gap.to_at - gap.from_at).total_seconds()
    assert second.blind_seconds == 6 * 3600
    assert first.polls_expected + second.polls_expected > 2


async def test_an_open_gap_lasts_until_the_newest_poll_of_any_feed(
    world: World, store: Store
) -> None:
    failing, other = await world.feed(), await world.feed("https://other.example/feed")
    await world.fail(failing)
    world.now = datetime(2026, 3, 6, 1, 0, tzinfo=UTC)
    await world.poll(other, item("a"))
    [gap] = await store.gaps(feed_id=failing.id)
    assert gap.to_at is None

    found = await rows(store, COVERAGE, RowChoice(feed_id=failing.id))

    assert [row.blind_seconds for row in found[1:]] == [86400, 3600]


async def test_a_feed_that_was_removed_keeps_its_rows(world: World, store: Store) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await store.save_feed(replace(await world.again(feed), status=FeedStatus.REMOVED))

    assert [row.status for row in await rows(store, FEEDS)] == ["removed"]
    assert len(await rows(store, ENTRIES)) == 1


async def test_rows_of_entries_come_in_the_order_of_their_ids_where_they_are_chosen(
    world: World, store: Store
) -> None:
    await busy(world)
    secret = await world.feed(SECRET)
    await world.poll(secret, item("hush"), title="Club")
    entries = [e for feed in await store.feeds() for e in await store.entries_of(feed.id)]
    ids = [entry.id for entry in reversed(entries)]
    names = ["id", "feed_id"]

    async def found(chosen: RowChoice) -> list[tuple[str, int]]:
        return [(row[0], row[1]) for row in await store.entry_rows(names, chosen, ids)]

    expected = [(entry.public_id, entry.feed_id) for entry in reversed(entries)]
    assert await found(WITH_PRIVATE) == expected
    assert await found(EVERYTHING) == [row for row in expected if row[1] != secret.id]
    assert await found(RowChoice(feed_id=1)) == [row for row in expected if row[1] == 1]
    assert await found(RowChoice(first=date(2027, 1, 1))) == []
    assert await store.entry_rows(names, EVERYTHING, []) == []
