"""Importing: lists of feeds, and the files of the old archive.

Paths → members → documents → what is known of their entries → what follows → one transaction a
file. Files go in by day, twins (the JSON and the Markdown of one feed's day) together. What is
broken is skipped and named in the account; the rest goes on. Importing again changes nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Protocol

from newsreel.app.clock import Clock
from newsreel.archive.containers import Containers, Limits, Member
from newsreel.core.normalize import sighting_of
from newsreel.core.revise import revise_import
from newsreel.errors import ArchiveError
from newsreel.formats import legacy_sources
from newsreel.formats.imports import Unknown, understand
from newsreel.formats.languages import tag_of
from newsreel.formats.legacy_archive import (
    LegacyDocument,
    is_storable,
    paired,
    with_tags_of,
)
from newsreel.formats.legacy_names import SOURCELESS, clean, day_of_path, name_of_path
from newsreel.formats.legacy_records import LegacyRecord, likely_day, seen_at_of
from newsreel.formats.sources import FeedList, address_of, is_private
from newsreel.model.entry import Content, Doubt, Json, Sighting
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.legacy import FeedChanges, Import, LegacyFile, LegacyKind, LegacyRow
from newsreel.model.poll import Known, KnownEntry
from newsreel.store.protocols import FeedStore, ImportStore, PollStore

_BATCH = 48
"""Files whose consequences are worked out together, so that the store commits them at once."""

_UNKEPT = "its text form can't be kept; what it says is"


class IngestStore(FeedStore, PollStore, ImportStore, Protocol):
    """What importing needs of a store."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not imported, or not wholly, and why."""

    path: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Account:
    """What an import brought.

    ``read`` counts records, twins once; each is ``new``, ``known``, ``revised`` (a further wording
    of its entry) or ``erased`` (taken out for good by the operator). ``doubts`` counts records by
    doubt, ``doubtful`` those that have any. ``failed`` are named paths that can't be read at all.
    """

    files: int = 0
    read: int = 0
    new: int = 0
    known: int = 0
    revised: int = 0
    erased: int = 0
    doubtful: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    feeds_named: int = 0
    feeds_new: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    failed: list[Skipped] = field(default_factory=list)


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
    with Containers(limits or Limits()) as containers:
        members = list(_members(containers, paths, account))
        importer = await _Importer.of(store, clock(), account)
        done = 0
        for group in _grouped(members):
            await importer.take(_understood(group, account))
            done += len(group)
            if progress is not None:
                progress(done, len(members))
        await importer.finish()
        account.skipped += [Skipped(found.path, found.reason) for found in containers.refusals]
    return account


def _members(
    containers: Containers, paths: Iterable[Path], account: Account
) -> Iterator[Member]:
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


# --- one batch ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Placed:
    """A document, and where it belongs."""

    path: str
    day: date
    name: str
    document: LegacyDocument


@dataclass(slots=True)
class _Group:
    """Files that are one import: a JSON document, its Markdown twin, or either alone."""

    files: list[_Placed]
    items: list["_Item"] = field(default_factory=list)
    rows: dict[LegacyKind, list["_Item"]] = field(default_factory=dict)
    lost: int = 0


