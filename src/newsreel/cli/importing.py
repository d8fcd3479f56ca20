"""Commands that bring things in: import, and its way back, export-opml."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsreel.app.clock import utc_now
from newsreel.cli.context import Context
from newsreel.cli.listing import note, plain, print_json
from newsreel.cli.progress import Progress

if TYPE_CHECKING:
    from newsreel.core.importing import Account, Skipped

_MOST_TOLD = 20


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--json", "as_json", is_flag=True, help="The account as JSON.")
@click.option("--all-skipped", is_flag=True, help="Name every file that was skipped.")
@click.pass_obj
def import_(
    context: Context, paths: tuple[Path, ...], *, as_json: bool, all_skipped: bool
) -> None:
    """Bring in lists of feeds, and old link archives.

    A PATH is a file, a directory at any level, a zip or a tar. What stands in it is told from its
    content: OPML, a text file of addresses, sources.json, or the old archive's JSON and Markdown
    of any period. Importing the same again changes nothing.
    """
    account = context.run(_import(context, paths))
    if as_json:
        print_json(_as_row(account))
    else:
        for line in told(account):
            click.echo(line)
        _tell_skipped(account.skipped, is_all=all_skipped)
    for found in account.failed:
        click.echo(f"error: {plain(found.reason)}", err=True)
    if account.failed:
        click.echo("hint: `newsreel import --help` says what can be read", err=True)
        sys.exit(1)


import_.name = "import"


async def _import(context: Context, paths: Sequence[Path]) -> "Account":
    from newsreel.app.ingest import import_paths

    async with context.open_store() as store:
        with Progress("importing", 0) as progress:
            return await import_paths(store, paths, clock=utc_now, progress=progress.at)


def told(account: "Account") -> list[str]:
    """Return the closing account of an import, in lines."""
    rows: list[tuple[int, str]] = [
        (account.files, "files read"),
        (account.feeds_named, "feeds named in lists"),
        (account.feeds_new, "feeds new"),
        (account.read, "entries read"),
        (account.new, "new"),
        (account.known, "already known"),
        (account.revised, "revised"),
        (account.erased, "erased before, and left out"),
        (account.doubtful, f"doubtful{_doubts(account)}"),
        (len(account.skipped), "skipped or kept in part"),
    ]
    always = {"entries read", "new", "already known", "revised"} if account.read else {"feeds new"}
    return [f"{count:>9,}  {what}" for count, what in rows if count or what in always]


def _doubts(account: "Account") -> str:
    counts = sorted(account.doubts.items(), key=lambda item: -item[1])
    return ": " + ", ".join(f"{count:,} {doubt}" for doubt, count in counts)


def _tell_skipped(skipped: Sequence["Skipped"], *, is_all: bool) -> None:
    shown = skipped if is_all else skipped[:_MOST_TOLD]
    for found in shown:
        note(f"skipped: {plain(found.path)}: {plain(found.reason)}")
    if len(shown) < len(skipped):
        note(f"hint: {len(skipped) - len(shown)} more; --all-skipped names them")


def _as_row(account: "Account") -> dict[str, object]:
    return {
        "doubtful": account.doubtful,
        "doubts": dict(sorted(account.doubts.items())),
        "erased": account.erased,
        "failed": _rows(account.failed),
        "feeds_named": account.feeds_named,
        "feeds_new": account.feeds_new,
        "files": account.files,
        "known": account.known,
        "new": account.new,
        "read": account.read,
        "revised": account.revised,
        "skipped": _rows(account.skipped),
    }


def _rows(skipped: Iterable["Skipped"]) -> list[dict[str, str]]:
    return [{"path": found.path, "reason": found.reason} for found in skipped]


@click.command()
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file; else stdout."
)
@click.option("--private", is_flag=True, help="Private feeds too, with their addresses.")
@click.pass_obj
def export_opml(context: Context, *, output: Path | None, private: bool) -> None:
    """Write the feeds that are polled or paused as OPML, in their folders."""
    document = context.run(_opml(context, has_private=private))
    if output is None:
        click.echo(document, nl=False)
    else:
        output.write_bytes(document)


async def _opml(context: Context, *, has_private: bool) -> bytes:
    from newsreel.formats.opml import write_opml
    from newsreel.model.feed import FeedStatus

    async with context.open_store(is_reading=True) as store:
        feeds = await store.feeds(statuses=(FeedStatus.ACTIVE, FeedStatus.PAUSED))
    return write_opml(feed for feed in feeds if has_private or not feed.is_private)
