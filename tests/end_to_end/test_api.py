"""The archive in Python."""

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import newsreel
from newsreel.api import API_VERSION, Archive, EntryRow, Result
from newsreel.app import search_rows
from newsreel.errors import NewsreelError, SchemaTooNew, SchemaTooOld, StoreError, UsageError
from newsreel.store import open_store
from polled_world import PRESS, World, item
from small_archive import OTHER, PRIVATE, PRIVATE_ID, TOKEN, fill

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("news")
    asyncio.run(fill(directory / "newsreel.sqlite"))
    return directory


@pytest.fixture
def archive(directory: Path) -> Iterator[Archive]:
    with newsreel.open(directory) as archive:
        yield archive


def titles(result: Result[EntryRow]) -> list[str | None]:
    return [entry.title for entry in result]


# --- opening


def test_importing_the_package_imports_nothing_of_the_archive() -> None:
    code = (
        "import sys, newsreel; before = set(sys.modules); newsreel.open\n"
        "assert not any(name.startswith('newsreel.') for name in before), before\n"
        "assert 'sqlite3' not in before and 'asyncio' not in before\n"
        "assert not {'duckdb', 'pyarrow', 'pandas'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_package_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        newsreel.nonsense  # noqa: B018


@pytest.mark.parametrize("form", ["directory", "database", "address", "text"])
def test_an_archive_is_opened_by_its_directory_or_its_database(directory: Path, form: str) -> None:
    database = directory / "newsreel.sqlite"
    paths: dict[str, Path | str] = {
        "directory": directory,
        "database": database,
        "address": f"sqlite:{database}",
        "text": str(directory),
    }

    with newsreel.open(paths[form]) as archive:
        assert len(list(archive.feeds())) == 2


def test_without_a_path_it_is_that_of_the_settings(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSREEL_DB", str(directory / "newsreel.sqlite"))

    with newsreel.open() as archive:
        assert len(list(archive.feeds())) == 2


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database") as caught:
        newsreel.open(tmp_path / "nowhere")

    assert caught.value.hint
    assert not any(tmp_path.iterdir())
    with pytest.raises(StoreError, match="there is no database"):
        newsreel.open(tmp_path)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to be one" * 20)

    with pytest.raises(StoreError, match="no Newsreel database"):
        newsreel.open(path)


@pytest.mark.parametrize(("by", "error"), [(-1, SchemaTooOld), (+1, SchemaTooNew)])
def test_another_schema_is_refused_and_left_as_it_is(
    tmp_path: Path, by: int, error: type[NewsreelError]
) -> None:
    import sqlite3

    asyncio.run(fill(tmp_path / "newsreel.sqlite"))
    connection = sqlite3.connect(tmp_path / "newsreel.sqlite")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version + by}")
    connection.close()

    with pytest.raises(error) as caught:
        newsreel.open(tmp_path)

    assert caught.value.hint
    connection = sqlite3.connect(tmp_path / "newsreel.sqlite")
    assert connection.execute("PRAGMA user_version").fetchone() == (version + by,)
    connection.close()


def test_reading_changes_no_byte_and_leaves_no_thread(directory: Path) -> None:
    database = directory / "newsreel.sqlite"
    before = database.read_bytes()
    threads = threading.active_count()

    with newsreel.open(directory) as archive:
        for row in (*archive.entries(), *archive.changes(), *archive.coverage()):
            assert row

    assert database.read_bytes() == before
    assert threading.active_count() == threads
    assert not list(directory.glob("*.lease"))


def test_an_archive_in_a_directory_that_may_not_be_written_is_read(directory: Path) -> None:
    code = (
        "import newsreel, os, sys\n"
        "newsreel.open(sys.argv[1]).close()\n"
        "if os.getuid() == 0: os.setuid(65534)  # root may write everywhere\n"
        "with newsreel.open('.') as archive: print(len(list(archive.entries())))"
    )
    with tempfile.TemporaryDirectory() as made:
        sealed = Path(made)
        asyncio.run(fill(sealed / "newsreel.sqlite"))
        sealed.chmod(0o555)
        (sealed / "newsreel.sqlite").chmod(0o444)

        done = subprocess.run(
            [sys.executable, "-c", code, str(directory)],
            cwd=sealed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert (done.stdout, done.stderr) == ("4\n", "")
        assert [path.name for path in sealed.iterdir()] == ["newsreel.sqlite"]
        sealed.chmod(0o700)


def test_a_closed_archive_says_so(directory: Path) -> None:
    archive = newsreel.open(directory)
    entries = archive.entries()
    archive.close()
    archive.close()

    with pytest.raises(UsageError, match="closed"):
        list(entries)
    with pytest.raises(UsageError, match="closed"):
        archive.entries(feed=1)


async def test_it_works_where_an_event_loop_runs_already(directory: Path) -> None:
    assert asyncio.get_running_loop().is_running()

    with newsreel.open(directory) as archive:
        assert "Tram" in titles(archive.entries())


def test_several_threads_read_one_archive(archive: Archive) -> None:
    found: list[list[str | None]] = []
    threads = [
        threading.Thread(target=lambda: found.append(titles(archive.entries()))) for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [titles(archive.entries())] * 8


async def test_what_is_polled_meanwhile_is_read_the_next_time(tmp_path: Path) -> None:
    database = tmp_path / "newsreel.sqlite"
    await fill(database)
    store = open_store(str(database))
    with newsreel.open(tmp_path) as archive:
        entries = archive.entries(feed=PRESS)
        before = titles(entries)
        world = World(store, now=datetime(2026, 3, 7, 9, 0, tzinfo=UTC))
        feed = await store.find_feed(PRESS)
        assert feed
        await world.poll(feed, item("night", date=None), title="The Press")

        assert titles(entries) == [*before, "Night"]
    await store.close()


# --- reading


def test_entries_are_those_of_the_feed_and_the_days_asked_for(archive: Archive) -> None:
    assert titles(archive.entries()) == ["Bridge", "Ferry", "Tide", "Tram"]
    assert titles(archive.entries(feed=PRESS)) == ["Bridge", "Ferry", "Tram"]
    assert titles(archive.entries(feed="press.example/feed")) == ["Bridge", "Ferry", "Tram"]
    assert titles(archive.entries(feed=2)) == ["Tide"]
    assert titles(archive.entries(first="2026-03-05")) == ["Tram"]
    assert titles(archive.entries(last=date(2026, 3, 4), feed=1)) == ["Bridge", "Ferry"]
    assert titles(archive.entries(first="2026-03-05", last="2026-03-05")) == []


def test_an_entry_is_a_frozen_row_with_typed_values(archive: Archive) -> None:
    [tram] = archive.entries(first="2026-03-06")

    assert is_dataclass(tram)
    assert [field.name for field in fields(tram)] == list(archive.entries().columns)
    assert tram.day == date(2026, 3, 6)
    assert tram.published_at == datetime(2026, 3, 6, 8, 0, tzinfo=UTC)
    assert tram.categories == ("Städte",)
    with pytest.raises(AttributeError):
        tram.title = "x"  # type: ignore[misc]


def test_revisions_and_changes_tell_what_was_edited(archive: Archive) -> None:
    [change] = archive.changes()
    wordings = list(archive.revisions(entry=change.entry_id[:8]))

    assert change.changed == ("summary",)
    assert [row.summary for row in wordings] == ["It opens.", "It shuts."]
    assert [row.number for row in wordings] == [1, 2]
    assert change.seen_at == wordings[1].seen_at


def test_coverage_tells_where_the_archive_is_blind(archive: Archive) -> None:
    rows = list(archive.coverage(feed=OTHER))

    assert [row.day.day for row in rows] == [4, 5, 6]
    assert [row.blind_seconds for row in rows] == [16 * 3600, 86400, 9 * 3600]
    assert rows[1].polls_made == 0
    assert rows[1].gap_reasons == ("http-500",)


def test_polls_are_told_as_they_were_made(archive: Archive) -> None:
    polls = list(archive.polls(feed=OTHER))

    assert [poll.outcome for poll in polls] == ["ok", "failed", "not-modified"]
    assert [poll.new for poll in polls] == [1, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param({"first": "yesterday"}, "no day: 'yesterday'", id="day"),
        pytest.param({"first": "2026-03-05", "last": "2026-03-04"}, "is later than", id="order"),
        pytest.param({"feed": 99}, "no such feed: '99'", id="number"),
        pytest.param({"feed": "nowhere.example"}, "no such feed", id="address"),
        pytest.param({"feed": PRIVATE_ID}, "the feed is private", id="private"),
        pytest.param({"feed": f"https://x.example/?token={TOKEN}"}, "no such feed", id="secret"),
    ],
)
def test_a_question_that_has_no_answer_is_refused(
    archive: Archive, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        archive.entries(**arguments)

    assert caught.value.hint
    assert TOKEN not in str(caught.value)


def test_an_entry_that_is_not_there_is_told(archive: Archive) -> None:
    with pytest.raises(UsageError, match="no such entry"):
        archive.revisions(entry="ffffff")


def test_private_feeds_are_read_only_where_they_are_asked_for(directory: Path) -> None:
    with newsreel.open(directory, private=True) as archive:
        everything = [*archive.feeds(), *archive.entries(), *archive.revisions()]

        assert "Meeting" in titles(archive.entries(feed=PRIVATE))
        assert TOKEN not in repr(everything)
        assert "Hush" not in repr(everything)


# --- searching


def test_a_search_finds_entries_by_age(archive: Archive) -> None:
    found = archive.search("tram OR ferry OR hush OR meeting")

    assert titles(found) == ["Tram", "Ferry"]
    assert found.notes == ()
    assert found.question == "search('tram OR ferry OR hush OR meeting', order='newest')"
    assert found.cite().count == 2


def test_an_entry_is_found_by_a_former_wording_and_shown_in_its_newest(archive: Archive) -> None:
    [entry] = archive.search('"it opens"')

    assert entry.summary == "It shuts."


def test_the_best_come_first_where_that_is_asked_for(archive: Archive) -> None:
    found = archive.search("tram OR summary", order="relevance")

    assert titles(found)[0] == "Tram"
    assert len(titles(found)) > 1
    assert titles(archive.search("tram OR summary", order="relevance", limit=1)) == ["Tram"]


def test_what_a_search_did_not_understand_is_said_and_cited(archive: Archive) -> None:
    found = archive.search("tram )")

    assert list(found)
    assert found.notes
    assert found.notes[0] in str(found.cite())


def test_every_hit_is_read_however_many_there_are(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = titles(archive.search("summary OR it"))
    monkeypatch.setattr(search_rows, "PAGE", 1)

    found = titles(archive.search("summary OR it"))

    assert len(found) == len(expected) > 2
    assert set(found) == set(expected)
    assert found[0] == expected[0] == "Tram"


@pytest.mark.parametrize("arguments", [{"order": "oldest"}, {"limit": 0}], ids=["order", "limit"])
def test_a_search_that_makes_no_sense_is_refused(
    archive: Archive, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="no such"):
        archive.search("tram", **arguments)


def test_private_feeds_are_searched_only_where_they_are_asked_for(directory: Path) -> None:
    with newsreel.open(directory, private=True) as archive:
        [entry] = archive.search("meeting")

        assert TOKEN not in repr(entry)


# --- tables


def test_a_result_becomes_arrow_with_the_documented_types(archive: Archive) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'data' is not installed")

    table = archive.entries().to_arrow()

    assert table.num_rows == 4
    assert str(table.schema.field("day").type) == "date32[day]"
    assert str(table.schema.field("first_seen_at").type) == "timestamp[us, tz=UTC]"
    assert table.column("title").to_pylist() == ["Bridge", "Ferry", "Tide", "Tram"]
    assert archive.entries(first="2027-01-01").to_arrow().schema == table.schema


def test_a_result_becomes_a_data_frame_of_pandas(archive: Archive) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")

    frame = archive.entries().to_pandas()

    assert list(frame["title"]) == ["Bridge", "Ferry", "Tide", "Tram"]
    assert frame["day"].dt.day.tolist() == [4, 4, 4, 6]
    assert str(frame["first_seen_at"].dt.tz) == "UTC"


def test_a_result_becomes_a_data_frame_of_polars(archive: Archive) -> None:
    pytest.importorskip("polars", reason="polars is not installed")

    frame = archive.entries().to_polars()

    assert frame["title"].to_list() == ["Bridge", "Ferry", "Tide", "Tram"]


def test_a_library_that_is_missing_is_named_with_the_way_to_it(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "pandas", "polars", "duckdb"):
        monkeypatch.setitem(sys.modules, name, None)

    for ask, library in (
        (archive.entries().to_arrow, "pyarrow"),
        (archive.entries().to_pandas, "pandas"),
        (archive.entries().to_polars, "polars"),
        (lambda: archive.sql("SELECT 1"), "duckdb"),
    ):
        with pytest.raises(UsageError, match=f"needs {library}, which is not") as caught:
            ask()
        assert "pip install" in caught.value.hint


# --- citations


def test_a_citation_names_the_question_the_versions_and_what_came(archive: Archive) -> None:
    citation = archive.entries(feed=1, first="2026-03-04", last=date(2026, 3, 4)).cite()

    assert citation.question == (f"entries(feed='{PRESS}', first='2026-03-04', last='2026-03-04')")
    assert (citation.count, citation.newsreel) == (2, newsreel.__version__)
    assert citation.asked_at.tzinfo is UTC
    assert citation.sha256 in str(citation)
    assert citation.question in str(citation)


def test_the_digest_of_a_citation_is_that_of_the_rows_as_lines_of_json(archive: Archive) -> None:
    result = archive.changes()
    [row] = result

    told = {field.name: getattr(row, field.name) for field in fields(row)}
    line = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_json)

    assert result.cite().sha256 == hashlib.sha256(f"{line}\n".encode()).hexdigest()


def _json(value: object) -> str:
    assert isinstance(value, date)
    return value.isoformat().replace("+00:00", "Z")


def test_the_same_question_has_the_same_digest_and_another_has_not(archive: Archive) -> None:
    one, again = archive.entries().cite(), archive.entries().cite()

    assert one.sha256 == again.sha256
    assert one.sha256 != archive.entries(feed=1).cite().sha256


# --- documentation


def test_every_method_is_documented_and_there_are_few() -> None:
    page = (DOCS / "reference/python.md").read_text("utf-8")
    methods = [name for name in vars(Archive) if not name.startswith("_")]
    results = [name for name in vars(Result) if not name.startswith("_")]
    results += ["columns", "question"]

    assert len(methods) <= 10
    assert [name for name in methods if f"| `{name}(" not in page] == []
    assert [name for name in results if f"| `{name}" not in page] == []
    assert f"`newsreel.api.API_VERSION` is {API_VERSION}." in page


def test_a_private_address_is_no_part_of_a_citation(directory: Path) -> None:
    with newsreel.open(directory, private=True) as archive:
        assert TOKEN not in str(archive.entries(feed=PRIVATE).cite())
