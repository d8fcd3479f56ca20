"""Write the days that changed: select → pages → render → write → saved.

One day at a time, so that memory stays small. A page stops being dirty only when its files are on
disk. The same state of the store gives the same bytes, and bytes that are there already are not
written again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from newsreel.app.archive_lists import write_lists
from newsreel.app.clock import Clock
from newsreel.archive.batch import finish, recover, write_steps
from newsreel.archive.lock import locked
from newsreel.archive.tree import MANIFEST, Tree
from newsreel.archive.trouble import archive_trouble
from newsreel.core.day_writing import (
    day_of_path,
    directory_of,
    is_imported,
    reasons_by_feed,
    removal_reason,
    weightiest,
    with_files,
    writing_of,
)
from newsreel.errors import UsageError
from newsreel.formats.json_day import json_of
from newsreel.formats.manifest import SUFFIX, manifest_of
from newsreel.formats.markdown_day import markdown_of
from newsreel.model.day import (
    DayFeed,
    DayPage,
    DirtyPage,
    FileVersion,
    WriteReason,
    Writing,
)
from newsreel.store.protocols import Store, WrittenFile

Result = TypeVar("Result")
Notify = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Called with how many days are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Roots:
    """Where public feeds are written, and where private ones (None: nowhere)."""

    public: Path
    private: Path | None = None

    def trees(self) -> list[Tree]:
        """Return the trees; raise :class:`~newsreel.errors.UsageError` if one holds the other."""
        trees = [Tree(self.public, is_private=False)]
        if self.private is not None:
            public, private = self.public.resolve(), self.private.resolve()
            if public == private or public in private.parents:
                raise UsageError(
                    f"the private archive {self.private} lies in the public one",
                    hint="name a directory of its own with --private-archive",
                )
            trees.append(Tree(self.private, is_private=True))
        return trees


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which pages are written: those that changed, unless days, a feed or everything is named."""

    first: date | None = None
    last: date | None = None
    feed_id: int | None = None
    is_all: bool = False

    @property
    def is_named(self) -> bool:
        """Pages are written whether they changed or not."""
        return self.is_all or bool(self.first or self.last) or self.feed_id is not None

    def holds(self, day: date) -> bool:
        """Tell whether a day is within the range."""
        return (self.first or date.min) <= day <= (self.last or date.max)


DIRTY = Selection()


@dataclass(slots=True, kw_only=True)
class ExportAccount:
    """What an export did, in numbers of files; ``set_aside`` and ``recovered`` are paths."""

    days: int = 0
    written: int = 0
    removed: int = 0
    unchanged: int = 0
    set_aside: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A day to be written: these feeds' pages (None: all), and what is no longer dirty then."""

    day: date
    feed_ids: frozenset[int] | None
    dirty: tuple[DirtyPage, ...]


def silent(*_: object) -> None:
    """Say nothing."""


async def export_days(
    store: Store,
    roots: Roots,
    selection: Selection = DIRTY,
    *,
    clock: Clock,
    notify: Notify = silent,
    progress: Progress = silent,
) -> ExportAccount:
    """Write what was selected into the archive, and return what was done.

    Raises :class:`~newsreel.errors.ArchiveError` where the disk refuses; what was not written then
    stays dirty.
    """
    account = ExportAccount()
    async with opened(store, roots.trees(), account, notify) as trees:
        jobs = await _jobs(store, selection)
        for index, job in enumerate(jobs):
            progress(index, len(jobs))
            for tree in trees:
                done = job.dirty if tree is trees[-1] else ()
                await _export_day(store, tree, job, account, clock=clock, done=done)
            account.days += 1
        progress(len(jobs), len(jobs))
        for tree in trees:
            account.set_aside += await write_lists(store, tree)
    for path in account.set_aside:
        notify(f"not written by this database, moved aside: {path}")
    return account


