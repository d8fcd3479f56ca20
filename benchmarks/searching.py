"""How fast a large archive is searched, what its index costs, and how others do.

    .venv/bin/python benchmarks/searching.py [--work DIR] [--entries 1000000] [--rounds 3]
    [--db postgresql://…] [--peers-python PYTHON] [--peers-entries 100000] [--polls 616]

The archive is made of the samples beside the checkout (benchmarks/search_world.py) and kept in the
work folder for later runs: about 1.4 KB an entry, six minutes of a processor for a million. All
queries are asked of the use case behind ``newsreel search``, warm, each in a few rounds; what is
printed is the time of single searches in milliseconds.

With ``--db`` the same is asked of a database of PostgreSQL, which gets a copy of the archive where
it is empty.

PYTHON is that of a venv of the peers' own, with ``reader[search]`` and ``tantivy``; they, SQL's
LIKE and FTS5 as it comes are asked the same words over the same entries, fewer of them.
"""

import argparse
import asyncio
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from search_world import build
from world import environment, running, unpacked

from newsreel.app.copying import copy_archive
from newsreel.app.search import search, similar
from newsreel.app.search_index import reindex
from newsreel.cli.context import Context
from newsreel.config import Settings
from newsreel.model.query import Order
from newsreel.store import Store, open_store

MEMORY = Path("/dev/shm")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SEED = 7
WITHOUT_INDEX = [sys.executable, str(Path(__file__).with_name("unindexed.py"))]
WITH_INDEX = [str(Path(sys.executable).with_name("newsreel"))]
SIZES = """
    SELECT pg_table_size('search_rows'),
           pg_indexes_size('search_rows')
"""
TABLES = "('search_data', 'search_idx', 'search_rows', 'search_rows_entry', 'search_sites')"


@dataclass(frozen=True)
class Words:
    """Words of the archive by how many entries have them."""

    common: list[str]
    middling: list[str]
    rare: list[str]
    phrases: list[str]


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    parser.add_argument("--entries", type=int, default=1_000_000, help="0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--db", help="a database of PostgreSQL: empty, or filled by this program")
    parser.add_argument("--peers-python")
    parser.add_argument("--peers-entries", type=int, default=100_000)
    parser.add_argument("--polls", type=int, default=0, help="feeds of a cold round; 0: none")
    options = parser.parse_args()
    work = options.work or Path(tempfile.gettempdir())
    if options.entries:
        path = made(work, options.entries)
        if options.db:
            copied(path, options.db)
        else:
            print_size(path)
        asked = options.db or str(path)
        Context(Settings()).run(print_searches(asked, path, words_of(path), options.rounds))
    if options.peers_python:
        few = made(work, options.peers_entries)
        print_peers(few, words_of(few), options.peers_python)
    if options.polls:
        print_polls(options.polls, options.work)


def made(work: Path, entries: int) -> Path:
    """Return the archive of that size, made where it is not there."""
    path = work / f"newsreel-search-{entries}.sqlite"
    told = path.with_suffix(".json")
    if not told.exists():
        for rest in work.glob(f"{path.name}*"):
            rest.unlink()
        start = time.process_time()
        text_bytes = asyncio.run(build(path, entries))
        took = time.process_time() - start
        told.write_text(json.dumps({"text_bytes": text_bytes, "cpu": round(took, 1)}))
    return path


def print_size(path: Path) -> None:
    """Print the index's size as a share of the text, as it grew and merged."""
    told = json.loads(path.with_suffix(".json").read_text())
    grown = told.setdefault("grown_bytes", index_bytes(path))
    path.with_suffix(".json").write_text(json.dumps(told))
    asyncio.run(tidy(path))
    merged, text = index_bytes(path), told["text_bytes"]
    print(
        f"{path.name}: text {text / 1e6:.0f} MB, index as it grew {grown / 1e6:.0f} MB "
        f"({grown / text:.1%}), merged {merged / 1e6:.0f} MB ({merged / text:.1%}); "
        f"made in {told['cpu']:.0f} s of a processor, archive and all"
    )


def copied(path: Path, address: str) -> None:
    """Fill a database of PostgreSQL that is empty, and print the index's size."""
    told = json.loads(path.with_suffix(".json").read_text())
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT to_regclass('search_rows')").fetchone()
    if row == (None,):
        copy_archive(str(path), address)
        start = time.perf_counter()
        asyncio.run(indexed(address))
        print(f"{address}: index made in {time.perf_counter() - start:.0f} s")
    with psycopg.connect(address) as connection:
        row = connection.execute(SIZES).fetchone()
    assert row is not None
    table, index = row
    text = told["text_bytes"]
    print(
        f"{address}: text {text / 1e6:.0f} MB, rows of the index {table / 1e6:.0f} MB, "
        f"GIN {index / 1e6:.0f} MB; together {(table + index) / text:.1%}"
    )


