"""How long one full day takes to write, of the imported sample of 2026.

    .venv/bin/python benchmarks/exporting.py [--day 2026-01-05] [--work DIR]

The floor is writing the same bytes again with plain file operations, in the same run.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from world import SHARED, environment, newsreel

SAMPLE = SHARED / "data" / "archive-2026-01-01-to-07.tar.xz"


def main() -> None:
    """Import, export one day, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--day", default="2026-01-05")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        box = Path(folder)
        run(box, "import", SAMPLE)
        took = run(box, "export", "--day", options.day)
        again = run(box, "export", "--day", options.day)
        files = [path for path in (box / "archive").rglob("*") if path.is_file()]
        floor = rewritten(box / "floor", files)
    size = sum(len(body) for body in floor[1])
    print(f"day {options.day}: {len(files)} files, {size / 1e6:.1f} MB")
    print(
        f"export {took:.2f} s; again, nothing changed {again:.2f} s; "
        f"plain writing of the same bytes {floor[0]:.2f} s"
    )


def run(box: Path, *arguments: str | Path) -> float:
    """Run newsreel on the box and return the seconds it took."""
    start = time.perf_counter()
    command = newsreel("--db", box / "db.sqlite", "--archive", box / "archive", *arguments)
    subprocess.run(command, env=environment(), check=True)
    return time.perf_counter() - start


def rewritten(root: Path, files: list[Path]) -> tuple[float, list[bytes]]:
    """Write the same files elsewhere and return the seconds, and the bodies."""
    bodies = [path.read_bytes() for path in files]
    root.mkdir()
    start = time.perf_counter()
    for number, body in enumerate(bodies):
        (root / str(number)).write_bytes(body)
    return time.perf_counter() - start, bodies


if __name__ == "__main__":
    main()
