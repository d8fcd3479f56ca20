"""Where the columns of the archive's tables come from, in SQLite."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from newsreel.formats.urls import redacted
from newsreel.model.tables import COMPARED
from newsreel.store.rows import moment

Reader = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a column comes from, and how its value is read.

    ``is_link``: in a private feed it may hold what makes the feed private.
    """

    sql: str
    read: Reader | None = None
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A table: its columns; how a page of keys is found (an id comes last); the rows of ids."""

    columns: Mapping[str, Source]
    page: str
    rows: str


def _named(alias: str, names: str, read: Reader | None = None) -> dict[str, Source]:
    return {name: Source(f"{alias}.{name}", read) for name in names.split()}


def _links(alias: str, names: str) -> dict[str, Source]:
    return {name: Source(f"{alias}.{name}", is_link=True) for name in names.split()}


def _hex(column: str) -> Source:
    return Source(f"lower(hex(nullif({column}, x'')))", lambda value: value or None)


@lru_cache(4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)


@lru_cache(4096)
def address_of(url: str) -> str:
    """Return an address without its secrets."""
    return redacted(url)


def optional_address(url: str | None) -> str | None:
    """Return an address without its secrets, where there is one."""
    return address_of(url) if url else url


def _title(text: str | None) -> str | None:
    return address_of(text) if text and "://" in text else text


def _texts(text: str | None) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


def urls_of(text: str | None) -> tuple[str, ...]:
    """Return the addresses of enclosures."""
    return tuple(found[0] for found in json.loads(text)) if text else ()


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(text.split()) if text else ()


def _sorted_words(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(set(_words(text))))


_WORDING = {
    **_named("r", "published_at updated_at seen_at absent_at", moment),
    **_named("r", "title author summary body language published_raw updated_raw"),
    **_links("r", "permalink canonical_link thumbnail"),
    "categories": Source("r.categories", _texts),
    "enclosures": Source("r.enclosures", urls_of, is_link=True),
    "digest": _hex("r.digest"),
}
_ENTRY = {
    "feed_id": Source("e.feed_id"),
    "feed_url": Source("f.first_url", address_of),
    "day": Source("e.day", _day),
}
_REREAD = "iif(r.reread > 0, ' reread', '')"
_IS_CHOSEN = """
    e.withheld_at IS NULL AND f.is_private <= :has_private
    AND (:feed_id IS NULL OR e.feed_id = :feed_id)
    AND (:entry_id IS NULL OR e.public_id = :entry_id)
"""
# A condition on the first day would make each page begin there: it is part of the key.
_ENTRY_PAGE = f"""
    SELECT e.day, e.feed_id, e.id FROM entries e CROSS JOIN feeds f ON f.id = e.feed_id
    WHERE (e.day, e.feed_id, e.id) > (max(:key_0, :first), :key_1, :key_2) AND e.day <= :last
      AND {_IS_CHOSEN}
"""  # noqa: S608 - constants only
_CHANGE_PAGE = f"""
    SELECT e.day, e.feed_id, e.id FROM entries e CROSS JOIN feeds f ON f.id = e.feed_id
    WHERE (e.day, e.feed_id, e.id) > (:key_0, :key_1, :key_2) AND e.revision_count > 1
      AND e.seen_at >= :from_at AND {_IS_CHOSEN}
"""  # noqa: S608 - constants only
_IN_ORDER = " ORDER BY e.day, e.feed_id, e.id LIMIT :limit"
_OF_ENTRIES = """
    FROM json_each(:ids) page CROSS JOIN entries e ON e.id = page.value
    JOIN feeds f ON f.id = e.feed_id
"""
_LAGS = ", ".join(f"lag({name}) OVER wordings AS {name}_before" for name in ("number", *COMPARED))
_CHANGED = " || ".join(f"iif(r.{name} IS r.{name}_before, '', '{name} ')" for name in COMPARED)
_EDITS = f"""
    JOIN (SELECT w.*, {_LAGS} FROM revisions w
          WHERE w.entry_id IN (SELECT value FROM json_each(:ids))
          WINDOW wordings AS (PARTITION BY w.entry_id ORDER BY w.seen_at, w.number, w.reread)) r
    ON r.entry_id = e.id AND r.reread = 0 AND r.number_before IS NOT NULL
       AND r.seen_at >= :from_at AND r.seen_at < :to_at
    ORDER BY page.key, r.seen_at, r.number
