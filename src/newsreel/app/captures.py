"""Keep what polls brought, as it came, before it is stored.

Polls hand in their captures and wait; a thread writes what has gathered, all at once. What can't
be written is told, once, and costs no poll.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from newsreel.app.clock import Clock
from newsreel.archive.capture_budget import Dropped, keep_within
from newsreel.archive.capture_removal import purge
from newsreel.archive.captures import CaptureFile, CaptureTree, open_file
from newsreel.errors import ArchiveError
from newsreel.formats.urls import has_credential
from newsreel.formats.warc import feed_key
from newsreel.model.capture import CaptureLine, FaultKind, KeptAs, KeptCapture
from newsreel.model.poll import Outcome, Poll

PUBLIC, PRIVATE = "public", "private"
LARGEST_FILE = 100_000_000
FILES_IN_BUDGET = 8
UNREAD = frozenset((FaultKind.NOT_A_FEED, FaultKind.NO_ENTRIES))

Notify = Callable[[str], None]


class Keep(Protocol):
    """Keeps what a poll brought."""

    async def __call__(self, poll: Poll, *, is_purged: bool = False) -> None:
        """Keep it; where its feed was deleted meanwhile (``is_purged``), take all of it back."""


async def nowhere(poll: Poll, *, is_purged: bool = False) -> None:
    """Keep nothing."""


def trees_in(root: Path) -> tuple[CaptureTree, CaptureTree]:
    """Return the captures of public feeds and those of private ones."""
    return (
        CaptureTree(root / PUBLIC, is_private=False),
        CaptureTree(root / PRIVATE, is_private=True),
    )


def kept_of(poll: Poll) -> KeptCapture | None:
    """Return what is to be kept of a poll: nothing where no body came and none is confirmed.

    A body in which nothing was found is kept the first time only: such pages change with each
    request.
    """
    feed, capture = poll.feed, poll.reading.capture
    kind, digest = KeptAs.RESPONSE, capture.digest
    match poll.reading.outcome:
        case Outcome.NOT_MODIFIED:
            kind = KeptAs.NOT_MODIFIED if capture.is_not_modified else KeptAs.IDENTICAL
            digest = feed.body_digest
        case Outcome.FAILED:
            fault = poll.reading.fault
            is_unread = fault is not None and fault.kind in UNREAD
            if not is_unread or feed.failures > 1 or capture.body is None:
                return None
        case Outcome.PUSHED if not poll.changes.is_any:
            return None  # a hub may send the same again and again
        case Outcome.OK | Outcome.PUSHED:
            pass
    is_elsewhere = capture.final_url != feed.url
    return KeptCapture(
        feed=feed_key(feed.first_url),
        polled_at=poll.at,
        kind=kind,
        capture=capture,
        digest=digest,
        is_private=feed.is_private or (is_elsewhere and has_credential(capture.final_url)),
        selectors=feed.page_rules.selectors if feed.page_rules is not None else {},
    )


class Captures:
    """Keeps captures below a directory, within a budget.

    ``notify`` is told what was dropped, and what could not be written.
    """

    def __init__(self, root: Path, *, budget: int, clock: Clock, notify: Notify) -> None:
        self._trees = trees_in(root)
        self._budget, self._clock, self._notify = budget, clock, notify
        self._most_bytes = min(LARGEST_FILE, budget // FILES_IN_BUDGET)
        self._files: dict[bool, CaptureFile] = {}
        self._waiting: list[tuple[KeptCapture, asyncio.Future[None]]] = []
        self._short: list[tuple[KeptCapture, asyncio.Future[None]]] = []
        self._purged: list[tuple[str, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._told: set[str] = set()

    async def keep(self, poll: Poll, *, is_purged: bool = False) -> None:
        """Return once the poll's capture is with the system: a kill does not lose it any more.

        ``is_purged``: return once no capture of the feed is there any more.
        """
        kept = kept_of(poll)
        if kept is None:
            return
        if is_purged:
            await self._purge(kept.feed)
            return
        if kept.kind is not KeptAs.RESPONSE and self._is_ready(kept):
            await self._with_others(kept)
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((kept, done))
        self._start_writer()
        await done

    async def _purge(self, feed: str) -> None:
        done = asyncio.get_running_loop().create_future()
        self._purged.append((feed, done))
        self._start_writer()
        await done

    def _start_writer(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on())

    async def _with_others(self, kept: KeptCapture) -> None:
        """Write a few lines with those of the polls that end at the same turn of the loop.

        Handing them to a thread would cost more than writing them.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._short.append((kept, done))
        if len(self._short) == 1:
            loop.call_soon(self._write_short)
        await done

    def _write_short(self) -> None:
        batch, self._short = self._short, []
        if self._writer is not None:  # a thread has begun to write: it takes these too
            self._waiting += batch
        elif batch:
            self._write([kept for kept, _ in batch])
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def close(self) -> None:
        """Give the files their names, and see to the budget."""
        self._write_short()
        if self._writer is not None:
            await self._writer
        await asyncio.to_thread(self._close)

    async def _write_on(self) -> None:
        """Write as long as something waits; what comes meanwhile goes together."""
        while self._waiting or self._purged:
            batch, self._waiting = self._waiting, []
            purged, self._purged = self._purged, []
            writing = asyncio.to_thread(
                self._write, [kept for kept, _ in batch], [feed for feed, _ in purged]
            )
            (error,) = await asyncio.gather(writing, return_exceptions=True)
            for done in [done for _, done in batch] + [done for _, done in purged]:
                if not done.done() and isinstance(error, BaseException):
                    done.set_exception(error)
                elif not done.done():
                    done.set_result(None)
        self._writer = None

    def _write(self, batch: list[KeptCapture], purged: Sequence[str] = ()) -> None:
        now = self._clock()
        for tree in self._trees:
            captures = [kept for kept in batch if kept.is_private == tree.is_private]
            try:
                if captures:
                    self._file(tree, now).append(captures)
            except (OSError, ArchiveError) as error:
                self._tell(f"captures are not kept: {error}")
            try:
                if purged and tree.root.is_dir():
                    self._take_out(tree, purged, now)
            except (OSError, ArchiveError) as error:
                self._notify(f"captures of a feed that was deleted are left: {error}")

    def _take_out(self, tree: CaptureTree, feeds: Sequence[str], now: datetime) -> None:
        file = self._files.pop(tree.is_private, None)
        if file is not None:  # what is being written can't be written anew
            file.close()
        purge(tree, feeds, at=now)

    def _is_ready(self, kept: KeptCapture) -> bool:
        """Tell whether no thread writes, and a file is open that has room."""
        file = self._files.get(kept.is_private)
        return self._writer is None and file is not None and self._has_room(file, self._clock())

    def _has_room(self, file: CaptureFile, now: datetime) -> bool:
        return file.day >= now.date().isoformat() and file.has_room(self._most_bytes)

    def _file(self, tree: CaptureTree, now: datetime) -> CaptureFile:
        """Return the file to write to: one of the day that has room."""
        file = self._files.get(tree.is_private)
        if file and not self._has_room(file, now):
            del self._files[tree.is_private]
            file.close()
            file = None
        if file is None:
            file = open_file(tree, now, most_bytes=self._most_bytes)
            self._files[tree.is_private] = file
            self._keep_within(now)
        return file

    def _close(self) -> None:
        try:
            for file in self._files.values():
                file.close()
            self._keep_within(self._clock())
        except OSError as error:
            self._tell(f"captures are left open: {error}")
        self._files.clear()

    def _keep_within(self, now: datetime) -> None:
        trees = [tree for tree in self._trees if tree.root.is_dir()]
        if dropped := keep_within(trees, self._budget, at=now):
            self._notify(_told(dropped, self._budget))

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._notify(text)


