"""A SELECT over the archive's tables: from Python and as a command."""

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest

import newsreel
from command_line import Newsreel
from newsreel.api import Archive
from newsreel.app import sql as sql_module
from newsreel.errors import UsageError
from newsreel.model.tables import TABLES, Column, Table, Values
from small_archive import TOKEN, fill

pytest.importorskip("duckdb", reason="the extra 'data' is not installed")

PER_DAY = "SELECT day, count(*) AS n, sum(revision_count) AS r FROM entries GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("news")
    asyncio.run(fill(directory / "newsreel.sqlite"))
    return directory


@pytest.fixture
def archive(directory: Path) -> Iterator[Archive]:
    with newsreel.open(directory) as archive:
        yield archive


@pytest.fixture
def command(directory: Path) -> Newsreel:
    return Newsreel(directory)


# --- what is found


def test_a_query_finds_rows_with_python_values(archive: Archive) -> None:
    result = archive.sql(PER_DAY)

    assert result.columns == ("day", "n", "r")
    assert list(result) == [
        {"day": date(2026, 3, 4), "n": 3, "r": 4},
        {"day": date(2026, 3, 6), "n": 1, "r": 1},
    ]
    assert list(result) == list(result)
    assert all(type(row["r"]) is int for row in result)


def test_times_are_utc_without_a_zone(archive: Archive) -> None:
    [row] = archive.sql("SELECT first_seen_at AS at FROM entries WHERE title = 'Tram'")

    assert row == {"at": datetime(2026, 3, 6, 9, 0)}  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_holds_in_sql_what_it_holds_elsewhere(
    archive: Archive, table: Table[object]
) -> None:
    [counted] = archive.sql(f"SELECT count(*) AS n FROM {table.name}")
    rows = list(archive.sql(f"FROM {table.name}"))

    method = getattr(archive, table.name)
    expected = [
        {name: _plain(getattr(row, name)) for name in method().columns} for row in method()
    ]
    assert rows == expected
    assert counted == {"n": len(expected)}
    assert rows


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return list(value) if isinstance(value, tuple) else value


QUERIES = [
    "SELECT title FROM entries ORDER BY title DESC LIMIT 2",
    "SELECT e.title, f.title AS feed FROM entries e JOIN feeds f ON f.id = e.feed_id ORDER BY 1",
    "SELECT a.title, b.title AS other FROM entries a, entries b WHERE a.id < b.id ORDER BY ALL",
    "WITH x AS (FROM entries) SELECT count(*) AS n FROM x a, x b WHERE a.day = b.day",
    "SELECT day FROM entries WHERE body IS NULL AND summary LIKE 'It%'",
    "SELECT entries FROM entries ORDER BY id",
    "SELECT COLUMNS('^(day|title)$') FROM entries ORDER BY ALL",
    (
        "SELECT count(*) AS n FROM entries WHERE EXISTS "
        "(SELECT 1 FROM revisions r WHERE r.entry_id = entries.id AND r.number = 2)"
    ),
    (
        "SELECT title, row_number() OVER (PARTITION BY day ORDER BY title) AS n "
        "FROM entries ORDER BY ALL"
    ),
    "SELECT unnest(categories) AS c FROM entries ORDER BY 1",
    (
        "SELECT title FROM entries WHERE id IN (SELECT entry_id FROM changes) "
        "UNION ALL SELECT outcome FROM polls ORDER BY 1"
    ),
    "SELECT count(DISTINCT author) AS a, max(digest) AS d FROM entries",
    "SELECT 1 AS one",
    "DESCRIBE entries",
    "SUMMARIZE coverage",
]


