"""What PostgreSQL does for a page of a table."""

import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import psycopg
import pytest

from newsreel.model.tables import RowChoice
from newsreel.store import open_store
from newsreel.store.postgres.table_queries import QUERIES
from newsreel.store.postgres.tables import first_values

Connection = psycopg.Connection[tuple[Any, ...]]
FILL = """
    INSERT INTO feeds (id, url, first_url, file_name, host, added_at)
    SELECT n, 'u' || n, 'u' || n, 'u' || n, 'h', 0 FROM generate_series(1, 20) n;
    CREATE TABLE entries_2026_01 PARTITION OF entries FOR VALUES FROM ('2026-01') TO ('2026-02');
    CREATE TABLE entries_2026_02 PARTITION OF entries FOR VALUES FROM ('2026-02') TO ('2026-03');
    INSERT INTO entries (id, feed_id, identity, public_id, day, first_seen_at, seen_at, digest,
                         digest_version, parser_version, observed, revision_count)
    SELECT n, n % 20 + 1, n, n, '2026-0' || n % 2 + 1 || '-' || 10 + n % 19, n, n, '', 1, 1, '', 2
    FROM generate_series(1, 20000) n;
    INSERT INTO polls (feed_id, polled_at, outcome, new, revised, unchanged, reread, bytes,
                       elapsed_ms)
    SELECT n % 20 + 1, n, 'ok', 0, 0, 0, 0, 0, 0 FROM generate_series(1, 20000) n;
    ANALYZE
"""


@pytest.fixture
async def connection(postgres_address: str) -> AsyncIterator[Connection]:
    """A connection to a database of many entries and polls."""
    await open_store(postgres_address).close()
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        for statement in FILL.split(";"):
            connection.execute(statement.encode())
        yield connection


@pytest.mark.parametrize("table", ["entries", "revisions", "changes", "polls"])
async def test_a_page_begins_where_the_last_one_ended_and_sorts_nothing(
    connection: Connection, table: str
) -> None:
    plan = plan_of(connection, table, RowChoice())

    assert not re.search(r"Sort|Seq Scan on (entries|polls)", plan)
    assert re.search(r"Index Cond: .*(ROW\(day, feed_id, id\) >|id >)", plan)


async def test_only_the_months_that_are_asked_for_are_looked_at(
    connection: Connection,
) -> None:
    chosen = RowChoice(first=date(2026, 2, 1), last=date(2026, 2, 3))

    assert "entries_2026_01" in plan_of(connection, "entries", RowChoice())
    assert "entries_2026_01" not in plan_of(connection, "entries", chosen)


def plan_of(connection: Connection, table: str, chosen: RowChoice) -> str:
    values = first_values(QUERIES[table], chosen, limit=10)
    found = connection.execute(f"EXPLAIN {QUERIES[table].page}".encode(), values)
    return "\n".join(row[0] for row in found)
