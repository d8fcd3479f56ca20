"""Rows of the archive's tables as every database gives them: how they are asked for and read."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from newsreel.core.coverage import DAY, blind_seconds, start_of
from newsreel.formats.urls import redacted
from newsreel.model.poll import Gap
from newsreel.model.tables import RowChoice, Values
from newsreel.store.protocols import Key, RowPage
from newsreel.store.rows import MICROSECOND, gap_of, known_micros, known_moment

Reader = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a column comes from, and how its value is read.

    ``is_link``: in a private feed it may hold what makes the feed private.
    """

    sql: str
    read: Reader | None = None
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A table: its columns; how a page of keys is found (an id comes last); the rows of ids."""

    columns: Mapping[str, Source]
    page: str
    rows: str

    @property
    def key_length(self) -> int:
        """How many values a key has."""
        return sum(f"key_{index}" in self.page for index in range(3))


def named(alias: str, names: str, read: Reader | None = None) -> dict[str, Source]:
    """Return columns of the names they have in the database."""
    return {name: Source(f"{alias}.{name}", read) for name in names.split()}


def links(alias: str, names: str) -> dict[str, Source]:
    """Return columns that hold links."""
    return {name: Source(f"{alias}.{name}", is_link=True) for name in names.split()}


@lru_cache(4096)
def day_of(text: str) -> date:
    """Return the day that a text names."""
    return date.fromisoformat(text)


@lru_cache(4096)
def address_of(url: str) -> str:
    """Return an address without its secrets."""
    return redacted(url)


def optional_address(url: str | None) -> str | None:
    """Return an address without its secrets, where there is one."""
    return address_of(url) if url else url


def title_of(text: str | None) -> str | None:
    """Return a title; one that is an address, without its secrets."""
    return address_of(text) if text and "://" in text else text


def texts_of(text: str | None) -> tuple[str, ...]:
    """Return the texts of a JSON list."""
    return tuple(json.loads(text)) if text else ()


def urls_of(text: str | None) -> tuple[str, ...]:
    """Return the addresses of enclosures."""
    return tuple(found[0] for found in json.loads(text)) if text else ()


def words_of(text: str | None) -> tuple[str, ...]:
    """Return words parted by blanks."""
    return tuple(text.split()) if text else ()


def sorted_words_of(text: str | None) -> tuple[str, ...]:
    """Return words parted by blanks, each once, in order."""
    return tuple(sorted(set(words_of(text))))


def values_of(chosen: RowChoice) -> dict[str, Any]:
    """Return what queries are given of a choice of rows."""
    first, last = chosen.first or date.min, chosen.last or date.max
    return {
        "feed_id": chosen.feed_id,
        "entry_id": chosen.entry_id,
        "has_private": int(chosen.has_private),
        "first": first.isoformat(),
        "last": last.isoformat(),
        "from_at": known_micros(start_of(first)),
        "to_at": _end_of(last),
    }


def first_key(query: Query) -> dict[str, Any]:
    """Return the parameters of a key that stands before all."""
    start = ("", 0, 0)[-query.key_length :]
    return {f"key_{index}": value for index, value in enumerate(start)}


def read_rows(sources: Sequence[Source], rows: Iterable[Values]) -> list[Values]:
    """Return the values of rows, which begin with whether their feed is private."""
    open_readers = _readers(source.read for source in sources)
    private_readers = _readers(map(_discreet, sources))
    return [_read(row, private_readers if row[0] else open_readers) for row in rows]


def _readers(readers: Iterable[Reader | None]) -> list[tuple[int, Reader]]:
    return [(index, read) for index, read in enumerate(readers) if read is not None]


def _read(row: Values, readers: Iterable[tuple[int, Reader]]) -> Values:
    values = list(row[1:])
    for index, read in readers:
        values[index] = read(values[index])
    return tuple(values)


def _discreet(source: Source) -> Reader | None:
    """The links of a private feed may hold what makes it private."""
    if not source.is_link:
        return source.read
    if source.read is urls_of:
        return lambda text: tuple(map(address_of, urls_of(text)))
    return optional_address


def day_to_cover(span: Sequence[str | None], chosen: RowChoice, after: Key | None) -> date | None:
    """Return the next day of coverage: the first, or the one after the last; None: no more.

    ``span`` is the first and the last day of which anything is known.
    """
    if span[0] is None or span[1] is None:
        return None
    first = max(chosen.first or date.min, date.fromisoformat(span[0]))
    last = min(chosen.last or date.max, date.fromisoformat(span[1]))
    day = date.fromisoformat(after[0]) + DAY if after else first
    return day if day <= last else None


def coverage_values(chosen: RowChoice, day: date, until: int) -> dict[str, Any]:
    """Return what the queries of a day's coverage are given; ``until`` in microseconds."""
    return values_of(chosen) | {
        "day": day.isoformat(),
        "start": known_micros(start_of(day)),
        "end": _end_of(day),
        "until": until,
    }


def coverage_page(
    columns: Sequence[str],
    day: date,
    until: int,
    *,
    gaps: Iterable[Values],
    observed: Iterable[Values],
) -> RowPage:
    """Return a day's coverage.

    ``gaps`` are rows of ``gap_of``; ``observed`` has the id and address of each feed, and how many
    polls of it were expected and made.
    """
    by_feed: dict[int, list[Gap]] = {}
    for gap in map(gap_of, gaps):
        by_feed.setdefault(gap.feed_id, []).append(gap)
    rows = []
    for feed_id, url, expected, made in observed:
        found = by_feed.get(feed_id, [])
        told = {
            "day": day,
            "feed_id": feed_id,
            "feed_url": address_of(url),
            "polls_expected": expected,
            "polls_made": made,
            "blind_seconds": blind_seconds(day, found, until=known_moment(until)),
            "gap_reasons": tuple(sorted({gap.reason for gap in found})),
        }
        rows.append(tuple(told[name] for name in columns))
    return RowPage(rows=rows, last=(day.isoformat(),))


def _end_of(day: date) -> int:
    return known_micros(start_of(day)) + DAY // MICROSECOND
