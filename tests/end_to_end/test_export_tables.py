"""Entries as rows of one file."""

import asyncio
import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

import newsreel
from command_line import Newsreel
from newsreel.model.tables import ENTRIES
from polled_world import PRESS
from small_archive import TOKEN, fill

NAMES = [column.name for column in ENTRIES.columns]


@pytest.fixture
def command(tmp_path: Path) -> Newsreel:
    asyncio.run(fill(tmp_path / "newsreel.sqlite"))
    return Newsreel(tmp_path)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def titles(text: str) -> list[str]:
    return [row["title"] for row in lines(text)]


def test_lines_of_json_hold_every_column_of_every_entry(command: Newsreel) -> None:
    done = command("export", "--format", "jsonl")

    assert titles(done.stdout) == ["Bridge", "Ferry", "Tide", "Tram"]
    assert all(list(row) == NAMES for row in lines(done.stdout))
    tram = lines(done.stdout)[-1]
    assert tram["published_at"] == "2026-03-06T08:00:00Z"
    assert tram["categories"] == ["Städte"]
    assert tram["feed_url"] == PRESS
    assert done.stderr == ""


def test_csv_holds_the_same(command: Newsreel) -> None:
    text = command("export", "--format", "csv").stdout

    head, *rows = csv.reader(io.StringIO(text, newline=""))

    assert head == NAMES
    assert [row[NAMES.index("title")] for row in rows] == ["Bridge", "Ferry", "Tide", "Tram"]
    assert rows[-1][NAMES.index("categories")] == '["Städte"]'


def test_parquet_holds_the_same_and_says_who_wrote_it(command: Newsreel) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'data' is not installed")

    done = command("export", "--format", "parquet", "-o", "news.parquet")

    table = parquet.read_table(command.home / "news.parquet")
    assert done.stderr == "wrote 4 entries to news.parquet\n"
    assert table.column_names == NAMES
    assert table.column("title").to_pylist() == ["Bridge", "Ferry", "Tide", "Tram"]
    assert str(table.schema.field("first_seen_at").type) == "timestamp[us, tz=UTC]"
    assert table.schema.metadata[b"newsreel"] == newsreel.__version__.encode()
    with newsreel.open(command.home) as archive:
        assert table.equals(archive.entries().to_arrow())


def test_the_file_is_what_a_citation_of_the_same_entries_has_the_digest_of(
    command: Newsreel,
) -> None:
    command("export", "--format", "jsonl", "--from", "2026-03-04", "-o", "news.jsonl")

    with newsreel.open(command.home) as archive:
        citation = archive.entries(first="2026-03-04").cite()

    body = (command.home / "news.jsonl").read_bytes()
    assert hashlib.sha256(body).hexdigest() == citation.sha256
    assert body.count(b"\n") == citation.count == 4


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(("--day", "2026-03-06"), ["Tram"], id="day"),
        pytest.param(("--to", "2026-03-04"), ["Bridge", "Ferry", "Tide"], id="to"),
        pytest.param(("--feed", "other"), ["Tide"], id="feed"),
        pytest.param(("--from", "2027-01-01"), [], id="none"),
        pytest.param(("--private",), ["Bridge", "Ferry", "Tide", "Meeting", "Tram"], id="private"),
    ],
)
def test_rows_are_those_that_are_named(
    command: Newsreel, arguments: tuple[str, ...], expected: list[str]
) -> None:
    done = command("export", "--format", "jsonl", *arguments)

    assert titles(done.stdout) == expected
    assert "Hush" not in done.stdout
    assert TOKEN not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((), ["Tram", "Ferry"], id="all"),
        pytest.param(("--to", "2026-03-05"), ["Ferry"], id="days"),
        pytest.param(("--feed", "other"), [], id="feed"),
        pytest.param(("--private",), ["Tram", "Ferry", "Meeting"], id="private"),
    ],
)
def test_rows_are_those_that_a_search_finds(
    command: Newsreel, arguments: tuple[str, ...], expected: list[str]
) -> None:
    query = "tram OR ferry OR meeting"

    done = command("export", "--format", "jsonl", "--search", query, *arguments)

    assert sorted(titles(done.stdout)) == sorted(expected)
    assert done.stderr == ""


def test_what_there_is_to_say_of_a_search_is_said_on_stderr(command: Newsreel) -> None:
    done = command("export", "--format", "jsonl", "--search", "tram )")

    assert titles(done.stdout) == ["Tram"]
    assert done.stderr


def test_a_file_is_replaced_once_the_new_one_is_whole(command: Newsreel) -> None:
    path = command.home / "news.csv"
    path.write_text("what stood here before")

    done = command("export", "--format", "csv", "--output", path)

    assert done.returncode == 0
    assert path.read_text("utf-8").startswith("id,feed_id,")
    assert not list(command.home.glob("*.part"))


def test_nothing_is_written_to_the_archive(command: Newsreel) -> None:
    command("export", "--format", "jsonl")

    assert not command.archive.exists()
    assert any(row["to_export"] for row in command.json("days"))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(("--output", "x"), 2, "no format is named", id="format"),
        pytest.param(("--private",), 2, "no format is named", id="private"),
        pytest.param(("--format", "parquet"), 2, "Parquet goes to a file", id="stdout"),
        pytest.param(("--format", "csv", "--legacy"), 2, "--legacy goes without", id="legacy"),
        pytest.param(("--format", "csv", "-o", "no/x"), 1, "can't be written", id="directory"),
        pytest.param(("--format", "csv", "-o", "."), 1, "can't be written", id="is-directory"),
        pytest.param(("--format", "csv", "--feed", "Club"), 2, "the feed is private", id="club"),
        pytest.param(("--format", "xlsx"), 2, "xlsx", id="unknown"),
    ],
)
def test_what_can_not_be_done_is_told(
    command: Newsreel, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = command("export", *arguments)

    assert done.returncode == code
    assert told in done.stderr
    assert done.stdout == ""
    assert not list(command.home.glob("*.part"))


def test_without_the_extra_parquet_says_what_to_install(
    command: Newsreel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "pyarrow.py").write_text("raise ModuleNotFoundError('none', name='pyarrow')")
    command.environment["PYTHONPATH"] = str(hidden)

    done = command("export", "--format", "parquet", "-o", "x.parquet")

    assert done.returncode == 2
    assert "Parquet needs pyarrow, which is not installed" in done.stderr
    assert "hint: pip install 'newsreel[data]'" in done.stderr
    assert not list(command.home.glob("x.parquet*"))
    assert titles(command("export", "--format", "jsonl").stdout)


def test_a_reader_that_has_seen_enough_ends_it_quietly(command: Newsreel) -> None:
    process = command.start("export", "--format", "jsonl")
    assert process.stdout
    assert process.stderr
    process.stdout.close()

    told = process.stderr.read()
    process.wait(60)
    process.stderr.close()

    assert "Traceback" not in told
