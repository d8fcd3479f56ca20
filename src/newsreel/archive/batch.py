"""Writing a day's files so that a kill at any moment leaves each of them old or new, never half.

1. ``.writing`` names the directory and the length of the log before it: this batch is under way.
2. What is not ours moves aside; the new bytes go into ``.NAME.SHA8.tmp`` beside their place.
3. They are flushed to disk.
4. The log gets its lines: from here on the batch is decided.
5. The temporary files take their places, files that have to go are removed, directories flushed.
6. The store is told (by the caller), then ``.writing`` goes.

Killed before 4, the temporary files are dropped; after it, they are rolled forward
(:func:`recover`).
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newsreel.archive.log import Log
from newsreel.model.day import FileVersion, LogLine, Writing

MARKER = ".writing"
MANY_FILES = 32
_DIRECTORY = re.compile(r"\d{4}/\d{2}/\d{4}-\d{2}-\d{2}\Z")
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<digits>[0-9a-f]{8})\.tmp\Z", re.DOTALL)


def write_steps(
    root: Path, directory: str, writings: Iterable[Writing], *, at: datetime
) -> Iterator[str]:
    """Write a day's files, yielding after each step its name.

    :func:`finish` must follow, once the store knows.
    """
    plan = list(writings)
    log = Log(root)
    _make_directory(root, directory)
    _write_marker(root, directory, log.size())
    yield "marked"
    for writing in plan:
        if writing.moves_aside:
            move_aside(root / writing.path)
            yield f"moved aside {writing.path}"
    bodies = [(w, w.body) for w in plan if w.touches_disk and w.body is not None]
    for writing, body in bodies:
        _temporary(root, writing).write_bytes(body)
        yield f"staged {writing.path}"
    _flush([_temporary(root, writing) for writing, _ in bodies])
    yield "flushed"
    if any(writing.is_logged for writing in plan):
        log.append(_log_line(writing, at) for writing in plan if writing.is_logged)
        yield "logged"
    for writing in plan:
        if writing.touches_disk:
            _put_in_place(root, writing)
            yield f"in place {writing.path}"
    _flush_directory(root / directory)
    yield "done"


def finish(root: Path) -> None:
    """End a batch whose outcome the store knows."""
    (root / MARKER).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a batch that was cut short had decided: the versions that are in place now."""

    directory: str
    files: dict[str, FileVersion]


def recover(root: Path) -> Recovered | None:
    """Bring a batch that was cut short to its end; None: none was under way.

    :func:`finish` must follow, once the store knows.
    """
    log = Log(root)
    log.repair()
    marker = _read_marker(root)
    if marker is None:
        return None
    directory, start = marker
    decided = {
        path: version
        for path, version in log.versions(start=start).items()
        if path.rpartition("/")[0] == directory
    }
    for path in sorted((root / directory).glob(".*.tmp")):
        match = _TEMPORARY.match(path.name)
        if match is None:
            continue
        version = decided.get(f"{directory}/{match['name']}")
        if version and version.sha256 == digest_of(path):
            path.replace(path.with_name(match["name"]))
        else:
            path.unlink()
    for name, version in decided.items():
        if not version.sha256:
            (root / name).unlink(missing_ok=True)
    if (root / directory).is_dir():
        _flush_directory(root / directory)
    in_place = {
        name: version
        for name, version in decided.items()
        if digest_of(root / name) == version.sha256
    }
    return Recovered(directory, in_place)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; empty where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def move_aside(path: Path) -> Path:
    """Give a file that is not ours another name, ``NAME.found-<8 hex digits of its digest>``."""
    aside = path.with_name(f"{path.name}.found-{digest_of(path)[:8]}")
    path.replace(aside)
    return aside


def write_alone(path: Path, body: bytes) -> None:
    """Put one file in place whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(body)
    _flush([temporary])
    temporary.replace(path)
    _flush_directory(path.parent)


def _make_directory(root: Path, directory: str) -> None:
    path = root / directory
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True)
    for parent in path.relative_to(root).parents:
        _flush_directory(root / parent)


def _write_marker(root: Path, directory: str, log_bytes: int) -> None:
    write_alone(
        root / MARKER, json.dumps({"directory": directory, "log_bytes": log_bytes}).encode()
    )


def _read_marker(root: Path) -> tuple[str, int] | None:
    try:
        row = json.loads((root / MARKER).read_bytes())
        directory = str(row["directory"])
        return (directory, int(row["log_bytes"])) if _DIRECTORY.match(directory) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _temporary(root: Path, writing: Writing) -> Path:
    path = root / writing.path
    return path.with_name(f".{path.name}.{writing.sha256[:8]}.tmp")


def _log_line(writing: Writing, at: datetime) -> LogLine:
    return LogLine(
        at=at,
        path=writing.path,
        version=writing.version,
        sha256=writing.sha256,
        reason=writing.reason,
        previous="",
    )


def _put_in_place(root: Path, writing: Writing) -> None:
    path = root / writing.path
    if writing.body is None:
        path.unlink(missing_ok=True)
    else:
        _temporary(root, writing).replace(path)


def _flush(paths: list[Path]) -> None:
    """Flush files to disk: few of them one by one, many at once where the system waits for it."""
    if len(paths) > MANY_FILES and sys.platform == "linux":
        os.sync()
        return
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
