"""``log.jsonl`` on disk: appended to, read from its end, never changed."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from newsreel.errors import ArchiveError
from newsreel.formats.archive_log import FIRST, digest_of_line, log_line_of, read_log_line
from newsreel.model.day import FileVersion, LogLine

NAME = "log.jsonl"
_TAIL_BYTES = 1 << 16


class Log:
    """The log of one archive. Only the holder of the archive's lock appends."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME

    def size(self) -> int:
        """Return the length in bytes; 0 where there is none yet."""
        return self._path.stat().st_size if self._path.exists() else 0

    def append(self, lines: Iterable[LogLine]) -> None:
        """Append lines, each bound to the one before, and return when they are on disk."""
        last = self._last()
        previous = digest_of_line(last) if last is not None else FIRST
        found = []
        for line in lines:
            found.append(log_line_of(replace(line, previous=previous)))
            previous = digest_of_line(found[-1])
        with self._path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in found))
            file.flush()
            os.fsync(file.fileno())

    def last(self) -> LogLine | None:
        """Return the newest line; None where there is none, or where it can't be read."""
        line = self._last()
        try:
            return read_log_line(line) if line is not None else None
        except ArchiveError:
            return None

    def lines(self, *, start: int = 0) -> Iterator[bytes]:
        """Yield the lines from a place on, without their newlines."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(start)
            for line in file:
                yield line.rstrip(b"\n")

    def versions(self, *, start: int = 0) -> dict[str, FileVersion]:
        """Return the newest version of each path; lines that can't be read are passed over."""
        found: dict[str, FileVersion] = {}
        for line in self.lines(start=start):
            try:
                read = read_log_line(line)
            except ArchiveError:
                continue
            found[read.path] = FileVersion(read.version, read.sha256)
        return found

    def repair(self) -> bool:
        """End a last line that lacks only its newline, cut one that was torn; True: it was."""
        tail = self._tail()
        if not tail or tail.endswith(b"\n"):
            return False
        line = tail[tail.rfind(b"\n") + 1 :]
        with self._path.open("r+b") as file:
            try:
                read_log_line(line)
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
            except ArchiveError:
                file.truncate(self.size() - len(line))
            os.fsync(file.fileno())
        return True

    def _last(self) -> bytes | None:
        lines = self._tail().split(b"\n")
        return lines[-2] if len(lines) > 1 else None

    def _tail(self) -> bytes:
        size = self.size()
        if not size:
            return b""
        with self._path.open("rb") as file:
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read()
