"""How long a round takes, as ratios to the least work the machine can do (pycurl + lxml +
sqlite3).

    .venv/bin/python benchmarks/polling.py --floor-python PYTHON [--feeds 616,5000] [--days]
    [--work DIR] [--workers N] [--without-index]

PYTHON has pycurl, lxml and uvloop. Both run in the same replayed world, one after the other. The
work folder decides what durability costs: in memory (the default, where there is /dev/shm) an
fsync is free. ``--days`` writes the day files too, ``--without-index`` no search index.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from world import SHARED, environment, unpacked

MEMORY = Path("/dev/shm")
COUNT = "select count(*) from entries"


def main() -> None:
    """Run the peers and print the table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floor-python", default=sys.executable)
    parser.add_argument("--feeds", default="616,5000")
    parser.add_argument("--days", action="store_true")
    parser.add_argument("--without-index", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--phases", default="warm,hour,late")
    parser.add_argument("--work", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as box, unpacked(Path(box)) as archive:
        rows = measured(options, Path(box), archive)
    table(rows)


def measured(options: argparse.Namespace, box: Path, archive: Path) -> list[dict[str, object]]:
    """Return the rows of the floor and of ours, from one run."""
    program = str(Path(sys.executable).with_name("newsreel"))
    newsreel = f"{program} --db {{db}} --archive {{box}}/archive"
    poll = f"{newsreel} poll --all --workers {options.workers}"
    if options.without_index:
        unindexed = Path(__file__).with_name("unindexed.py")
        poll = poll.replace(program, f"{sys.executable} {unindexed}", 1)
    poll += "" if options.days else " --no-export"
    out = box / "rows.json"
    command = [
        sys.executable,
        SHARED / "world" / "run_peers",
        "--archive",
        archive,
        "--peers",
        "floor",
    ]
    command += [
        "--python",
        options.floor_python,
        "--feeds",
        options.feeds,
        "--phases",
        options.phases,
    ]
    command += ["--work", box / "work", "--json", out, "--contender-name", "newsreel"]
    command += ["--contender", f"{newsreel} import {{opml}}; {poll}", "--contender-count", COUNT]
    subprocess.run(
        list(map(str, command)), env=environment(), check=True, stdout=subprocess.DEVNULL
    )
    return [json.loads(line) for line in out.read_text().splitlines()]


def table(rows: list[dict[str, object]]) -> None:
    """Print wall and processor time as ratios to the floor of the same phase."""
    floors = {
        (row["feeds"], row["phase"]): row
        for row in rows
        if str(row.get("peer")).startswith("floor")
    }
    print(
        "| feeds | phase | floor s | newsreel s | ratio | CPU ratio | peak MB | stored | missed |"
    )
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        floor = floors.get((row["feeds"], row["phase"]))
        if row.get("peer") != "newsreel" or floor is None or "wall" not in row:
            continue
        wall, least = float(str(row["wall"])), float(str(floor["wall"]))
        cpu = float(str(row["cpu"])) / max(float(str(floor["cpu"])), 0.01)
        print(
            f"| {row['feeds']} | {row['phase']} | {least:.2f} | {wall:.2f} "
            f"| {wall / least:.1f} | {cpu:.1f} "
            f"| {row['rss_mb']} | {row['stored']} | {row['missed']} |"
        )


if __name__ == "__main__":
    main()
