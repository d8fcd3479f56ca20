import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polled_world
from archive_values import DAY, NOON, at, entry_of, revision_of
from archive_world import World, tree_of, world_in
from newsreel.app.export import Selection
from newsreel.app.rebuild import Damage, RebuildAccount, rebuild
from newsreel.errors import UsageError
from newsreel.model.day import DayFeed, WriteReason
from newsreel.model.entry import Content, Doubt, Entry
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.poll import Gap, Tombstone

ALL = Selection(is_all=True)
A = "2026/01/2026-01-05/https...a.example.feed_entries"
MANIFEST = "2026/01/2026-01-05/manifest.json"


async def rebuilt(world: World) -> RebuildAccount:
    return await rebuild(world.store, world.roots, clock=world.clock)


async def known(world: World) -> dict[str, Entry]:
    """All entries by public id, without what is local to a database."""
    feeds = await world.store.feeds(statuses=FeedStatus)
    return {
        entry.public_id: replace(entry, id=0, feed_id=0)
        for feed in feeds
        for entry in await world.store.entries_of(feed.id, limit=1000)
    }


async def settle(world: World) -> None:
    """Feeds of all kinds, revisions and rereads, polls and gaps, late entries, tombstones."""
    feed = await world.feed("a")
    before = Content(title="Before", link="https://a.example/x", permalink="https://a.example/x")
    after = replace(before, title="After", author="Ada Quill", published_at=at("09:00:00"))
    revised = entry_of(
        feed,
        revision_of(before, at("10:00:00"), absent_at=at("09:00:00"), capture=b"c" * 32),
        revision_of(before, at("11:00:00"), reread=1, parser_version=2),
        revision_of(after, at("12:00:00"), number=2, doubts=frozenset({Doubt.NO_ZONE})),
        guid="a-1",
    )
    await world.store.restore_entries(feed, [revised])
    found = await world.entries(feed, "one", "zapped", "sealed")
    await world.entries(feed, "next day", day=DAY + timedelta(days=1))
    moved = await world.feed("b")
    await world.entries(moved, "uno")
    await world.store.save_feed(
        replace(moved, folder="Coast", tags=("x",), interval=timedelta(hours=6), title="Bee")
    )
    await world.feed("quiet")
    await world.entries(await world.feed("secret", is_private=True), "hush")
    await world.polled(feed, made=21)
    gap = Gap(feed.id, at("01:00:00"), at("02:00:00"), "http-503")
    line = DayFeed(
        feed=feed,
        title="A of that day",
        entries=0,
        revisions=0,
        md_digest=None,
        json_digest=None,
        polls_expected=24,
        polls_made=21,
        gaps=(gap,),
    )
    await world.store.restore_day_feeds(DAY, [line])
    await world.export()
    await world.store.tombstone(found[1].public_id, Tombstone.ERASED, reason="x", now=NOON)
    await world.store.tombstone(found[2].public_id, Tombstone.WITHHELD, reason="y", now=NOON)
    await world.entries(feed, "late", reason=WriteReason.LATE_ENTRIES)
    await world.export()


@pytest.mark.parametrize("private", [None, "private"])
async def test_what_is_rebuilt_holds_the_same_and_exports_the_same_bytes(
    tmp_path: Path, private: str | None
) -> None:
    async with world_in(tmp_path, private=private) as world:
        await settle(world)
        feeds = await world.store.feeds(statuses=FeedStatus)
        entries = await known(world)
        before = tree_of(tmp_path / "archive")
    async with world_in(tmp_path, db="again", private=private) as again:
        account = await rebuilt(again)
        exported = await again.export(ALL)
        assert await again.store.dirty() == []
        feeds_after = await again.store.feeds(statuses=FeedStatus)
        entries_after = await known(again)

    assert account.damaged == []
    assert (exported.written, exported.removed, exported.set_aside) == (0, 0, [])
    assert tree_of(tmp_path / "archive") == before
    lasting = {
        public_id: entry
        for public_id, entry in entries.items()
        if entry.withheld_at is None and (private or entry.content.title != "hush")
    }
    assert entries_after == lasting
    assert account.entries == len(lasting)
    assert [told(feed) for feed in feeds_after] == [
        told(feed) for feed in feeds if private or not feed.is_private
    ]


