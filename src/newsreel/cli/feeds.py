"""Commands on feeds: feeds, edit, remove."""

import sys
from dataclasses import replace
from datetime import timedelta

import click

from newsreel.app.clock import utc_now
from newsreel.cli.asking import NO_HEADERS, asked_with, asking_options, own_ways
from newsreel.cli.choice import feed_of
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, name_of, note, print_rows
from newsreel.cli.pages import page_options, rules_with
from newsreel.core.states import state_of
from newsreel.errors import UsageError
from newsreel.formats.urls import is_mailbox, redacted
from newsreel.model.feed import Feed, FeedStatus

UNITS = {"m": 60, "h": 3600, "d": 86400}
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=31)

COLUMNS = (
    ("id", "id"),
    ("title", "title"),
    ("folder", "folder"),
    ("entries", "entries"),
    ("state", "state"),
    ("last_ok_at", "last read"),
    ("next_poll_at", "next poll"),
    ("url", "address"),
)


class Interval(click.ParamType[timedelta]):
    """A length of time: ``15m``, ``6h``, ``1d``; ``auto`` (zero) for the schedule's choice."""

    name = "interval"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the length of time."""
        text = str(value).strip().lower()
        if text == "auto":
            return timedelta()
        number, unit = text[:-1], text[-1:]
        if unit not in UNITS or not (number.isascii() and number.isdecimal()) or len(number) > 6:
            self.fail(f"{text!r} is no length of time; use 15m, 6h, 1d or auto", param, ctx)
        found = timedelta(seconds=int(number) * UNITS[unit])
        if not SHORTEST <= found <= LONGEST:
            self.fail(f"{text!r} is not between 1m and 31d", param, ctx)
        return found


@click.command()
@click.option("--all", "wants_all", is_flag=True, help="The removed ones too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def feeds(context: Context, *, wants_all: bool, as_json: bool) -> None:
    """List the feeds, with their state in plain words."""
    found = context.run(_feeds(context, wants_all=wants_all))
    if not found and not as_json:
        note("no feeds yet; 'newsreel add URL' adds one, 'newsreel import FILE' many")
        return
    print_rows([feed_row(feed) for feed in found], COLUMNS, as_json=as_json)


async def _feeds(context: Context, *, wants_all: bool) -> list[Feed]:
    async with context.open_store(is_reading=True) as store:
        return await store.feeds(statuses=tuple(FeedStatus) if wants_all else None)


def feed_row(feed: Feed) -> Row:
    """Return a feed as a row of a listing; credentials are blacked out."""
    return {
        "id": feed.id,
        "title": name_of(feed),
        "url": redacted(feed.url),
        "site_url": redacted(feed.site_url) if feed.site_url else None,
        "folder": feed.folder,
        "tags": list(feed.tags),
        "page_rules": feed.page_rules.selectors if feed.page_rules is not None else None,
        "language": feed.language,
        "private": feed.is_private,
        "asked_with": own_ways(feed.request_options),
        "status": feed.status.value,
        "state": state_of(feed),
        "interval": feed.interval,
        "entries": feed.entry_count,
        "failures": feed.failures,
        "fault": feed.fault,
        "last_poll_at": feed.last_poll_at,
        "last_ok_at": feed.last_ok_at,
        "next_poll_at": feed.next_poll_at if feed.last_poll_at else None,
    }


@click.command()
@click.argument("feed", metavar="FEED")
@click.option("--title", help="Your own title; empty for the publisher's.")
@click.option("--folder", help="Empty for none.")
@click.option(
    "--tag", "tags", multiple=True, help="Replaces the tags; may be given several times."
)
@click.option("--no-tags", is_flag=True, help="Drop all tags.")
@click.option("--interval", type=Interval(), help="15m, 6h, 1d, or auto.")
@click.option(
    "--private/--public", "private", default=None, help="In or out of everything public."
)
@click.option("--pause/--resume", "paused", default=None, help="Stop polling it for a while.")
@page_options
@asking_options
@NO_HEADERS
@click.pass_obj
def edit(context: Context, /, feed: str, **choices: object) -> None:
    """Change a feed: named by its number, address or title.

    One that turns private or public leaves or enters the archive at once.
    """
    context.run(_edit(context, feed, choices))


async def _edit(context: Context, text: str, choices: dict[str, object]) -> None:
    async with context.open_store() as store:
        feed = await feed_of(store, text)
        after = await store.save_feed(_edited(feed, choices))
        note(f"saved: {numbered(after)}, {state_of(after)}")
        if choices["private"] is None and after.is_private == feed.is_private:
            return
        if choices["private"] is None:
            note(
                f"note: {credential_told(after)}, so it is private now; "
                "'newsreel edit --public' releases it"
            )
        account = await context.export(store)
        if after.is_private and account.removed:
            _note_log()


def _note_log() -> None:
    note(
        "note: the archive's log.jsonl, which only ever grows, still holds the paths of its files"
    )


def _edited(feed: Feed, choices: dict[str, object]) -> Feed:
    title, folder, tags = choices["title"], choices["folder"], choices["tags"]
    if isinstance(title, str):
        feed = replace(feed, title=title.strip() or feed.title, has_own_title=bool(title.strip()))
    if isinstance(folder, str):
        feed = replace(feed, folder=folder.strip() or None)
    if choices["no_tags"] or tags:
        feed = replace(feed, tags=tuple(tags) if isinstance(tags, tuple) else ())
    if isinstance(choices["interval"], timedelta):
        feed = replace(feed, interval=choices["interval"] or None)
    feed = replace(feed, page_rules=rules_with(feed.page_rules, choices))
    options = asked_with(feed.request_options, choices)
    if options.has_credential and not feed.request_options.has_credential:
        feed = replace(feed, is_private=True)
    feed = replace(feed, request_options=options)
    if choices["private"] is False and is_mailbox(feed.url):
        raise UsageError(
            "a mailbox stays private",
            hint="save the messages you may publish in a directory, and add that",
        )
    if isinstance(choices["private"], bool):
        feed = replace(feed, is_private=choices["private"])
    if isinstance(choices["paused"], bool):
        status = FeedStatus.PAUSED if choices["paused"] else FeedStatus.ACTIVE
        feed = replace(feed, status=status)
    return feed


@click.command()
@click.argument("feed", metavar="FEED")
@click.option(
    "--purge", is_flag=True, help="Delete its entries, day files and raw captures too, for ever."
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def remove(context: Context, feed: str, *, purge: bool, yes: bool) -> None:
    """Stop polling a feed. Its archive stays; only --purge deletes it."""
    context.run(_remove(context, feed, purge=purge, yes=yes))


async def _remove(context: Context, text: str, *, purge: bool, yes: bool) -> None:
    async with context.open_store() as store:
        feed = await feed_of(store, text)
        if not purge:
            await store.save_feed(replace(feed, status=FeedStatus.REMOVED))
            note(f"removed: {numbered(feed)}; its {feed.entry_count} entries stay in the archive")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("nobody to ask whether to delete for ever", hint="add --yes")
            click.confirm(
                f"Delete {numbered(feed)} with {feed.entry_count} entries for ever?",
                abort=True,
                err=True,
            )
        captures = await _purge_captures(context, feed)
        count = await store.purge_feed(feed.id)
        note(f"deleted: {numbered(feed)} with {count} entries and {captures} raw captures")
        if (await context.export(store)).removed:
            _note_log()


async def _purge_captures(context: Context, feed: Feed) -> int:
    from newsreel.app.capture_erasure import purge_from_captures

    root = context.settings.captures
    return await purge_from_captures(root, feed, clock=utc_now) if root is not None else 0


def credential_told(feed: Feed) -> str:
    """Return in words which credential a feed is asked with."""
    if feed.request_options.has_credential:
        return "it is asked for with a credential"
    return "its address carries a credential"


def numbered(feed: Feed) -> str:
    """Return a feed's number and name."""
    return f"{feed.id} {name_of(feed)}"
