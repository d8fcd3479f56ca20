"""Raw captures on disk: WARC files of a day, each with its index and one writer at a time.

While a file is written, it and its index are called ``NAME.warc.gz.open`` and ``NAME.cdxj.open``;
the index is in the order of the records then. Closing sorts it and takes the ``.open`` away. What
a killed process left open is closed by the next one that writes: a record that was torn is cut
off, one that is not in the index yet gets its line. Records are not flushed one by one: a kill
loses none that the system was given, a power failure may lose the last.

Renaming, opening and closing happen under the lock of the directory, writing under one of the
file.
"""

import fcntl
import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import FileIO
from pathlib import Path

from newsreel import __version__
from newsreel.archive.batch import write_alone
from newsreel.archive.trouble import archive_trouble
from newsreel.errors import ArchiveError
from newsreel.formats.cdxj import line_of, read_line
from newsreel.formats.warc import read_record, records_of, warcinfo_record
from newsreel.model.capture import CaptureLine, KeptCapture

WARC, INDEX, OPEN = ".warc.gz", ".cdxj", ".open"
LOCK = ".lock"
LARGEST_INDEX = 8_000_000
"""Bytes: some 15,000 lines, which are sorted in memory."""
LEVEL = 1
"""Of compression: 6 saves a tenth of the space and takes more than twice the time."""
_GZIP = 31
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952: deflated, no name, no time, any system
_SMALL, _LARGE = 1024, 1_000_000  # bytes
_PIECE = 1 << 20


class CaptureTree:
    """The captures of public feeds, or those of private ones."""

    def __init__(self, root: Path, *, is_private: bool) -> None:
        self.root = root
        self.is_private = is_private

    def names(self) -> list[str]:
        """Return the names of the files, oldest first, without their endings."""
        return sorted({_name_of(path) for path in self._paths()})

    def days(self) -> list[date]:
        """Return the days that have files."""
        return sorted({date.fromisoformat(name[:10]) for name in self.names()})

    def lines(self, day: date | None = None) -> Iterator[CaptureLine]:
        """Yield what the indexes say, file by file; lines that can't be read are passed over."""
        for name in self.names():
            if day is None or name.startswith(day.isoformat()):
                yield from self.lines_of(name)

    def lines_of(self, name: str) -> Iterator[CaptureLine]:
        """Yield what the index of one file says."""
        for line in (self._read(name, INDEX) or b"").splitlines():
            try:
                yield read_line(line)
            except ArchiveError:
                continue

    def read(self, line: CaptureLine) -> KeptCapture | None:
        """Return the capture of a line; None where it is gone.

        Raises:
            ArchiveError: what lies there is not what the index says.
        """
        name = line.file.removesuffix(WARC)
        for path in (self.root / (name + WARC), self.root / (name + WARC + OPEN)):
            try:
                with path.open("rb") as file:
                    file.seek(line.offset)
                    return read_record(
                        _unpacked(file.read(line.length)), is_private=self.is_private
                    )
            except FileNotFoundError:
                continue
            except zlib.error as error:
                raise ArchiveError(f"captures {path.name}: {error}") from error
        return None

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file with its index, by name."""
        sizes: dict[str, int] = {}
        for path in self._paths():
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            sizes[_name_of(path)] = sizes.get(_name_of(path), 0) + size
        return sizes

    def has_room(self, name: str, most_bytes: int) -> bool:
        """Tell whether more may be written to a closed file."""
        file, index = self.root / (name + WARC), self.root / (name + INDEX)
        if index.exists() and index.stat().st_size >= LARGEST_INDEX:
            return False
        return file.exists() and file.stat().st_size < most_bytes

    def is_open(self, name: str) -> bool:
        """Tell whether a file is being written, or was left open."""
        return (self.root / (name + WARC + OPEN)).exists()

    def remove(self, name: str) -> None:
        """Remove a closed file and its index."""
        for ending in (INDEX, WARC):
            (self.root / (name + ending)).unlink(missing_ok=True)

    def make(self) -> None:
        """Make the directory, for the owner alone where it is private."""
        with archive_trouble(self.root):
            self.root.parent.mkdir(parents=True, exist_ok=True)
            self.root.mkdir(mode=0o700 if self.is_private else 0o777, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the directory: for moments only, so that others just wait."""
        with (self.root / LOCK).open("ab") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            yield

    def _paths(self) -> list[Path]:
        endings = tuple(ending + more for ending in (WARC, INDEX) for more in ("", OPEN))
        try:
            return [path for path in self.root.iterdir() if path.name.endswith(endings)]
        except FileNotFoundError:
            return []

    def _read(self, name: str, ending: str) -> bytes | None:
        for more in (OPEN, ""):
            try:
                return (self.root / (name + ending + more)).read_bytes()
            except FileNotFoundError:
                continue
        return None


