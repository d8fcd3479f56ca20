"""How fast others search the entries of an archive; run by benchmarks/searching.py.

    PYTHON benchmarks/search_peers.py like|fts5|reader|tantivy DATABASE QUERIES FOLDER

PYTHON needs what the peer needs, and nothing of Newsreel. Prints one JSON object: median
milliseconds by kind of query, seconds of a processor to make the index, and its size in MB.
"""

import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

TEXTS = """
    SELECT e.id, r.title, r.summary, e.first_seen_at FROM entries e
    JOIN revisions r ON r.entry_id = e.id AND r.number = e.number ORDER BY e.id
"""
HITS = 50
Ask = Callable[[str], object]


def main() -> None:
    """Make the peer's index, ask it everything, and print what it took."""
    peer, database, queries, folder = sys.argv[1:]
    start = time.process_time()
    ask, size = PEERS[peer](Path(database), Path(folder))
    made = time.process_time() - start
    times = {
        kind: timed(ask, asked) for kind, asked in json.loads(Path(queries).read_text()).items()
    }
    print(json.dumps({"times": times, "made": made, "size": size}))


def timed(ask: Ask, queries: list[str]) -> float | None:
    """Return the median of each query's second time; None where the peer can't be asked so."""
    times = []
    for query in queries:
        try:
            ask(query)
            start = time.perf_counter()
            ask(query)
            times.append((time.perf_counter() - start) * 1000)
        except Exception as error:  # noqa: BLE001 - whatever it is, it can't
            print(f"{query}: {error}", file=sys.stderr)
    return statistics.median(times) if times else None


def texts(database: Path) -> Iterator[tuple[int, str, str, int]]:
    """Yield the newest wording of each entry."""
    with sqlite3.connect(database) as connection:
        yield from connection.execute(TEXTS)


def like(database: Path, _folder: Path) -> tuple[Ask, float]:
    """SQL's LIKE, word by word, over the archive itself."""
    connection = sqlite3.connect(database)

    def ask(query: str) -> object:
        words = [query.strip('"')] if query.startswith('"') else query.split()
        conditions, values = [], []
        for word in words:
            found = "(r.title LIKE ? OR r.summary LIKE ?)"
            conditions.append(f"NOT {found}" if word.startswith("-") else found)
            values += [f"%{word.strip('-*')}%"] * 2
        return connection.execute(
            "SELECT e.id FROM entries e JOIN revisions r ON r.entry_id = e.id "
            f"AND r.number = e.number WHERE {' AND '.join(conditions)} "
            f"ORDER BY e.day DESC LIMIT {HITS}",
            values,
        ).fetchall()

    return ask, 0.0


def fts5(database: Path, folder: Path) -> tuple[Ask, float]:
    """FTS5 as it comes, with its content, ordered by rank."""
    path = folder / "fts5.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (title, summary)")
    rows = ((row[0], row[1], row[2]) for row in texts(database))
    connection.executemany("INSERT INTO t (rowid, title, summary) VALUES (?, ?, ?)", rows)
    connection.commit()

    def ask(query: str) -> object:
        words = [query] if query.startswith('"') else query.split()
        wanted = [word for word in words if not word.startswith("-")]
        unwanted = [word[1:] for word in words if word.startswith("-")]
        match = " AND ".join(wanted) + "".join(f" NOT {word}" for word in unwanted)
        return connection.execute(
            f"SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT {HITS}", (match,)
        ).fetchall()

    return ask, path.stat().st_size / 1e6


def reader(database: Path, folder: Path) -> tuple[Ask, float]:
    """Python's reader, with its own storage and search, by relevance as it does."""
    from reader import make_reader

    path = folder / "reader.sqlite"
    found = make_reader(str(path), search_enabled=True)
    feed = "https://press.example/feed"
    found.add_feed(feed)
    for entry_id, title, summary, seen_at in texts(database):
        published = datetime.fromtimestamp(seen_at / 1e6, UTC)
        found.add_entry({"feed_url": feed, "id": str(entry_id), "title": title,
                         "summary": summary, "published": published})  # fmt: skip
    found.enable_search()
    found.update_search()

    def ask(query: str) -> object:
        wanted = [word for word in query.split() if not word.startswith("-")]
        unwanted = [word[1:] for word in query.split() if word.startswith("-")]
        text = query if query.startswith('"') else " ".join(wanted)
        text += "".join(f" NOT {word}" for word in unwanted)
        return list(found.search_entries(text, limit=HITS))

    size = sum(file.stat().st_size for file in folder.glob("reader.sqlite*"))
    return ask, size / 1e6


def tantivy(database: Path, folder: Path) -> tuple[Ask, float]:
    """Tantivy, the newest first by a fast field."""
    import tantivy as library

    path = folder / "tantivy"
    path.mkdir()
    builder = library.SchemaBuilder()
    builder.add_integer_field("id", stored=True, fast=True)
    builder.add_text_field("title")
    builder.add_text_field("summary")
    index = library.Index(builder.build(), path=str(path))
    writer = index.writer()
    for entry_id, title, summary, _ in texts(database):
        writer.add_document(
            library.Document(id=entry_id, title=title or "", summary=summary or "")
        )
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: str) -> object:
        words = [query] if query.startswith('"') else query.split()
        if any(word.endswith("*") for word in words):
            raise ValueError("no prefixes in its query language")
        text = " ".join(word if word.startswith("-") else f"+{word}" for word in words)
        found = index.parse_query(text, ["title", "summary"])
        return searcher.search(found, HITS, order_by_field="id").hits

    return ask, sum(file.stat().st_size for file in path.iterdir()) / 1e6


PEERS: dict[str, Callable[[Path, Path], tuple[Ask, float]]] = {
    "like": like,
    "fts5": fts5,
    "reader": reader,
    "tantivy": tantivy,
}


if __name__ == "__main__":
    main()
