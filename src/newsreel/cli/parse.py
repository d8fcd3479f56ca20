"""`newsreel parse`: what a feed says, for people, for programs and for the bench."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click

from newsreel.cli import parse_batch
from newsreel.cli.context import Context
from newsreel.cli.listing import plain
from newsreel.errors import FeedError, UsageError
from newsreel.formats import document
from newsreel.formats.dates import read_date
from newsreel.formats.html_text import first_text
from newsreel.formats.languages import tag_of
from newsreel.formats.urls import absolute, redacted
from newsreel.formats.validation import faults_of
from newsreel.model.capture import Capture
from newsreel.model.entry import Json, ParsedEntry, ParsedFeed

_MODES = click.Choice(["parse", "full"])


@click.command("parse")
@click.argument("source", required=False, metavar="FILE|URL|-")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--all", "show_all", is_flag=True, help="Print every entry, not the first ten.")
@click.option("--batch", is_flag=True, help="Read paths on stdin, print a JSON object a line.")
@click.option("--raw", is_flag=True, help="Leave HTML as the publisher wrote it.")
@click.option(
    "--bench",
    type=(click.Path(path_type=Path, exists=True), int, _MODES),
    metavar="LIST ROUNDS parse|full",
    help="Time the parser over the files in a list.",
)
@click.pass_obj
def parse(
    context: Context,
    source: str | None,
    *,
    as_json: bool,
    show_all: bool,
    batch: bool,
    raw: bool,
    bench: tuple[Path, int, str] | None,
) -> None:
    """Print what a feed says, as it is understood, and every fault that was forgiven."""
    if bench is not None:
        listing, rounds, mode = bench
        found = parse_batch.run_bench(listing, rounds, full=mode == "full", raw=raw)
        click.echo(json.dumps(found))
    elif batch:
        parse_batch.run_batch(iter(sys.stdin.readline, ""), _write_at_once, raw=raw)
    elif source is None:
        raise UsageError(
            "nothing to parse", hint="give a file, an address, or - for standard input"
        )
    else:
        feed = _read(context, source)
        if as_json:
            click.echo(json.dumps(_plain(feed), ensure_ascii=False, indent=2))
        else:
            click.echo("\n".join(_told(feed, None if show_all else 10)))


def _write_at_once(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _read(context: Context, source: str) -> ParsedFeed:
    """Return the feed of a file, an address or standard input."""
    if source == "-":
        return document.parse(sys.stdin.buffer.read())
    if source.startswith(("http://", "https://")):
        capture = context.run(_fetched(context, source))
        if capture.body is None:
            reason = capture.fault.reason if capture.fault else f"status {capture.status}"
            raise FeedError(f"{redacted(source)} can't be had: {reason}")
        return document.parse(
            capture.body, content_type=capture.content_type, url=capture.final_url
        )
    path = Path(source)
    try:
        return document.parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{source}: {(error.strerror or str(error)).lower()}") from error


async def _fetched(context: Context, url: str) -> Capture:
    from newsreel.fetch.client import Request

    async with context.client() as client:
        return await client.fetch(Request(url=url))


# --- for programs -----------------------------------------------------------------------------


def _plain(feed: ParsedFeed) -> dict[str, Json]:
    """Return a feed as JSON: every field as written, and the dates and languages as understood."""
    value: dict[str, Json] = {
        "parser_version": document.PARSER_VERSION,
        **_without_empty(_dict(feed)),
    }
    value["language_tag"] = tag_of(feed.language)
    value["updated_at"], value["published_at"] = _iso(feed.updated), _iso(feed.published)
    value["forgiven"] = [_json(fault) for fault in faults_of(feed)]
    value["entries"] = [
        {
            **_without_empty(_dict(entry)),
            "permalink": absolute(entry.link, entry.base_url),
            "published_at": _iso(entry.published),
            "updated_at": _iso(entry.updated),
        }
        for entry in feed.entries
    ]
    return value


def _dict(value: ParsedFeed | ParsedEntry) -> dict[str, Json]:
    names = (name for name in value.__dataclass_fields__ if name != "entries")
    return {name: _json(getattr(value, name)) for name in names}


def _json(value: object) -> Json:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {k: v for k, v in asdict(value).items() if v not in (None, "")}  # type: ignore[call-overload]
    return dict(value) if hasattr(value, "items") else value  # type: ignore[return-value,call-overload]


def _without_empty(value: dict[str, Json]) -> dict[str, Json]:
    return {k: v for k, v in value.items() if v not in (None, "", [], {}, False)}


def _iso(text: str | None) -> str | None:
    found = read_date(text)
    if found is None:
        return None
    return found.at.strftime("%Y-%m-%dT%H:%M:%SZ") if found.at.year >= 1900 else None


# --- for people -------------------------------------------------------------------------------


def _told(feed: ParsedFeed, limit: int | None) -> Iterable[str]:
    """Yield the lines that tell what a feed says."""
    yield feed.title or "(no title)"
    yield from _rows(_about(feed))
    for entry in feed.entries[:limit]:
        yield ""
        yield from _entry_lines(entry)
    if limit is not None and len(feed.entries) > limit:
        yield ""
        yield f"… and {len(feed.entries) - limit} more (--all)"
    faults = faults_of(feed)
    if faults:
        yield ""
        yield "Forgiven:"
        for fault in faults:
            where = f" ({fault.where})" if fault.where else ""
            read_as = f" → {fault.read_as}" if fault.read_as else ""
            yield f"  {plain(fault.what)}{plain(where)}{plain(read_as)}"


def _about(feed: ParsedFeed) -> dict[str, str | None]:
    language = tag_of(feed.language)
    every = feed.update_period_minutes
    return {
        "format": feed.format.value,
        "page": absolute(feed.link, feed.base_url),
        "about": first_text(feed.description, 200) or None,
        "language": f"{language} (written {feed.language})"
        if language and language != feed.language
        else feed.language,
        "authors": ", ".join(feed.authors) or None,
        "categories": ", ".join(feed.categories) or None,
        "image": absolute(feed.image, feed.base_url),
        "published": _when(feed.published),
        "updated": _when(feed.updated),
        "hubs": ", ".join(feed.hub_urls) or None,
        "wishes": "; ".join(
            filter(
                None,
                (
                    f"ttl {feed.ttl_minutes} min" if feed.ttl_minutes else "",
                    f"updated every {timedelta(minutes=every)}" if every else "",
                ),
            )
        )
        or None,
        "entries": str(len(feed.entries)),
        "doubtful": ", ".join(
            word
            for word, is_so in (("recoded", feed.recoded), ("truncated", feed.truncated))
            if is_so
        )
        or None,
    }


def _entry_lines(entry: ParsedEntry) -> Iterable[str]:
    yield f"  {plain(entry.title or '(no title)')}"
    text = entry.summary or entry.body
    files = ", ".join(
        f"{e.url} ({e.type or 'unknown type'}{f', {e.length} bytes' if e.length else ''})"
        for e in entry.enclosures[:5]
    )
    rows = {
        "link": absolute(entry.link, entry.base_url) or entry.link,
        "guid": entry.guid if entry.guid != entry.link else None,
        "published": _when(entry.published),
        "updated": _when(entry.updated),
        "authors": ", ".join(entry.authors) or None,
        "categories": ", ".join(entry.categories) or None,
        "files": files or None,
        "image": absolute(entry.thumbnail, entry.base_url),
        "text": first_text(text, 200) or None,
        "body": f"{len(entry.body)} characters of HTML" if entry.body else None,
        "more": ", ".join(entry.extras) or None,
    }
    yield from _rows(rows, indent="    ")


def _rows(rows: dict[str, str | None], indent: str = "  ") -> Iterable[str]:
    for name, value in rows.items():
        if value:
            yield f"{indent}{name:<11}{plain(value)}"


def _when(text: str | None) -> str | None:
    """Return a date as understood, and as written."""
    if not text:
        return None
    found = read_date(text)
    if found is None:
        return f"not understood: {text[:80]}"
    zone = "" if found.has_zone else ", no zone: read as UTC"
    return f"{found.at:%Y-%m-%d %H:%M:%S} UTC (written {text[:60]}{zone})"
