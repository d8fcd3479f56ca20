"""Where the columns of the archive's tables come from, in PostgreSQL.

Rows of entries are asked for with the days that their keys tell, so that few partitions are read.
"""

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

    @property
    def key_length(self) -> int:
        """How many values a key has."""
        return self.page.count("%(key_")


def _named(alias: str, names: str, read: Reader | None = None) -> dict[str, Source]:
    return {name: Source(f"{alias}.{name}", read) for name in names.split()}


def _links(alias: str, names: str) -> dict[str, Source]:
    return {name: Source(f"{alias}.{name}", is_link=True) for name in names.split()}


def _hex(column: str) -> Source:
    return Source(f"nullif(encode({column}, 'hex'), '')")


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
_REREAD = "CASE WHEN r.reread > 0 THEN ' reread' ELSE '' END"
_IS_CHOSEN = """
    e.withheld_at IS NULL AND f.is_private <= %(has_private)s
    AND (%(feed_id)s::bigint IS NULL OR e.feed_id = %(feed_id)s)
    AND (%(entry_id)s::text IS NULL OR e.public_id = %(entry_id)s)
    AND (%(own_days)s::text[] IS NULL OR e.day = ANY(%(own_days)s))
"""
# The first day names partitions, the key says where among their rows a page begins.
_ENTRY_PAGE = f"""
    SELECT e.day, e.feed_id, e.id FROM entries e JOIN feeds f ON f.id = e.feed_id
    WHERE e.day >= greatest(%(key_0)s::text, %(first)s::text) AND e.day <= %(last)s
      AND (e.day, e.feed_id, e.id) > (%(key_0)s, %(key_1)s, %(key_2)s) AND {_IS_CHOSEN}
"""  # noqa: S608 - constants only
_CHANGE_PAGE = f"""
    SELECT e.day, e.feed_id, e.id FROM entries e JOIN feeds f ON f.id = e.feed_id
    WHERE e.day >= %(key_0)s::text AND (e.day, e.feed_id, e.id) > (%(key_0)s, %(key_1)s, %(key_2)s)
      AND e.revision_count > 1 AND e.seen_at >= %(from_at)s AND {_IS_CHOSEN}
"""  # noqa: S608 - constants only
_IN_ORDER = " ORDER BY e.day, e.feed_id, e.id LIMIT %(limit)s"
_OF_ENTRIES = """
    FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY page (id, key)
    JOIN entries e ON e.id = page.id AND e.id = ANY(%(ids)s) AND e.day = ANY(%(days)s)
    JOIN feeds f ON f.id = e.feed_id
"""
_LAGS = ", ".join(f"lag({name}) OVER wordings AS {name}_before" for name in ("number", *COMPARED))
_CHANGED = " || ".join(
    f"CASE WHEN r.{name} IS NOT DISTINCT FROM r.{name}_before THEN '' ELSE '{name} ' END"
    for name in COMPARED
)
_OF_ENTRY = """
    r.entry_id = e.id AND r.entry_id = ANY(%(ids)s) AND r.day = e.day AND r.day = ANY(%(days)s)
"""
_EDITS = f"""
    JOIN (SELECT w.*, {_LAGS} FROM revisions w
          WHERE w.entry_id = ANY(%(ids)s) AND w.day = ANY(%(days)s)
          WINDOW wordings AS (PARTITION BY w.entry_id ORDER BY w.seen_at, w.number, w.reread)) r
    ON r.entry_id = e.id AND r.reread = 0 AND r.number_before IS NOT NULL
       AND r.seen_at >= %(from_at)s AND r.seen_at < %(to_at)s
    ORDER BY page.key, r.seen_at, r.number
"""  # noqa: S608 - constants only
CHOSEN = f"""
    SELECT e.id {_OF_ENTRIES} WHERE e.day BETWEEN %(first)s AND %(last)s AND {_IS_CHOSEN}
    ORDER BY page.key
"""
"""Those of some ids of entries that are chosen, in their order."""

OWN_DAYS = """
    SELECT DISTINCT i.day FROM identities i
    WHERE (%(feed_id)s::bigint IS NULL OR i.feed_id = %(feed_id)s)
      AND (%(entry_id)s::text IS NULL OR i.public_id = %(entry_id)s)
"""
"""The days of a feed's entries, or of an entry: those alone are looked through."""

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
        + f"LEFT JOIN revisions r ON {_OF_ENTRY} AND r.number = e.number "
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
        + f"JOIN revisions r ON {_OF_ENTRY} "
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
        page="SELECT f.id FROM feeds f WHERE f.id > %(key_0)s "
        "AND f.is_private <= %(has_private)s "
        "AND (%(feed_id)s::bigint IS NULL OR f.id = %(feed_id)s) ORDER BY f.id LIMIT %(limit)s",
        rows="FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY page (id, key) "
        "JOIN feeds f ON f.id = page.id "
        "JOIN feed_state s ON s.feed_id = f.id ORDER BY page.key",
    ),
    "polls": Query(
        columns={
            **_named("p", "feed_id outcome status reason new revised unchanged reread left_out"),
            **_named("p", "overlap bytes elapsed_ms"),
            "polled_at": Source("p.polled_at", moment),
            "capture": _hex("p.capture"),
        },
        page="SELECT p.id FROM polls p JOIN feeds f ON f.id = p.feed_id "
        "WHERE p.id > %(key_0)s AND f.is_private <= %(has_private)s "
        "AND p.polled_at >= %(from_at)s AND p.polled_at < %(to_at)s "
        "AND (%(feed_id)s::bigint IS NULL OR p.feed_id = %(feed_id)s) "
        "ORDER BY p.id LIMIT %(limit)s",
        rows="FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY page (id, key) "
        "JOIN polls p ON p.id = page.id "
        "JOIN feeds f ON f.id = p.feed_id ORDER BY page.key",
    ),
}
