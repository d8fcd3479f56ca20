"""Read an archive's files back into an empty database.

Tombstones first, then the feeds, then day by day the manifest, the entries and what the log says
was written, so that exporting again writes nothing. A file that is damaged, or is not what the log
says was written, is named and left alone; nothing is made up for it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from newsreel.app.archive_lists import read_feeds, read_tombstones
from newsreel.app.clock import Clock
from newsreel.app.export import (
    ExportAccount,
    Notify,
    Progress,
    Roots,
    opened,
    silent,
)
from newsreel.archive.log import NAME as LOG
from newsreel.archive.tree import MANIFEST, SOURCES, TOMBSTONES, Tree
from newsreel.errors import ArchiveError, UsageError
from newsreel.formats.archive_log import broken_links
from newsreel.formats.json_day import read_json
from newsreel.formats.manifest import SUFFIX, read_manifest
from newsreel.formats.urls import asked_host_of
from newsreel.model.day import DayFeed, DayLine, FileVersion
from newsreel.model.feed import Feed, FeedStatus
from newsreel.store.protocols import Store, WrittenFile

_JSON = f"{SUFFIX}.json"


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that was not read, or that says something else than the log."""

    path: str
    what: str


@dataclass(slots=True, kw_only=True)
class RebuildAccount:
    """What was read back."""

    days: int = 0
    feeds: int = 0
    entries: int = 0
    revisions: int = 0
    tombstones: int = 0
    damaged: list[Damage] = field(default_factory=list)


async def rebuild(
    store: Store,
    roots: Roots,
    *,
    clock: Clock,
    notify: Notify = silent,
    progress: Progress = silent,
) -> RebuildAccount:
    """Fill an empty database from the archive's files, and return what was read.

    Raises :class:`~newsreel.errors.UsageError` where the database holds something, or there is no
    archive.
    """
    await check_empty(store, clock=clock)
    trees = roots.trees()
    if not any(map(_holds_archive, trees)):
        raise UsageError(
            f"no archive there: {roots.public}",
            hint="name its directory with --archive, that of private feeds with --private-archive",
        )
    account = RebuildAccount()
    async with opened(store, trees, ExportAccount(), notify):
        for tree in trees:
            await _restore_tombstones(store, tree, account)
        for tree in trees:
            await _Rebuilding(store, tree, account, clock).run(progress)
    return account


async def check_empty(store: Store, *, clock: Clock) -> None:
    """See that nothing is in a database yet.

    Raises :class:`~newsreel.errors.UsageError` where something is.
    """
    counts = await store.counts(now=clock())
    if counts.feeds or counts.entries or counts.polls:
        raise UsageError(
            f"the database holds {counts.feeds} feeds and {counts.entries} entries",
            hint="rebuild into a new one: --db PATH",
        )


def _holds_archive(tree: Tree) -> bool:
    return any(tree.days()) or tree.read(SOURCES) is not None


async def _restore_tombstones(store: Store, tree: Tree, account: RebuildAccount) -> None:
    records, damaged = read_tombstones(tree)
    account.damaged += (Damage(TOMBSTONES, f"line {number} can't be read") for number in damaged)
    await store.restore_tombstones(records)
    account.tombstones += len(records)