@asynccontextmanager
async def opened(
    store: Store, trees: Sequence[Tree], account: ExportAccount, notify: Notify
) -> AsyncIterator[Sequence[Tree]]:
    """Hold the archive for writing; what an earlier run left half done is brought to its end."""
    async with AsyncExitStack() as stack:
        for tree in trees:
            tree.make()
            await stack.enter_async_context(locked(tree.root, notify))
            await _recover(store, tree, account)
            await _check_memory(store, tree)
        yield trees


async def _recover(store: Store, tree: Tree, account: ExportAccount) -> None:
    with archive_trouble(tree.root):
        found = await _to_its_end(partial(recover, tree.root))
    if found is not None:
        if day := day_of_path(f"{found.directory}/"):
            await _save(store, tree, day, found.files)
        account.recovered += sorted(found.files)
    _finish(tree)


async def _check_memory(store: Store, tree: Tree) -> None:
    """Take versions from the log where there is none yet, or another database wrote it last."""
    with archive_trouble(tree.root):
        last = tree.log.last()
        if last is None:
            tree.trust({})
            return
        day = day_of_path(last.path)
        written = await store.written(day, is_private=tree.is_private) if day else {}
        known = written.get(last.path)
        if known is None or (known.version, known.sha256) != (last.version, last.sha256):
            tree.is_anothers = True
            tree.trust(await asyncio.to_thread(tree.log.versions))


async def _jobs(store: Store, selection: Selection) -> list[_Job]:
    dirty: dict[date, list[DirtyPage]] = defaultdict(list)
    for page in await store.dirty():
        if selection.holds(page.day) and selection.feed_id in {None, page.feed_id}:
            dirty[page.day].append(page)
    days = set(dirty)
    if selection.is_named:
        days |= {
            count.day for count in await store.days(first=selection.first, last=selection.last)
        }
    return [_job(day, tuple(dirty[day]), selection) for day in sorted(days)]


def _job(day: date, dirty: tuple[DirtyPage, ...], selection: Selection) -> _Job:
    feed_ids: frozenset[int] | None = None
    if selection.feed_id is not None:
        feed_ids = frozenset({selection.feed_id})
    elif not selection.is_named:
        feed_ids = frozenset(page.feed_id for page in dirty if page.feed_id)
    return _Job(day=day, feed_ids=feed_ids, dirty=dirty)


async def _export_day(
    store: Store,
    tree: Tree,
    job: _Job,
    account: ExportAccount,
    *,
    clock: Clock,
    done: tuple[DirtyPage, ...],
) -> None:
    written = {
        path: FileVersion(file.version, file.sha256)
        for path, file in (await store.written(job.day, is_private=tree.is_private)).items()
    }
    feeds = await store.day_feeds(job.day, is_private=tree.is_private)
    pages = await store.pages(job.day, is_private=tree.is_private, feed_ids=job.feed_ids)
    draft = _Draft(tree, job, written, account)
    writings = await asyncio.to_thread(draft.writings, feeds, pages)
    if writings:
        steps = write_steps(tree.root, directory_of(job.day), writings, at=clock())
        await _to_its_end(partial(_exhaust, tree.root, steps))
    files = {writing.path: FileVersion(writing.version, writing.sha256) for writing in writings}
    await _save(store, tree, job.day, files, done=done)
    _finish(tree)
    _count(account, writings)


def _finish(tree: Tree) -> None:
    with archive_trouble(tree.root):
        finish(tree.root)


def _exhaust(root: Path, steps: Iterator[str]) -> None:
    """Take all steps; where the disk refuses one, free what was staged for the next run."""
    with archive_trouble(root):
        try:
            for _ in steps:
                pass
        except OSError:
            with suppress(OSError):
                recover(root)
            raise


