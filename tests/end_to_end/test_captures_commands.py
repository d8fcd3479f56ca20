import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel
from newsreel.config import read_settings
from polled_world import item, rss
from publisher import Publisher

WARCIO = Path(sys.executable).with_name("warcio")


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as found:
        yield found


def forget(newsreel: Newsreel, guid: str) -> None:
    """Let the database be as if its parser had missed an entry."""
    connection = sqlite3.connect(newsreel.database)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM entries WHERE guid = ?", (guid,))
    connection.commit()
    connection.close()


def titles(newsreel: Newsreel) -> set[str]:
    pages = newsreel.archive.rglob("*_entries.json")
    return {entry["title"] for page in pages for entry in json.loads(page.read_text())}


def test_reparse_says_what_would_change_and_changes_it_when_told_to(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/feed.xml", rss([item("a"), item("b")])))
    forget(newsreel, "press-b")

    told = newsreel("reparse")
    nothing = newsreel("export"), titles(newsreel)
    applied = newsreel("reparse", "1", "--apply")

    assert "would be stored with --apply: 1 entries that were missed" in told.stderr
    assert [line.split()[0] for line in told.stdout.splitlines()] == ["what", "new"]
    assert nothing[1] == {"A"}
    assert "stored: 1 entries that were missed" in applied.stderr
    assert titles(newsreel) == {"A", "B"}
    assert newsreel.json("reparse") == []


def test_reparse_names_captures_of_feeds_that_are_not_there(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/feed.xml", rss([item("a")])))

    done = newsreel("--db", "other.sqlite", "--captures", "captures", "reparse")

    assert "1 captures are of feeds that are not in the database" in done.stderr
    assert done.returncode == 0


def test_rebuild_makes_a_database_from_captures_alone(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/feed.xml", rss([item("a"), item("b")])))
    publisher.put("/feed.xml", rss([item("a", title="Other"), item("b")]))
    newsreel("poll", "--all")
    newsreel.database.unlink()

    done = newsreel("rebuild", "--captures")

    assert done.returncode == 0
    assert "read 2 entries with 3 revisions of 1 feeds from 2 captures" in done.stderr
    assert newsreel("export").stderr.startswith("nothing") is False
    assert titles(newsreel) == {"Other", "B"}


@pytest.mark.parametrize("command", [["reparse"], ["rebuild", "--captures"]], ids=" ".join)
def test_without_captures_there_is_a_way_out(newsreel: Newsreel, command: list[str]) -> None:
    done = newsreel("--captures", "off", *command)

    assert done.returncode == 2
    assert "captures are turned off" in done.stderr
    assert "--captures DIR" in done.stderr


def test_what_is_erased_is_in_no_capture_any_more(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/other.xml", rss([item("x"), item("b")])))
    newsreel("add", publisher.put("/feed.xml", rss([item("a")])))
    publisher.put("/feed.xml", rss([item("a"), item("gone")]))
    newsreel("poll", "--all")
    publisher.put("/feed.xml", rss([item("b")]))
    newsreel("poll", "--all")
    pages = [json.loads(page.read_text()) for page in newsreel.archive.rglob("*_entries.json")]
    (gone,) = [entry["id"] for page in pages for entry in page if entry["title"] == "Gone"]

    done = newsreel("erase", gone, "--yes")
    newsreel("poll", "--all")

    tree = newsreel.home / "captures/public"
    assert "1 raw captures that show it are deleted" in done.stderr
    bodies = [gzip.decompress(path.read_bytes()) for path in tree.glob("*.warc.gz")]
    assert b"press-gone" not in b"".join(bodies)
    (told,) = [json.loads(line) for line in (tree / "dropped.jsonl").read_text().splitlines()]
    assert (told["reason"], told["captures"]) == ("erased", 1)
    assert newsreel("reparse").stderr.startswith("read 7 captures again")
    for path in tree.glob("*.warc.gz"):
        assert subprocess.run([WARCIO, "check", path], check=False).returncode == 0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Path("/h/.local/share/newsreel/captures")),
        ({"NEWSREEL_DB": "/data/n.sqlite"}, Path("/data/captures")),
        ({"NEWSREEL_DB": "sqlite:/data/n.sqlite"}, Path("/data/captures")),
        ({"NEWSREEL_DB": "postgresql://db/n"}, Path("/h/.local/share/newsreel/captures")),
        ({"NEWSREEL_CAPTURES": "/c", "NEWSREEL_DB": "/data/n.sqlite"}, Path("/c")),
        ({"NEWSREEL_CAPTURES": "off"}, None),
    ],
    ids=["default", "beside", "scheme", "postgres", "named", "off"],
)
def test_captures_lie_beside_the_database_unless_told_otherwise(
    environ: dict[str, str], expected: Path | None
) -> None:
    settings = read_settings(config=None, given={}, environ={"HOME": "/h", **environ})

    assert settings.captures == expected


def test_captures_of_a_service_that_is_killed_can_be_read(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    urls = [publisher.put(f"/{n}.xml", rss([item(f"n{n}")])) for n in range(40)]
    listing = newsreel.home / "feeds.txt"
    listing.write_text("\n".join(urls))
    newsreel("import", listing)
    with newsreel.start("run") as running:
        assert running.stderr is not None
        while "polled" not in running.stderr.readline():
            pass
        running.kill()
    (left,) = (newsreel.home / "captures/public").glob("*.warc.gz.open")
    with left.open("ab") as file:
        file.write(b"\x1f\x8b torn")

    newsreel("poll", "--all")
    newsreel.database.unlink()

    (path,) = (newsreel.home / "captures/public").glob("*.warc.gz")
    assert subprocess.run([WARCIO, "check", path], check=False).returncode == 0
    assert "read 40 entries with 40 revisions of 40 feeds" in (
        newsreel("rebuild", "--captures").stderr
    )