class _Rebuilding:
    """One tree being read back."""

    def __init__(self, store: Store, tree: Tree, account: RebuildAccount, clock: Clock) -> None:
        self._store = store
        self._tree = tree
        self._account = account
        self._clock = clock
        self._versions: dict[str, dict[str, FileVersion]] = {}
        self._by_url: dict[str, Feed] = {}
        self._by_name: dict[str, Feed] = {}

    async def run(self, progress: Progress) -> None:
        self._read_log()
        await self._restore_feeds()
        days = list(self._tree.days())
        for index, (day, directory) in enumerate(days):
            progress(index, len(days))
            await self._restore_day(day, directory)
            self._account.days += 1
        progress(len(days), len(days))

    def _read_log(self) -> None:
        for number in broken_links(self._tree.log.lines()):
            self._note(LOG, f"line {number} is not bound to the one before")
        for path, version in self._tree.log.versions().items():
            self._versions.setdefault(path.rpartition("/")[0], {})[path] = version

    async def _restore_feeds(self) -> None:
        try:
            await self._add(read_feeds(self._tree))
        except ArchiveError as error:
            if self._versions:
                self._note(SOURCES, str(error))

    async def _add(self, feeds: Sequence[Feed]) -> None:
        for feed in await self._store.restore_feeds(feeds):
            self._by_url[feed.first_url] = self._by_name[feed.file_name] = feed
        self._account.feeds += len(feeds)

    async def _restore_day(self, day: date, directory: str) -> None:
        versions = self._versions.get(directory, {})
        bodies = self._sound_files(directory, versions)
        lines = self._manifest_lines(bodies.get(f"{directory}/{MANIFEST}"), day, directory)
        await self._add_unknown(lines)
        await self._store.restore_day_feeds(day, self._day_feeds(lines))
        for path, body in bodies.items():
            if path.endswith(_JSON):
                await self._restore_entries(day, path, body)
        sound = {path for path, version in versions.items() if not version.sha256} | bodies.keys()
        written = [
            WrittenFile(path=path, version=version.version, sha256=version.sha256)
            for path, version in versions.items()
            if path in sound
        ]
        await self._store.save_written(written, day=day, is_private=self._tree.is_private)

    def _sound_files(
        self, directory: str, versions: Mapping[str, FileVersion]
    ) -> dict[str, bytes]:
        """Return the files of a day that are what the log says; of an archive without log, all."""
        expected = {path for path, version in versions.items() if version.sha256}
        names = self._tree.names_in(directory)
        sound: dict[str, bytes] = {}
        for path in sorted(expected - names):
            self._note(path, "missing")
        for path in sorted(name for name in names if _is_day_file(name)):
            body = self._tree.read(path) or b""
            if self._versions and path not in expected:
                self._note(path, "not in the log")
            elif self._versions and hashlib.sha256(body).hexdigest() != versions[path].sha256:
                self._note(path, "not what the log says was written")
            else:
                sound[path] = body
        return sound

    def _manifest_lines(self, body: bytes | None, day: date, directory: str) -> list[DayLine]:
        if body is None:
            return []
        try:
            told, lines = read_manifest(body)
        except ArchiveError as error:
            self._note(f"{directory}/{MANIFEST}", str(error))
            return []
        if told != day:
            self._note(f"{directory}/{MANIFEST}", f"of another day: {told}")
            return []
        return lines

    async def _add_unknown(self, lines: Iterable[DayLine]) -> None:
        """Add feeds that only a manifest names; they are polled once they are activated."""
        feeds = [
            Feed(
                id=0,
                url=line.url,
                first_url=line.url,
                file_name=line.file_name,
                host=asked_host_of(line.url),
                title=line.title,
                is_private=self._tree.is_private,
                status=FeedStatus.ARCHIVED,
                added_at=self._clock(),
            )
            for line in lines
            if line.file_name and line.url not in self._by_url
        ]
        if feeds:
            await self._add(feeds)

    def _day_feeds(self, lines: Iterable[DayLine]) -> list[DayFeed]:
        return [
            DayFeed(
                feed=self._by_url[line.url],
                title=line.title,
                entries=line.entries,
                revisions=line.revisions,
                md_digest=line.md_digest,
                json_digest=line.json_digest,
                polls_expected=line.polls_expected,
                polls_made=line.polls_made,
                gaps=line.gaps,
            )
            for line in lines
            if line.url in self._by_url
        ]

    async def _restore_entries(self, day: date, path: str, body: bytes) -> None:
        name = path.rpartition("/")[2].removesuffix(_JSON)
        feed = self._by_name.get(name)
        if feed is None:
            self._note(path, "no feed is known for it")
            return
        try:
            entries = read_json(body, day=day, feed_id=feed.id)
        except ArchiveError as error:
            self._note(path, str(error))
            return
        self._account.entries += await self._store.restore_entries(feed, entries)
        self._account.revisions += sum(entry.revision_count for entry in entries)

    def _note(self, path: str, what: str) -> None:
        self._account.damaged.append(Damage(path, what))


def _is_day_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    is_ours = name.endswith((_JSON, f"{SUFFIX}.md")) or name == MANIFEST
    return is_ours and not name.startswith(".")
