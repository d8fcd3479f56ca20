"""The command add: feeds by their addresses, or by their sites'."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from newsreel.cli.asking import asked_with, asking_options
from newsreel.cli.context import Context
from newsreel.cli.feeds import credential_told, numbered
from newsreel.cli.listing import note, plain
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

STOPPED = (FeedStatus.GONE, FeedStatus.PAUSED)


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
        note(f"already there: {numbered(feed)}")
        return
    note(f"already there: {numbered(feed)}, {state_of(feed)}")
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
    note(f"{verb}: {numbered(added.feed)}{brought}")
    if added.is_new and added.feed.is_private and not template.is_private:
        note(f"note: {_why_private(added.feed)}")


def _why_private(feed: Feed) -> str:
    if is_mailbox(feed.url):
        return "a mailbox is private, and stays so"
    told = "it is on this machine" if is_own_source(feed.url) else credential_told(feed)
    return f"{told}, so it is private; 'newsreel edit --public' releases it"


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
