"""What an archive's database holds, table by table: the same in every kind of database.

The search index is made of what stands here, so it has tables of its own in each kind. Who leases
a feed is nobody's business in another database.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

BATCH_ROWS = 2_000
BATCH_SIZE = 4_000_000
"""Characters and bytes."""

Row = tuple[Any, ...]

EVERYTHING_KEPT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is copied as it is.

    Rows are read by ``key``, whose columns ``texts`` are put in order by their bytes.
    ``derived`` are columns that PostgreSQL keeps, and which follow from others where they are not
    kept. ``has_defaults``: a new database holds rows of it, which give way.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    has_defaults: bool = False

    def key_of(self, row: Row) -> Row:
        """Return what a row is known by."""
        return tuple(row[self.columns.index(name)] for name in self.key)

    def select(
        self,
        *,
        placeholder: str,
        collation: str,
        is_after: bool,
        expressions: Mapping[str, str] = EVERYTHING_KEPT,
    ) -> str:
        """Return the query for all rows, or those after a key, in order.

        ``expressions`` say how columns that are not kept follow from others.
        """
        wanted = [expressions.get(name, f'"{name}"') for name in self.columns]
        ordered = [f'"{n}" COLLATE {collation}' if n in self.texts else f'"{n}"' for n in self.key]
        query = f'SELECT {", ".join(wanted)} FROM "{self.name}"'  # noqa: S608 - names of ours
        if is_after:
            values = ", ".join([placeholder] * len(ordered))
            query += f" WHERE ({', '.join(ordered)}) > ({values})"
        return f"{query} ORDER BY {', '.join(ordered)}"


def quoted(names: Sequence[str]) -> str:
    """Return columns as they are written in SQL."""
    return ", ".join(f'"{name}"' for name in names)


def table(
    name: str,
    columns: str,
    key: str = "id",
    *,
    texts: str = "",
    derived: str = "",
    has_defaults: bool = False,
) -> Table:
    """Return a table; names are parted by blanks."""
    return Table(
        name=name,
        columns=(*columns.split(), *derived.split()),
        key=tuple(key.split()),
        texts=frozenset(texts.split()),
        derived=frozenset(derived.split()),
        has_defaults=has_defaults,
    )


ARCHIVE = (
    table(
        "feeds",
        "id url first_url file_name host title own_title site_url language folder tags is_private "
        "is_crawled status policy interval_us added_at request_options page_rules",
    ),
    table("feed_aliases", "url feed_id", "url", texts="url"),
    table("feed_titles", "feed_id day title", "feed_id day", texts="day"),
    table("hosts", "host not_before gap_us asked_at", "host", texts="host"),
    table(
        "entries",
        "id feed_id identity guid public_id day first_seen_at revision_count number reread "
        "seen_at digest digest_version parser_version observed withheld_at",
    ),
    table(
        "revisions",
        "id entry_id number reread seen_at absent_at capture digest digest_version "
        "parser_version doubts title link permalink canonical_link summary body author categories "
        "enclosures thumbnail language published_at published_raw updated_at updated_raw extras",
        "entry_id number reread",
        derived="day",
    ),
    table("observations", "id entry_id seen_at observed"),
    table(
        "polls",
        "id feed_id polled_at outcome status reason detail new revised unchanged reread overlap "
        "bytes elapsed_ms capture lost next_poll_at left_out",
    ),
    table("poll_days", "day feed_id expected made", "day feed_id", texts="day"),
    table("gaps", "id feed_id from_at to_at reason"),
    table(
        "hub_subscriptions",
        "feed_id hub topic token secret status is_pending asked_at next_at attempts lease_until "
        "last_push_at pushes ignored fault due_at",
        "feed_id",
    ),
    table(
        "icons",
        "site_url icon_url content_type body fetched_at next_at fault",
        "site_url",
        texts="site_url",
    ),
    table("robots", "origin status body fetched_at next_at", "origin", texts="origin"),
    table("tombstones", "id public_id kind at reason is_private", texts="id"),
    table("legacy_files", "id day name kind form"),
    table(
        "legacy_rows",
        "file_id ordinal revision_id leftover",
        "file_id ordinal",
        derived="entry_id day",
    ),
    table("saved_searches", "name query saved_at", "name", texts="name"),
    table(
        "written", "day is_private path version sha256", "day is_private path", texts="day path"
    ),
    table("dirty", "day feed_id reason mark", "day feed_id", texts="day"),
    table(  # the last: no feed is polled without it
        "feed_state",
        "feed_id next_poll_at held_until etag last_modified body_digest last_poll_at last_ok_at "
        "last_change_at failures fault moved_to moved_count hints entry_count window",
        "feed_id",
    ),
)
"""In an order in which whatever a row refers to is there before it."""


def size_of(row: Row) -> int:
    """Return how many characters and bytes a row holds."""
    return sum(len(value) for value in row if isinstance(value, str | bytes))


def in_batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows by the lot, so many or so large that memory stays small."""
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += size_of(row)
        if len(held) >= BATCH_ROWS or size >= BATCH_SIZE:
            yield held
            held, size = [], 0
    if held:
        yield held
