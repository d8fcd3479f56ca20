"""``manifest.json`` of a day: which feeds, how much of them, which files, which gaps."""

import json
import re
from collections.abc import Iterable
from datetime import date

from newsreel.errors import ArchiveError
from newsreel.formats.file_names import is_file_name
from newsreel.formats.json_values import (
    UNREADABLE,
    JsonObject,
    json_bytes,
    moment_of,
    needed_text,
    number_of,
    object_in,
    objects_in,
    text_of,
)
from newsreel.model.day import DayFeed, DayLine
from newsreel.model.entry import Json
from newsreel.model.poll import Gap

FORMAT = "newsreel-day/1"
SUFFIX = "_entries"
_FORMATS = re.compile(r"newsreel-day/(\d+)\Z")


def manifest_of(day: date, feeds: Iterable[DayFeed]) -> bytes:
    """Return a day's manifest: every feed with entries, polls or gaps, by file name."""
    lines: list[Json] = [
        _line_of(feed) for feed in sorted(feeds, key=lambda feed: feed.feed.file_name)
    ]
    return json_bytes({"day": day.isoformat(), "feeds": lines, "format": FORMAT})


def _line_of(line: DayFeed) -> JsonObject:
    found: JsonObject = {
        "entries": line.entries,
        "gaps": [_gap(gap) for gap in sorted(line.gaps, key=_gap_order)],
        "polls": {"expected": line.polls_expected, "made": line.polls_made},
        "revisions": line.revisions,
        "url": line.feed.first_url,
    }
    if line.title is not None:
        found["title"] = line.title
    digests = {"json": line.json_digest, "md": line.md_digest}
    if known := {kind: digest for kind, digest in digests.items() if digest}:
        found["file"] = line.feed.file_name + SUFFIX
        found["sha256"] = {**known}
    return found


def _gap_order(gap: Gap) -> tuple[str, str]:
    return gap.from_at.isoformat(), gap.reason


def _gap(gap: Gap) -> JsonObject:
    found: JsonObject = {"from": gap.from_at.isoformat(), "reason": gap.reason}
    if gap.to_at is not None:
        found["to"] = gap.to_at.isoformat()
    return found


def read_manifest(body: bytes) -> tuple[date, list[DayLine]]:
    """Return the day and its lines.

    Raises :class:`~newsreel.errors.ArchiveError` where this is no manifest, or a newer one.
    """
    try:
        row = object_in(json.loads(body))
        format_ = needed_text(row, "format")
        lines = [_read_line(item) for item in objects_in(row["feeds"])]
        day = date.fromisoformat(needed_text(row, "day"))
    except UNREADABLE as error:
        raise ArchiveError(f"not a manifest: {type(error).__name__}: {error}") from error
    if format_ != FORMAT:
        hint = "update Newsreel" if _FORMATS.match(format_) else ""
        raise ArchiveError(f"not a format that is known here: {format_!r:.60}", hint=hint)
    return day, lines


def _read_line(row: JsonObject) -> DayLine:
    polls = object_in(row["polls"])
    digests = object_in(row.get("sha256", {}))
    return DayLine(
        url=needed_text(row, "url"),
        title=text_of(row, "title"),
        file_name=_file_name(row),
        entries=number_of(row, "entries"),
        revisions=number_of(row, "revisions"),
        md_digest=text_of(digests, "md"),
        json_digest=text_of(digests, "json"),
        polls_expected=number_of(polls, "expected"),
        polls_made=number_of(polls, "made"),
        gaps=tuple(_read_gap(item) for item in objects_in(row["gaps"])),
    )


def _file_name(row: JsonObject) -> str | None:
    name = text_of(row, "file")
    if name is None:
        return None
    if not name.endswith(SUFFIX) or not is_file_name(name.removesuffix(SUFFIX)):
        raise ValueError(f"not a file name: {name!r:.60}")
    return name.removesuffix(SUFFIX)


def _read_gap(row: JsonObject) -> Gap:
    to = text_of(row, "to")
    return Gap(
        feed_id=0,
        from_at=moment_of(needed_text(row, "from")),
        to_at=moment_of(to) if to is not None else None,
        reason=needed_text(row, "reason"),
    )