"""  # noqa: S608 - constants only
CHOSEN = f"""
    SELECT e.id {_OF_ENTRIES} WHERE e.day BETWEEN :first AND :last AND {_IS_CHOSEN}
    ORDER BY page.key
"""
"""Those of some ids of entries that are chosen, in their order."""

QUERIES = {
    "entries": Query(
        columns={
            **_WORDING,
            **_ENTRY,
            "id": Source("e.public_id"),
            "guid": Source("e.guid", is_link=True),
            "feed_title": Source("f.title", _title),
            "first_seen_at": Source("e.first_seen_at", moment),
            "doubts": Source(f"r.doubts || {_REREAD}", _sorted_words),
            "revision_count": Source("e.revision_count"),
        },
        page=_ENTRY_PAGE + _IN_ORDER,
        rows=_OF_ENTRIES
        + "LEFT JOIN revisions r ON r.entry_id = e.id AND r.number = e.number "
        + "AND r.reread = e.reread ORDER BY page.key",
    ),
    "revisions": Query(
        columns={
            **_WORDING,
            **_ENTRY,
            **_named("r", "number reread digest_version parser_version"),
            "entry_id": Source("e.public_id"),
            "doubts": Source("r.doubts", _words),
            "capture": _hex("r.capture"),
        },
        page=_ENTRY_PAGE + _IN_ORDER,
        rows=_OF_ENTRIES
        + "JOIN revisions r ON r.entry_id = e.id "
        + "ORDER BY page.key, r.seen_at, r.number, r.reread",
    ),
    "changes": Query(
        columns={
            **_ENTRY,
            **_named("r", "number"),
            **_named("r", "seen_at absent_at", moment),
            **_named("r", "title author summary body"),
            **_named("r", "title_before author_before summary_before body_before"),
            **_links("r", "permalink permalink_before"),
            "entry_id": Source("e.public_id"),
            "changed": Source(_CHANGED, _words),
        },
        page=_CHANGE_PAGE + _IN_ORDER,
        rows=_OF_ENTRIES + _EDITS,
    ),
    "feeds": Query(
        columns={
            **_named("f", "id language folder status"),
            **_named("s", "failures fault"),
            **_named("f", "url first_url site_url", optional_address),
            **_named("f", "added_at", moment),
            **_named("s", "last_poll_at last_ok_at last_change_at", moment),
            "title": Source("f.title", _title),
            "tags": Source("f.tags", _texts),
            "is_private": Source("f.is_private", bool),
        },
        page="SELECT f.id FROM feeds f WHERE f.id > :key_0 AND f.is_private <= :has_private "
        "AND (:feed_id IS NULL OR f.id = :feed_id) ORDER BY f.id LIMIT :limit",
        rows="FROM json_each(:ids) page CROSS JOIN feeds f ON f.id = page.value "
        "JOIN feed_state s ON s.feed_id = f.id ORDER BY page.key",
    ),
    "polls": Query(
        columns={
            **_named("p", "feed_id outcome status reason new revised unchanged reread left_out"),
            **_named("p", "overlap bytes elapsed_ms"),
            "polled_at": Source("p.polled_at", moment),
            "capture": _hex("p.capture"),
        },
        page="SELECT p.id FROM polls p CROSS JOIN feeds f ON f.id = p.feed_id "
        "WHERE p.id > :key_0 AND f.is_private <= :has_private "
        "AND p.polled_at >= :from_at AND p.polled_at < :to_at "
        "AND (:feed_id IS NULL OR p.feed_id = :feed_id) ORDER BY p.id LIMIT :limit",
        rows="FROM json_each(:ids) page CROSS JOIN polls p ON p.id = page.value "
        "JOIN feeds f ON f.id = p.feed_id ORDER BY page.key",
    ),
}