async def indexed(address: str) -> None:
    """Make the index."""
    store = open_store(address)
    await reindex(store)
    await store.close()


async def tidy(path: Path) -> None:
    """Merge the index."""
    store = open_store(str(path))
    await store.tidy_index()
    await store.close()


def index_bytes(path: Path) -> int:
    """Return how many bytes the index and its tables take."""
    query = f"SELECT sum(pgsize) FROM dbstat WHERE name IN {TABLES}"
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(query).fetchone()[0])


def words_of(path: Path) -> Words:
    """Return words and phrases of some entries, drawn by how many have them."""
    chance = random.Random(SEED)
    found: dict[str, int] = {}
    phrases = []
    with closing(sqlite3.connect(path)) as connection:
        last = connection.execute("SELECT max(id) FROM revisions").fetchone()[0]
        for _ in range(400):
            row = connection.execute(
                "SELECT title FROM revisions WHERE id >= ? AND title != '' LIMIT 1",
                (chance.randrange(last),),
            ).fetchone()
            words = [word for word in (row[0].split() if row else []) if word.isalpha()]
            phrases += [" ".join(words[at : at + 2]) for at in range(len(words) - 1)][:2]
            for word in words:
                query = (
                    "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? LIMIT 20001)"
                )
                if word.isascii() and len(word) > 2:
                    match = (f'"{word.lower()}"',)
                    found[word] = connection.execute(query, match).fetchone()[0]
    return Words(
        common=sorted(word for word, count in found.items() if count > 20_000)
        or sorted(found, key=lambda word: -found[word])[:20],
        middling=sorted(word for word, count in found.items() if 500 < count <= 20_000)
        or sorted(found, key=lambda word: -found[word])[:60],
        rare=sorted(word for word, count in found.items() if 0 < count <= 50),
        phrases=phrases,
    )


def mix(words: Words) -> dict[str, list[str]]:
    """Return queries by kind: as people type them, and as they hurt."""
    chance = random.Random(SEED)

    def drawn(kind: list[str], count: int = 12) -> list[str]:
        return [chance.choice(kind) for _ in range(count)]

    def pairs(one: list[str], other: list[str]) -> list[str]:
        return [
            f"{first} {second}" for first, second in zip(drawn(one), drawn(other), strict=True)
        ]

    long_ones = [word for word in words.middling if len(word) > 4]
    return {
        "one word": drawn(words.middling),
        "rare word": drawn(words.rare),
        "very common word": drawn(words.common),
        "two words": pairs(words.middling, words.middling),
        "common and rare": pairs(words.common, words.rare),
        "two common words": pairs(words.common, words.common),
        "phrase": [f'"{phrase}"' for phrase in drawn(words.phrases)],
        "prefix of 4": [f"{word[:4]}*" for word in drawn(long_ones)],
        "prefix of 3": [f"{word[:3]}*" for word in drawn(long_ones)],
        "in a field": [f"title:{word}" for word in drawn(words.middling)],
        "with a feed": [f"{word} feed:{chance.randrange(1000) + 1}"
                        for word in drawn(words.common)],
        "with a folder": [f'{word} feed:"Folder {chance.randrange(20)}"'
                          for word in drawn(words.middling)],
        "with language and days": [f"{word} lang:pl after:2023-05 before:2023-07"
                                   for word in drawn(words.common)],
        "with a site": [f"{word} site:press{chance.randrange(600)}.example"
                        for word in drawn(words.common)],
        "one but another": pairs(words.common, [f"-{word}" for word in words.middling]),
        "no hit": [f"{word} zyxwvutsrq{index}" for index, word in enumerate(drawn(words.common))],
    }  # fmt: skip


