"""The archive as tables: what exports, SQL and Python show, the same everywhere.

A table's schema is the class of its rows: names, types and order of the columns are those of the
fields. ``docs/reference/tables.md`` promises them; they may be added to, at the end.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

TABLES_VERSION = 1
"""Goes up when a column is taken away, renamed or gets another meaning."""

COMPARED = ("title", "permalink", "author", "summary", "body")
"""What makes a revision."""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry in its newest wording."""

    id: str
    feed_id: int
    feed_url: str
    feed_title: str | None
    day: date
    first_seen_at: datetime
    published_at: datetime | None
    updated_at: datetime | None
    title: str | None
    permalink: str | None
    canonical_link: str | None
    author: str | None
    summary: str | None
    body: str | None
    language: str | None
    categories: tuple[str, ...]
    enclosures: tuple[str, ...]
    thumbnail: str | None
    guid: str | None
    published_raw: str | None
    updated_raw: str | None
    doubts: tuple[str, ...]
    revision_count: int
    seen_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One wording of an entry; ``reread`` above 0: the same wording, read anew."""

    entry_id: str
    feed_id: int
    day: date
    number: int
    reread: int
    seen_at: datetime
    absent_at: datetime | None
    published_at: datetime | None
    updated_at: datetime | None
    title: str | None
    permalink: str | None
    author: str | None
    summary: str | None
    body: str | None
    language: str | None
    categories: tuple[str, ...]
    doubts: tuple[str, ...]
    digest: str
    digest_version: int
    parser_version: int
    capture: str | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A publisher's edit: a wording, and the one that it replaced."""

    entry_id: str
    feed_id: int
    feed_url: str
    day: date
    number: int
    seen_at: datetime
    absent_at: datetime | None
    changed: tuple[str, ...]
    title_before: str | None
    title: str | None
    permalink_before: str | None
    permalink: str | None
    author_before: str | None
    author: str | None
    summary_before: str | None
    summary: str | None
    body_before: str | None
    body: str | None


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed, and how its polling stands."""

    id: int
    url: str
    first_url: str
    title: str | None
    site_url: str | None
    language: str | None
    folder: str | None
    tags: tuple[str, ...]
    status: str
    is_private: bool
    added_at: datetime
    last_poll_at: datetime | None
    last_ok_at: datetime | None
    last_change_at: datetime | None
    failures: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class PollRow:
    """One poll: how it ended, and what it brought."""

    feed_id: int
    polled_at: datetime
    outcome: str
    status: int | None
    reason: str | None
    new: int
    revised: int
    unchanged: int
    reread: int
    left_out: int
    overlap: int | None
    bytes: int
    elapsed_ms: int
    capture: str | None


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How well a feed was observed on a day; ``blind_seconds`` of it lie in gaps."""

    day: date
    feed_id: int
    feed_url: str
    polls_expected: int
    polls_made: int
    blind_seconds: int
    gap_reasons: tuple[str, ...]


Row = TypeVar("Row", covariant=True)
Values = tuple[Any, ...]


class ColumnType(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DAY = "day"
    TIME = "time"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``is_optional``: it may have no value."""

    name: str
    type: ColumnType
    is_optional: bool


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """A table: its name, the class of its rows, its columns."""

    name: str
    row: type[Row]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    """Which rows: of a feed, of an entry, of days (both ends included); None: of all.

    Days are an entry's own in ``entries`` and ``revisions``, those on which it happened (in UTC)
    in ``changes``, ``polls`` and ``coverage``; ``feeds`` have none. Private feeds are left out
    unless ``has_private``; what was withheld always is.
    """

    feed_id: int | None = None
    entry_id: str | None = None
    first: date | None = None
    last: date | None = None
    has_private: bool = False


EVERYTHING = RowChoice()

_TYPES: dict[object, ColumnType] = {
    str: ColumnType.TEXT,
    int: ColumnType.INTEGER,
    bool: ColumnType.BOOLEAN,
    date: ColumnType.DAY,
    datetime: ColumnType.TIME,
    tuple[str, ...]: ColumnType.TEXTS,
}


def _table_of(name: str, row: type[Row]) -> Table[Row]:
    hints = get_type_hints(row)
    columns = tuple(_column_of(field.name, hints[field.name]) for field in fields(row))  # type: ignore[arg-type]
    return Table(name, row, columns)


def _column_of(name: str, hint: object) -> Column:
    if get_origin(hint) is tuple or hint in _TYPES:
        return Column(name, _TYPES[hint], is_optional=False)
    (known,) = (part for part in get_args(hint) if part is not NoneType)
    return Column(name, _TYPES[known], is_optional=True)


ENTRIES = _table_of("entries", EntryRow)
REVISIONS = _table_of("revisions", RevisionRow)
CHANGES = _table_of("changes", ChangeRow)
FEEDS = _table_of("feeds", FeedRow)
POLLS = _table_of("polls", PollRow)
COVERAGE = _table_of("coverage", CoverageRow)

TABLES: tuple[Table[object], ...] = (ENTRIES, REVISIONS, CHANGES, FEEDS, POLLS, COVERAGE)
"""All tables, in the order of the reference."""
