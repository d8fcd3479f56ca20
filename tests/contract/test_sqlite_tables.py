"""What SQLite does for a page of a table."""

import sqlite3
from pathlib import Path

import pytest

from newsreel.model.tables import RowChoice
from newsreel.store import open_store
from newsreel.store.sqlite.table_queries import QUERIES
from newsreel.store.sqlite.tables import first_values


@pytest.mark.parametrize("chosen", [RowChoice(), RowChoice(feed_id=3)], ids=["all", "feed"])
@pytest.mark.parametrize(
    ("table", "begins"),
    [
        ("entries", "entries_day ((day,feed_id)>(?,?) AND day<?)"),
        ("revisions", "entries_day ((day,feed_id)>(?,?) AND day<?)"),
        ("changes", "entries_day ((day,feed_id)>(?,?))"),
        ("polls", "(rowid>?)"),
    ],
)
async def test_a_page_begins_where_the_last_one_ended_and_sorts_nothing(
    tmp_path: Path, table: str, begins: str, chosen: RowChoice
) -> None:
    store = open_store(str(tmp_path / "newsreel.sqlite"))
    await store.close()
    connection = sqlite3.connect(tmp_path / "newsreel.sqlite")
    query = f"EXPLAIN QUERY PLAN {QUERIES[table].page}"

    values = first_values(QUERIES[table], chosen, limit=10)
    first, *others = [row[3] for row in connection.execute(query, values)]

    connection.close()
    assert begins in first
    assert not any("TEMP B-TREE" in step for step in others)