@pytest.mark.parametrize("query", QUERIES)
def test_reading_only_the_columns_that_are_needed_changes_no_result(
    archive: Archive, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spared = list(archive.sql(query))
    monkeypatch.setattr(sql_module, "_needed", lambda *_: None)

    assert list(archive.sql(query)) == spared


def test_columns_that_are_not_needed_are_not_read() -> None:
    asked: list[set[str]] = []

    def read(_: Table[object], columns: Sequence[Column]) -> Iterator[list[Values]]:
        asked.append({column.name for column in columns})
        yield []

    with sql_module.sql_relation("SELECT day FROM entries WHERE title = 'x'", read) as relation:
        relation.to_arrow_table()

    assert asked == [{"day", "title"}]


def test_a_query_is_cited_with_its_text(archive: Archive) -> None:
    citation = archive.sql(PER_DAY).cite()

    assert (citation.question, citation.count) == (PER_DAY, 2)
    assert citation.sha256 == archive.sql(PER_DAY).cite().sha256


def test_a_result_becomes_arrow_and_a_data_frame(archive: Archive) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")

    assert str(archive.sql(PER_DAY).to_arrow().schema.field("r").type) == "int64"
    assert archive.sql(PER_DAY).to_pandas()["r"].tolist() == [4, 1]


# --- what is refused


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_blob('http://127.0.0.1/')",
        "SELECT * FROM secret",
        "COPY entries TO 'stolen.csv'",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "SET enable_external_access = true",
        "CREATE TABLE mine AS SELECT 1",
        "DROP VIEW entries",
        "EXPORT DATABASE 'x'",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY entries TO 'stolen.csv'",
        "EXPLAIN ANALYZE SELECT 1",
        "PRAGMA database_list",
        "CALL duckdb_settings()",
        "",
        "-- nothing",
    ],
)
def test_nothing_but_a_select_over_the_tables_is_run(
    archive: Archive, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DuckDB would find the variable of whoever calls it.
    monkeypatch.setattr(sql_module, "secret", archive.feeds().to_arrow(), raising=False)

    with pytest.raises(UsageError) as caught:
        list(archive.sql(query))

    assert caught.value.hint


@pytest.mark.parametrize(
    ("query", "told"),
    [
        pytest.param("SELEC 1", "syntax error", id="syntax"),
        pytest.param("SELECT nonsense FROM entries", "nonsense", id="column"),
        pytest.param("SELECT 1 AS a, 2 AS a", "two columns are called 'a'", id="names"),
        pytest.param("SELECT CAST(title AS INTEGER) AS n FROM entries", "Bridge", id="value"),
    ],
)
def test_a_query_that_is_wrong_is_told(archive: Archive, query: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        list(archive.sql(query))


def test_trouble_with_the_database_is_told_as_what_it_is(directory: Path) -> None:
    archive = newsreel.open(directory)
    result = archive.sql("SELECT title FROM entries")
    archive.close()

    with pytest.raises(UsageError, match="the archive is closed"):
        list(result)


def test_private_feeds_are_seen_only_where_they_are_asked_for(directory: Path) -> None:
    query = "SELECT e.title, f.url FROM entries e JOIN feeds f ON f.id = e.feed_id"
    with newsreel.open(directory) as archive:
        assert "Meeting" not in str(list(archive.sql(query)))
    with newsreel.open(directory, private=True) as archive:
        found = str(list(archive.sql(query)))
        assert "Meeting" in found
        assert TOKEN not in found


# --- the command


def test_the_command_prints_a_table(command: Newsreel) -> None:
    done = command("sql", "SELECT title, day, seen_at FROM entries ORDER BY title LIMIT 1")

    heading, row = (line.split() for line in done.stdout.splitlines())
    assert heading == ["title", "day", "seen_at"]
    assert row == ["Bridge", "2026-03-04", "2026-03-04", "09:00:00"]
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_command_prints_csv_and_json(command: Newsreel) -> None:
    as_csv = command("sql", "--csv", "SELECT title, categories FROM entries ORDER BY 1")

    assert list(csv.reader(io.StringIO(as_csv.stdout)))[:2] == [
        ["title", "categories"],
        ["Bridge", "[]"],
    ]
    assert command.json("sql", PER_DAY)[1] == {"day": "2026-03-06", "n": 1, "r": 1}


def test_the_command_refuses_with_a_hint(command: Newsreel) -> None:
    for arguments in (
        ("SELECT * FROM read_text('/etc/passwd')",),
        ("--csv", "--json", "SELECT 1"),
    ):
        done = command("sql", *arguments)

        assert done.returncode == 2
        assert done.stdout == ""
        assert "error: " in done.stderr
        assert "hint: " in done.stderr


def test_the_command_leaves_private_feeds_out_unless_asked(command: Newsreel) -> None:
    query = "SELECT count(*) AS n FROM entries"

    assert command.json("sql", query) == [{"n": 4}]
    assert command.json("sql", "--private", query) == [{"n": 5}]


def test_without_the_extra_the_command_says_what_to_install(
    command: Newsreel, tmp_path: Path
) -> None:
    (tmp_path / "duckdb.py").write_text("raise ModuleNotFoundError('no duckdb', name='duckdb')")
    command.environment["PYTHONPATH"] = str(tmp_path)

    done = command("sql", "SELECT 1")

    assert done.returncode == 2
    assert done.stderr == (
        "error: SQL needs duckdb, which is not installed\nhint: pip install 'newsreel[data]'\n"
    )


def test_the_command_makes_no_database(tmp_path: Path) -> None:
    done = Newsreel(tmp_path)("sql", "SELECT 1")

    assert done.returncode == 1
    assert "there is no database" in done.stderr
    assert not any(tmp_path.iterdir())