class CaptureFile:
    """A file that is being written. Only its holder appends."""

    def __init__(self, tree: CaptureTree, name: str, file: FileIO) -> None:
        self.name = name
        self.day = name[:10]
        self._tree = tree
        self._file = file
        self._index = FileIO(tree.root / (name + INDEX + OPEN), "ab")
        self._index_size = self._index.seek(0, os.SEEK_END)
        self.size = file.seek(0, os.SEEK_END)

    def has_room(self, most_bytes: int) -> bool:
        """Tell whether more may be written to it."""
        return self.size < most_bytes and self._index_size < LARGEST_INDEX

    def append(self, captures: Sequence[KeptCapture]) -> None:
        """Write captures, then their lines; where the disk refuses, nothing of them stays."""
        members, lines, at = [], [], self.size
        for kept in captures:
            question, answer = records_of(kept)
            packed = [_packed(*record) for record in (question, answer) if record]
            at += sum(map(len, packed[:-1]))
            length = len(packed[-1])
            lines.append(line_of(kept, file=self.name + WARC, offset=at, length=length))
            at += length
            members += packed
        try:
            _write(self._file, b"".join(members))
            _write(self._index, b"".join(lines))
        except OSError:
            os.ftruncate(self._file.fileno(), self.size)
            os.ftruncate(self._index.fileno(), self._index_size)
            raise
        self.size = at
        self._index_size += sum(map(len, lines))

    def close(self) -> None:
        """Sort the index and give both files their names."""
        with self._tree.locked():
            os.fsync(self._file.fileno())
            self._index.close()
            settle(self._tree, self.name)
            self._file.close()


def open_file(tree: CaptureTree, at: datetime, *, most_bytes: int) -> CaptureFile:
    """Go on with a file of the day that has room and is nobody's, or begin one.

    What a killed process left is put in order first.
    """
    tree.make()
    with tree.locked():
        _recover(tree)
        day = at.astimezone(UTC).strftime("%Y-%m-%d")
        for name in reversed(tree.names()):
            is_free = name.startswith(day) and not tree.is_open(name)
            if is_free and tree.has_room(name, most_bytes):
                return _reopened(tree, name)
        name = at.astimezone(UTC).strftime("%Y-%m-%d-%H%M%S-") + secrets.token_hex(3)
        file = _held(FileIO(tree.root / (name + WARC + OPEN), "xb"))
        assert file is not None
        software = f"Newsreel/{__version__}"
        _write(file, _packed(*warcinfo_record(software=software, at=at, name=name + WARC)))
        return CaptureFile(tree, name, file)


def _reopened(tree: CaptureTree, name: str) -> CaptureFile:
    path = tree.root / (name + WARC)
    path.rename(tree.root / (name + WARC + OPEN))
    index = tree.root / (name + INDEX)
    if index.exists():
        index.rename(tree.root / (name + INDEX + OPEN))
    file = _held(FileIO(tree.root / (name + WARC + OPEN), "r+b"))
    assert file is not None
    return CaptureFile(tree, name, file)


