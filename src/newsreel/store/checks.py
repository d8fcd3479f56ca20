"""What must hold in every database, as queries for what breaks it."""

from dataclasses import dataclass

from newsreel.core.revise import IMPORT_PARSER

REBUILD = "make the database anew from the archive's files with 'newsreel rebuild', or from a copy"
REINDEX = "make the search index anew with 'newsreel reindex --anew'"
EXPORT = "write all days with 'newsreel export --all'"


@dataclass(frozen=True, slots=True)
class Check:
    """What is wrong, in words that follow a number, and a query for where, as text."""

    told: str
    query: str
    hint: str = REBUILD


def orphans(table: str, column: str, parent: str, key: str = "id") -> Check:
    """Return the check for rows that refer to what is not there."""
    return Check(
        f"rows of {table} name {parent} that are not there",
        f"SELECT DISTINCT c.{column} FROM {table} c "  # noqa: S608 - names of ours
        f"WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.{key} = c.{column})",
    )


CHECKS = (
    Check(
        "entries without a wording",
        "SELECT e.public_id FROM entries e "
        "WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.entry_id = e.id)",
    ),
    Check(
        "entries whose newest wording is not there, or is another one",
        "SELECT e.public_id FROM entries e WHERE NOT EXISTS (SELECT 1 FROM revisions r "
        "WHERE r.entry_id = e.id AND r.number = e.number AND r.reread = e.reread "
        "AND (r.digest = e.digest OR r.digest_version != e.digest_version)) "
        "AND EXISTS (SELECT 1 FROM revisions r WHERE r.entry_id = e.id)",
    ),
    Check(
        "entries that count other revisions than they have",
        "SELECT e.public_id FROM entries e "
        "JOIN (SELECT entry_id, max(number) AS last FROM revisions GROUP BY entry_id) r "
        "ON r.entry_id = e.id WHERE e.revision_count != r.last",
    ),
    Check(
        "feeds that count other entries than they have",
        "SELECT f.url FROM feeds f JOIN feed_state s ON s.feed_id = f.id LEFT JOIN "
        "(SELECT feed_id, count(*) AS found FROM entries GROUP BY feed_id) e ON e.feed_id = f.id "
        "WHERE s.entry_count != coalesce(e.found, 0)",
    ),
    Check(
        "feeds without a state, which are never polled",
        "SELECT f.url FROM feeds f "
        "WHERE NOT EXISTS (SELECT 1 FROM feed_state s WHERE s.feed_id = f.id)",
    ),
    orphans("entries", "feed_id", "feeds"),
    orphans("revisions", "entry_id", "entries"),
    orphans("observations", "entry_id", "entries"),
    *(
        orphans(name, "feed_id", "feeds")
        for name in (
            "feed_state",
            "feed_aliases",
            "feed_titles",
            "polls",
            "poll_days",
            "gaps",
            "hub_subscriptions",
        )
    ),
    orphans("legacy_rows", "file_id", "legacy_files"),
    orphans("legacy_rows", "revision_id", "revisions"),
    Check(
        "entries that were erased and are there",
        "SELECT e.public_id FROM entries e JOIN tombstones t ON t.id = e.public_id "
        "WHERE t.kind = 'erased' AND t.public_id = e.public_id",
        "erase them again with 'newsreel erase ENTRY'",
    ),
    Check(
        "entries that were withheld and are shown",
        "SELECT e.public_id FROM entries e JOIN tombstones t ON t.id = e.public_id "
        "WHERE t.kind = 'withheld' AND t.public_id = e.public_id AND e.withheld_at IS NULL",
        "withhold them again with 'newsreel withhold ENTRY'",
    ),
    Check(
        "pages that are neither written nor going to be",
        "SELECT DISTINCT e.day || ' ' || f.url FROM entries e JOIN feeds f ON f.id = e.feed_id "  # noqa: S608 - a number of ours
        "WHERE f.is_private = 0 AND e.withheld_at IS NULL "
        "AND EXISTS (SELECT 1 FROM revisions r WHERE r.entry_id = e.id "
        f"AND r.parser_version != {IMPORT_PARSER}) "
        "AND NOT EXISTS (SELECT 1 FROM dirty d WHERE d.day = e.day AND d.feed_id = e.feed_id) "
        "AND NOT EXISTS (SELECT 1 FROM written w WHERE w.day = e.day AND w.is_private = 0 "
        "AND w.sha256 != '' AND w.path = substr(e.day, 1, 4) || '/' || substr(e.day, 6, 2) || '/' "
        "|| e.day || '/' || f.file_name || '_entries.json')",
        EXPORT,
    ),
    Check(
        "files that are noted with a digest or a version that can't be",
        "SELECT path FROM written WHERE length(sha256) NOT IN (0, 64) OR version < 1",
        EXPORT,
    ),
    Check(
        "pages to be written of feeds that are not there",
        "SELECT DISTINCT d.day || ' ' || d.feed_id FROM dirty d "
        "WHERE d.feed_id != 0 AND NOT EXISTS (SELECT 1 FROM feeds f WHERE f.id = d.feed_id)",
        EXPORT,
    ),
    Check(
        "rows of the search index for what is not there",
        "SELECT s.id FROM search_rows s "
        "WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.id = s.entry_id)",
        REINDEX,
    ),
)


def check_found(is_pending: str) -> Check:
    """Return the check for entries that are neither in the index nor, by a condition, pending."""
    return Check(
        "entries that can't be found by a search",
        f"SELECT e.public_id FROM entries e WHERE NOT {is_pending} "  # noqa: S608 - constants only
        "AND e.withheld_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM search_rows s WHERE s.entry_id = e.id)",
        REINDEX,
    )


DAYS = (
    "SELECT DISTINCT day FROM entries UNION SELECT DISTINCT day FROM dirty "
    "UNION SELECT DISTINCT day FROM written UNION SELECT DISTINCT day FROM poll_days"
)
REASONS = "SELECT DISTINCT reason FROM dirty"
WORDINGS = (
    "SELECT entry_id, digest, digest_version, title, permalink, author, summary, body "
    "FROM revisions"
)
"""Every wording with what its digest covers."""
