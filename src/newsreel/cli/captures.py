"""The command on raw captures: reparse."""

from collections import Counter
from pathlib import Path

import click

from newsreel.cli.choice import feed_of
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, name_of, note, plain, print_rows
from newsreel.cli.progress import Progress
from newsreel.errors import ArchiveError, UsageError

COLUMNS = (
    ("what", "what"),
    ("feed", "feed"),
    ("seen_at", "seen"),
    ("fields", "differs in"),
    ("title", "title"),
)
WORDS = (("new", "entries that were missed"), ("revised", "revisions"), ("reread", "rereads"))


@click.command()
@click.argument("feed", required=False, metavar="[FEED]")
@click.option("--apply", "is_applied", is_flag=True, help="Store what is found, and write days.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def reparse(context: Context, feed: str | None, *, is_applied: bool, as_json: bool) -> None:
    """Read raw captures again with today's parser, and say what that would change.

    Entries that an older parser missed are new, first seen at their captures' times; wordings that
    it read otherwise are rereads, never revisions. Nothing is stored without --apply.
    """
    context.run(_reparse(context, feed, is_applied=is_applied, as_json=as_json))


async def _reparse(context: Context, text: str | None, *, is_applied: bool, as_json: bool) -> None:
    from newsreel.app.reparse import Change
    from newsreel.app.reparse import reparse as reparse_captures

    def row(change: Change) -> Row:
        return {
            "what": change.what,
            "feed": name_of(change.feed),
            "seen_at": change.seen_at,
            "fields": list(change.fields),
            "title": change.title,
        }

    async with context.open_store() as store:
        chosen = await feed_of(store, text) if text else None
        with Progress("reading captures", 0) as progress:
            account = await reparse_captures(
                store,
                captures_root(context),
                feed_id=chosen.id if chosen else None,
                is_applied=is_applied,
                progress=progress.at,
            )
        if account.changes or as_json:
            print_rows([row(change) for change in account.changes], COLUMNS, as_json=as_json)
        counts = Counter(change.what for change in account.changes)
        told = ", ".join(f"{counts[what]} {words}" for what, words in WORDS)
        verb = "stored" if is_applied else "would be stored with --apply"
        note(f"read {account.captures} captures again; {verb}: {told}")
        if account.strangers:
            note(f"{account.strangers} captures are of feeds that are not in the database")
        if is_applied and account.changes:
            await context.export(store)
    for damage in account.damaged:
        note(f"not read: {plain(damage.path)}: {plain(damage.what)}")
    if account.damaged:
        raise ArchiveError(f"{len(account.damaged)} captures are damaged")


def captures_root(context: Context) -> Path:
    """Return where captures are kept; raise UsageError where they are not."""
    root = context.settings.captures
    if root is None:
        raise UsageError(
            "captures are turned off", hint="name their directory: newsreel --captures DIR …"
        )
    return root
