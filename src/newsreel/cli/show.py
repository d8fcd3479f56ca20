"""Show a feed, or an entry with its revisions as a word diff."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace

import click

from newsreel.cli.choice import find_feed, named
from newsreel.cli.context import Context
from newsreel.cli.feeds import feed_row
from newsreel.cli.listing import Row, name_of, plain, print_json, print_rows, shown
from newsreel.errors import UsageError
from newsreel.formats.urls import redacted
from newsreel.model.entry import Content, Entry
from newsreel.model.feed import Feed
from newsreel.model.poll import Gap
from newsreel.store.protocols import Store

COMPARED = ("title", "permalink", "author", "summary", "body")
_WORDS = re.compile(r"\s+|[^\s<>]+|[<>]")


@click.command()
@click.argument("what", metavar="FEED|ENTRY")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def show(context: Context, what: str, *, as_json: bool) -> None:
    """Show a feed (number, address, title) or an entry (its id) with all its wordings."""
    context.run(_show(context, what, as_json=as_json))


async def _show(context: Context, what: str, *, as_json: bool) -> None:
    async with context.open_store(is_reading=True) as store:
        entry = await store.entry(what)
        if entry is not None:
            await _show_entry(store, entry, as_json=as_json)
            return
        feed = await find_feed(store, what)
        if feed is None:
            raise UsageError(
                f"no such feed or entry: {named(what)!r}",
                hint="'newsreel feeds' lists feeds, 'newsreel show FEED' entries with their ids",
            )
        await _show_feed(store, feed, as_json=as_json)


async def _show_feed(store: Store, feed: Feed, *, as_json: bool) -> None:
    entries = [_discreet(entry, feed) for entry in await store.entries_of(feed.id)]
    gaps = await store.gaps(feed_id=feed.id, limit=20)
    row = feed_row(feed) | {"aliases": [redacted(alias) for alias in feed.aliases]}
    if as_json:
        print_json(
            row | {"newest": [_entry_row(e) for e in entries], "gaps": [gap_row(g) for g in gaps]}
        )
        return
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):>14}  {shown(value)}")
    click.echo()
    columns = (("day", "day"), ("id", "id"), ("revisions", "revisions"), ("title", "title"))
    print_rows([_entry_row(entry) for entry in entries], columns, as_json=False)
    if gaps:
        click.echo("\nNot observed:")
        print_rows(
            map(gap_row, gaps),
            (("from", "from"), ("to", "to"), ("reason", "reason")),
            as_json=False,
        )


def _discreet(entry: Entry, feed: Feed | None) -> Entry:
    """The links of a private feed may hold what makes it private."""
    if feed is None or not feed.is_private:
        return entry
    revisions = [
        replace(
            revision,
            content=replace(revision.content, permalink=_redacted(revision.content.permalink)),
        )
        for revision in entry.revisions
    ]
    return replace(entry, revisions=tuple(revisions), guid=_redacted(entry.guid))


def _redacted(link: str | None) -> str | None:
    return redacted(link) if link else None


def gap_row(gap: Gap) -> Row:
    """Return a gap as a row of a listing."""
    return {"feed": gap.feed_id, "from": gap.from_at, "to": gap.to_at, "reason": gap.reason}


def _entry_row(entry: Entry) -> Row:
    return {
        "id": entry.public_id,
        "day": entry.day.isoformat(),
        "title": entry.content.title,
        "link": entry.content.permalink,
        "revisions": entry.revision_count,
        "first_seen_at": entry.first_seen_at,
    }


async def _show_entry(store: Store, entry: Entry, *, as_json: bool) -> None:
    feed = await store.feed(entry.feed_id)
    entry = _discreet(entry, feed)
    last_seen_at = await store.last_seen_at(entry)
    if as_json:
        print_json(_entry_object(entry, feed) | {"last_seen_at": last_seen_at})
        return
    content = entry.content
    heading = plain(content.title) or "(no title)"
    click.secho(heading, bold=True)
    facts = {
        "feed": f"{feed.id} {name_of(feed)}" if feed else None,
        "link": content.permalink,
        "author": content.author,
        "published": content.published_at,
        "first seen": entry.first_seen_at,
        "last seen": last_seen_at,
        "day": entry.day.isoformat(),
        "id": entry.public_id,
        "doubts": sorted(entry.doubts),
        "withheld": entry.withheld_at,
    }
    for name, value in facts.items():
        if value not in (None, []):
            click.echo(f"{name:>11}  {shown(value)}")
    _show_text(content)
    _show_revisions(entry)


def _show_text(content: Content) -> None:
    from newsreel.formats.html_text import text_of

    text = text_of(content.summary or content.body)
    if text:
        click.echo()
        click.echo("\n".join(plain(line) for line in text.splitlines()))


def _show_revisions(entry: Entry) -> None:
    for former, later in zip(entry.revisions, entry.revisions[1:], strict=False):
        kind = "read anew as" if later.reread else f"revision {later.number},"
        between = f", after {shown(former.seen_at)}" if later.absent_at is None else ""
        absent = f" (not yet at {shown(later.absent_at)})" if later.absent_at else ""
        click.echo()
        click.secho(f"{kind} seen {shown(later.seen_at)}{absent}{between}", bold=True)
        for name in COMPARED:
            old, new = getattr(former.content, name), getattr(later.content, name)
            if old != new:
                click.echo(f"  {name}: " + word_diff(old or "", new or ""))


def word_diff(old: str, new: str) -> str:
    """Return both wordings in one: ``[-what went-]{+what came+}``, coloured on a terminal."""
    before, after = _WORDS.findall(plain(old)), _WORDS.findall(plain(new))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return "".join(_pieces(matcher, before, after))


def _pieces(
    matcher: "difflib.SequenceMatcher[str]", before: list[str], after: list[str]
) -> Iterable[str]:
    for kind, start, end, to_start, to_end in matcher.get_opcodes():
        if kind == "equal":
            yield "".join(before[start:end])
            continue
        if start < end:
            yield click.style("[-" + "".join(before[start:end]) + "-]", fg="red")
        if to_start < to_end:
            yield click.style("{+" + "".join(after[to_start:to_end]) + "+}", fg="green")


def _entry_object(entry: Entry, feed: Feed | None) -> Row:
    revisions = [
        {
            "number": revision.number,
            "reread": revision.reread,
            "seen_at": revision.seen_at,
            "absent_at": revision.absent_at,
            "capture": revision.capture,
            "doubts": sorted(revision.doubts),
            **{name: getattr(revision.content, name) for name in COMPARED},
            "published_at": revision.content.published_at,
        }
        for revision in entry.revisions
    ]
    return _entry_row(entry) | {
        "feed_id": entry.feed_id,
        "feed_url": redacted(feed.url) if feed else None,
        "guid": entry.guid,
        "doubts": sorted(entry.doubts),
        "withheld_at": entry.withheld_at,
        "wordings": revisions,
    }