@dataclass(frozen=True, slots=True)
class _Item:
    """A record of a file on its way into the store."""

    url: str
    record: LegacyRecord
    sighting: Sighting
    seen_at: datetime


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
        self._waiting: list[_Group] = []
        self._urls: set[str] = set()
        self._saves: list[asyncio.Task[None]] = []

    @classmethod
    async def of(cls, store: IngestStore, now: datetime, account: Account) -> "_Importer":
        feeds: dict[str, Feed] = {}
        for feed in await store.feeds(statuses=FeedStatus):
            for url in (*feed.aliases, feed.first_url, feed.url):
                feeds[url] = feed
        return cls(store, now, account, feeds)

    async def take(self, found: Sequence[_Found]) -> None:
        for member, body, what in found:
            if isinstance(what, FeedList):
                await self._take_list(member, body, what)
        placed = [
            place
            for member, _, what in found
            if isinstance(what, LegacyDocument)
            and (place := _placed(member, what, self._account)) is not None
        ]
        for files in _twins(placed):
            group = _items_of(files)
            urls = {item.url for item in group.items}
            if urls & self._urls or len(self._waiting) >= _BATCH:
                await self._flush()
            self._waiting.append(group)
            self._urls |= urls

    async def finish(self) -> None:
        await self._flush()
        await self._saved()
        for feed_id, title in self._titles.items():
            feed = await self._store.feed(feed_id)
            if feed is not None and not feed.has_own_title and feed.title != title:
                await self._store.save_feed(replace(feed, title=title))

    async def _take_list(self, member: Member, body: bytes, named: FeedList) -> None:
        feeds = list(named.feeds)
        day = day_of_path(member.place)
        if day is not None:  # what was a feed then need not be one now
            feeds = [replace(feed, status=FeedStatus.ARCHIVED) for feed in feeds]
        await self._flush()
        await self._saved()
        await self._add(feeds)
        self._account.files += 1
        self._account.feeds_named += len(feeds)
        self._account.skipped += [Skipped(member.path, reason) for reason in named.skipped]
        if named.value is not None:
            file = legacy_sources.file_of(body, named.value, day)
            if file is None:
                self._account.skipped.append(Skipped(member.path, _UNKEPT))
            else:
                await self._store.save_import(Import(groups=(), file=file))

    async def _add(self, feeds: Sequence[NewFeed]) -> None:
        added = await self._store.add_feeds(feeds, now=self._now)
        for new, result in zip(feeds, added, strict=True):
            self._feeds[new.url] = self._feeds[result.feed.url] = result.feed
            self._account.feeds_new += result.is_new

    async def _flush(self) -> None:
        groups, self._waiting = self._waiting, []
        self._urls = set()
        if not groups:
            return
        await self._add_missing(groups)
        await self._saved()
        wanted = [
            (self._feeds[url], items)
            for group in groups
            for url, items in _by_url(group.items).items()
        ]
        known = await asyncio.gather(
            *(
                self._store.known(feed, [item.sighting for item in items], has_wordings=True)
                for feed, items in wanted
            )
        )
        by_url = {items[0].url: found for (_, items), found in zip(wanted, known, strict=True)}
        for group in groups:
            for imported in _concluded(group, self._feeds, by_url, self._account):
                self._saves.append(asyncio.create_task(self._store.save_import(imported)))
        await asyncio.sleep(0)  # the store begins to save while the next files are read

    async def _saved(self) -> None:
        saves, self._saves = self._saves, []
        await asyncio.gather(*saves)

    async def _add_missing(self, groups: Iterable[_Group]) -> None:
        missing: dict[str, NewFeed] = {}
        for group in groups:
            titles = _titles_of(group)
            for item in group.items:
                if item.url not in self._feeds:
                    missing.setdefault(item.url, _new_feed(item, group))
            for url, title in titles.items():
                feed = self._feeds.get(url)
                if feed is not None and feed.id in self._titles:
                    self._titles[feed.id] = title
        if missing:
            await self._add(list(missing.values()))
            for new in missing.values():
                if new.title and not new.is_crawled:
                    self._titles[self._feeds[new.url].id] = new.title


def _placed(member: Member, document: LegacyDocument, account: Account) -> _Placed | None:
    """Return the file's day and name: its directory's and its own, else what its content says."""
    name = name_of_path(member.place)
    if not document.records and name is None:
        account.skipped.append(Skipped(member.path, "an empty list"))
        return None
    day = day_of_path(member.place) if name is not None else None
    day = day or likely_day(document.records)
    if day is None:
        reason = "no date in it, and no day's directory around it"
        account.skipped.append(Skipped(member.path, reason))
        return None
    return _Placed(member.path, day, _name_for(document, day) if name is None else name, document)


def _name_for(document: LegacyDocument, day: date) -> str:
    sources = Counter(record.source for record in document.records)
    source = document.url or max(sources, key=lambda found: sources[found])
    return clean(source, day) if source else SOURCELESS


def _twins(placed: Iterable[_Placed]) -> list[list[_Placed]]:
    """Return the first JSON with the first Markdown of its day; each further file on its own."""
    groups: list[list[_Placed]] = []
    for file in placed:
        is_twin = (
            groups
            and len(groups[-1]) == 1
            and groups[-1][0].document.kind is not file.document.kind
            and (groups[-1][0].day, groups[-1][0].name) == (file.day, file.name)
        )
        if is_twin:
            groups[-1].append(file)
        else:
            groups.append([file])
    return groups


def _items_of(files: list[_Placed]) -> _Group:
    """Return the records of twins, each once, and which of them stand in which file."""
    by_kind = {file.document.kind: index for index, file in enumerate(files)}
    json_at, markdown_at = by_kind.get(LegacyKind.JSON), by_kind.get(LegacyKind.MARKDOWN)
    if json_at is not None and markdown_at is not None:
        twin = files[markdown_at].document
        tagged = with_tags_of(files[json_at].document, twin)
        files[json_at] = replace(files[json_at], document=tagged)
    group = _Group(files)
    if json_at is not None:
        _add_rows(group, files[json_at], [None] * len(files[json_at].document.records), {})
    if markdown_at is not None:
        markdown = files[markdown_at]
        shown: list[LegacyRecord | None] = [None] * len(markdown.document.records)
        of_json: dict[int, _Item] = {}
        if json_at is not None:
            shown = paired(markdown.document, files[json_at].document)
            of_json = {id(item.record): item for item in group.items}
        _add_rows(group, markdown, shown, of_json)
    return group


def _add_rows(
    group: _Group,
    file: _Placed,
    shown: Sequence[LegacyRecord | None],
    of_json: Mapping[int, _Item],
) -> None:
    rows: list[_Item] = []
    for record, twin in zip(file.document.records, shown, strict=True):
        known = of_json.get(id(twin)) if twin is not None else None
        if known is not None:
            rows.append(replace(known, record=record))
            continue
        url = address_of(record.source) or (f"https://{record.host}/" if record.host else None)
        if url is None:
            group.lost += 1
            continue
        item = _Item(
            url,
            record,
            sighting_of(record.content, guid=None, doubts=record.doubts),
            seen_at_of(record, file.day),
        )
        rows.append(item)
        group.items.append(item)
    group.rows[file.document.kind] = rows


