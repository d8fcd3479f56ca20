"""How fast archives of the old system come in, and whether each of their files comes back.

    .venv/bin/python benchmarks/importing.py [--work DIR] [--db ADDRESS] [PATH...]

Without paths: the samples of ../shared/data. --db names an empty database of PostgreSQL. Each is
imported by a process of its own into one database, which then writes the old form; every file is
compared with what it was, byte for byte.
The floor is reading the same members and their JSON, in the same run.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from world import SHARED, environment, newsreel

from newsreel.archive.containers import Containers
from newsreel.formats.legacy_names import SUFFIX

NAMES = (
    "seed.md", "archive-2021-06.zip", "archive-2022-03.zip",
    "archive-2026-01-01-to-07.tar.xz",
)  # fmt: skip


def main() -> None:
    """Import each path, export, compare, and print times and counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--db", metavar="ADDRESS")
    options = parser.parse_args()
    paths = options.paths or [SHARED / "data" / name for name in NAMES]
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        box = Box(Path(folder), options.db or f"{folder}/db.sqlite")
        for path in paths:
            print_import(box, path)
        start = time.perf_counter()
        run(box, "export", "--all", "--legacy")
        took = time.perf_counter() - start
        same, other = compared(box.folder / "archive", paths)
    print(f"export --all --legacy: {took:.2f} s; {same} files identical, {len(other)} not")
    for name in other[:20]:
        print(f"  {name}")


@dataclass(frozen=True, slots=True)
class Box:
    """Where the archive is written, and the database."""

    folder: Path
    db: str


def print_import(box: Box, path: Path) -> None:
    """Import one path, and print entries a second, and the ratio to the floor."""
    floor = time.perf_counter()
    for body in bodies(path).values():
        if body[:1] in {b"[", b"{"}:
            json.loads(body)
    floor = time.perf_counter() - floor
    start = time.perf_counter()
    told = json.loads(run(box, "import", "--json", path))
    took = time.perf_counter() - start
    print(
        f"{path.name}: {told['read']} entries in {took:.2f} s, "
        f"{told['read'] / took:.0f} a second, "
        f"{took / floor:.1f} times reading the same; {told['new']} new, {told['known']} known, "
        f"{told['revised']} revised, {told['doubtful']} doubtful, {len(told['skipped'])} skipped"
    )


def run(box: Box, *arguments: str | Path) -> bytes:
    """Run newsreel on the box and return what it said."""
    command = newsreel("--db", box.db, "--archive", box.folder / "archive", *arguments)
    return subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE).stdout


def bodies(path: Path) -> dict[str, bytes]:
    """Return what stands at a path, by place."""
    with Containers() as containers:
        return {member.place: member.read() for member in containers.members(path)}


def compared(root: Path, paths: Iterable[Path]) -> tuple[int, list[str]]:
    """Return how many files came back the same, and the names of those that didn't."""
    same, other = 0, []
    for path in paths:
        for place, body in bodies(path).items():
            found = [file for file in candidates(root, place) if file.read_bytes() == body]
            if found:
                same += 1
            else:
                other.append(place)
    return same, other


def candidates(root: Path, place: str) -> list[Path]:
    """Return the files that may be a member's: at its day and name, else anywhere."""
    match = re.search(r"((\d{4})-(\d\d)-\d\d)/([^/]+)\Z", place)
    if match:
        file = root / match[2] / match[3] / match[1] / match[4]
        return [file] if file.is_file() else []
    if place.endswith("/sources.json"):
        return [root / "sources.json"]
    return sorted(root.glob(f"*/*/*/*{SUFFIX}{Path(place).suffix}"))


if __name__ == "__main__":
    main()
