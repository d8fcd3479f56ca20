"""What PostgreSQL's rows are asked for by."""

import hashlib
from collections.abc import Iterable
from typing import Any

from newsreel.model.entry import Entry
from newsreel.store.postgres.connection import Connection
from newsreel.store.rows import ENTRY_COLUMNS, REVISION_COLUMNS, entries_in

FEED_COLUMNS = """
    f.id, f.url, f.first_url, f.file_name, f.host, f.title, f.own_title, f.site_url, f.language,
    f.folder, f.tags, f.is_private, f.is_crawled, f.status, f.policy, f.interval_us, f.added_at,
    s.etag, s.last_modified, s.body_digest, s.last_poll_at, s.last_ok_at, s.last_change_at,
    s.next_poll_at, s.failures, s.fault, s.moved_to, s.moved_count, s.entry_count, s.hints,
    f.request_options, f.page_rules,
    coalesce((SELECT json_agg(a.url)::text FROM feed_aliases a WHERE a.feed_id = f.id), '[]'),
    h.last_push_at, CASE WHEN h.status = 'verified' AND h.pushes > 0 THEN h.lease_until END
"""
FEED_TABLES = """
    feeds f JOIN feed_state s ON s.feed_id = f.id
    LEFT JOIN hub_subscriptions h ON h.feed_id = f.id
"""


def identity_digest(identity: str) -> bytes:
    """Return what an identity is found by in ``identities``."""
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()[:16]


def entries_of(
    connection: Connection, where: str, values: Iterable[Any] | dict[str, Any]
) -> list[Entry]:
    """Return entries with their wordings, by feed and id.

    ``where`` is a constant over ``e``; it should say the days, so that few partitions are read.
    """
    query = (
        f"SELECT {ENTRY_COLUMNS}, {REVISION_COLUMNS} "  # noqa: S608 - constants only
        "FROM entries e JOIN revisions r ON r.entry_id = e.id AND r.day = e.day "
        f"WHERE {where} ORDER BY e.feed_id, e.id, r.seen_at, r.number, r.reread"
    )
    parameters = values if isinstance(values, dict) else tuple(values)
    return entries_in(connection.execute(query, parameters))
