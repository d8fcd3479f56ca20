"""Directories and files of this machine as sources.

Nothing outside of the directory is read: links are not followed, and only regular files are
opened, so that nothing waits for the other end of a pipe. Hidden files are nobody's business.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from newsreel.fetch.blocking import done_within
from newsreel.formats.json_values import JsonObject
from newsreel.formats.local_feed import CONTENT_TYPE, feed_document
from newsreel.formats.local_files import is_read, item_of_file
from newsreel.formats.urls import is_elsewhere
from newsreel.model.capture import Capture, Fault, FaultKind, Validators

MOST_FILES = 2_000
MOST_LOOKED_AT = 200_000
DEEPEST = 20
# Reasons why something that would be an entry is missing.
SHORT = frozenset(("too-many", "too-deep", "unreadable"))


async def fetch_directory(
    url: str,
    validators: Validators,
    *,
    most_bytes: int,
    limit: timedelta,
    clock: Callable[[], datetime],
) -> Capture:
    """Return the files below a ``file:`` address as a feed, or the feed that a file is.

    What has not changed by names, sizes and times is not read again.
    """
    blank = Capture(url=url, final_url=url, fetched_at=clock())
    if is_elsewhere(url):
        return replace(blank, fault=Fault(FaultKind.BAD_ADDRESS, "a file of another machine"))
    try:
        read = partial(_captured, blank, path_of(url), validators, most_bytes)
        return await done_within(limit, read, name=url)
    except TimeoutError as error:
        return replace(blank, fault=Fault(FaultKind.TIMEOUT, error.strerror or str(error)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        return replace(blank, fault=Fault(FaultKind.MISSING, str(reason)))


def path_of(url: str) -> Path:
    """Return the path of a ``file:`` address."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))


def _captured(blank: Capture, path: Path, validators: Validators, most_bytes: int) -> Capture:
    if not path.is_dir():
        return _of_file(blank, path, validators, most_bytes)
    found = _Files()
    _look_through(path, found)
    now = Validators(etag=found.digest())
    if now == validators:
        return replace(blank, status=304, validators=now)
    items, is_cut = _items(found, most_bytes)
    body = feed_document(path.name, items, left_out={**found.left_out})
    return replace(
        blank,
        status=200,
        content_type=CONTENT_TYPE,
        validators=now,
        body=body,
        digest=sha256(body).digest(),
        is_cut=is_cut,
    )


def _of_file(blank: Capture, path: Path, validators: Validators, most_bytes: int) -> Capture:
    """Return a file as it is: a feed that somebody saved."""
    content, told = _content(path, most_bytes)
    now = Validators(etag=_digest([f"{told.st_size} {told.st_mtime_ns}"]))
    if now == validators:
        return replace(blank, status=304, validators=now)
    return replace(
        blank,
        status=200,
        validators=now,
        body=content,
        digest=sha256(content).digest(),
        is_cut=told.st_size > len(content),
    )


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    path: Path
    size: int
    modified_ns: int
    changed_ns: int


@dataclass(slots=True)
class _Files:
    """The files of a directory, and how many others were left out, by reason."""

    files: list[_File] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str, count: int = 1) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + count

    def digest(self) -> str:
        lines = sorted(
            f"{one.name}\0{one.size}\0{one.modified_ns}\0{one.changed_ns}" for one in self.files
        )
        return _digest([*lines, repr(sorted(self.left_out.items()))])


def _digest(lines: list[str]) -> str:
    return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _look_through(root: Path, found: _Files) -> None:
    """Note every file below a directory; what can't be looked into is counted."""
    waiting = [(root, "", 0)]
    while waiting:
        folder, before, depth = waiting.pop()
        try:
            entries = sorted(_listed(folder), key=lambda entry: entry.name)
        except OSError:
            if not before:
                raise
            found.leave_out("unreadable")
            continue
        for entry in entries:
            name = before + entry.name
            if len(found.files) >= MOST_LOOKED_AT:
                found.leave_out("too-many")
            elif entry.is_symlink():
                found.leave_out("link")
            elif entry.is_dir(follow_symlinks=False):
                if depth < DEEPEST:
                    waiting.append((folder / entry.name, name + "/", depth + 1))
                else:
                    found.leave_out("too-deep")
            elif entry.is_file(follow_symlinks=False):
                _note(found, entry, name)
            else:
                found.leave_out("no-file")


def _listed(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _note(found: _Files, entry: "os.DirEntry[str]", name: str) -> None:
    try:
        told = entry.stat(follow_symlinks=False)
    except OSError:
        found.leave_out("unreadable")
        return
    times = told.st_mtime_ns, told.st_ctime_ns
    found.files.append(_File(name, Path(entry.path), told.st_size, *times))


def _items(found: _Files, most_bytes: int) -> tuple[list[JsonObject], bool]:
    """Return the newest files as items, and whether others had to be left out.

    A file that can't be read now is left out, not called empty.
    """
    newest = sorted(found.files, key=lambda one: (-one.modified_ns, one.name))
    items: list[JsonObject] = []
    left = most_bytes
    for number, one in enumerate(newest):
        content = None
        if is_read(one.name, one.size):
            left -= one.size
            try:
                content = _content(one.path, one.size, flags=os.O_NOFOLLOW)[0]
            except OSError:
                found.leave_out("unreadable")
                continue
        if number >= MOST_FILES or left < 0:
            found.leave_out("too-many", len(newest) - number)
            break
        modified_at = datetime.fromtimestamp(one.modified_ns // 1_000_000_000, UTC)
        items.append(
            item_of_file(_text(one.name), content, size=one.size, modified_at=modified_at)
        )
    return items, bool(SHORT & set(found.left_out))


def _content(path: Path, most_bytes: int, *, flags: int = 0) -> tuple[bytes, os.stat_result]:
    """Return a regular file's bytes, up to a limit.

    Raises:
        OSError: it can't be read, or is something else by now.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    with os.fdopen(descriptor, "rb") as file:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode):
            raise OSError(0, "no regular file")
        return file.read(most_bytes), told


def _text(name: str) -> str:
    """Return a file's name as text; what is no UTF-8 in it is written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
