"""An archive, opened for reading."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from newsreel.api.loop import Loop
from newsreel.api.results import Result
from newsreel.app.clock import utc_now
from newsreel.app.search_rows import SearchPages
from newsreel.app.sql import sql_relation
from newsreel.app.tables import TablePages
from newsreel.config import read_settings
from newsreel.errors import UsageError
from newsreel.formats.arrow import Arrow, arrow_schema, record_batch, rows_of, with_integers
from newsreel.formats.urls import redacted
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.query import Order
from newsreel.model.tables import (
    CHANGES,
    COVERAGE,
    ENTRIES,
    FEEDS,
    POLLS,
    REVISIONS,
    ChangeRow,
    Column,
    CoverageRow,
    EntryRow,
    FeedRow,
    PollRow,
    RevisionRow,
    RowChoice,
    Table,
    Values,
)
from newsreel.store import Store, open_store

DATABASE = "newsreel.sqlite"

Day = date | str
R = TypeVar("R")


def open_archive(
    path: str | os.PathLike[str] | None = None, *, private: bool = False
) -> "Archive":
    """Open an archive for reading: a directory that holds ``newsreel.sqlite``, or a database.

    Without a path it is the archive of the usual settings. Private feeds are left out unless
    ``private``; secrets in addresses always are. Nothing is written, and ``newsreel run`` may go
    on meanwhile. Raises :class:`~newsreel.errors.StoreError` where there is no database, or one
    of an older or newer schema.
    """
    if path is None:
        return Archive(
            read_settings(config=None, given={}, environ=os.environ).db, private=private
        )
    address = os.fspath(path)
    place = Path(address).expanduser()
    return Archive(str(place / DATABASE) if place.is_dir() else address, private=private)


class Archive:
    """An archive, opened for reading. :func:`newsreel.open` opens one; close it, or use ``with``.

    Days are dates or texts such as ``"2026-03-02"``, ``first`` and ``last`` are included; a feed
    is named by its number or its address. Every method may raise
    :class:`~newsreel.errors.NewsreelError`, whose ``hint`` says what to do.
    """

    def __init__(self, address: str, *, private: bool = False) -> None:
        self._loop = Loop()
        self._has_private = private
        try:
            self._store = self._loop.run(_opened(address))
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; nothing can be read any more."""
        if self._loop.is_open:
            self._loop.run(self._store.close())
            self._loop.close()

    def feeds(self) -> Result[FeedRow]:
        """Return the feeds, removed ones too."""
        return self._rows(FEEDS)

    def entries(
        self,
        *,
        feed: int | str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Result[EntryRow]:
        """Return the entries of days, in their newest wordings: by day, then feed."""
        return self._rows(ENTRIES, feed=feed, first=first, last=last)

    def revisions(
        self,
        *,
        entry: str | None = None,
        feed: int | str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Result[RevisionRow]:
        """Return all wordings of one entry, or of the entries of days, in the order seen."""
        return self._rows(REVISIONS, entry=entry, feed=feed, first=first, last=last)

    def changes(
        self,
        *,
        feed: int | str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Result[ChangeRow]:
        """Return what publishers changed, as it was seen on these days: before and after."""
        return self._rows(CHANGES, feed=feed, first=first, last=last)

    def polls(
        self,
        *,
        feed: int | str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Result[PollRow]:
        """Return the polls of these days, as they were made."""
        return self._rows(POLLS, feed=feed, first=first, last=last)

    def coverage(
        self,
        *,
        feed: int | str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Result[CoverageRow]:
        """Return how well each feed was observed on each day: where the archive is blind."""
        return self._rows(COVERAGE, feed=feed, first=first, last=last)

    def search(
        self, query: str, *, order: str = "newest", limit: int | None = None
    ) -> Result[EntryRow]:
        """Return the entries that a search finds, in their newest wordings.

        They come by age, or by ``order="relevance"``, the best of the newest hits first; at most
        ``limit``. Any text is a query; the result's ``notes`` say what was not understood, and
        what could not be looked through.
        """
        if order not in set(Order):
            raise UsageError(f"no such order: {order!r}", hint="use newest or relevance")
        if limit is not None and limit < 1:
            raise UsageError(f"no such limit: {limit}", hint="leave it out for all")
        chosen = RowChoice(has_private=self._has_private)

        def pages() -> Iterator[list[Values]]:
            result.notes = ()
            left = sys.maxsize if limit is None else limit
            found = SearchPages(self._store, query, chosen, clock=utc_now, order=Order(order))
            while left > 0 and (page := self._loop.run(found.next())) is not None:
                result.notes = found.notes
                yield page[:left]
                left -= len(page)

        told = {"order": order, "limit": limit}
        asked = [repr(query), *(f"{name}={value!r}" for name, value in told.items() if value)]
        result = _result(f"search({', '.join(asked)})", ENTRIES, pages)
        return result

    def sql(self, query: str) -> Result[dict[str, Any]]:
        """Return what a SELECT over the tables finds. Needs the extra ``data``.

        Times are UTC, without a zone. The query sees the tables, and no file and no network.
        """

        def pages() -> Iterator[list[Values]]:
            with sql_relation(query, self._read) as relation:
                for batch in relation.to_arrow_reader():
                    yield rows_of(batch)

        def table() -> Arrow:
            with sql_relation(query, self._read) as relation:
                return with_integers(relation.to_arrow_table())

        with sql_relation(query, self._read) as relation:
            columns = tuple(relation.columns)
        return Result(
            query, columns, pages, table, lambda *row: dict(zip(columns, row, strict=True))
        )

    def _rows(
        self,
        table: Table[R],
        *,
        entry: str | None = None,
        feed: int | str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Result[R]:
        found = None if feed is None else self._loop.run(self._feed(feed))
        known = None if entry is None else self._loop.run(self._entry(entry))
        address = None if found is None else redacted(found.url)
        told = {"entry": entry, "feed": address, "first": first, "last": last}
        asked = [f"{name}={str(value)!r}" for name, value in told.items() if value is not None]
        chosen = RowChoice(
            feed_id=found.id if found else None,
            entry_id=known.public_id if known else None,
            first=_day(first) or (known.day if known else None),
            last=_day(last) or (known.day if known else None),
            has_private=self._has_private,
        )
        if chosen.first and chosen.last and chosen.first > chosen.last:
            raise UsageError(f"first={first} is later than last={last}", hint="turn them round")

        def pages() -> Iterator[list[Values]]:
            return self._read(table, table.columns, chosen)

        question = f"{table.name}({', '.join(asked)})"
        return _result(question, table, pages)

    def _read(
        self, table: Table[object], columns: Sequence[Column], chosen: RowChoice | None = None
    ) -> Iterator[list[Values]]:
        choice = chosen or RowChoice(has_private=self._has_private)
        pages = TablePages(self._store, table, choice, columns)
        while (page := self._loop.run(pages.next())) is not None:
            yield page

    async def _feed(self, wanted: int | str) -> Feed:
        found = None
        if isinstance(wanted, int):
            found = await self._store.feed(wanted)
        else:
            for address in (wanted, f"https://{wanted}", f"http://{wanted}"):
                found = found or await self._store.find_feed(address)
        if found is None:
            raise UsageError(
                f"no such feed: {redacted(str(wanted))!r}", hint="feeds() has them all"
            )
        if found.is_private and not self._has_private:
            raise UsageError(
                f"the feed is private: {found.id}", hint="open the archive with private=True"
            )
        return found

    async def _entry(self, wanted: str) -> Entry:
        found = await self._store.entry(wanted)
        if found is None:
            raise UsageError(f"no such entry: {wanted!r}", hint="entries() has them all")
        return found


def _result(
    question: str, table: Table[R], pages: Callable[[], Iterator[list[Values]]]
) -> Result[R]:
    names = [column.name for column in table.columns]

    def arrow() -> Arrow:
        import pyarrow

        schema = arrow_schema(table.columns)
        batches = [record_batch(schema, names, page) for page in pages()]
        return pyarrow.Table.from_batches(batches, schema)

    return Result(question, names, pages, arrow, table.row)


async def _opened(address: str) -> Store:
    return open_store(address, is_read_only=True)


def _day(wanted: Day | None) -> date | None:
    try:
        return None if wanted is None else date.fromisoformat(str(wanted))
    except ValueError:
        raise UsageError(f"no day: {str(wanted)!r}", hint="write it as 2026-01-05") from None
