"""An archive's directory: what lies in it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from newsreel.archive.batch import digest_of, move_aside, write_alone
from newsreel.archive.log import Log
from newsreel.archive.trouble import archive_trouble
from newsreel.model.day import FileVersion

MANIFEST = "manifest.json"
SOURCES = "sources.json"
TOMBSTONES = "tombstones.jsonl"


class Tree:
    """One archive, public or private."""

    def __init__(self, root: Path, *, is_private: bool) -> None:
        self.root = root
        self.is_private = is_private
        self.log = Log(root)
        self.is_anothers = False
        """Another database than the one at hand wrote here last."""
        self._logged: Mapping[str, FileVersion] | None = None

    def make(self) -> None:
        """Make the root directory; a private one is for its owner alone."""
        with archive_trouble(self.root):
            if not self.root.is_dir():
                self.root.mkdir(parents=True, mode=0o700 if self.is_private else 0o777)

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of each file; empty where there is none."""
        with archive_trouble(self.root):
            return {path: digest_of(self.root / path) for path in paths}

    def names_in(self, directory: str) -> set[str]:
        """Return the paths of the files of a directory."""
        with archive_trouble(self.root):
            try:
                return {f"{directory}/{path.name}" for path in (self.root / directory).iterdir()}
            except FileNotFoundError:
                return set()

    def trust(self, logged: Mapping[str, FileVersion]) -> None:
        """From now on take versions from here, and not from what a store remembers."""
        self._logged = logged

    def logged(self, path: str, written: FileVersion | None, on_disk: str) -> FileVersion | None:
        """Return the newest version of a file according to the log.

        What the store remembers is the log's newest version as long as the disk agrees; else the
        log itself is read, once.
        """
        if self._logged is None and (written.sha256 if written else "") == on_disk:
            return written
        if self._logged is None:
            with archive_trouble(self.root):
                self._logged = self.log.versions()
        return self._logged.get(path)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None where there is none."""
        with archive_trouble(self.root):
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, body: bytes, *, keeps_found: bool = False) -> bool:
        """Put one file of the root in place, if its bytes are new; True: they were.

        ``keeps_found``: what lies there moves aside.
        """
        with archive_trouble(self.root):
            path = self.root / name
            if self.read(name) == body:
                return False
            if keeps_found and path.exists():
                move_aside(path)
            write_alone(path, body)
            return True

    def days(self) -> Iterator[tuple[date, str]]:
        """Yield the days that have a directory, oldest first, with its path below the root."""
        with archive_trouble(self.root):
            found = sorted(self.root.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/*-*-*"))
        for path in found:
            try:
                day = date.fromisoformat(path.name)
            except ValueError:
                continue
            if path.is_dir():
                yield day, path.relative_to(self.root).as_posix()