def _told(dropped: list[Dropped], budget: int) -> str:
    count = sum(gone.captures for gone in dropped)
    size = sum(gone.size_bytes for gone in dropped)
    return (
        f"dropped the oldest captures, {count} in {len(dropped)} files of {size / 1e6:.1f} MB, "
        f"to stay within captures_budget ({budget / 1e6:.0f} MB)"
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A line of an index, and the tree that it stands in."""

    line: CaptureLine
    tree: CaptureTree


def days_of(trees: tuple[CaptureTree, ...]) -> list[date]:
    """Return the days of which captures are kept."""
    return sorted({day for tree in trees for day in tree.days()})


def captures_of(trees: tuple[CaptureTree, ...], day: date) -> Iterator[Found]:
    """Yield the captures of a day in the order of their polls."""
    found = [Found(line, tree) for tree in trees for line in tree.lines(day)]
    found.sort(key=lambda one: (one.line.polled_at, one.line.file, one.line.offset))
    yield from found


def sound(found: Found) -> KeptCapture:
    """Return a capture that is what its index says.

    Raises :class:`~newsreel.errors.ArchiveError` where it is gone or damaged.
    """
    kept = found.tree.read(found.line)
    if kept is None or (kept.feed, kept.kind) != (found.line.feed, found.line.kind):
        raise ArchiveError(f"not what the index says, at {found.line.offset}")
    if kept.kind is KeptAs.RESPONSE and sha256(kept.capture.body or b"").digest() != kept.digest:
        raise ArchiveError(f"another body than was written, at {found.line.offset}")
    return kept
