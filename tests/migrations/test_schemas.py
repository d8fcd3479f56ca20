"""Every schema there ever was opens, with all that is in it, and goes on."""

import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from newsreel.model.feed import Feed
from newsreel.model.legacy import LegacyKind
from newsreel.model.poll import GapReason, Outcome
from newsreel.store.sqlite import SqliteStore, open_store
from polled_world import PRESS, World, item, titles_of

DUMPS = sorted(Path(__file__).parent.glob("schema_*.sql"))
STEPS = sorted(
    step.name
    for step in files("newsreel.store").joinpath("sql", "sqlite").iterdir()
    if step.name.endswith(".sql")
)


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.stem)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    path = tmp_path / "newsreel.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(request.param.read_text(encoding="utf-8"))
    connection.close()
    store = open_store(path)
    yield store
    await store.close()


@pytest.fixture
async def feed(store: SqliteStore) -> Feed:
    feed = await store.find_feed(PRESS)
    assert feed is not None
    return feed


def test_every_step_is_numbered_and_has_a_database_of_before() -> None:
    numbers = [int(re.match(r"(\d{4})_\w+\.sql", name)[1]) for name in STEPS]  # type: ignore[index]

    assert numbers == list(range(1, len(STEPS) + 1))
    assert len(DUMPS) == len(STEPS)


async def test_an_old_database_is_brought_to_the_newest_schema(store: SqliteStore) -> None:
    world = World(store)

    counts = await store.counts(now=world.now)

    assert counts.schema == len(STEPS)
    assert (counts.feeds, counts.entries, counts.revisions, counts.polls) == (1, 4, 5, 3)


async def test_all_that_is_in_an_old_database_is_still_there(
    store: SqliteStore, feed: Feed
) -> None:
    entries = {entry.identity: entry for entry in await store.entries_of(feed.id)}
    corrected = entries["press-a"]
    ((file, rows),) = await store.legacy_files(date(2026, 3, 1))

    assert (feed.title, feed.folder, feed.tags) == ("The Press", "Papers", ("daily",))
    assert [r.content.title for r in corrected.revisions] == ["A", "A, corrected"]
    assert entries["press-d"].content.categories == ("Birds",)
    assert entries["press-b"].withheld_at is not None
    assert [found.kind for found in await store.tombstones()] == ["withheld", "erased"]
    assert [found.outcome for found in await store.polls()] == [
        Outcome.OK,
        Outcome.FAILED,
        Outcome.OK,
    ]
    assert [gap.reason for gap in await store.gaps()] == ["http-503"]
    assert (file.name, file.kind) == ("press", LegacyKind.JSON)
    assert [row.content.title for row in rows] == ["Z"]


async def test_what_polls_left_out_is_none_where_it_was_not_counted(
    store: SqliteStore, request: pytest.FixtureRequest
) -> None:
    is_counted = request.node.callspec.params["store"].stem != "schema_0001"

    assert [found.left_out for found in await store.polls()] == [int(is_counted), 0, 0]


async def test_an_old_database_goes_on_where_it_stood(store: SqliteStore, feed: Feed) -> None:
    world = World(store)
    assert feed.last_poll_at is not None
    world.now = feed.last_poll_at + timedelta(hours=1)

    same = await world.poll(
        feed,
        item("a", title="A, corrected"),
        item("b", date="Wed, 04 Mar 2026 09:00:00 GMT"),
        item("c"),
        item("d", author="A. Quill", category="Birds"),
        item("e"),
    )

    assert titles_of(await store.entries_of(feed.id, limit=1)) == ["E"]
    assert len(same.changes.new) == 1
    changes = same.changes
    assert (changes.revised, changes.rereads, changes.observations) == ((), (), ())
    assert GapReason.NO_OVERLAP not in [gap.reason for gap in await store.gaps()]
