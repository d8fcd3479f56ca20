"""Listings: tables for people, JSON for programs; data on stdout."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import click

from newsreel.formats.urls import redacted
from newsreel.model.feed import Feed

Row = dict[str, object]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
WIDTH_WITHOUT_TERMINAL = 100_000  # a row is a line there, whatever its length


def plain(text: object) -> str:
    """Return text that plays no tricks on a terminal: one line, no control or direction marks."""
    return _CONTROL.sub(" ", "" if text is None else str(text))


def name_of(feed: Feed) -> str:
    """Return what a feed is called: its title, else its address; credentials are blacked out."""
    if feed.title and "://" not in feed.title:
        return plain(feed.title)
    return plain(redacted(feed.title or feed.url).removeprefix("https://"))


def print_json(value: object) -> None:
    """Print a value as JSON; times in ISO 8601."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=_jsonable))


def print_rows(rows: Iterable[Row], columns: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    """Print rows; ``columns`` are pairs of key and heading, for people only."""
    found = list(rows)
    if as_json:
        print_json(found)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, heading in columns:
        is_number = any(isinstance(row.get(key), int) for row in found)
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in found:
        table.add_row(*(Text(shown(row.get(key))) for key, _ in columns))
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    Console(width=width, soft_wrap=False, highlight=False).print(table)


def shown(value: object) -> str:
    """Return a value as people read it; times in UTC, to the minute."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        case timedelta():
            return span(value)
        case list() | tuple():
            return ", ".join(plain(item) for item in value) or "–"
        case _:
            return plain(value)


def span(value: timedelta) -> str:
    """Return a length of time in its largest whole unit: ``90m``, ``6h``, ``2d``."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def note(text: str) -> None:
    """Say something beside the data: on stderr."""
    click.echo(text, err=True)


def _jsonable(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case set() | frozenset() | tuple():
            return sorted(value) if isinstance(value, set | frozenset) else list(value)
        case _:
            return str(value)
