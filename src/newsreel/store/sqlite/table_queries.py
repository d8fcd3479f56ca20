"""Where the columns of the archive's tables come from, in SQLite."""

from newsreel.model.tables import COMPARED
from newsreel.store.rows import moment
from newsreel.store.table_rows import (
    Query,
    Source,
    address_of,
    day_of,
    links,
    named,
    optional_address,
    sorted_words_of,
    texts_of,
    title_of,
    urls_of,
    words_of,
)


def _hex(column: str) -> Source:
    return Source(f"lower(hex(nullif({column}, x'')))", lambda value: value or None)


_WORDING = {
    **named("r", "published_at updated_at seen_at absent_at", moment),
    **named("r", "title author summary body language published_raw updated_raw"),
    **links("r", "permalink canonical_link thumbnail"),
    "categories": Source("r.categories", texts_of),
    "enclosures": Source("r.enclosures", urls_of, is_link=True),
    "digest": _hex("r.digest"),
}
_ENTRY = {
    "feed_id": Source("e.feed_id"),
    "feed_url": Source("f.first_url", address_of),
    "day": Source("e.day", day_of),
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
            "feed_title": Source("f.title", title_of),
            "first_seen_at": Source("e.first_seen_at", moment),
            "doubts": Source(f"r.doubts || {_REREAD}", sorted_words_of),
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
            **named("r", "number reread digest_version parser_version"),
            "entry_id": Source("e.public_id"),
            "doubts": Source("r.doubts", words_of),
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
            **named("r", "number"),
            **named("r", "seen_at absent_at", moment),
            **named("r", "title author summary body"),
            **named("r", "title_before author_before summary_before body_before"),
            **links("r", "permalink permalink_before"),
            "entry_id": Source("e.public_id"),
            "changed": Source(_CHANGED, words_of),
        },
        page=_CHANGE_PAGE + _IN_ORDER,
        rows=_OF_ENTRIES + _EDITS,
    ),
    "feeds": Query(
        columns={
            **named("f", "id language folder status"),
            **named("s", "failures fault"),
            **named("f", "url first_url site_url", optional_address),
            **named("f", "added_at", moment),
            **named("s", "last_poll_at last_ok_at last_change_at", moment),
            "title": Source("f.title", title_of),
            "tags": Source("f.tags", texts_of),
            "is_private": Source("f.is_private", bool),
        },
        page="SELECT f.id FROM feeds f WHERE f.id > :key_0 AND f.is_private <= :has_private "
        "AND (:feed_id IS NULL OR f.id = :feed_id) ORDER BY f.id LIMIT :limit",
        rows="FROM json_each(:ids) page CROSS JOIN feeds f ON f.id = page.value "
        "JOIN feed_state s ON s.feed_id = f.id ORDER BY page.key",
    ),
    "polls": Query(
        columns={
            **named("p", "feed_id outcome status reason new revised unchanged reread left_out"),
            **named("p", "overlap bytes elapsed_ms"),
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
