"""Commands on the archive's tables: sql, and export as one file of rows."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from newsreel.app.clock import utc_now
from newsreel.app.export import Selection
from newsreel.app.export_tables import RowFormat, whole_file, write_rows
from newsreel.app.search_rows import SearchPages
from newsreel.app.tables import TablePages
from newsreel.cli.choice import feed_of
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, note, print_json, print_rows
from newsreel.cli.progress import Progress
from newsreel.errors import UsageError
from newsreel.model.feed import Feed
from newsreel.model.tables import ENTRIES, RowChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOptions:
    """How entries are exported as rows."""

    row_format: str | None
    output: Path | None
    private: bool
    search: str | None

    @property
    def is_named(self) -> bool:
        """Rows are wanted, not day files."""
        return bool(self.row_format or self.output or self.private or self.search)


def export_rows(
    context: Context, selection: Selection, feed: str | None, options: RowOptions
) -> None:
    """Write entries to a file, or to stdout, as rows of a table."""
    if options.row_format is None:
        raise UsageError(
            "no format is named for the rows", hint="add --format jsonl, csv or parquet"
        )
    row_format = RowFormat(options.row_format)
    if row_format is RowFormat.PARQUET and options.output is None:
        raise UsageError("Parquet goes to a file", hint="name one with --output")
    count = context.run(_export_rows(context, selection, feed, options, row_format))
    if options.output is not None:
        note(f"wrote {count} entries to {options.output}")


async def _export_rows(
    context: Context,
    selection: Selection,
    feed: str | None,
    options: RowOptions,
    row_format: RowFormat,
) -> int:
    async with context.open_store(is_reading=True) as store:
        found = await feed_of(store, feed) if feed else None
        _check_private(found, options)
        chosen = RowChoice(
            feed_id=found.id if found else None,
            first=selection.first,
            last=selection.last,
            has_private=options.private,
        )
        pages: TablePages | SearchPages = TablePages(store, ENTRIES, chosen)
        if options.search is not None:
            pages = SearchPages(store, options.search, chosen, clock=utc_now)
        with Progress("writing entries", 0) as progress, _opened(options.output) as file:
            count = await write_rows(
                pages, row_format, file, progress=lambda done: progress.at(done, 0)
            )
        for told in pages.notes:
            note(told)
        return count


def _check_private(feed: Feed | None, options: RowOptions) -> None:
    if feed is not None and feed.is_private and not options.private:
        raise UsageError(f"the feed is private: {feed.id}", hint="add --private")


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        return
    with whole_file(output) as file:
        yield file


@click.command()
@click.argument("query")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--private", is_flag=True, help="With private feeds.")
@click.pass_obj
def sql(context: Context, *, query: str, as_csv: bool, as_json: bool, private: bool) -> None:
    """Ask the archive's tables with a SELECT: entries, revisions, changes, feeds, polls, coverage.

    It is run by DuckDB, read only; times are UTC. Needs the extra 'data'.
    """
    from newsreel.api import Archive
    from newsreel.formats.tables import csv_lines

    if as_csv and as_json:
        raise UsageError("--csv goes without --json", hint="use one or the other")
    with Archive(context.settings.db, private=private) as archive:
        found = archive.sql(query)
        if as_csv:
            sys.stdout.buffer.write(csv_lines([found.columns]))
            for row in found:
                sys.stdout.buffer.write(csv_lines([tuple(row.values())]))
        elif as_json:
            print_json(list(found))
        else:
            columns = [(name, name) for name in found.columns]
            print_rows(map(_shown, found), columns, as_json=False)


def _shown(row: Row) -> Row:
    """Times of a query have no zone: they are told as they are."""
    return {
        name: f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
        for name, value in row.items()
    }
