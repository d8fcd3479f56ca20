"""Commands on the archive's files: days, export, rebuild, withhold, erase."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsreel.app.clock import utc_now
from newsreel.app.export import Roots, Selection, export_days
from newsreel.cli.accounts import told
from newsreel.cli.choice import feed_of
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, note, plain, print_rows
from newsreel.cli.progress import Progress
from newsreel.cli.rows import RowOptions, export_rows
from newsreel.errors import ArchiveError, UsageError
from newsreel.model.day import DayCount
from newsreel.model.entry import Entry
from newsreel.model.poll import Tombstone
from newsreel.store import Store

if TYPE_CHECKING:
    from newsreel.app.rebuild import Damage

COLUMNS = (
    ("day", "day"),
    ("feeds", "feeds"),
    ("entries", "entries"),
    ("revised", "revised"),
    ("gaps", "gaps"),
    ("to_export", "to export"),
)


class Day(click.ParamType[date]):
    """A day of the archive: ``2026-01-05``."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Return the day."""
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 (a day alone)
        except ValueError:
            self.fail(f"{str(value)!r} is no day; write it as 2026-01-05", param, ctx)


FROM = click.option("--from", "first", type=Day(), metavar="DAY", help="The first day.")
TO = click.option("--to", "last", type=Day(), metavar="DAY", help="The last day.")


@click.command()
@FROM
@TO
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def days(context: Context, *, first: date | None, last: date | None, as_json: bool) -> None:
    """List the days of the archive in numbers. Days are those of UTC."""
    _check_order(first, last)
    found = context.run(_days(context, first, last))
    if not found and not as_json:
        note("no days yet; 'newsreel poll' brings entries, 'newsreel import PATH' old ones")
        return
    print_rows([_day_row(count) for count in found], COLUMNS, as_json=as_json)


async def _days(context: Context, first: date | None, last: date | None) -> list[DayCount]:
    async with context.open_store(is_reading=True) as store:
        return await store.days(first=first, last=last)


def _check_order(first: date | None, last: date | None) -> None:
    if first and last and first > last:
        raise UsageError(
            f"--from {first} is later than --to {last}",
            hint=f"turn them round: --from {last} --to {first}",
        )


def _day_row(count: DayCount) -> Row:
    return {
        "day": count.day.isoformat(),
        "feeds": count.feeds,
        "entries": count.entries,
        "revised": count.revised,
        "gaps": count.gaps,
        "to_export": count.is_dirty,
    }


@click.command()
@click.option("--day", type=Day(), metavar="DAY", help="This day, as 2026-01-05.")
@FROM
@TO
@click.option("--all", "wants_all", is_flag=True, help="Every day, imported ones too.")
@click.option("--feed", metavar="FEED", help="One feed: its number, address or title.")
@click.option("--legacy", is_flag=True, help="The files that the old link archive wrote.")
@click.option(
    "--format",
    "row_format",
    type=click.Choice(("parquet", "csv", "jsonl")),
    help="Entries as rows of one file instead, in their newest wordings.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the rows go; else to stdout.",
)
@click.option("--search", metavar="QUERY", help="Rows of what this search finds, newest first.")
@click.option("--private", is_flag=True, help="Rows of private feeds too.")
@click.pass_obj
def export(  # noqa: PLR0913 - one for each option
    context: Context,
    *,
    day: date | None,
    first: date | None,
    last: date | None,
    wants_all: bool,
    feed: str | None,
    legacy: bool,
    row_format: str | None,
    output: Path | None,
    search: str | None,
    private: bool,
) -> None:
    """Write the days that changed as plain files; or the days, or the feed, that you name.

    What is there already is not written again.

    With --format, entries are written as rows to one file, or to stdout: all, or those of the days
    or the feed that you name.
    """
    if day and (first or last):
        raise UsageError("--day goes without --from and --to", hint="use one or the other")
    _check_order(first, last)
    chosen = Selection(first=day or first, last=day or last, is_all=wants_all)
    options = RowOptions(row_format=row_format, output=output, private=private, search=search)
    if options.is_named:
        if legacy:
            raise UsageError("--legacy goes without --format", hint="use one or the other")
        export_rows(context, chosen, feed, options)
        return
    context.run(_export(context, chosen, feed, is_legacy=legacy))


async def _export(
    context: Context, chosen: Selection, feed: str | None, *, is_legacy: bool
) -> None:
    async with context.open_store() as store:
        feed_id = (await feed_of(store, feed)).id if feed else None
        selection = Selection(
            first=chosen.first, last=chosen.last, is_all=chosen.is_all, feed_id=feed_id
        )
        if is_legacy:
            await _export_legacy(context, store, selection)
            return
        with Progress("writing days", 0) as progress:
            account = await export_days(
                store,
                _roots(context),
                selection,
                clock=utc_now,
                notify=note,
                progress=progress.at,
            )
        if selection.is_named and not account.days:
            note("there are no such days; 'newsreel days' lists them")
        else:
            note(told(account, _roots(context)))