def _held(file: FileIO) -> FileIO | None:
    """Take the lock of a file; None: somebody has it."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _recover(tree: CaptureTree) -> None:
    """Close what nobody writes any more."""
    for path in sorted(tree.root.glob(f"*{INDEX}{OPEN}")):
        if not tree.is_open(_name_of(path)):  # killed between the two last steps of closing
            path.unlink()
    for path in sorted(tree.root.glob(f"*{WARC}{OPEN}")):
        file = _held(FileIO(path, "r+b"))
        if file is None:
            continue
        with file:
            _mend(tree, _name_of(path), file)
            settle(tree, _name_of(path))


def settle(tree: CaptureTree, name: str) -> None:
    """Sort an index, and give both files their names."""
    index = tree.root / (name + INDEX + OPEN)
    lines: list[bytes] = []
    if index.exists():
        with index.open("rb") as file:
            lines = sorted(file)
    write_alone(tree.root / (name + INDEX), b"".join(lines))
    (tree.root / (name + WARC + OPEN)).rename(tree.root / (name + WARC))
    index.unlink(missing_ok=True)


def close_left(tree: CaptureTree) -> None:
    """Put in order what killed processes left open."""
    with tree.locked():
        _recover(tree)


def members_of(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield each whole member of a file, as it lies there and unpacked."""
    with path.open("rb") as packed, FileIO(path) as file:
        for offset, length, record in _members(file, 0):
            packed.seek(offset)
            yield packed.read(length), record


def _mend(tree: CaptureTree, name: str, file: FileIO) -> None:
    """Let file and index say the same: what is torn goes, what has no line gets one."""
    index = tree.root / (name + INDEX + OPEN)
    size = file.seek(0, os.SEEK_END)
    lines, end = [], 0
    for line in index.read_bytes().splitlines(keepends=True) if index.exists() else ():
        try:
            found = read_line(line)
        except ArchiveError:
            continue
        if found.offset + found.length <= size and line.endswith(b"\n"):
            lines.append(line)
            end = max(end, found.offset + found.length)
    for offset, length, record in _members(file, end):
        try:
            kept = read_record(record, is_private=tree.is_private)
        except ArchiveError:
            break
        if kept is not None or record[:40].find(b"warcinfo") >= 0:
            end = offset + length
        if kept is not None:
            lines.append(line_of(kept, file=name + WARC, offset=offset, length=length))
    os.ftruncate(file.fileno(), end)
    write_alone(index, b"".join(lines))


def _members(file: FileIO, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield place, length and content of each whole member, up to the first that is torn."""
    file.seek(start)
    rest, offset = b"", start
    while True:
        unpacker, parts, taken = zlib.decompressobj(_GZIP), [], 0
        while not unpacker.eof:
            piece = rest or file.read(_PIECE)
            if not piece:
                return
            taken += len(piece)
            rest = b""
            try:
                parts.append(unpacker.decompress(piece))
            except zlib.error:
                return
        rest = unpacker.unused_data
        yield offset, taken - len(rest), b"".join(parts)
        offset += taken - len(rest)


def _write(file: FileIO, data: bytes) -> None:
    """Write all of it: the system may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def _packed(*parts: bytes) -> bytes:
    if sum(map(len, parts)) > _LARGE:
        packer = zlib.compressobj(LEVEL, wbits=_GZIP)
        return b"".join([*map(packer.compress, parts), packer.flush()])
    record = b"".join(parts)
    if len(record) > _SMALL:
        return zlib.compress(record, LEVEL, wbits=_GZIP)
    # One stored block (RFC 1951, 3.2.4): zlib lets other threads run at each call, and getting the
    # processor back from them takes ten times as long as packing a few lines.
    size = len(record)
    block = struct.pack("<BHH", 1, size, size ^ 0xFFFF) + record
    return _HEADER + block + struct.pack("<II", zlib.crc32(record), size)


def _unpacked(member: bytes) -> bytes:
    return zlib.decompress(member, wbits=_GZIP)


def _name_of(path: Path) -> str:
    return path.name.partition(".")[0]
