"""Is every entry that stood in a feed at one of our polls stored, and nothing else?

    .venv/bin/python benchmarks/completeness.py [--feeds 616]

Imports the world's OPML, polls all, lets an hour pass, polls again; compares the stored keys with
the world's both ways after each round, and looks at what scrolled out of a window unseen.
"""

import argparse
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from world import World, environment, newsreel, running, unpacked

KEYS = (
    "SELECT f.first_url, coalesce(e.guid, r.link) FROM entries e JOIN feeds f ON f.id = e.feed_id "
    "JOIN revisions r ON r.entry_id = e.id AND r.number = 1 AND r.reread = 0"
)


def main() -> None:
    """Run the check and print what it found; exit 1 where something is missing or invented."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=616)
    parser.add_argument("--port", type=int, default=8641)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as box,
        unpacked(Path(box)) as archive,
        running(archive, feeds=options.feeds, port=options.port) as world,
    ):
        raise SystemExit(check(world, Path(box)))


def check(world: World, box: Path) -> int:
    """Return how many rounds went wrong."""
    run("import", opml(world, box), box=box)
    first = poll(world, box)
    seen = world.seen()
    wrong = compare("cold", seen, stored(box))
    world.ask("time?add=1h&prepare=1")
    world.ask("reset")
    shown = windows(world)
    second = poll(world, box)
    wrong += compare("an hour later", seen | (world.seen() & shown), stored(box))
    unseen = world.seen() - seen - shown
    gaps = {
        row[0]
        for row in query(
            box,
            "SELECT f.url FROM gaps g JOIN feeds f ON f.id = g.feed_id "
            "WHERE g.reason = 'no-overlap'",
        )
    }
    scrolled = {feed for feed, _ in unseen}
    print(
        f"scrolled out unseen: {len(unseen)} entries of {len(scrolled)} feeds; "
        f"gaps shown for {len(gaps & scrolled)} of them, {len(gaps - scrolled)} gaps besides"
    )
    print(
        f"requests: {first['requests']} then {second['requests']}, of these conditional "
        f"{first['conditional_requests']} and {second['conditional_requests']}"
    )
    print(f"most connections to one host: {second['most_connections_one_host']}")
    wrong += scrolled != scrolled & gaps
    return wrong + (second["conditional_requests"] != second["requests"])


def opml(world: World, box: Path) -> Path:
    """Write the list of feeds."""
    path = box / "world.opml"
    path.write_bytes(world.ask("opml"))
    return path


def poll(world: World, box: Path) -> dict[str, int]:
    """Poll all and return the world's counters of it."""
    run("poll", "--all", "--no-export", box=box)
    return {name: value for name, value in world.stats().items() if isinstance(value, int)}


def windows(world: World) -> set[tuple[str, str]]:
    """Return what stands in the feeds at this moment."""
    import json
    import re
    import urllib.request
    from xml.etree import ElementTree as Tree

    found = set()
    for url in world.ask("urls").decode().split():
        with urllib.request.urlopen(url) as answer:
            body = answer.read()
        if body[:1] == b"{":
            found |= {(url, item["id"]) for item in json.loads(body)["items"]}
            continue
        for node in Tree.fromstring(body).iter():
            name = re.sub(r"\{.*\}", "", node.tag)
            if name in {"item", "entry"}:
                children = {re.sub(r"\{.*\}", "", child.tag): child.text for child in node}
                found.add(
                    (url, children.get("guid") or children.get("id") or children.get("link") or "")
                )
    world.ask("reset")
    return found


def compare(name: str, wanted: set[tuple[str, str]], found: set[tuple[str, str]]) -> int:
    """Print what is missing and what is invented."""
    missing, invented = wanted - found, found - wanted
    print(f"{name}: {len(found)} stored, {len(missing)} missing, {len(invented)} invented")
    for key in sorted(missing)[:3]:
        print("  missing", key)
    for key in sorted(invented)[:3]:
        print("  invented", key)
    return bool(missing or invented)


def stored(box: Path) -> set[tuple[str, str]]:
    """Return feed and entry address of everything in the database."""
    return {(row[0], row[1]) for row in query(box, KEYS)}


def query(box: Path, sql: str) -> list[tuple[str, ...]]:
    """Ask the database."""
    connection = sqlite3.connect(box / "db.sqlite")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def run(*arguments: str | Path, box: Path) -> None:
    """Run newsreel on the box's database."""
    command = newsreel("--db", box / "db.sqlite", "--archive", box / "archive", *arguments)
    subprocess.run(command, env=environment(), check=True, timeout=600)


if __name__ == "__main__":
    main()
