"""What a path holds: a file, a directory, a zip or a tar, and what stands in these.

Nothing is unpacked to names of the archive's choosing: members are read, never written. A
compressed tar is decompressed once into a nameless temporary file, so that its members can be read
in any order. What is hostile or broken becomes a :class:`Refusal` beside what can be read.
"""

import bz2
import gzip
import io
import lzma
import stat
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Protocol, Self

from newsreel.errors import ArchiveError

zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

_MIB = 1 << 20
_CHUNK = _MIB
_IN_MEMORY = 64 * _MIB
_DEEPEST = 4
_DIRECTORIES_SKIPPED = frozenset({".git", ".hg", ".svn", "__MACOSX", "__pycache__"})
_BROKEN = (
    OSError,
    EOFError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zstd.ZstdError,
    NotImplementedError,  # a compression method that zipfile doesn't know
    RuntimeError,  # an encrypted member of a zip
    ValueError,
)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


_Opener = Callable[[IO[bytes]], _Readable]
_COMPRESSIONS: tuple[tuple[bytes, _Opener], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"\x28\xb5\x2f\xfd", zstd.open),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is read at most: of a member, of an archive after decompression, how many members.

    An archive may hold ``ratio`` times its own size, and ``min_total_bytes`` in any case.
    """

    member_bytes: int = 128 * _MIB
    min_total_bytes: int = 1024 * _MIB
    max_total_bytes: int = 64 * 1024 * _MIB
    ratio: int = 200
    members: int = 5_000_000

    def total_for(self, size: int) -> int:
        """Return how many bytes an archive of this size may hold."""
        return min(self.max_total_bytes, max(self.min_total_bytes, self.ratio * size))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that isn't read, and why; ``path`` is the outer path and the member's name."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Member:
    """Something that can be read: its path as it stands (with ``/``), and how to read it.

    ``place`` is the path from the named one on, whose own name (and, of a plain file, its
    directory's) it begins with: what stands further out says nothing about the member. ``root``
    is the named path itself.
    """

    path: str
    size: int
    read: Callable[[], bytes] = field(repr=False)
    place: str = ""
    root: str = ""


class Containers:
    """Opens paths, and keeps open what must stay so until all is read. A context manager."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._stack = ExitStack()
        self.refusals: list[Refusal] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def members(self, path: Path) -> Iterator[Member]:
        """Yield what stands at a path; raises ArchiveError where it can't be read at all."""
        path = path.absolute()
        for member in self._members(path):
            is_plain = member.path == path.as_posix()
            start = path.parent.parent if is_plain else path.parent
            yield replace(
                member,
                root=path.as_posix(),
                place=member.path.removeprefix(start.as_posix()).lstrip("/"),
            )

    def _members(self, path: Path) -> Iterator[Member]:
        try:
            if path.is_dir():
                yield from self._of_directory(path)
                return
            file = self._stack.enter_context(path.open("rb"))
        except OSError as error:
            raise ArchiveError(
                f"can't read {path}: {error.strerror or error}", hint="check the name and rights"
            ) from error
        yield from self._of_file(file, str(path), path.stat().st_size, depth=0)

    def _of_directory(self, root: Path) -> Iterator[Member]:
        waiting = [root]
        while waiting:
            directory = waiting.pop()
            try:
                entries = sorted(directory.iterdir(), reverse=True)
            except OSError as error:
                self._refuse(str(directory), error.strerror or str(error))
                continue
            for entry in entries:
                try:
                    if entry.is_symlink():
                        self._refuse(str(entry), "a symbolic link")
                    elif entry.is_dir():
                        if entry.name not in _DIRECTORIES_SKIPPED:
                            waiting.append(entry)
                    elif entry.is_file():
                        yield from self._of_entry(entry)
                except OSError as error:
                    self._refuse(str(entry), error.strerror or str(error))

    def _of_entry(self, path: Path) -> Iterator[Member]:
        """A file in a directory is opened only to be read, unless its name is a container's."""
        size = path.stat().st_size
        if path.name.endswith((".json", ".md")):
            yield Member(path.as_posix(), size, lambda: self._read_path(path))
            return
        try:
            with path.open("rb") as file:
                head = file.read(512)
            if not _is_container(head):
                yield Member(path.as_posix(), size, lambda: self._read_path(path))
                return
            kept = self._stack.enter_context(path.open("rb"))
            yield from self._of_file(kept, path.as_posix(), size, depth=1)
        except ArchiveError as error:
            self._refuse(path.as_posix(), str(error))

    def _of_file(self, file: IO[bytes], path: str, size: int, *, depth: int) -> Iterator[Member]:
        head = file.read(512)
        file.seek(0)
        if head[:4] == b"PK\x03\x04" or head[:4] == b"PK\x05\x06":
            yield from self._of_zip(file, path, size, depth=depth)
        elif _is_tar(head):
            yield from self._of_tar(file, path, size, depth=depth)
        elif (opener := _opener_of(head)) is not None:
            plain = self._decompressed(file, opener, path, size)
            start = plain.read(512)
            plain.seek(0)
            total = plain.seek(0, io.SEEK_END)
            plain.seek(0)
            if _is_tar(start) or not any(start):
                yield from self._of_tar(plain, path, size, depth=depth)
            else:
                yield Member(_without_ending(path), total, lambda: self._read_file(plain))
        else:
            yield Member(path, size, lambda: self._read_file(file))

    def _of_zip(self, file: IO[bytes], path: str, size: int, *, depth: int) -> Iterator[Member]:
        try:
            archive = self._stack.enter_context(zipfile.ZipFile(file))
            infos = archive.infolist()
        except _BROKEN as error:
            raise _broken(path, "zip", error) from error
        budget = _Budget(self._limits.total_for(size))

        def reading(info: zipfile.ZipInfo) -> Callable[[], bytes]:
            def read() -> bytes:
                try:
                    with archive.open(info) as member:
                        return self._limited(member, f"{path}/{info.filename}", budget)
                except _BROKEN as error:
                    raise _broken(f"{path}/{info.filename}", "member", error) from error

            return read

        for count, info in enumerate(infos):
            where = f"{path}/{info.filename}"
            if count >= self._limits.members:
                self._refuse(path, f"more than {self._limits.members} members")
                return
            if info.is_dir():
                continue
            is_link = stat.S_ISLNK(info.external_attr >> 16)
            fault = _fault_of(info.filename, info.file_size, self._limits, is_link=is_link)
            if fault:
                self._refuse(where, fault)
            else:
                yield from self._of_member(where, info.file_size, reading(info), depth)

    def _of_tar(self, file: IO[bytes], path: str, size: int, *, depth: int) -> Iterator[Member]:
        budget = _Budget(self._limits.total_for(size))
        try:
            archive = self._stack.enter_context(tarfile.TarFile(fileobj=file))
        except _BROKEN as error:
            raise _broken(path, "tar", error) from error

        def reading(info: tarfile.TarInfo) -> Callable[[], bytes]:
            def read() -> bytes:
                try:
                    file.seek(info.offset_data)
                    body = self._limited(file, f"{path}/{info.name}", budget, size=info.size)
                    if len(body) < info.size:
                        raise EOFError("it ends early")
                    return body
                except _BROKEN as error:
                    raise _broken(f"{path}/{info.name}", "member", error) from error

            return read

        for count, info in enumerate(self._infos(archive, path)):
            where = f"{path}/{info.name}"
            if count >= self._limits.members:
                self._refuse(path, f"more than {self._limits.members} members")
                return
            if info.isdir():
                continue
            is_link = not info.isreg() or info.issparse()
            fault = _fault_of(info.name, info.size, self._limits, is_link=is_link)
            if fault:
                self._refuse(where, fault)
            else:
                yield from self._of_member(where, info.size, reading(info), depth)

    def _infos(self, archive: tarfile.TarFile, path: str) -> Iterator[tarfile.TarInfo]:
        """Yield a tar's members; one that ends early has given those before the break."""
        while True:
            try:
                info = archive.next()
            except _BROKEN as error:
                self._refuse(path, f"the archive ends early: {error}")
                return
            if info is None:
                return
            yield info

    def _of_member(
        self, path: str, size: int, read: Callable[[], bytes], depth: int
    ) -> Iterator[Member]:
        """A container inside of a container is opened in memory."""
        if path.endswith((".json", ".md")) or not _has_container_name(path):
            yield Member(path, size, read)
        elif depth >= _DEEPEST:
            self._refuse(path, "archives in archives, too deep")
        else:
            try:
                inner = io.BytesIO(read())
                yield from self._of_file(inner, path, size, depth=depth + 1)
            except ArchiveError as error:
                self._refuse(path, str(error))

    def _decompressed(self, file: IO[bytes], opener: _Opener, path: str, size: int) -> IO[bytes]:
        plain = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (the stack closes it)
        self._stack.enter_context(plain)
        left = self._limits.total_for(size)
        for chunk in self._chunks(opener(file), path):
            left -= len(chunk)
            if left < 0:
                raise ArchiveError(
                    f"{path}: holds more than {self._limits.total_for(size)} bytes",
                    hint="unpack it yourself and import the directory, if you trust it",
                )
            try:
                plain.write(chunk)
            except OSError as error:
                raise ArchiveError(
                    f"{path}: no room to unpack it: {error.strerror or error}",
                    hint="free some space, or name another directory with TMPDIR",
                ) from error
        plain.seek(0)
        return plain

    def _chunks(self, stream: _Readable, path: str) -> Iterator[bytes]:
        """Yield what a compressed stream gives, up to where it breaks."""
        is_first = True
        try:
            while chunk := stream.read(_CHUNK):
                yield chunk
                is_first = False
        except _BROKEN as error:
            if is_first:
                raise _broken(path, "compressed file", error) from error
            self._refuse(path, f"the archive ends early: {error}")

    def _limited(
        self, file: IO[bytes], path: str, budget: "_Budget", *, size: int = sys.maxsize
    ) -> bytes:
        body = file.read(min(size, self._limits.member_bytes + 1))
        if len(body) > self._limits.member_bytes:
            raise ArchiveError(f"{path}: larger than {self._limits.member_bytes} bytes")
        budget.left -= len(body)
        if budget.left < 0:
            raise ArchiveError(f"{path}: the archive holds more than it may")
        return body

    def _read_file(self, file: IO[bytes]) -> bytes:
        file.seek(0)
        return self._limited(file, getattr(file, "name", "file"), _Budget(sys.maxsize))

    def _read_path(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return self._limited(file, str(path), _Budget(sys.maxsize))
        except OSError as error:
            raise ArchiveError(f"can't read {path}: {error.strerror or error}") from error

    def _refuse(self, path: str, reason: str) -> None:
        self.refusals.append(Refusal(path, reason))


@dataclass(slots=True)
class _Budget:
    left: int


def _fault_of(name: str, size: int, limits: Limits, *, is_link: bool) -> str | None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or (parts and parts[0][1:2] == ":"):
        return "an absolute path"
    if ".." in parts:
        return "a path that leaves the archive"
    if "\0" in name:
        return "a path with a NUL"
    if is_link:
        return "a link or a device"
    if size > limits.member_bytes:
        return f"larger than {limits.member_bytes} bytes"
    return None


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _opener_of(head: bytes) -> _Opener | None:
    return next((opener for magic, opener in _COMPRESSIONS if head.startswith(magic)), None)


def _is_container(head: bytes) -> bool:
    return head[:2] == b"PK" or _is_tar(head) or _opener_of(head) is not None


def _has_container_name(path: str) -> bool:
    return path.lower().endswith(
        (".zip", ".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst", ".tzst")
    )


def _without_ending(path: str) -> str:
    return path.rpartition(".")[0] if _has_container_name(path) else path


def _broken(path: str, what: str, error: Exception) -> ArchiveError:
    return ArchiveError(
        f"{path}: a broken {what}: {str(error) or type(error).__name__}",
        hint="fetch it again; what other paths hold is imported all the same",
    )
