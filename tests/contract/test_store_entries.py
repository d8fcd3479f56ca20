"""What every store must do with entries: revisions, observations, rereads, tombstones."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from newsreel.core import normalize, revise
from newsreel.core.conclude import conclude
from newsreel.core.reading import read
from newsreel.errors import UsageError
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.capture import Capture
from newsreel.model.day import WriteReason
from newsreel.model.entry import Content, Doubt, Entry, Revision
from newsreel.model.feed import Feed, IdentityPolicy
from newsreel.model.poll import Tombstone
from newsreel.store import Store
from newsreel.store import rows as store_rows
from newsreel.store.postgres import change_writer as postgres_writer
from newsreel.store.postgres import heads as postgres_heads
from newsreel.store.postgres import known as postgres_known
from newsreel.store.sqlite import changes as sqlite_changes
from newsreel.store.sqlite import known as sqlite_known
from polled_world import DAY, HOUR, MINUTE, MORNING, PRESS, Item, World, item, rss, titles_of

MARCH_4 = date(2026, 3, 4)


async def test_an_entry_is_kept_as_the_publisher_wrote_it(world: World) -> None:
    feed = await world.feed()

    await world.poll(
        feed,
        Item(
            guid="press-1",
            link="/n/1?utm_source=rss",
            title="Gulls & terns",
            summary="<p>Counted.</p>",
            author="A. Quill",
            date="Wed, 04 Mar 2026 08:30:00 +0200",
            category="Birds",
        ),
    )

    entry = await world.entry(feed)
    content = entry.content
    assert content.title == "Gulls & terns"
    assert content.link == "/n/1?utm_source=rss"
    assert content.permalink == "https://press.example/n/1?utm_source=rss"
    assert content.canonical_link == "https://press.example/n/1"
    assert content.summary == "<p>Counted.</p>"
    assert content.published_at == datetime(2026, 3, 4, 6, 30, tzinfo=UTC)
    assert content.published_raw == "Wed, 04 Mar 2026 08:30:00 +0200"
    assert content.categories == ("Birds",)
    assert (entry.guid, entry.identity, entry.day) == ("press-1", "press-1", MARCH_4)
    assert entry.first_seen_at == MORNING
    assert await world.store.entry(entry.public_id) == entry


async def test_an_entry_is_found_by_the_beginning_of_its_id(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    entry = await world.entry(feed)

    assert await world.store.entry(entry.public_id[:6]) == entry
    assert await world.store.entry(" " + entry.public_id[:8].upper()) == entry
    assert await world.store.entry(entry.public_id[:5]) is None
    assert await world.store.entry("ffffffff") is None
    assert await world.store.entry("no id at all") is None


async def test_a_beginning_that_two_ids_have_is_refused(world: World) -> None:
    feed = await world.feed()
    first, second = (restorable(feed, f"abcdef{digit:014d}") for digit in range(2))
    await world.store.restore_entries(feed, [first, second])

    with pytest.raises(UsageError, match="2 entries begin with 'abcdef'"):
        await world.store.entry("abcdef")


async def test_the_newest_entries_come_first(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("b"), item("old", date="Sun, 01 Mar 2026 10:00:00 GMT"))
    world.later()
    await world.poll(feed, item("c"))

    assert titles_of(await world.store.entries_of(feed.id)) == ["C", "B", "Old"]
    assert titles_of(await world.store.entries_of(feed.id, limit=1)) == ["C"]


async def test_a_wording_that_comes_back_is_a_third_revision(world: World) -> None:
    feed = await world.feed()
    for title in ("A", "B", "A"):
        await world.poll(feed, item("x", title=title))
        world.later()

    entry = await world.entry(feed)

    assert [(r.number, r.reread, r.content.title) for r in entry.revisions] == [
        (1, 0, "A"),
        (2, 0, "B"),
        (3, 0, "A"),
    ]
    assert entry.revision_count == 3


async def test_each_revision_says_between_which_polls_it_came_up(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x", title="A"))
    unchanged_at = world.later()
    await world.unmodified(feed)
    world.later()
    await world.fail(feed)
    changed_at = world.later()
    await world.poll(feed, item("x", title="B"))

    first, second = (await world.entry(feed)).revisions

    assert (first.seen_at, first.absent_at) == (MORNING, None)
    assert (second.seen_at, second.absent_at) == (changed_at, unchanged_at)
    assert first.capture == world.polls[0].reading.capture.digest
    assert second.capture == world.polls[3].reading.capture.digest


@pytest.mark.parametrize("field", ["title", "summary", "author", "link"])
async def test_what_readers_read_makes_a_revision(world: World, field: str) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"))
    world.later()

    poll = await world.poll(feed, item("x", **{field: "https://press.example/other"}))

    assert len(poll.changes.revised) == 1
    assert (await world.entry(feed)).revision_count == 2
    assert [p.reason for p in await world.store.dirty() if p.feed_id] == [WriteReason.REVISION]


@pytest.mark.parametrize(
    "told", [{"date": "Wed, 04 Mar 2026 07:59:00 GMT"}, {"category": "Weather"}], ids=str
)
async def test_what_is_only_noted_makes_no_revision(world: World, told: dict[str, str]) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"))
    before = await world.entry(feed)
    world.later()

    changed = await world.poll(feed, item("x", **told))
    world.later()
    again = await world.poll(feed, item("x", **told), item("y"))

    assert len(changed.changes.observations) == 1
    assert again.changes.observations == ()
    assert await world.entry(feed, "press-x") == before


async def test_the_day_of_an_entry_is_that_of_its_first_sight(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"))
    world.later(3 * DAY)

    await world.poll(feed, item("x", title="New", date="Sat, 07 Mar 2026 07:00:00 GMT"))

    assert (await world.entry(feed)).day == MARCH_4


async def test_an_entry_that_drops_out_changes_nothing_but_stands_in_the_log(
    world: World,
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    before = await world.entry(feed, "press-x")
    world.later()

    poll = await world.poll(feed, item("y"))

    assert poll.lost == (before.id,)
    assert await world.entry(feed, "press-x") == before
    assert (await world.store.polls(limit=1))[0].unchanged == 1


async def test_an_entry_was_last_seen_at_the_last_poll_with_it(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    seen_at = world.later()
    await world.unmodified(feed)
    world.later()
    await world.fail(feed)
    dropped_at = world.later()
    await world.poll(feed, item("y"))

    assert await world.store.last_seen_at(await world.entry(feed, "press-x")) == seen_at
    assert await world.store.last_seen_at(await world.entry(feed, "press-y")) == dropped_at


async def test_an_entry_that_came_back_was_last_seen_then(world: World) -> None:
    feed = await world.feed()
    for items in ([item("x"), item("y")], [item("y")], [item("x"), item("y")]):
        await world.poll(feed, *items)
        world.later()
    until = world.now
    await world.unmodified(feed)
    world.later()
    still = await world.store.last_seen_at(await world.entry(feed, "press-x"))
    await world.poll(feed, item("y"))

    assert still == until
    assert await world.store.last_seen_at(await world.entry(feed, "press-x")) == until


async def test_no_poll_saw_an_entry_that_was_only_brought_in(world: World) -> None:
    feed = await world.feed()
    await world.store.restore_entries(feed, [restorable(feed, "0" * 20)])
    await world.poll(feed, item("y"))

    entry = await world.store.entry("0" * 20)

    assert entry is not None
    assert await world.store.last_seen_at(entry) is None


@pytest.mark.parametrize("versions", [(2, 1), (1, 2), (2, 2)], ids=str)
async def test_what_reads_the_same_with_new_versions_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, versions: tuple[int, int]
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    before = await world.entries(feed)
    world.later()
    change_versions(monkeypatch, *versions)

    first = await world.poll(feed, item("x"), item("y"), item("z"))
    world.later()
    second = await world.poll(feed, item("x"), item("y"))

    assert first.changes.revised == second.changes.revised == ()
    assert second.changes.rereads == ()
    assert [e for e in await world.entries(feed) if e.guid != "press-z"] == before


async def test_what_reads_differently_with_a_new_version_is_a_reread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x", summary="As the old parser had it"))
    world.later()
    change_versions(monkeypatch, 2, 1)

    first = await world.poll(feed, item("x", summary="As the new one has it"))
    reread_at = world.now
    world.later()
    second = await world.poll(feed, item("x", summary="As the new one has it"), item("y"))
    world.later()
    edit = await world.poll(feed, item("x", summary="As it was edited"), item("y"))

    entry = await world.entry(feed, "press-x")
    assert (len(first.changes.revised), len(first.changes.rereads)) == (0, 1)
    assert (len(second.changes.revised), len(second.changes.rereads)) == (0, 0)
    assert len(edit.changes.revised) == 1
    assert [(r.number, r.reread, r.parser_version) for r in entry.revisions] == [
        (1, 0, 1),
        (1, 1, 2),
        (2, 0, 2),
    ]
    assert entry.revisions[1].seen_at == reread_at
    assert entry.revision_count == 2


async def test_a_reread_marks_its_entry_as_doubtful_and_its_day_as_dirty(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x", summary="Old"))
    await clean(world)
    world.later()
    change_versions(monkeypatch, 2, 2)

    await world.poll(feed, item("x", summary="New"))

    assert Doubt.REREAD in (await world.entry(feed)).doubts
    assert [p.reason for p in await world.store.dirty() if p.feed_id] == [WriteReason.REREAD]


async def test_one_guid_on_different_articles_makes_the_link_their_identity(
    world: World,
) -> None:
    feed = await world.feed()
    first = Item(guid="same", link="https://press.example/1", title="One")
    second = Item(guid="same", link="https://press.example/2", title="Two")
    third = Item(guid="same", link="https://press.example/3", title="Three")
    await world.poll(feed, first)
    before = await world.entry(feed)
    world.later()
    await world.poll(feed, second, first)
    world.later()
    poll = await world.poll(feed, third)

    entries = await world.entries(feed)
    assert sorted(filter(None, titles_of(entries))) == ["One", "Three", "Two"]
    assert all(entry.revision_count == 1 for entry in entries)
    kept = await world.store.entry(before.public_id)
    assert kept is not None
    assert kept.identity == "https://press.example/1"
    assert poll.feed.identity_policy is IdentityPolicy.LINK


async def test_entries_that_share_a_link_are_told_apart_by_their_guids(world: World) -> None:
    """As live blogs do: each report has an anchor for its guid, all have the page for a link."""
    feed = await world.feed()
    page = "https://press.example/live"
    reports = [Item(guid=page, link=page, title="Report 0")]
    for number in range(1, 4):
        await world.poll(feed, *reports)
        world.later()
        reports.insert(0, Item(guid=f"{page}#{number}", link=page, title=f"Report {number}"))
    poll = await world.poll(feed, *reports)

    entries = await world.entries(feed)
    assert (len(poll.changes.new), poll.changes.unchanged) == (1, 3)
    assert sorted(filter(None, titles_of(entries))) == [f"Report {n}" for n in range(4)]
    assert all(entry.revision_count == 1 for entry in entries)


@pytest.mark.parametrize("kind", Tombstone)
async def test_what_was_taken_out_stands_in_no_page(world: World, kind: Tombstone) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    entry = await world.entry(feed, "press-x")
    await clean(world)

    done = await world.store.tombstone(entry.public_id, kind, reason="a court", now=world.now)

    (page,) = await world.store.pages(MARCH_4, is_private=False)
    (record,) = await world.store.tombstones()
    assert done
    assert titles_of(page.entries) == ["Y"]
    assert (record.public_id, record.kind, record.reason) == (entry.public_id, kind, "a court")
    assert record.at == world.now
    assert not record.is_private
    assert [(p.feed_id, p.reason) for p in await world.store.dirty()] == [(feed.id, kind.value)]


async def test_an_unknown_entry_cannot_be_taken_out(world: World) -> None:
    assert not await world.store.tombstone(
        "f" * 20, Tombstone.ERASED, reason="none", now=world.now
    )
    assert await world.store.tombstones() == []


async def test_a_withheld_entry_is_kept_and_goes_on(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"))
    entry = await world.entry(feed)
    await world.store.tombstone(entry.public_id, Tombstone.WITHHELD, reason="asked", now=world.now)
    world.later()

    await world.poll(feed, item("x", title="Changed"))

    kept = await world.store.entry(entry.public_id)
    assert kept is not None
    assert (kept.withheld_at, kept.revision_count) == (MORNING, 2)
    (page,) = await world.store.pages(MARCH_4, is_private=False, feed_ids=[feed.id])
    assert page.entries == ()


async def test_an_erased_entry_does_not_come_back_by_polling(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    entry = await world.entry(feed, "press-x")
    await world.store.tombstone(entry.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    world.later()

    same = await world.poll(feed, item("y"), item("x"))
    world.later()
    changed = await world.poll(feed, item("x", title="Changed", guid="another"), item("y"))

    assert same.changes.new == changed.changes.new == ()
    assert titles_of(await world.entries(feed)) == ["Y"]
    assert await world.store.entry(entry.public_id) is None
    assert (await world.again(feed)).entry_count == 1


@pytest.mark.parametrize("is_read_anew", [False, True])
async def test_an_entry_that_is_erased_while_its_feed_is_polled_stays_erased(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch, *, is_read_anew: bool
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    entry = await world.entry(feed, "press-x")
    world.later()
    if is_read_anew:
        change_versions(monkeypatch, 2, 1)
    (leased,) = await world.lease(feed, is_forced=True)
    body = rss([item("x", title="Changed"), item("y", category="New")])
    reading = read(leased, Capture(url=PRESS, final_url=PRESS, fetched_at=world.now, body=body))
    found = await world.store.known(leased, reading.sightings)
    changes = revise.revise(leased, reading.sightings, found, seen_at=world.now)

    await other.tombstone(entry.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    await world.store.save(conclude(leased, reading, changes, window=found.window, now=world.now))

    assert titles_of(await world.entries(feed)) == ["Y"]
    assert len(await world.store.polls()) == 2


async def test_erasing_one_report_of_a_page_leaves_its_siblings(world: World) -> None:
    feed = await world.feed()
    page = "https://press.example/live"
    reports = [Item(guid=f"{page}#{n}", link=page, title=f"Report {n}") for n in range(3)]
    await world.poll(feed, *reports[:2])
    entry = await world.entry(feed, f"{page}#0")
    await world.store.tombstone(entry.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    world.later()

    await world.poll(feed, *reports)

    assert sorted(filter(None, titles_of(await world.entries(feed)))) == ["Report 1", "Report 2"]


async def test_an_erased_entry_does_not_come_back_by_restoring(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    entries = await world.entries(feed)
    erased = await world.entry(feed, "press-x")
    await world.store.tombstone(erased.public_id, Tombstone.ERASED, reason="asked", now=world.now)

    count = await world.store.restore_entries(feed, entries)

    assert count == 0
    assert titles_of(await world.entries(feed)) == ["Y"]


async def test_tombstones_written_out_are_carried_out_again(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"), item("z"))
    entries = {entry.guid: entry for entry in await world.entries(feed)}
    for guid, kind in (("press-x", Tombstone.ERASED), ("press-y", Tombstone.WITHHELD)):
        public_id = entries[guid].public_id
        await world.store.tombstone(public_id, kind, reason="asked", now=world.later(MINUTE))
    records = await world.store.tombstones()
    await world.store.purge_feed(feed.id)
    feed = await world.feed()

    await world.store.restore_tombstones(records)
    await world.poll(feed, item("x"), item("y"), item("z"))
    (page,) = await world.store.pages(MARCH_4, is_private=False)

    assert await world.store.tombstones() == records
    assert titles_of(page.entries) == ["Z"]
    assert len(await world.entries(feed)) == 2


async def test_a_restored_tombstone_takes_out_what_is_there(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"))
    entry = await world.entry(feed)
    await world.store.tombstone(entry.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    records = await world.store.tombstones()
    await world.store.purge_feed(feed.id)

    await world.store.restore_tombstones(
        [replace(record, kind=Tombstone.WITHHELD) for record in records]
    )

    assert await world.store.tombstones() == records


async def test_a_withheld_entry_comes_back_withheld_under_its_link(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, Item(guid=None, link="https://press.example/x"))
    entry = await world.entry(feed)
    await world.store.tombstone(entry.public_id, Tombstone.WITHHELD, reason="asked", now=world.now)
    records = await world.store.tombstones()
    await world.store.purge_feed(feed.id)
    feed = await world.feed()
    await world.store.restore_tombstones(records)

    await world.poll(feed, item("x"))

    assert (await world.entry(feed)).withheld_at == MORNING


async def test_restored_entries_keep_their_ids_days_and_wordings(
    world: World, other: Store
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("x"), item("y"))
    world.later(HOUR)
    await world.poll(feed, item("x", title="Changed"), item("y"))
    entries = await world.entries(feed)
    await world.store.purge_feed(feed.id)
    feed = await world.feed()
    await clean(world)

    first = await world.store.restore_entries(feed, entries)
    second = await other.restore_entries(feed, entries)

    def without_ids(found: list[Entry]) -> list[Entry]:
        return sorted((replace(e, id=0, feed_id=0) for e in found), key=lambda e: e.public_id)

    assert (first, second) == (2, 0)
    assert without_ids(await world.entries(feed)) == without_ids(entries)
    assert (await world.again(feed)).entry_count == 2
    assert [page for page in await world.store.dirty() if page.feed_id] == []


def restorable(feed: Feed, public_id: str) -> Entry:
    content = Content(title="Old", permalink=f"https://press.example/{public_id}")
    revision = Revision(
        number=1,
        seen_at=MORNING - DAY,
        absent_at=None,
        content=content,
        digest=normalize.digest_of(content),
        digest_version=normalize.DIGEST_VERSION,
        parser_version=PARSER_VERSION,
    )
    return Entry(
        id=0,
        public_id=public_id,
        feed_id=feed.id,
        identity=f"https://press.example/{public_id}",
        guid=None,
        day=MARCH_4 - DAY,
        first_seen_at=MORNING - DAY,
        revisions=(revision,),
    )


def change_versions(monkeypatch: pytest.MonkeyPatch, parser: int, digest: int) -> None:
    """Let the code believe that it is of other versions, wherever it looks."""
    of_sqlite, of_postgres = (sqlite_known, sqlite_changes), (postgres_known, postgres_writer)
    for module in (revise, *of_sqlite, *of_postgres):
        monkeypatch.setattr(module, "PARSER_VERSION", parser)
        monkeypatch.setattr(module, "DIGEST_VERSION", digest)
    for module in (store_rows, postgres_heads):
        monkeypatch.setattr(module, "DIGEST_VERSION", digest)


async def clean(world: World) -> None:
    for page in await world.store.dirty():
        await world.store.save_written([], day=page.day, is_private=False, done=[page])


@pytest.mark.parametrize(
    "shared",
    [
        {"guid": None, "link": "https://press.example/"},
        {"guid": "0", "link": None},
        {"guid": "0", "link": "https://press.example/"},
    ],
    ids=["a link", "a guid", "both"],
)
async def test_articles_that_nothing_but_their_words_tells_apart_are_all_kept(
    world: World, shared: dict[str, str | None]
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a", **shared))
    for names in ("ba", "cba", "dcb", "dcb"):
        world.later()
        await world.poll(feed, *[item(name, **shared) for name in names])

    entries = await world.entries(feed)

    assert sorted(title or "" for title in titles_of(entries)) == ["A", "B", "C", "D"]
    assert {entry.revision_count for entry in entries} == {1}


async def test_an_article_that_stands_twice_in_a_feed_is_one_entry(world: World) -> None:
    feed = await world.feed()

    await world.poll(feed, item("a"), item("a", summary="Shorter."), item("b"))

    assert sorted(title or "" for title in titles_of(await world.entries(feed))) == ["A", "B"]
    assert (await world.again(feed)).identity_policy is IdentityPolicy.GUID