async def _to_its_end(work: Callable[[], Result]) -> Result:
    """Run work in a thread; whoever cancels it waits for it, for the lock must outlive it."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _save(
    store: Store,
    tree: Tree,
    day: date,
    files: Mapping[str, FileVersion],
    *,
    done: Iterable[DirtyPage] = (),
) -> None:
    rows = [
        WrittenFile(path=path, version=file.version, sha256=file.sha256)
        for path, file in files.items()
    ]
    await store.save_written(rows, day=day, is_private=tree.is_private, done=done)


def _count(account: ExportAccount, writings: Iterable[Writing]) -> None:
    for writing in writings:
        if writing.body is None:
            account.removed += 1
        elif writing.touches_disk:
            account.written += 1
        else:
            account.unchanged += 1
        if writing.moves_aside:
            account.set_aside.append(writing.path)


class _Draft:
    """The files of one day in the making: what must be written, and its manifest."""

    def __init__(
        self, tree: Tree, job: _Job, written: Mapping[str, FileVersion], account: ExportAccount
    ) -> None:
        self._tree = tree
        self._job = job
        self._written = written
        self._account = account
        self._directory = directory_of(job.day)
        self._reasons = reasons_by_feed(job.dirty)
        self._writings: list[Writing] = []
        self._is_imported = True

    def writings(self, feeds: Sequence[DayFeed], pages: Iterable[DayPage]) -> list[Writing]:
        """Return what has to be done, the manifest last."""
        for page in pages:
            if page.entries:
                self._add_page(page)
        present = {feed.feed.id: feed.feed.file_name for feed in feeds if feed.entries}
        self._remove_others(present)
        self._add_manifest(feeds)
        return self._writings

    def _add_page(self, page: DayPage) -> None:
        reason = self._reasons.get(page.feed.id)
        imported = is_imported(page)
        self._is_imported = self._is_imported and imported
        for kind, body in (("json", json_of(page)), ("md", markdown_of(page))):
            path = self._path(page.feed.file_name, kind)
            self._add(path, body, reason, is_imported=imported)

    def _remove_others(self, present: Mapping[int, str]) -> None:
        """Remove files whose feed has no entries here now: erased, withheld, turned private."""
        kept = {self._path(name, kind) for name in present.values() for kind in ("json", "md")}
        reason = removal_reason(self._job.dirty, present)
        for path, version in self._written.items():
            if version.sha256 and path not in kept and not path.endswith("/" + MANIFEST):
                self._add(path, None, reason)

    def _add_manifest(self, feeds: Sequence[DayFeed]) -> None:
        lines = with_files(feeds, self._digests(feeds))
        path = f"{self._directory}/{MANIFEST}"
        changed = [writing.reason for writing in self._writings if writing.is_logged]
        reason = weightiest(changed) or WriteReason.POLLS
        if lines:
            body = manifest_of(self._job.day, lines)
            imported = self._is_imported and bool(self._writings)
            self._add(path, body, reason, is_imported=imported)
        elif path in self._written and self._written[path].sha256:
            self._add(path, None, reason)

    def _digests(self, feeds: Iterable[DayFeed]) -> dict[str, tuple[str, str]]:
        """Return the digests (JSON, Markdown) of the files that stand, or will stand, here."""
        names = self._tree.names_in(self._directory)
        current = {
            path: version.sha256 for path, version in self._written.items() if path in names
        }
        current |= {writing.path: writing.sha256 for writing in self._writings}
        found = {}
        for feed in feeds:
            name = feed.feed.file_name
            pair = [current.get(self._path(name, kind), "") for kind in ("json", "md")]
            found[name] = (pair[0], pair[1])
        return found

    def _add(
        self,
        path: str,
        body: bytes | None,
        reason: WriteReason | None,
        *,
        is_imported: bool = False,
    ) -> None:
        on_disk = self._tree.digests([path])[path]
        written = self._written.get(path)
        writing = writing_of(
            path,
            body,
            reason=reason,
            written=written,
            logged=self._tree.logged(path, written, on_disk),
            on_disk=on_disk,
            is_imported=is_imported,
        )
        if writing is None:
            self._account.unchanged += 1
        else:
            self._writings.append(writing)

    def _path(self, file_name: str, kind: str) -> str:
        return f"{self._directory}/{file_name}{SUFFIX}.{kind}"