async def print_searches(address: str, path: Path, words: Words, rounds: int) -> None:
    """Print how long searches take, by kind and over all; ``path`` has the same entries."""
    store = open_store(address)
    kinds = mix(words)
    print(f"\n{address}: milliseconds of a search, warm\n")
    print("| queries | newest: median | p95 | ranked: median | p95 | facets: median | p95 |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    whole: dict[str, list[float]] = {"newest": [], "ranked": [], "facets": []}
    for kind, queries in kinds.items():
        times = {
            "newest": await timed(store, queries, rounds, order=Order.NEWEST),
            "ranked": await timed(store, queries, rounds, order=Order.RELEVANCE),
            "facets": await timed(store, queries, rounds, order=Order.NEWEST, has_facets=True),
        }
        for name, found in times.items():
            whole[name] += found
        print(f"| {kind} | " + " | ".join(map(told, times.values())) + " |")
    print("| all | " + " | ".join(map(told, whole.values())) + " |")
    both = whole["newest"] + whole["ranked"]
    print(f"\nnewest and ranked together: median {quantile(both, 50):.1f} ms, 95 % under "
          f"{quantile(both, 95):.1f} ms, slowest {max(both):.0f} ms; "
          f"with facets: 95 % under {quantile(whole['facets'], 95):.1f} ms, "
          f"slowest {max(whole['facets']):.0f} ms")  # fmt: skip
    await print_similar(store, path)
    await store.close()


async def timed(
    store: Store, queries: Iterable[str], rounds: int, *, order: Order, has_facets: bool = False
) -> list[float]:
    """Return milliseconds of each search, of all rounds but a first that warms up."""
    times = []
    for query in queries:
        for number in range(rounds + 1):
            start = time.perf_counter()
            await search(store, query, clock=lambda: NOW, order=order, has_facets=has_facets)
            if number:
                times.append((time.perf_counter() - start) * 1000)
    return times


async def print_similar(store: Store, path: Path) -> None:
    """Print how long it takes to find what is similar."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT public_id FROM entries ORDER BY public_id LIMIT 20"
        ids = [row[0] for row in connection.execute(query)]
    times = []
    for public_id in ids:
        start = time.perf_counter()
        await similar(store, public_id)
        times.append((time.perf_counter() - start) * 1000)
    print(f"similar entries: median {quantile(times, 50):.1f} ms, slowest {max(times):.0f} ms")


def told(times: list[float]) -> str:
    """Return median and 95th percentile."""
    return f"{quantile(times, 50):.1f} | {quantile(times, 95):.1f}"


def quantile(times: list[float], percent: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def print_peers(path: Path, words: Words, python: str) -> None:
    """Print how long others take over the same entries, newest first where they can."""
    kinds = {kind: found for kind, found in mix(words).items() if ":" not in found[0]}
    with tempfile.TemporaryDirectory(dir=path.parent) as box:
        given = Path(box) / "queries.json"
        given.write_text(json.dumps(kinds))
        script = Path(__file__).with_name("search_peers.py")
        rows = {}
        for peer in ("like", "fts5", "reader", "tantivy"):
            command = [python, str(script), peer, str(path), str(given), box]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["?"])[-1]
                print(f"{peer}: left out ({last})", file=sys.stderr)
                continue
            rows[peer] = json.loads(done.stdout)
    rows["newsreel"] = asyncio.run(ours(path, kinds))
    print(f"\n{path.name}: median milliseconds, side by side (they: 50 bare ids)\n")
    print("| queries | " + " | ".join(rows) + " |")
    print("|---|" + "--:|" * len(rows))
    for kind in kinds:
        print(f"| {kind} | " + " | ".join(shown(row["times"].get(kind)) for row in rows.values())
              + " |")  # fmt: skip
    print("| made in s of a processor | " + " | ".join(shown(row["made"]) for row in rows.values())
          + " |")  # fmt: skip
    print("| size of the index, MB | " + " | ".join(shown(row["size"]) for row in rows.values())
          + " |")  # fmt: skip


def shown(value: float | None) -> str:
    """Return a number, or a dash."""
    return "–" if value is None else f"{value:.1f}"


async def ours(path: Path, kinds: dict[str, list[str]]) -> dict[str, object]:
    """Return our row of the peers' table."""
    store = open_store(str(path))
    times = {
        kind: quantile(await timed(store, queries, 2, order=Order.NEWEST), 50)
        for kind, queries in kinds.items()
    }
    start = time.process_time()
    with tempfile.TemporaryDirectory(dir=path.parent) as box:
        copy = Path(box) / "copy.sqlite"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        start = time.process_time()
        copied = open_store(str(copy))
        await copied.empty_index()
        while await copied.index_some(500):
            pass
        await copied.tidy_index()
        made_in = time.process_time() - start
        await copied.close()
    await store.close()
    return {"times": times, "made": made_in, "size": index_bytes(path) / 1e6}


def print_polls(feeds: int, work: Path | None) -> None:
    """Print what the index adds to a cold round of polls."""
    found: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory(dir=work) as box, unpacked(Path(box)) as archive:
        for number in range(3):
            for index, times in found.items():
                with running(archive, feeds=feeds, port=8650, hosts="each") as world:
                    listed = world.ask("opml")
                home = Path(box) / f"{number}-{index}"
                home.mkdir()
                (home / "feeds.opml").write_bytes(listed)
                with running(archive, feeds=feeds, port=8650, hosts="each"):
                    command = WITH_INDEX if index == "with" else WITHOUT_INDEX
                    times.append(cold_round(home, command))
    without, with_index = (min(times) for times in found.values())
    print(
        f"\na cold round of {feeds} feeds: {without:.2f} s of a processor without an index, "
        f"{with_index:.2f} s with it: {with_index / without:.2f} times"
    )


def cold_round(home: Path, command: list[str]) -> float:
    """Import the feeds and poll each once; return the seconds of a processor that it took."""
    options = ["--db", str(home / "db.sqlite"), "--archive", str(home / "archive")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    env = environment()
    subprocess.run([*WITH_INDEX, *options, "import", str(home / "feeds.opml")],
                   env=env, check=True, **quiet)  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, *options, "poll", "--all"], env=env, check=False, **quiet)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
