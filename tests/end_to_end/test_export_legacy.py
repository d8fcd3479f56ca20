"""Days that Newsreel polled itself, in the old system's form of 2025."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsreel.app.export import Selection
from newsreel.app.export_legacy import export_legacy
from newsreel.app.ingest import import_paths
from newsreel.core.normalize import DIGEST_VERSION, digest_of, public_id_of
from newsreel.formats.legacy_json import LAYOUTS
from newsreel.model.entry import Content, Entry, Revision
from newsreel.model.feed import Feed, NewFeed
from newsreel.store import Store, open_store

DAY = date(2026, 1, 5)
SEEN = datetime(2026, 1, 5, 14, 21, 40, tzinfo=UTC)
URL = "https://h.example/feed?a=1"
NAME = "2026/01/2026-01-05/https...h.example.feed.a.1_entries"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = open_store(str(tmp_path / "db.sqlite"))
    yield store
    await store.close()


async def feed_in(store: Store, url: str = URL) -> Feed:
    new = NewFeed(url=url, title="Harbour,\nPost", language="en")
    return (await store.add_feeds([new], now=SEEN))[0].feed


def entry_of(feed: Feed, title: str, at: datetime | None, *, day: date = DAY) -> Entry:
    link = f"https://h.example/{title}"
    content = Content(
        title=title, link=link, permalink=link, summary=f"<p>About {title}</p>", author="Ada",
        published_at=at, published_raw="Mon", categories=("boats",),
    )  # fmt: skip
    revision = Revision(
        number=1, seen_at=SEEN, absent_at=None, content=content, digest=digest_of(content),
        digest_version=DIGEST_VERSION, parser_version=1,
    )  # fmt: skip
    return Entry(
        id=0, public_id=public_id_of(feed.first_url, link), feed_id=feed.id, identity=link,
        guid=None, day=day, first_seen_at=SEEN, revisions=(revision,),
    )  # fmt: skip


async def exported(
    store: Store, root: Path, selection: Selection | None = None
) -> dict[str, bytes]:
    await export_legacy(store, root, selection or Selection(is_all=True))
    return files_in(root)


def files_in(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_a_polled_day_has_the_keys_and_the_text_of_2025(
    store: Store, tmp_path: Path
) -> None:
    feed = await feed_in(store)
    early = entry_of(feed, "Älter", SEEN - timedelta(hours=2))
    same = (
        entry_of(feed, "B", SEEN - timedelta(hours=1)),
        entry_of(feed, "A", SEEN - timedelta(hours=1)),
    )
    await store.restore_entries(feed, [early, *same, entry_of(feed, "Undated", None)])

    found = await exported(store, tmp_path / "out")

    body = found[f"{NAME}.json"].decode()
    rows = json.loads(body)
    assert body == json.dumps(rows, indent=4, sort_keys=True)
    assert tuple(rows[0]) == LAYOUTS["2025-04-14"]
    assert [row["title"] for row in rows] == ["Undated", "A", "B", "Älter"]
    assert rows[1] == {
        "age": None, "album": "", "author": "Ada", "bookmarked": False, "comments": [],
        "date_created": "2026-01-05T14:21:40.000000+00:00", "date_dead_since": None,
        "date_published": "2026-01-05T13:21:40+00:00", "description": "<p>About A</p>", "id": 0,
        "language": "en", "link": "https://h.example/A", "manual_status_code": 0,
        "page_rating": 0, "page_rating_contents": 0, "page_rating_visits": 0,
        "page_rating_votes": 0, "permanent": False, "source__id": 0, "source_url": URL,
        "status_code": 0, "tags": [], "thumbnail": None, "title": "A", "vote": 0,
    }  # fmt: skip


async def test_a_polled_day_has_the_markdown_with_the_slip(store: Store, tmp_path: Path) -> None:
    feed = await feed_in(store)
    await store.restore_entries(feed, [entry_of(feed, "A", SEEN)])

    found = await exported(store, tmp_path / "out")

    assert found[f"{NAME}.md"].decode() == (
        f"# Source:Harbour, Post, URL:{URL}, language:en\n\n"
        "## A\n - [https://h.example/A](https://h.example/A)\n - RSS feed: $source\n"
        " - date published: 2026-01-05T14:21:40+00:00\n\n<p>About A</p>\n\n"
    )


async def test_addresses_of_one_name_get_two_files(store: Store, tmp_path: Path) -> None:
    for url in ("https://h.example/a/b", "https://h.example/a?b"):
        feed = await feed_in(store, url)
        await store.restore_entries(feed, [entry_of(feed, "A", SEEN)])

    found = await exported(store, tmp_path / "out")

    assert len(found) == 4
    assert sum("~" in path for path in found) == 2


async def test_what_was_polled_joins_the_imported_file_in_its_order(
    store: Store, tmp_path: Path
) -> None:
    rows = [
        {"title": title, "link": f"https://h.example/{title}", "source_url": URL,
         "date_published": f"2026-01-05T{hour}:00:00+00:00", "page_rating": 27}
        for title, hour in (("Old", 20), ("Zwei", 13), ("Eins", 13), ("Young", "08"))
    ]  # fmt: skip
    path = tmp_path / f"in/{NAME}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(rows))
    await import_paths(store, [tmp_path / "in"], clock=lambda: SEEN)
    feed = await store.find_feed(URL)
    assert feed is not None
    polled = entry_of(feed, "Polled", SEEN - timedelta(hours=3))
    late = entry_of(feed, "Late", SEEN - timedelta(days=9))
    await store.restore_entries(feed, [polled, late])

    (found,) = (await exported(store, tmp_path / "out")).values()

    told = json.loads(found)
    assert [row["title"] for row in told] == ["Old", "Zwei", "Eins", "Polled", "Young", "Late"]
    assert [row for row in told if row["title"] not in {"Polled", "Late"}] == rows
    assert told[3]["source_url"] == URL


async def test_a_file_of_several_feeds_is_written_whole_or_not(
    store: Store, tmp_path: Path
) -> None:
    golden = Path(__file__).parent.parent / "golden" / "legacy" / "2024" / "10"
    await import_paths(store, [golden], clock=lambda: SEEN)
    other = await feed_in(store)
    feed = await store.find_feed("https://a.example/")
    assert feed is not None

    found = await exported(store, tmp_path / "a", Selection(feed_id=feed.id))
    nothing = await exported(store, tmp_path / "b", Selection(feed_id=other.id))

    assert {path[8:]: body for path, body in found.items()} == files_in(golden)
    assert nothing == {}


async def test_only_the_named_days_and_feed_are_written(store: Store, tmp_path: Path) -> None:
    feed, other = await feed_in(store), await feed_in(store, "https://o.example/")
    next_day = DAY + timedelta(days=1)
    await store.restore_entries(
        feed, [entry_of(feed, "A", SEEN), entry_of(feed, "B", SEEN, day=next_day)]
    )
    await store.restore_entries(other, [replace(entry_of(other, "A", SEEN), day=next_day)])

    found = await exported(store, tmp_path / "out", Selection(first=next_day, feed_id=feed.id))

    assert set(found) == {f"{NAME.replace('-05/', '-06/')}.{kind}" for kind in ("json", "md")}