async def _export_legacy(context: Context, store: Store, selection: Selection) -> None:
    from newsreel.app.export_legacy import export_legacy

    root = context.settings.archive
    with Progress("writing days", 0) as progress:
        count = await export_legacy(store, root, selection, progress=progress.at, notify=note)
    note(f"wrote {count} files of the old form to {root}")


def _roots(context: Context) -> Roots:
    return Roots(context.settings.archive, context.settings.private_archive)


@click.command()
@click.option("--captures", "from_captures", is_flag=True, help="From raw captures instead.")
@click.pass_obj
def rebuild(context: Context, *, from_captures: bool) -> None:
    """Make a new database from the files of an archive: --db names it, --archive the files.

    From raw captures, each poll is made again at its own time; only the list of feeds, and what
    was taken out, come from the archive, where there is one.
    """
    context.run(_rebuild_from_captures(context) if from_captures else _rebuild(context))


async def _rebuild_from_captures(context: Context) -> None:
    from newsreel.app.rebuild_captures import rebuild_from_captures
    from newsreel.cli.captures import captures_root

    async with context.open_store() as store:
        with Progress("reading captures", 0) as progress:
            account = await rebuild_from_captures(
                store,
                captures_root(context),
                _roots(context),
                clock=utc_now,
                progress=progress.at,
            )
    note(
        f"read {account.entries} entries with {account.revisions} revisions of {account.feeds} "
        f"feeds from {account.captures} captures"
    )
    if account.unnamed:
        note(
            f"{account.unnamed} feeds had user and password in their addresses, which captures "
            "do not hold: 'newsreel add' brings them as new feeds"
        )
    _tell_damaged(account.damaged, "rebuild from the archive's day files, or into another one")


async def _rebuild(context: Context) -> None:
    from newsreel.app.rebuild import rebuild as rebuild_from

    async with context.open_store() as store:
        with Progress("reading days", 0) as progress:
            account = await rebuild_from(
                store, _roots(context), clock=utc_now, notify=note, progress=progress.at
            )
    note(
        f"read {account.entries} entries with {account.revisions} revisions of {account.feeds} "
        f"feeds from {account.days} days; {account.tombstones} stay taken out"
    )
    _tell_damaged(
        account.damaged,
        "bring them back from a copy of the archive, and rebuild into another database",
    )


def _tell_damaged(damaged: Sequence["Damage"], hint: str) -> None:
    for damage in damaged:
        note(f"not read: {plain(damage.path)}: {plain(damage.what)}")
    if damaged:
        raise ArchiveError(
            f"{len(damaged)} files are damaged or not as they were written", hint=hint
        )


@click.command()
@click.argument("entry_id", metavar="ENTRY")
@click.option("--reason", default="", help="Why; it is kept with the tombstone, in the archive.")
@click.pass_obj
def withhold(context: Context, entry_id: str, *, reason: str) -> None:
    """Take an entry, by its id, out of all that is public. It is kept in the database, sealed."""
    context.run(_withdraw(context, entry_id, Tombstone.WITHHELD, reason=reason, is_sure=True))


@click.command()
@click.argument("entry_id", metavar="ENTRY")
@click.option("--reason", default="", help="Why; it is kept with the tombstone, in the archive.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def erase(context: Context, entry_id: str, *, reason: str, yes: bool) -> None:
    """Delete an entry, by its id, everywhere and for ever; it never comes back."""
    context.run(_withdraw(context, entry_id, Tombstone.ERASED, reason=reason, is_sure=yes))


async def _withdraw(
    context: Context, entry_id: str, kind: Tombstone, *, reason: str, is_sure: bool
) -> None:
    from newsreel.app.withdraw import withdraw

    roots = _roots(context)
    async with context.open_store() as store:
        found = await store.entry(entry_id)
        if found is None:
            raise UsageError(
                f"no such entry: {plain(entry_id)!r}",
                hint="'newsreel show FEED' lists entries with their ids",
            )
        name = f"{found.public_id} ({plain(found.content.title) or 'no title'})"
        if not is_sure:
            _ask(f"Delete {name} for ever?")
        if kind is Tombstone.ERASED:
            await _erase_from_captures(context, store, found)
        account = await withdraw(
            store, roots, found.public_id, kind, reason=reason, clock=utc_now, notify=note
        )
    note(f"{kind}: {name}")
    note(told(account, roots))
    if kind is Tombstone.ERASED:
        note("note: copies that were made of the archive or the database still hold it")


async def _erase_from_captures(context: Context, store: Store, entry: Entry) -> None:
    from newsreel.app.capture_erasure import erase_from_captures

    root, feed = context.settings.captures, await store.feed(entry.feed_id)
    if root is None or feed is None:
        return
    if count := await erase_from_captures(root, feed, entry, clock=utc_now):
        note(f"{count} raw captures that show it are deleted, with all that they show")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody to ask whether to delete for ever", hint="add --yes")
    click.confirm(question, abort=True, err=True)
