"""Lists of feeds that are no OPML: ``sources.json`` of every period, and text files."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from newsreel.formats.languages import tag_of
from newsreel.formats.legacy_records import storable
from newsreel.formats.urls import absolute, has_credential
from newsreel.model.entry import Json
from newsreel.model.feed import FeedStatus, NewFeed, PageRules

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+\Z|(?:feed|web\+feed|rss):\S+\Z")
_BARE = re.compile(r"[\w-]+(\.[\w-]+)+(/\S*)?\Z")
_COMMANDS = ("query:", "exec:", "filter:", "file:")
_SFEED = re.compile(r"feed\s+[\"']")


@dataclass(frozen=True, slots=True)
class FeedList:
    """The feeds that a list names, and what in it names none, each with the reason."""

    feeds: tuple[NewFeed, ...]
    skipped: tuple[str, ...] = ()
    value: Json = None
    """The JSON it was read from, where it came from an old archive."""


def address_of(source: str | None) -> str | None:
    """Return the address of a feed as the old archive names it; None where it names none.

    Bare hosts (2020–22) are meant as sites; a language or an empty text is no source.
    """
    text = (source or "").strip()
    if _ADDRESS.match(text):
        return text if text.startswith("email:") else absolute(text, None)
    if _BARE.match(text):
        return "https://" + text
    return None


def is_private(url: str) -> bool:
    """Tell whether an address must not be shown: it carries a credential, or is a mailbox."""
    return url.startswith("email:") or has_credential(url)


def read_sources(value: Json) -> FeedList | None:
    """Return the feeds of a ``sources.json`` of the old archive or of ours; None where it is none.

    A feed that is dead, on hold or not enabled is paused; so is a page whose links are entries.
    """
    rows = value.get("sources") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not rows or not all(map(_is_source, rows)):
        return None
    found: dict[str, NewFeed] = {}
    skipped = []
    for row in rows:
        assert isinstance(row, dict)
        url = address_of(_text(row, "url"))
        if url is None:
            skipped.append(f"no address: {str(row.get('url'))[:80]!r}")
        elif _text(row, "status") not in {FeedStatus.REMOVED, FeedStatus.GONE}:
            found.setdefault(url, _feed_of(row, url))
    is_own = all(isinstance(row, dict) and "first_url" in row for row in rows)
    return FeedList(tuple(found.values()), tuple(skipped), None if is_own else value)


def _is_source(row: Json) -> bool:
    return (
        isinstance(row, dict)
        and "url" in row
        and "title" in row | {"title": 0}
        and not ({"link", "date_published"} & set(row))
    )


def _feed_of(row: Mapping[str, Json], url: str) -> NewFeed:
    period = row.get("fetch_period", row.get("interval"))
    is_timed = isinstance(period, int) and not isinstance(period, bool) and 0 < period < 1 << 31
    tags = row.get("tags")
    return NewFeed(
        url=url,
        title=_text(row, "title"),
        site_url=_text(row, "site_url"),
        language=tag_of(_text(row, "language")),
        folder=_folder_of(row),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        interval=timedelta(seconds=period) if is_timed and isinstance(period, int) else None,
        is_private=is_private(url),
        is_crawled=row.get("is_crawled") is True,
        status=_status_of(row, url),
        page_rules=PageRules.of(rules)
        if isinstance(rules := row.get("page_rules"), dict)
        else None,
    )


def _status_of(row: Mapping[str, Json], url: str) -> FeedStatus:
    own = _text(row, "status")
    if own in {FeedStatus.PAUSED, FeedStatus.ARCHIVED}:
        return FeedStatus(own)
    is_off = bool(row.get("dead") or row.get("on_hold")) or row.get("enabled", True) is False
    is_no_feed = _text(row, "source_type") == "BaseParsePlugin" or url.startswith("email:")
    return FeedStatus.PAUSED if is_off or is_no_feed else FeedStatus.ACTIVE


def _folder_of(row: Mapping[str, Json]) -> str | None:
    if folder := _text(row, "folder"):
        return folder
    category = _text(row, "category_name") or _text(row, "category")
    inner = _text(row, "subcategory_name") or _text(row, "subcategory")
    names = [name.replace("/", " ") for name in dict.fromkeys((category, inner)) if name]
    return "/".join(names) or None


def _text(row: Mapping[str, Json], key: str) -> str | None:
    value = row.get(key)
    return storable(value).strip() or None if isinstance(value, str) else None


def is_list(text: str) -> bool:
    """Tell whether at least half of a text's lines that are no comments name feeds."""
    lines = [line for line in map(str.strip, text.splitlines()[:1000]) if _words_of(line)]
    named = sum(1 for line in lines if _names_feed(line))
    return bool(named) and 2 * named >= len(lines)


def _names_feed(line: str) -> bool:
    first = line.split()[0].strip("\"'")
    return bool(_ADDRESS.match(first) or first.startswith(_COMMANDS) or _SFEED.match(line))


def read_list(text: str) -> FeedList:
    """Return the feeds of a text file, one a line: an address, and newsboat's tags and ``~Title``.

    sfeed's ``feed "name" "address" "site"`` is read too; blank lines and ``#`` comments are not.
    """
    found: dict[str, NewFeed] = {}
    skipped = []
    for number, line in enumerate(text.splitlines(), 1):
        words = _words_of(line.strip())
        if not words:
            continue
        feed = _of_sfeed(words) if words[0] == "feed" else _of_newsboat(words)
        if feed is None:
            skipped.append(f"line {number}: no address: {words[0][:80]!r}")
        else:
            found.setdefault(feed.url, feed)
    return FeedList(tuple(found.values()), tuple(skipped))


def _words_of(line: str) -> list[str]:
    if not line or line.startswith(("#", "sfeedpath=", "feeds()", "{", "}")):
        return []
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _of_newsboat(words: list[str]) -> NewFeed | None:
    url = None if words[0].startswith(_COMMANDS) else address_of(words[0])
    if url is None:
        return None
    title = next((word[1:] for word in words[1:] if word.startswith("~") and len(word) > 1), None)
    tags = tuple(dict.fromkeys(w for w in words[1:] if w and w[0] not in "~!#"))
    return NewFeed(url=url, title=title, tags=tags, is_private=is_private(url))


def _of_sfeed(words: list[str]) -> NewFeed | None:
    url = address_of(words[2]) if len(words) > 2 else None
    if url is None:
        return None
    site = address_of(words[3]) if len(words) > 3 else None
    return NewFeed(url=url, title=words[1] or None, site_url=site, is_private=is_private(url))
