"""``sources.json`` of an archive: its feeds, with all that is needed to add them again exactly.

What polling knows (validators, failures, when to poll next) is not in it: it is found out again.
"""

import json
from collections.abc import Iterable
from datetime import timedelta

from newsreel.errors import ArchiveError
from newsreel.formats.file_names import is_file_name
from newsreel.formats.json_values import (
    UNREADABLE,
    JsonObject,
    json_bytes,
    moment_of,
    needed_text,
    object_in,
    objects_in,
    text_of,
    texts_of,
)
from newsreel.formats.urls import asked_host_of, is_mailbox, is_own_source
from newsreel.model.entry import Json
from newsreel.model.feed import Feed, FeedStatus, IdentityPolicy, PageRules

_OPTIONAL = ("folder", "language", "site_url", "title")
_POLICIES = {policy.name.lower(): policy for policy in IdentityPolicy}
_SECOND = timedelta(seconds=1)


def sources_of(feeds: Iterable[Feed]) -> bytes:
    """Return the list of these feeds, by file name."""
    rows: list[Json] = [_row_of(feed) for feed in sorted(feeds, key=lambda feed: feed.file_name)]
    return json_bytes(rows)


def _row_of(feed: Feed) -> JsonObject:
    row: JsonObject = {
        "added": feed.added_at.isoformat(),
        "aliases": [*sorted(feed.aliases)],
        "file_name": feed.file_name,
        "first_url": feed.first_url,
        "identity": feed.identity_policy.name.lower(),
        "status": str(feed.status),
        "tags": list(feed.tags),
        "url": feed.url,
    }
    for name in _OPTIONAL:
        if (value := getattr(feed, name)) is not None:
            row[name] = value
    if feed.interval is not None:
        row["interval"] = feed.interval // _SECOND
    if feed.has_own_title:
        row["has_own_title"] = True
    if feed.is_crawled:
        row["is_crawled"] = True
    if feed.page_rules is not None:
        row["page_rules"] = {**feed.page_rules.selectors}
    return row


def is_own_sources(body: bytes) -> bool:
    """Tell whether this ``sources.json`` is one of ours, and not the old archive's."""
    try:
        return all(
            "first_url" in row and "file_name" in row for row in objects_in(json.loads(body))
        )
    except UNREADABLE:
        return False


def read_sources(body: bytes, *, is_private: bool) -> list[Feed]:
    """Return the feeds, with local ids 0.

    Raises :class:`~newsreel.errors.ArchiveError` where this is no list of ours.
    """
    try:
        return [_feed_of(row, is_private=is_private) for row in objects_in(json.loads(body))]
    except UNREADABLE as error:
        raise ArchiveError(f"not a list of feeds: {type(error).__name__}: {error}") from error


def _feed_of(row: JsonObject, *, is_private: bool) -> Feed:
    url, file_name = needed_text(row, "url"), needed_text(row, "file_name")
    if not is_file_name(file_name):
        raise ValueError(f"not a file name: {file_name!r:.60}")
    seconds = row.get("interval")
    return Feed(
        id=0,
        url=url,
        first_url=needed_text(row, "first_url"),
        file_name=file_name,
        host=asked_host_of(url),
        title=text_of(row, "title"),
        has_own_title=row.get("has_own_title") is True,
        site_url=text_of(row, "site_url"),
        language=text_of(row, "language"),
        folder=text_of(row, "folder"),
        tags=tuple(texts_of(row, "tags")),
        aliases=tuple(texts_of(row, "aliases")),
        is_private=is_private or is_mailbox(url),
        is_crawled=row.get("is_crawled") is True,
        status=_status_of(row, url, is_private=is_private),
        identity_policy=_POLICIES[needed_text(row, "identity")],
        interval=timedelta(seconds=seconds) if isinstance(seconds, int) else None,
        added_at=moment_of(needed_text(row, "added")),
        page_rules=PageRules.of(object_in(row.get("page_rules") or {})),
    )


def _status_of(row: JsonObject, url: str, *, is_private: bool) -> FeedStatus:
    """An archive that anybody may have written opens no files of this machine by itself."""
    status = FeedStatus(needed_text(row, "status"))
    is_strange = status is FeedStatus.ACTIVE and is_own_source(url) and not is_private
    return FeedStatus.PAUSED if is_strange else status
