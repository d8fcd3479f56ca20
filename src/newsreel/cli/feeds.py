"""Commands on feeds: add, feeds, edit, remove."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from newsreel.app.clock import utc_now
from newsreel.cli.asking import NO_HEADERS, asked_with, asking_options, own_ways
from newsreel.cli.choice import feed_of
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, name_of, note, plain, print_rows
from newsreel.cli.own_sources import own_address, user_in
from newsreel.cli.pages import page_options, rules_with
from newsreel.core.states import state_of
from newsreel.errors import FeedError, UsageError
from newsreel.formats.urls import is_mailbox, is_own_source, origin_of, redacted
from newsreel.model.feed import AS_SET, Feed, FeedStatus, NewFeed, RequestOptions
from newsreel.store.protocols import Store

if TYPE_CHECKING:
    from newsreel.app.captures import Keep
    from newsreel.app.discover import Discovery
    from newsreel.fetch.client import Client
    from newsreel.fetch.hosts import HostGate

UNITS = {"m": 60, "h": 3600, "d": 86400}
STOPPED = (FeedStatus.GONE, FeedStatus.PAUSED)
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
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--all", "wants_all", is_flag=True, help="Add every feed that a page announces.")
@click.option("--folder", help="The folder to put them in.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@click.option("--private", is_flag=True, help="Keep it out of everything public.")
@page_options
@asking_options
@click.pass_obj
def add(
    context: Context,
    /,
    urls: tuple[str, ...],
    *,
    wants_all: bool,
    folder: str | None,
    tags: tuple[str, ...],
    private: bool,
    **choices: object,
) -> None:
    """Add feeds by their addresses, or by their sites'.

    A page is searched for the feeds it announces; where there are several, you are asked which.
    With --entries its own links are the entries; 'newsreel try-page URL' proposes selectors.

    A directory (/path/to/it) and a mailbox (imaps://user@host/INBOX) are feeds too, private ones.
    """
    urls = tuple(own_address(url) or url for url in urls)
    choices["user"] = choices["user"] or next(filter(None, map(user_in, urls)), None)
    options, rules = asked_with(AS_SET, choices), rules_with(None, choices)
    if options.has_credential and len(urls) > 1:
        raise UsageError("headers and passwords are for one feed", hint="add them one by one")
    if rules is not None and len(urls) > 1:
        raise UsageError("selectors are for one page", hint="add them one by one")
    template = NewFeed(
        url="",
        folder=folder,
        tags=tags,
        is_private=private,
        request_options=options,
        page_rules=rules,
    )
    if context.run(_add_all(context, urls, template, wants_all=wants_all)):
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class Door:
    """What feeds come in by."""

    store: Store
    client: "Client"
    keep: "Keep"
    gate: "HostGate"


async def _add_all(
    context: Context, urls: Sequence[str], template: NewFeed, *, wants_all: bool
) -> int:
    """Add each address and return how many could not be added."""
    from newsreel.fetch.hosts import HostGate

    failed = 0
    async with (
        context.open_store() as store,
        context.client(store) as client,
        context.captures(note) as keep,
    ):
        gate = HostGate(client.policy, store.clock, await store.hosts())
        door = Door(store, client, keep, gate)
        for url in urls:
            try:
                failed += await _add(door, url, template, wants_all=wants_all)
            except FeedError as error:
                failed += 1
                _tell(error)
            finally:
                await store.save_hosts(gate.changed())
    return failed


async def _add(door: Door, url: str, template: NewFeed, *, wants_all: bool) -> int:
    """Add what stands at an address; return how many feeds of a page could not be added."""
    from newsreel.app.discover import discover, discover_own, discover_page

    known = await door.store.find_feed(url)
    if known is not None and (known.status in STOPPED or _is_polled(known)):
        _tell_there(known)
        return 0
    options, rules = template.request_options, template.page_rules
    if is_own_source(url):
        discovery = await discover_own(url, door.client, options, rules)
    elif rules is not None:
        discovery = await discover_page(
            url,
            rules,
            door.client,
            options,
            store=door.store,
            clock=door.store.clock,
            gate=door.gate,
        )
    else:
        discovery = await discover(url, door.client, options, gate=door.gate)
    if discovery.capture is not None:
        await _store(door, template, discovery)
        return 0
    failed = 0
    for address in _chosen(discovery, wants_all=wants_all):
        try:
            _check_origin(address, discovery, options)
            found = await discover(address, door.client, options, gate=door.gate)
            await _store(door, template, found)
        except FeedError as error:
            failed += 1
            _tell(error)
    return failed


def _check_origin(address: str, page: "Discovery", options: RequestOptions) -> None:
    if options.has_credential and origin_of(address) != origin_of(page.url):
        raise FeedError(
            f"the page announces a feed of another site: {redacted(address)}",
            hint="it is not told your credentials; give its own address, if they are meant for it",
        )


def _is_polled(feed: Feed) -> bool:
    return feed.status is FeedStatus.ACTIVE and feed.last_poll_at is not None


def _tell_there(feed: Feed) -> None:
    if feed.status not in STOPPED:
        note(f"already there: {_named(feed)}")
        return
    note(f"already there: {_named(feed)}, {state_of(feed)}")
    note(f"hint: 'newsreel edit {feed.id} --resume' polls it again")


def _tell(error: FeedError) -> None:
    note(f"error: {error}")
    if error.hint:
        note(f"hint: {error.hint}")


async def _store(door: Door, template: NewFeed, discovery: "Discovery") -> None:
    from newsreel.app.discover import add_feed

    if discovery.capture is None:
        raise FeedError(
            f"no feed at {redacted(discovery.url)}, though a page announces one there",
            hint="tell the site, or give the feed's own address",
        )
    new = replace(template, url=discovery.url)
    store = door.store
    added = await add_feed(new, discovery.capture, store, clock=store.clock, keep=door.keep)
    if added.feed.status in STOPPED and not added.is_new:
        _tell_there(added.feed)
        return
    verb = "added" if added.is_new else "already there"
    brought = f", {len(added.poll.changes.new)} entries" if added.poll else ""
    note(f"{verb}: {_named(added.feed)}{brought}")
    if added.is_new and added.feed.is_private and not template.is_private:
        note(f"note: {_why_private(added.feed)}")


def _why_private(feed: Feed) -> str:
    if is_mailbox(feed.url):
        return "a mailbox is private, and stays so"
    told = "it is on this machine" if is_own_source(feed.url) else _credential_of(feed)
    return f"{told}, so it is private; 'newsreel edit --public' releases it"


def _credential_of(feed: Feed) -> str:
    if feed.request_options.has_credential:
        return "it is asked for with a credential"
    return "its address carries a credential"


def _chosen(discovery: "Discovery", *, wants_all: bool) -> list[str]:
    """Which of the feeds of a page: the only one, all, or those that the user names."""
    found = discovery.found
    if len(found) == 1 or wants_all:
        return [feed.url for feed in found]
    note(f"{len(found)} feeds are announced at {redacted(discovery.url)}:")
    for number, feed in enumerate(found, start=1):
        note(f"  {number}  {plain(feed.title) or '(no title)'}  {redacted(feed.url)}")
    if not sys.stdin.isatty():
        raise UsageError(
            "several feeds, and nobody to ask", hint="add --all, or give one of these addresses"
        )
    answer = click.prompt("Which? (numbers parted by blanks, or all)", err=True, default="1")
    if answer.strip() == "all":
        return [feed.url for feed in found]
    numbers = [word for word in answer.replace(",", " ").split() if word.isdecimal()]
    wanted = [found[int(word) - 1].url for word in numbers if 1 <= int(word) <= len(found)]
    if not wanted:
        raise UsageError(
            f"no feed of that number: {answer!r}", hint=f"give numbers from 1 to {len(found)}"
        )
    return wanted


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
        note(f"saved: {_named(after)}, {state_of(after)}")
        if choices["private"] is None and after.is_private == feed.is_private:
            return
        if choices["private"] is None:
            note(
                f"note: {_credential_of(after)}, so it is private now; "
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
            note(f"removed: {_named(feed)}; its {feed.entry_count} entries stay in the archive")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("nobody to ask whether to delete for ever", hint="add --yes")
            click.confirm(
                f"Delete {_named(feed)} with {feed.entry_count} entries for ever?",
                abort=True,
                err=True,
            )
        captures = await _purge_captures(context, feed)
        count = await store.purge_feed(feed.id)
        note(f"deleted: {_named(feed)} with {count} entries and {captures} raw captures")
        if (await context.export(store)).removed:
            _note_log()


async def _purge_captures(context: Context, feed: Feed) -> int:
    from newsreel.app.capture_erasure import purge_from_captures

    root = context.settings.captures
    return await purge_from_captures(root, feed, clock=utc_now) if root is not None else 0


def _named(feed: Feed) -> str:
    return f"{feed.id} {name_of(feed)}"
