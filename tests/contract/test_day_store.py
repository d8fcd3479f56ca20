"""What every store must do with days: the fine print of DayStore."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from archive_values import DAY, NOON, at
from archive_world import World, world_in
from newsreel.model.day import DayFeed, DirtyPage, WriteReason
from newsreel.model.feed import Feed
from newsreel.model.poll import Gap, Tombstone
from newsreel.store.protocols import WrittenFile

NEXT = DAY + timedelta(days=1)


@pytest.fixture
async def world(tmp_path: Path, address: str) -> AsyncIterator[World]:
    async with world_in(tmp_path, address=address) as found:
        yield found


async def told_of(world: World) -> list[tuple[str, int, str]]:
    return [(p.day.isoformat(), p.feed_id, str(p.reason)) for p in await world.store.dirty()]


async def clean(world: World, *done: DirtyPage) -> None:
    await world.store.save_written([], day=DAY, is_private=False, done=done)


def line_of(feed: Feed, *gaps: Gap, title: str | None = None, made: int = 0) -> DayFeed:
    return DayFeed(
        feed=feed,
        title=title,
        entries=0,
        revisions=0,
        md_digest=None,
        json_digest=None,
        polls_expected=made and 24,
        polls_made=made,
        gaps=gaps,
    )


async def test_an_empty_store_has_no_days(world: World) -> None:
    assert await world.store.days() == []
    assert await world.store.dirty() == []
    assert await world.store.pages(DAY, is_private=False) == []
    assert await world.store.day_feeds(DAY, is_private=False) == []
    assert await world.store.written(DAY, is_private=False) == {}


async def test_pages_come_by_file_name_and_only_public_or_only_private(world: World) -> None:
    b, a = await world.feed("b"), await world.feed("a")
    secret = await world.feed("secret", is_private=True)
    for feed in (b, a, secret):
        await world.entries(feed, "one", "two")
    await world.entries(a, "elsewhere", day=NEXT)

    public = await world.store.pages(DAY, is_private=False)
    private = await world.store.pages(DAY, is_private=True)

    assert [page.feed.id for page in public] == [a.id, b.id]
    assert [len(page.entries) for page in public] == [2, 2]
    assert [page.feed.id for page in private] == [secret.id]


async def test_a_feed_that_is_asked_for_has_a_page_even_without_entries(world: World) -> None:
    a, b = await world.feed("a"), await world.feed("b")
    await world.entries(b, "uno")

    pages = await world.store.pages(DAY, is_private=False, feed_ids=[a.id])

    assert [(page.feed.id, page.entries) for page in pages] == [(a.id, ())]


@pytest.mark.parametrize("kind", list(Tombstone))
async def test_what_was_taken_out_stands_in_no_page_and_makes_it_dirty(
    world: World, kind: Tombstone
) -> None:
    feed = await world.feed("a")
    found = await world.entries(feed, "one", "two", reason=None)
    await world.store.tombstone(found[0].public_id, kind, reason="", now=NOON)

    page = (await world.store.pages(DAY, is_private=False))[0]

    assert [entry.public_id for entry in page.entries] == [found[1].public_id]
    assert [line.entries for line in await world.store.day_feeds(DAY, is_private=False)] == [1]
    assert await told_of(world) == [("2026-01-05", feed.id, str(kind))]


async def test_the_weightiest_reason_stays(world: World) -> None:
    feed = await world.feed("a")
    for reason in (WriteReason.NEW, WriteReason.REVISION, WriteReason.LATE_ENTRIES):
        await world.store.make_dirty(DAY, feed.id, reason)

    assert await told_of(world) == [("2026-01-05", feed.id, "revision")]


async def test_a_page_that_changed_again_while_it_was_written_stays_dirty(world: World) -> None:
    feed = await world.feed("a")
    await world.store.make_dirty(DAY, feed.id, WriteReason.NEW)
    seen = await world.store.dirty()
    await world.store.make_dirty(DAY, feed.id, WriteReason.NEW)

    await clean(world, *seen)

    assert await told_of(world) == [("2026-01-05", feed.id, "new")]
    await clean(world, *(await world.store.dirty()))
    assert await told_of(world) == []


async def test_what_was_written_is_remembered_apart_for_public_and_private(world: World) -> None:
    first = WrittenFile(path="x", version=1, sha256="a" * 64)
    later = WrittenFile(path="x", version=2, sha256="")
    await world.store.save_written([first], day=DAY, is_private=False)
    await world.store.save_written([first], day=DAY, is_private=True)
    await world.store.save_written([later], day=DAY, is_private=False)

    assert await world.store.written(DAY, is_private=False) == {"x": later}
    assert await world.store.written(DAY, is_private=True) == {"x": first}
    assert await world.store.written(NEXT, is_private=False) == {}


async def test_polls_gaps_and_titles_of_a_day_are_taken_over(world: World) -> None:
    feed = await world.feed("a")
    gap = Gap(feed.id, at("01:00:00"), at("02:00:00"), "http-503")

    await world.store.restore_day_feeds(DAY, [line_of(feed, gap, title="Then", made=20)])

    line = (await world.store.day_feeds(DAY, is_private=False))[0]
    assert (line.title, line.polls_expected, line.polls_made, line.gaps) == (
        "Then",
        24,
        20,
        (gap,),
    )
    assert await world.store.dirty() == []


async def test_a_gap_stands_in_every_day_that_it_spans(world: World) -> None:
    feed = await world.feed("a")
    gap = Gap(feed.id, at("20:00:00"), None, "timeout")

    await world.store.restore_day_feeds(DAY, [line_of(feed, gap)])

    for day, gaps in ((DAY - timedelta(days=1), []), (DAY, [(gap,)]), (NEXT, [(gap,)])):
        lines = await world.store.day_feeds(day, is_private=False)
        assert [line.gaps for line in lines] == gaps


async def test_a_title_holds_from_its_day_on(world: World) -> None:
    feed = await world.feed("a")
    await world.store.restore_day_feeds(DAY, [line_of(feed, title="Old")])
    await world.store.restore_day_feeds(DAY + timedelta(days=2), [line_of(feed, title="New")])
    for offset in range(4):
        await world.entries(feed, str(offset), day=DAY + timedelta(days=offset))

    titles = []
    for offset in range(4):
        page = (await world.store.pages(DAY + timedelta(days=offset), is_private=False))[0]
        titles.append(page.title)

    assert titles == ["Old", "Old", "New", "New"]


async def test_a_feed_that_turns_private_makes_its_days_dirty(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one", reason=None)
    await world.entries(feed, "two", reason=None, day=NEXT)

    await world.store.save_feed(replace(feed, is_private=True))

    assert await told_of(world) == [
        ("2026-01-05", feed.id, "withheld"),
        ("2026-01-06", feed.id, "withheld"),
    ]
    assert await world.store.pages(DAY, is_private=False) == []


async def test_days_are_counted_oldest_first_within_a_range(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "two", "three", day=NEXT)
    await world.entries(feed, "one", reason=None)

    days = await world.store.days()

    assert [(count.day, count.feeds, count.entries, count.is_dirty) for count in days] == [
        (DAY, 1, 1, False),
        (NEXT, 1, 2, True),
    ]
    assert [count.day for count in await world.store.days(first=NEXT)] == [NEXT]
    assert [count.day for count in await world.store.days(last=DAY)] == [DAY]
