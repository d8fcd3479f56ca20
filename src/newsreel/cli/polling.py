"""Commands that poll: poll, run, log."""

import asyncio
import signal
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

import click

from newsreel.cli.choice import feed_of
from newsreel.cli.collecting import collecting_icons
from newsreel.cli.context import Context
from newsreel.cli.listening import listening
from newsreel.cli.listing import Row, name_of, note, print_rows
from newsreel.cli.progress import Progress
from newsreel.cli.tally import Tally
from newsreel.cli.workers import polls
from newsreel.core.states import why_left_alone
from newsreel.errors import NewsreelError, StoreBusy
from newsreel.formats.urls import redacted
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.poll import Poll, PollRecord
from newsreel.store import Store

EXPORT_EVERY = 60.0
EXPORT = "export"
"""The task of one worker."""
MOST_WORKERS = 64

LOG_COLUMNS = (
    ("polled_at", "polled"),
    ("feed", "feed"),
    ("outcome", "outcome"),
    ("new", "new"),
    ("revised", "revised"),
    ("overlap", "overlap"),
    ("ms", "ms"),
    ("title", "title"),
)


WORKERS = click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, MOST_WORKERS),
    help="How many processes poll side by side.",
)


@click.command()
@click.argument("feeds", nargs=-1, metavar="[FEED]...")
@click.option("--all", "wants_all", is_flag=True, help="Everything, whatever its interval.")
@click.option("--no-export", is_flag=True, help="Don't write the days that changed.")
@WORKERS
@click.pass_obj
def poll(
    context: Context,
    feeds: tuple[str, ...],
    *,
    wants_all: bool,
    no_export: bool,
    workers: int | None,
) -> None:
    """Poll what is due, once, and write the days that changed.

    A feed's number, address or title polls that one. A publisher's Retry-After and a host's gap
    are kept whatever is asked for.
    """
    context = _with_workers(context, workers)
    context.run(_poll(context, feeds, wants_all=wants_all, has_export=not no_export))


def _with_workers(context: Context, workers: int | None) -> Context:
    if workers is None:
        return context
    return replace(context, settings=replace(context.settings, workers=workers))


async def _poll(
    context: Context, texts: tuple[str, ...], *, wants_all: bool, has_export: bool
) -> None:
    from newsreel.app.poll import Wanted

    async with context.open_store() as store:
        chosen = tuple([(await feed_of(store, text)).id for text in texts])
        wanted = Wanted(feed_ids=chosen or None, is_forced=wants_all)
        tally, started_at = Tally(), store.clock()
        counts = await store.counts(now=started_at)
        total = len(chosen) or (counts.active if wants_all else counts.due)
        with Progress("polling", total) as progress:
            async with aclosing(polls(context, store, wanted, tell=note)) as found:
                async for told in found:
                    tally.count(told)
                    progress.step()
        if not counts.feeds and not chosen:
            note("no feeds yet; 'newsreel add URL' adds one, 'newsreel import FILE' many")
            return
        note(tally.sentence())
        if chosen:
            await _tell_left_alone(store, sorted({*chosen} - tally.feed_ids), started_at)
        elif wants_all and (held := total - tally.outcomes.total()) > 0:
            note(f"{held} left alone: their publishers asked us to wait")
        if has_export:
            await context.export(store)


async def _tell_left_alone(store: Store, feed_ids: Iterable[int], started_at: datetime) -> None:
    """Say of each feed that was asked for and not polled why, and what can be done about it."""
    hosts = {host.host: host for host in await store.hosts()}
    for feed_id in feed_ids:
        feed = await store.feed(feed_id)
        if feed is None:  # another process deleted it
            continue
        found = why_left_alone(feed, hosts.get(feed.host), asked_at=started_at)
        note(f"left alone: {feed.id} {name_of(feed)}: {found.why}")
        if feed.status is not FeedStatus.ACTIVE:
            note(f"hint: 'newsreel edit {feed.id} --resume' polls it again")


@click.command()
@WORKERS
@click.pass_obj
def run(context: Context, *, workers: int | None) -> None:
    """Poll and write days for ever, as a service; SIGTERM or Ctrl-C stops it cleanly."""
    context = _with_workers(context, workers)
    context.run(_run(context))


