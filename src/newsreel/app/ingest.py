"""Importing: lists of feeds, and the files of the old archive.

Paths → members → documents → what is known of their entries → what follows → one transaction a
file. Files go in by day, twins (the JSON and the Markdown of one feed's day) together. What is
broken is skipped and named in the account; the rest goes on. Importing again changes nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from newsreel.app.clock import Clock
from newsreel.archive.containers import Containers, Limits, Member
from newsreel.core.importing import (
    UNKEPT,
    Account,
    Group,
    Placed,
    Skipped,
    by_url,
    concluded,
    group_of,
    name_for,
    new_feed,
    titles_of,
    twins,
)
from newsreel.errors import ArchiveError
from newsreel.formats import legacy_sources
from newsreel.formats.imports import Unknown, understand
from newsreel.formats.legacy_archive import LegacyDocument
from newsreel.formats.legacy_names import day_of_path, name_of_path
from newsreel.formats.legacy_records import likely_day, storable
from newsreel.formats.sources import FeedList
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.legacy import Import
from newsreel.store.protocols import FeedStore, ImportStore, PollStore

_BATCH = 48
"""Files whose consequences are worked out together, so that the store commits them at once."""

_MOST_WAITING = 4
"""Batches that are being saved while further ones are read."""


class IngestStore(FeedStore, PollStore, ImportStore, Protocol):
    """What importing needs of a store."""


Progress = Callable[[int, int], None]
"""Is told how many of how many members have been read."""


async def import_paths(
    store: IngestStore,
    paths: Iterable[Path],
    *,
    clock: Clock,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Account:
    """Bring in what stands at the paths and return the account."""
    account = Account()
    paths = list(paths)
    with Containers(limits or Limits()) as containers:
        members = list(_members(containers, paths, account))
        done = 0
        useful: set[str] = set()
        async with await _Importer.of(store, clock(), account) as importer:
            for group in _grouped(members):
                found = _understood(group, account)
                useful.update(member.root for member, _, _ in found)
                await importer.take(found)
                done += len(group)
                if progress is not None:
                    progress(done, len(members))
            await importer.finish()
        refused = containers.refusals
        account.skipped += [Skipped(refusal.path, refusal.reason) for refusal in refused]
    _fail_useless(account, paths, useful)
    for told in (account.skipped, account.failed):
        told[:] = [Skipped(storable(found.path), storable(found.reason)) for found in told]
    return account


def _fail_useless(account: Account, paths: Iterable[Path], useful: set[str]) -> None:
    """A named path in which nothing can be used is an error, however many files it holds."""
    failed = {found.path for found in account.failed}
    for path in paths:
        root = path.absolute().as_posix()
        if root in useful or str(path) in failed:
            continue
        alone = [found for found in account.skipped if found.path == root]
        reason = alone[0].reason if alone else "nothing in it can be imported"
        account.skipped = [found for found in account.skipped if found not in alone]
        account.failed.append(Skipped(str(path), f"{path}: {reason}"))


def _members(containers: Containers, paths: Iterable[Path], account: Account) -> Iterator[Member]:
    for path in paths:
        try:
            yield from containers.members(path)
        except ArchiveError as error:
            account.failed.append(Skipped(str(path), str(error)))


def _grouped(members: Iterable[Member]) -> list[list[Member]]:
    """Twins together, by day; what belongs to no day (lists of feeds above all) first."""

    def key(member: Member) -> tuple[date, str, bool]:
        day = day_of_path(member.place) or date.min
        is_list = member.place.endswith("/sources.json")
        return day, "" if is_list else member.place.rpartition(".")[0], is_list

    ordered = sorted(members, key=lambda member: (*key(member), member.place))
    return [list(group) for _, group in groupby(ordered, key=key)]


_Found = tuple[Member, bytes, LegacyDocument | FeedList]


def _understood(group: Iterable[Member], account: Account) -> list[_Found]:
    found: list[_Found] = []
    for member in group:
        try:
            body = member.read()
        except ArchiveError as error:
            account.skipped.append(Skipped(member.path, str(error)))
            continue
        what = understand(body)
        if isinstance(what, Unknown):
            account.skipped.append(Skipped(member.path, what.reason))
        else:
            found.append((member, body, what))
    return found


class _Importer:
    """Takes understood files, and saves them a batch at a time."""

    def __init__(
        self, store: IngestStore, now: datetime, account: Account, feeds: dict[str, Feed]
    ) -> None:
        self._store = store
        self._now = now
        self._account = account
        self._feeds = feeds
        self._titles: dict[int, str] = {}
        self._waiting: list[Group] = []
        self._urls: set[str] = set()
        self._saves: deque[tuple[set[str], asyncio.Future[list[None]]]] = deque()

    @classmethod
    async def of(cls, store: IngestStore, now: datetime, account: Account) -> "_Importer":
        feeds: dict[str, Feed] = {}
        for feed in await store.feeds(statuses=FeedStatus):
            for url in (*feed.aliases, feed.first_url, feed.url):
                feeds[url] = feed
        return cls(store, now, account, feeds)

    async def take(self, found: Sequence[_Found]) -> None:
        lists = [
            (member, body, what) for member, body, what in found if isinstance(what, FeedList)
        ]
        if lists:
            await self._take_lists(lists)
        placed = [
            place
            for member, _, what in found
            if isinstance(what, LegacyDocument)
            and (place := _placed(member, what, self._account)) is not None
        ]
        for files in twins(placed):
            group = group_of(files, self._current)
            urls = {item.url for item in group.items}
            if urls & self._urls or len(self._waiting) >= _BATCH:
                await self._flush()
            self._waiting.append(group)
            self._urls |= urls

    def _current(self, url: str) -> str:
        """Return the address under which the feed is now, if it has moved."""
        feed = self._feeds.get(url)
        return url if feed is None else feed.url

    async def finish(self) -> None:
        await self._flush()
        await self._saved()
        for feed_id, title in self._titles.items():
            feed = await self._store.feed(feed_id)
            if feed is not None and not feed.has_own_title and feed.title != title:
                await self._store.save_feed(replace(feed, title=title))

    async def _take_lists(self, lists: Sequence[tuple[Member, bytes, FeedList]]) -> None:
        """Add the feeds of lists; what several name is as the last of them says."""
        await self._flush()
        await self._saved()
        feeds: dict[str, NewFeed] = {}
        for member, body, named in lists:
            day = day_of_path(member.place)
            for feed in named.feeds:
                # What was a feed on some day need not be one now.
                feeds[feed.url] = replace(feed, status=FeedStatus.ARCHIVED) if day else feed
            await self._keep_list(member, body, named, day)
        await self._add(list(feeds.values()))

    async def _keep_list(
        self, member: Member, body: bytes, named: FeedList, day: date | None
    ) -> None:
        account = self._account
        account.files += 1
        account.feeds_named += len(named.feeds)
        account.skipped += [Skipped(member.path, reason) for reason in named.skipped]
        if named.value is None:
            return
        file = legacy_sources.file_of(body, named.value, day)
        if file is None:
            account.skipped.append(Skipped(member.path, UNKEPT))
        else:
            await self._store.save_import(Import(groups=(), file=file))

    async def _add(self, feeds: Sequence[NewFeed]) -> None:
        added = await self._store.add_feeds(feeds, now=self._now)
        for new, result in zip(feeds, added, strict=True):
            self._feeds[new.url] = self._feeds[result.feed.url] = result.feed
            self._account.feeds_new += result.is_new

    async def _flush(self) -> None:
        groups, self._waiting = self._waiting, []
        urls, self._urls = self._urls, set()
        if not groups:
            return
        await self._add_missing(groups)
        await self._saved(urls)
        wanted = [
            (self._feeds[url], items)
            for group in groups
            for url, items in by_url(group.items).items()
        ]
        known = await asyncio.gather(
            *(
                self._store.known(feed, [item.sighting for item in items], has_wordings=True)
                for feed, items in wanted
            )
        )
        known_by_url = {
            items[0].url: found for (_, items), found in zip(wanted, known, strict=True)
        }
        imports = [
            self._store.save_import(imported)
            for group in groups
            for imported in concluded(group, self._feeds, known_by_url, self._account)
        ]
        self._saves.append((urls, asyncio.gather(*imports)))
        await asyncio.sleep(0)  # the store begins to save while the next files are read

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is still being saved; of several failures the first is told."""
        await asyncio.gather(*(save for _, save in self._saves), return_exceptions=True)

    async def _saved(self, urls: set[str] | None = None) -> None:
        """Wait for the saves that concern these feeds (None: all), and that not too many wait."""
        last = 0
        for number, (concerned, _) in enumerate(self._saves, 1):
            if urls is None or concerned & urls or number <= len(self._saves) - _MOST_WAITING:
                last = number
        for _ in range(last):
            await self._saves.popleft()[1]

    async def _add_missing(self, groups: Iterable[Group]) -> None:
        missing: dict[str, NewFeed] = {}
        for group in groups:
            titles = titles_of(group)
            for item in group.items:
                if item.url not in self._feeds:
                    missing.setdefault(item.url, new_feed(item, group))
            for url, title in titles.items():
                feed = self._feeds.get(url)
                if feed is not None and feed.id in self._titles:
                    self._titles[feed.id] = title
        if missing:
            await self._add(list(missing.values()))
            for new in missing.values():
                if new.title and not new.is_crawled:
                    self._titles[self._feeds[new.url].id] = new.title


def _placed(member: Member, document: LegacyDocument, account: Account) -> Placed | None:
    """Return the file's day and name: its directory's and its own, else what its content says."""
    name = name_of_path(member.place)
    if name is not None and storable(name) != name:  # bytes that are no UTF-8
        name = None
    if not document.records and name is None:
        account.skipped.append(Skipped(member.path, "an empty list"))
        return None
    day = day_of_path(member.place) if name is not None else None
    day = day or likely_day(document.records)
    if day is None:
        reason = "no date in it, and no day's directory around it"
        account.skipped.append(Skipped(member.path, reason))
        return None
    return Placed(member.path, day, name_for(document, day) if name is None else name, document)