def _by_url(items: Iterable[_Item]) -> dict[str, list[_Item]]:
    found: dict[str, list[_Item]] = {}
    for item in items:
        found.setdefault(item.url, []).append(item)
    return found


def _titles_of(group: _Group) -> dict[str, str]:
    """Return what the files call their feed on their day."""
    return {
        url: file.document.title
        for file in group.files
        if file.document.title
        and (url := address_of(file.document.url)) is not None
        and file.document.title != file.document.url
    }


def _new_feed(item: _Item, group: _Group) -> NewFeed:
    is_crawled = address_of(item.record.source) is None
    languages = [file.document.language for file in group.files if file.document.language]
    return NewFeed(
        url=item.url,
        title=_titles_of(group).get(item.url),
        language=tag_of(languages[0]) if languages and not is_crawled else None,
        is_private=is_private(item.url),
        is_crawled=is_crawled,
        status=FeedStatus.ARCHIVED,
    )


# --- what follows ---------------------------------------------------------------------------------


def _concluded(
    group: _Group, feeds: Mapping[str, Feed], known: Mapping[str, Known], account: Account
) -> list[Import]:
    """Return the imports of a group: its entries with the first file, the forms of both."""
    day = group.files[0].day
    titles = _titles_of(group)
    changes = []
    for url, items in _by_url(group.items).items():
        feed = feeds[url]
        pairs = [(item.sighting, item.seen_at) for item in items]
        changed = revise_import(feed, pairs, known[url], day=day)
        changes.append(FeedChanges(feed=feed, changes=changed, title=titles.get(url)))
        account.new += len(changed.new)
        account.revised += len(changed.revised)
        account.known += changed.unchanged
        account.erased += sum(item.sighting.identity in known[url].erased for item in items)
    _count(group, account)
    stored = _stored_contents(group.items, known)
    imports = []
    for file in group.files:
        rows = _rows_of(file, group.rows[file.document.kind], feeds, stored, known)
        if rows is None or group.lost:
            account.skipped.append(Skipped(file.path, _UNKEPT))
        kept = None if rows is None or group.lost else _file_of(file)
        imports.append(Import(groups=tuple(changes), file=kept, rows=rows or ()))
        changes = []
    return imports


def _count(group: _Group, account: Account) -> None:
    account.files += len(group.files)
    account.read += len(group.items) + group.lost
    for item in group.items:
        doubts = item.sighting.doubts - {Doubt.IMPORTED}
        if doubts:
            account.doubtful += 1
            account.doubts.update(doubt.value for doubt in doubts)
    if group.lost:
        reason = f"{group.lost} records with neither source nor link"
        account.skipped.append(Skipped(group.files[0].path, reason))


_Key = tuple[str, str, bytes]


def _stored_contents(
    items: Iterable[_Item], known: Mapping[str, Known]
) -> dict[_Key, Content | None]:
    """Return the content that each wording will have; None where it was stored before."""
    stored: dict[_Key, Content | None] = {}
    for item in items:
        sighting = item.sighting
        entry = _entry_of(known[item.url], sighting.identity)
        is_known = entry is not None and sighting.digest in entry.wordings
        key = (item.url, sighting.identity, sighting.digest)
        stored.setdefault(key, None if is_known else sighting.content)
    return stored


def _rows_of(
    file: _Placed,
    items: Sequence[_Item],
    feeds: Mapping[str, Feed],
    stored: Mapping[_Key, Content | None],
    known: Mapping[str, Known],
) -> tuple[LegacyRow, ...] | None:
    """Return a file's rows; None where they wouldn't give the file again, byte for byte."""
    writer = file.document.writer
    rows: list[tuple[Content, Mapping[str, Json]]] = []
    kept: list[LegacyRow] = []
    for item in items:
        sighting = item.sighting
        content = stored[item.url, sighting.identity, sighting.digest]
        base = content or _loosened(sighting.content)
        leftover = writer.leftover_of(item.record.values, base, is_pinned_only=content is None)
        rows.append((base, leftover))
        found = known[item.url]
        if sighting.identity in found.erased:
            continue
        entry = _entry_of(found, sighting.identity)
        kept.append(
            LegacyRow(
                feed_id=feeds[item.url].id,
                identity=entry.identity if entry else sighting.identity,
                digest=sighting.digest,
                leftover=leftover,
            )
        )
    if writer.write(rows) != file.document.body or not is_storable([row[1] for row in rows]):
        return None
    return tuple(kept)


def _entry_of(known: Known, identity: str) -> KnownEntry | None:
    return known.by_identity.get(identity) or known.by_permalink.get(identity)


def _loosened(content: Content) -> Content:
    """Return what the digest of a wording vouches for."""
    return Content(
        title=content.title,
        permalink=content.permalink,
        summary=content.summary,
        author=content.author,
    )


def _file_of(file: _Placed) -> LegacyFile:
    return LegacyFile(
        day=file.day, name=file.name, kind=file.document.kind, form=file.document.form
    )