async def _run(context: Context) -> None:
    from newsreel.app.poll import Wanted
    from newsreel.log import event

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with (
        listening(context),
        collecting_icons(context),
        context.open_store() as store,
    ):
        counts = await store.counts(now=store.clock())
        event("started", feeds=counts.active, entries=counts.entries)
        if not context.settings.contact and not context.settings.user_agent:
            event("no-contact", hint="set contact, so that publishers can reach you")
        exporting = asyncio.create_task(_export_on(context, stop))
        try:
            while not stop.is_set():
                found = polls(context, store, Wanted(stop=stop), tell=_log_notice, see=_log_poll)
                try:
                    async with aclosing(found):
                        async for _ in found:
                            pass
                except StoreBusy as error:
                    event("waiting", error=str(error), hint=error.hint)
        finally:
            stop.set()
            await exporting
        event("stopped")


def _log_notice(text: str) -> None:
    from newsreel.log import event

    event("notice", told=text)


def _log_poll(poll: Poll) -> None:
    from newsreel.log import event

    event("polled", **_poll_fields(poll))


async def _export_on(context: Context, stop: asyncio.Event) -> None:
    """Write the days that changed every minute, and once more at the end.

    One process of those that share the database does it. What can't be written now is told, and
    tried again the next time.
    """
    from newsreel.log import event

    async with context.open_store() as store:
        while not stop.is_set():
            try:
                async with asyncio.timeout(EXPORT_EVERY):
                    await stop.wait()
            except TimeoutError:
                try:
                    if await store.take_task(EXPORT):
                        await context.export(store)
                except NewsreelError as error:
                    event("not-written", error=str(error), hint=error.hint)
        if await store.take_task(EXPORT):
            await context.export(store)


def _poll_fields(poll: Poll) -> dict[str, object]:
    feed = poll.feed
    fields: dict[str, object] = {
        "feed": feed.id,
        "outcome": poll.reading.outcome.value,
        "new": len(poll.changes.new),
        "revised": len(poll.changes.revised),
        "ms": int(poll.reading.capture.elapsed.total_seconds() * 1000),
    }
    if poll.changes.left_out:
        fields["left_out"] = poll.changes.left_out
    if poll.reading.fault:
        fields["fault"] = poll.reading.fault.reason
    if not feed.is_private:
        fields["url"] = redacted(feed.url)
    if feed.next_poll_at:
        fields["next"] = feed.next_poll_at.isoformat()
    return fields


@click.command()
@click.argument("feed", required=False, metavar="[FEED]")
@click.option(
    "-n",
    "limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many lines.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def log(context: Context, feed: str | None, *, limit: int, as_json: bool) -> None:
    """Show what each poll brought, newest first."""
    rows = context.run(_log(context, feed, limit))
    if not rows and not as_json:
        note("nothing was polled yet; 'newsreel poll' polls what is due")
        return
    print_rows(rows, LOG_COLUMNS, as_json=as_json)


async def _log(context: Context, text: str | None, limit: int) -> list[Row]:
    async with context.open_store(is_reading=True) as store:
        chosen = await feed_of(store, text) if text else None
        records = await store.polls(feed_id=chosen.id if chosen else None, limit=limit)
        feeds = {feed.id: feed for feed in await store.feeds()}
        return [_log_row(record, feeds.get(record.feed_id, chosen)) for record in records]


def _log_row(record: PollRecord, feed: Feed | None) -> Row:
    outcome = record.outcome.value
    return {
        "polled_at": record.polled_at,
        "feed": record.feed_id,
        "title": name_of(feed) if feed else None,
        "outcome": f"{outcome}: {record.reason}" if record.reason else outcome,
        "status": record.status,
        "reason": record.reason,
        "detail": record.detail,
        "new": record.new,
        "revised": record.revised,
        "unchanged": record.unchanged,
        "reread": record.reread,
        "overlap": record.overlap,
        "left_out": record.left_out,
        "bytes": record.body_bytes,
        "ms": record.elapsed_ms,
        "capture": record.capture,
        "next_poll_at": record.next_poll_at,
    }
