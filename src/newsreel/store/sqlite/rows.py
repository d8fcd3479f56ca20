"""What SQLite's rows are asked for by."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from newsreel.model.entry import Entry
from newsreel.store.rows import ENTRY_COLUMNS, REVISION_COLUMNS, WORDING_COLUMNS, entries_in

FEED_COLUMNS = """
    f.id, f.url, f.first_url, f.file_name, f.host, f.title, f.own_title, f.site_url, f.language,
    f.folder, f.tags, f.is_private, f.is_crawled, f.status, f.policy, f.interval_us, f.added_at,
    s.etag, s.last_modified, s.body_digest, s.last_poll_at, s.last_ok_at, s.last_change_at,
    s.next_poll_at, s.failures, s.fault, s.moved_to, s.moved_count, s.entry_count, s.hints,
    f.request_options, f.page_rules,
    (SELECT json_group_array(a.url) FROM feed_aliases a WHERE a.feed_id = f.id),
    h.last_push_at, iif(h.status = 'verified' AND h.pushes > 0, h.lease_until, NULL)
"""
INSERT_WORDING = f"INSERT INTO revisions ({WORDING_COLUMNS}) VALUES {{}}"  # noqa: S608 - constants only


def entries_of(connection: sqlite3.Connection, where: str, values: Iterable[Any]) -> list[Entry]:
    """Return entries with their wordings, by feed and id; ``where`` is a constant over ``e``."""
    query = (
        f"SELECT {ENTRY_COLUMNS}, {REVISION_COLUMNS} "  # noqa: S608 - constants only
        f"FROM entries e JOIN revisions r ON r.entry_id = e.id WHERE {where} "
        "ORDER BY e.feed_id, e.id, r.seen_at, r.number, r.reread"
    )
    return entries_in(connection.execute(query, tuple(values)))
