"""A day of one feed as the old system would have written it: imported rows, and what was polled.

Days that Newsreel polled itself take the form of 2025. What that system knew and we don't is left
as it leaves it: nothing was rated, visited, voted on or commented.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from newsreel.formats.legacy_archive import Row, write
from newsreel.formats.legacy_markdown import SLIP
from newsreel.model.day import DayPage
from newsreel.model.entry import Entry, Json
from newsreel.model.feed import Feed
from newsreel.model.legacy import LegacyKind


def polled_file(page: DayPage, kind: LegacyKind) -> bytes:
    """Return a feed's day in the form of 2025, newest first, then by title."""
    form = _form_of(page, kind)
    entries = sorted(page.entries, key=lambda entry: entry.content.title or "")
    entries.sort(key=_published_at, reverse=True)
    return write(kind, form, [_row_of(entry, page.feed, kind) for entry in entries])


def joined_file(
    kind: LegacyKind,
    form: Mapping[str, Json],
    rows: Sequence[Row],
    further: Iterable[tuple[Feed, Entry]],
) -> bytes:
    """Return an imported file, with further entries of its feed where they belong in its order."""
    found = list(rows)
    has_t = any("T" in (content.published_raw or "") for content, _ in rows)
    for feed, entry in sorted(further, key=lambda pair: pair[1].content.title or ""):
        row = _row_of(entry, feed, kind)
        if rows and not has_t:
            raw = (row[0].published_raw or "").replace("T", " ")
            row = replace(row[0], published_raw=raw), row[1]
        found.insert(_place_of(row, found), row)
    return write(kind, form, found)


def _place_of(row: Row, rows: Sequence[Row]) -> int:
    """Return where a row goes: behind all that are newer, or as old and earlier by title."""
    at, title = row[0].published_at, row[0].title or ""
    for index, (content, _) in enumerate(rows):
        if content.published_at is None or at is None:
            continue
        if content.published_at < at:
            return index
        if content.published_at == at and (content.title or "") > title:
            return index
    return len(rows)


def _form_of(page: DayPage, kind: LegacyKind) -> dict[str, Json]:
    feed = page.feed
    if kind is LegacyKind.JSON:
        return {
            "keys": "2025-04-14",
            "indent": 4,
            "source": feed.url,
            "empty": {"language": ""},
        }
    header: dict[str, Json] = {
        "title": " ".join((page.title or feed.title or "").split()),
        "url": feed.url,
        "language": feed.language or "",
    }
    return {"template": "line", "header": header, "feed": SLIP}


def _row_of(entry: Entry, feed: Feed, kind: LegacyKind) -> Row:
    at = _published_at(entry)
    content = replace(
        entry.content,
        summary=entry.content.summary or entry.content.body,
        published_raw=at.isoformat(),
        published_at=at,
        language=entry.content.language or feed.language,
        extras={},
    )
    if kind is LegacyKind.MARKDOWN:
        return content, {}
    created = entry.first_seen_at.isoformat(timespec="microseconds")
    return content, {"date_created": created, "source__id": 0}


def _published_at(entry: Entry) -> datetime:
    """The old system took the time of its fetch where the publisher gave none."""
    return entry.content.published_at or entry.first_seen_at