def told(feed: Feed) -> Feed:
    """What an archive says of a feed."""
    return replace(feed, id=0, next_poll_at=None, entry_count=0)


async def test_what_was_erased_stays_erased_after_a_rebuild(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        feed = await world.feed("a")
        found = await world.entries(feed, "zapped", "kept")
        await world.store.tombstone(found[0].public_id, Tombstone.ERASED, reason="", now=NOON)
        await world.export()
    async with world_in(tmp_path, db="again") as again:
        await rebuilt(again)
        feed = (await again.store.feeds())[0]
        count = await again.store.restore_entries(feed, found)

        assert count == 0
        assert [record.public_id for record in await again.store.tombstones()] == [
            found[0].public_id
        ]


@pytest.mark.parametrize("kind", Tombstone)
async def test_what_took_the_link_of_an_entry_that_was_taken_out_comes_back(
    tmp_path: Path, kind: Tombstone
) -> None:
    async with world_in(tmp_path) as world:
        paper = polled_world.World(world.store)
        feed = await paper.feed()
        first = polled_world.item("a", guid="g0", title="T0")
        await paper.poll(feed, first, polled_world.item("b", guid="g1", title="T1"))
        gone = await paper.entry(feed, "g0")
        await world.store.tombstone(gone.public_id, kind, reason="", now=paper.now)
        paper.later()
        await paper.poll(feed, polled_world.item("a", guid="g1", title="T1"))
        await world.export()
        before = tree_of(tmp_path / "archive")
    async with world_in(tmp_path, db="again") as again:
        await rebuilt(again)
        exported = await again.export(ALL)

        assert (exported.written, exported.removed, exported.set_aside) == (0, 0, [])
        assert tree_of(tmp_path / "archive") == before


async def test_an_archive_of_private_feeds_alone_is_read_back(tmp_path: Path) -> None:
    async with world_in(tmp_path, private="private") as world:
        await world.entries(await world.feed("secret", is_private=True), "hush")
        await world.export()
    async with world_in(tmp_path, db="again", private="private") as again:
        account = await rebuilt(again)

    assert (account.feeds, account.entries, account.damaged) == (1, 1, [])


async def test_versions_go_on_where_the_log_left_off(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.export()
    async with world_in(tmp_path, db="again") as again:
        await rebuilt(again)
        feed = (await again.store.feeds())[0]
        await again.entries(feed, "two", reason=WriteReason.LATE_ENTRIES)

        account = await again.export()

    assert (account.written, account.set_aside) == (3, [])
    last = json.loads((tmp_path / "archive" / "log.jsonl").read_bytes().splitlines()[-1])
    assert (last["path"], last["version"]) == (MANIFEST, 2)


@pytest.mark.parametrize(
    ("path", "old", "new", "damage"),
    [
        (f"{A}.json", b"one", b"two", Damage(f"{A}.json", "not what the log says was written")),
        (f"{A}.md", b"one", b"two", Damage(f"{A}.md", "not what the log says was written")),
        (f"{A}.json", b"one", None, Damage(f"{A}.json", "missing")),
        (MANIFEST, b"1", b"7", Damage(MANIFEST, "not what the log says was written")),
        ("sources.json", b"[", b"", None),
        ("sources.json", b"[", None, Damage("sources.json", "not there")),
        ("tombstones.jsonl", b"", b"{", Damage("tombstones.jsonl", "line 1 can't be read")),
    ],
)
async def test_a_damaged_file_is_named_and_the_rest_goes_on(
    tmp_path: Path, path: str, old: bytes, new: bytes | None, damage: Damage | None
) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.entries(await world.feed("b"), "uno")
        await world.export()
    file = tmp_path / "archive" / path
    if new is None:
        file.unlink()
    elif file.exists():
        file.write_bytes(file.read_bytes().replace(old, new))
    else:
        file.write_bytes(new)
    before = tree_of(tmp_path / "archive")
    async with world_in(tmp_path, db="again") as again:
        account = await rebuilt(again)

    assert [found.path for found in account.damaged] == [path]
    assert damage is None or account.damaged == [damage]
    assert account.entries == (1 if path == f"{A}.json" else 2)
    assert tree_of(tmp_path / "archive") == before


async def test_a_damaged_file_is_never_overwritten_or_removed_later(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.entries(await world.feed("b"), "uno")
        await world.export()
    (tmp_path / "archive" / f"{A}.json").write_text("bit rot")
    async with world_in(tmp_path, db="again") as again:
        await rebuilt(again)
        await again.export(ALL)
        feed = await again.store.find_feed("https://a.example/feed")
        assert feed is not None
        await again.entries(feed, "three")
        await again.export()

    assert b"bit rot" in tree_of(tmp_path / "archive").values()


async def test_a_changed_log_is_named(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.export()
    log = tmp_path / "archive" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0].replace(b'"new"', b'"polls"') + b"".join(lines[1:]))
    async with world_in(tmp_path, db="again") as again:
        account = await rebuilt(again)

    assert account.damaged == [Damage("log.jsonl", "line 2 is not bound to the one before")]
    assert account.entries == 1


async def test_an_archive_whose_log_is_lost_is_read_all_the_same(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.export()
    (tmp_path / "archive" / "log.jsonl").unlink()
    async with world_in(tmp_path, db="again") as again:
        account = await rebuilt(again)
        exported = await again.export(ALL)

    assert (account.entries, account.damaged) == (1, [])
    assert (exported.written, exported.set_aside) == (0, [])
    assert len((tmp_path / "archive" / "log.jsonl").read_bytes().splitlines()) == 3


async def test_files_of_others_are_named_and_not_read(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.export()
    foreign = tmp_path / "archive" / f"{A.replace('a.example', 'x.example')}.json"
    foreign.write_text("[]")
    async with world_in(tmp_path, db="again") as again:
        account = await rebuilt(again)

    assert [found.what for found in account.damaged] == ["not in the log"]
    assert account.entries == 1


async def test_a_database_that_holds_something_is_not_rebuilt_into(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.feed("a")
        with pytest.raises(UsageError) as caught:
            await rebuilt(world)

    assert caught.value.hint


async def test_a_directory_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        with pytest.raises(UsageError):
            await rebuilt(world)

    assert not (tmp_path / "archive").exists()


contents = st.builds(
    Content,
    title=st.none() | st.sampled_from(["T", "two\nlines", "ż", ""]),
    link=st.sampled_from(["https://a.example/1", "/1", "#"]),
    permalink=st.sampled_from(["https://a.example/1", "https://a.example/2"]),
    canonical_link=st.none() | st.just("https://a.example/1"),
    summary=st.none() | st.sampled_from(["", "<p>S</p>"]),
    body=st.none() | st.sampled_from(["", "<p>B</p>"]),
    published_at=st.none() | st.sampled_from([at("01:02:03"), at("01:02:03.456789")]),
    extras=st.just({}) | st.just({"legacy": {"vote": 3}, "rating": 1.5}),
)


@settings(max_examples=15)
@given(st.lists(st.lists(contents, min_size=1, max_size=4), min_size=1, max_size=4))
async def test_any_entries_come_back_from_their_files(
    tmp_path_factory: pytest.TempPathFactory, wordings: list[list[Content]]
) -> None:
    path = tmp_path_factory.mktemp("law")
    async with world_in(path) as world:
        feed = await world.feed("a")
        found = [
            entry_of(
                feed,
                *(
                    revision_of(content, NOON + timedelta(hours=number), number=number + 1)
                    for number, content in enumerate(said)
                ),
                guid=str(index),
            )
            for index, said in enumerate(wordings)
        ]
        await world.store.restore_entries(feed, found)
        await world.export(ALL)
        entries = await known(world)
        before = tree_of(path / "archive")
    async with world_in(path, db="again") as again:
        await rebuilt(again)
        await again.export(ALL)
        entries_after = await known(again)

    assert entries_after == entries
    assert tree_of(path / "archive") == before
