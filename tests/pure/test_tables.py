"""Tables: their schema, and rows as text and as Arrow."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.core.coverage import blind_seconds
from newsreel.formats.arrow import arrow_schema, record_batch, rows_of, with_integers
from newsreel.formats.tables import csv_lines, json_lines
from newsreel.model.poll import Gap
from newsreel.model.tables import ENTRIES, TABLES, Column, ColumnType, Table, Values

pyarrow = pytest.importorskip("pyarrow", reason="the extra 'data' is not installed")

AT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
DAY = date(2026, 3, 4)
MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.TEXT: TEXT,
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.DAY: st.dates(),
    ColumnType.TIME: st.datetimes(timezones=st.just(UTC)),
    ColumnType.TEXTS: st.lists(TEXT, max_size=3).map(tuple),
}


def values_of(column: Column) -> st.SearchStrategy[Any]:
    return VALUES[column.type] | st.none() if column.is_optional else VALUES[column.type]


def rows_in(table: Table[object]) -> st.SearchStrategy[list[Values]]:
    return st.lists(st.tuples(*map(values_of, table.columns)), max_size=3)


def names_of(table: Table[object]) -> list[str]:
    return [column.name for column in table.columns]


ANY_ROWS = st.sampled_from(TABLES).flatmap(lambda table: st.tuples(st.just(table), rows_in(table)))


def test_a_column_is_a_field_of_its_row_with_its_type() -> None:
    columns = {column.name: column for column in ENTRIES.columns}

    assert columns["id"] == Column("id", ColumnType.TEXT, is_optional=False)
    assert columns["title"] == Column("title", ColumnType.TEXT, is_optional=True)
    assert columns["day"] == Column("day", ColumnType.DAY, is_optional=False)
    assert columns["published_at"] == Column("published_at", ColumnType.TIME, is_optional=True)
    assert columns["doubts"] == Column("doubts", ColumnType.TEXTS, is_optional=False)
    assert columns["revision_count"].type is ColumnType.INTEGER


def test_lines_of_json_have_this_form() -> None:
    names = ["id", "n", "is", "at", "day", "words", "none"]
    rows = [("ä\n", 1, True, AT, DAY, ("x", "ý"), None), ("", -1, False, AT, DAY, (), None)]

    assert json_lines(names, rows).decode() == (
        '{"id":"ä\\n","n":1,"is":true,"at":"2026-03-04T08:00:00Z","day":"2026-03-04",'
        '"words":["x","ý"],"none":null}\n'
        '{"id":"","n":-1,"is":false,"at":"2026-03-04T08:00:00Z","day":"2026-03-04",'
        '"words":[],"none":null}\n'
    )


def test_rows_of_csv_have_this_form() -> None:
    rows = [
        ("id", "words"),
        ('a "b", c\nd', ("x", 'y"')),
        (None, ()),
        (True, AT),
        (DAY, AT.replace(tzinfo=None)),
    ]

    assert csv_lines(rows).decode() == (
        "id,words\r\n"
        '"a ""b"", c\nd","[""x"",""y\\""""]"\r\n'
        ",[]\r\n"
        "true,2026-03-04T08:00:00Z\r\n"
        "2026-03-04,2026-03-04T08:00:00\r\n"
    )


@given(ANY_ROWS)
def test_each_row_is_a_line_of_json_that_says_the_same(
    case: tuple[Table[object], list[Values]],
) -> None:
    table, rows = case

    lines = json_lines(names_of(table), rows).decode().split("\n")

    assert lines.pop() == ""
    for line, row in zip(lines, rows, strict=True):
        told = json.loads(line)
        assert list(told) == names_of(table)
        for value, found in zip(row, told.values(), strict=True):
            assert found == value or _as_json(value) == found


def _as_json(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


@given(ANY_ROWS)
def test_csv_reads_back_as_what_was_written(case: tuple[Table[object], list[Values]]) -> None:
    table, rows = case

    found = list(csv.reader(io.StringIO(csv_lines(rows).decode(), newline="")))

    assert len(found) == len(rows)
    for cells, row in zip(found, rows, strict=True):
        for column, cell, value in zip(table.columns, cells, row, strict=True):
            if column.type is ColumnType.TEXT:
                assert cell == (value or "")
            elif column.type is ColumnType.TEXTS:
                assert tuple(json.loads(cell)) == value


@given(ANY_ROWS)
def test_arrow_gives_rows_back(case: tuple[Table[object], list[Values]]) -> None:
    table, rows = case

    batch = record_batch(arrow_schema(table.columns), names_of(table), rows)

    batch.validate(full=True)
    assert batch.num_rows == len(rows)
    found = [tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in rows_of(batch)]
    assert found == rows


@given(ANY_ROWS)
def test_columns_that_were_left_out_are_null(case: tuple[Table[object], list[Values]]) -> None:
    table, rows = case
    first = names_of(table)[:1]

    batch = record_batch(arrow_schema(table.columns), first, [row[:1] for row in rows])

    assert batch.column(0).to_pylist() == [row[0] for row in rows]
    assert batch.column(1).null_count == len(rows)


def test_whole_decimals_become_integers_where_they_fit() -> None:
    whole = pyarrow.decimal128(38, 0)
    table = pyarrow.table(
        {
            "fits": pyarrow.array([1, None], whole),
            "large": pyarrow.array([2**70, 1], whole),
            "parts": pyarrow.array([1, 2], pyarrow.decimal128(4, 2)),
        }
    )

    found = with_integers(table)

    assert [str(field.type) for field in found.schema] == [
        "int64",
        "decimal128(38, 0)",
        "decimal128(4, 2)",
    ]
    assert found.column("fits").to_pylist() == [1, None]
    assert rows_of(table.to_batches()[0])[0][:2] == (1, 2**70)


MINUTES = st.integers(-2000, 4000)
GAPS = st.lists(
    st.tuples(MINUTES, st.integers(0, 3000) | st.none(), st.sampled_from(["timeout", "dns"]))
)


def gap_of(told: tuple[int, int | None, str]) -> Gap:
    start, length, reason = told
    from_at = MIDNIGHT + timedelta(minutes=start)
    to_at = None if length is None else from_at + timedelta(minutes=length)
    return Gap(1, from_at, to_at, reason)


@given(GAPS, MINUTES)
def test_a_day_is_blind_for_the_minutes_that_lie_in_any_gap(
    told: list[tuple[int, int | None, str]], last: int
) -> None:
    gaps, until = [gap_of(gap) for gap in told], MIDNIGHT + timedelta(minutes=last)

    def is_blind(at: datetime) -> bool:
        return any(gap.from_at <= at < (gap.to_at or until) for gap in gaps)

    counted = sum(is_blind(MIDNIGHT + timedelta(minutes=minute)) for minute in range(1440))
    assert blind_seconds(DAY, gaps, until=until) == 60 * counted
