"""Writing what the old system wrote: imported files as they came, and days of our own in its form.

It goes to a directory of its own: in a tree that holds Newsreel's archive the files would take the
place of others with the same names.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from newsreel.archive.trouble import archive_trouble
from newsreel.errors import ArchiveError
from newsreel.formats import legacy_archive
from newsreel.formats.legacy_day import joined_file, polled_file
from newsreel.formats.legacy_names import SUFFIX, directory_of, is_harmless, path_of, safe_name
from newsreel.formats.legacy_sources import NAME, NO_DAY, is_sources, write_sources
from newsreel.model.day import DayFile, DayPage
from newsreel.model.entry import Doubt, Entry
from newsreel.model.feed import Feed
from newsreel.model.legacy import LegacyFile, LegacyKind, StoredLegacyRow
from newsreel.store.protocols import DayStore, ImportStore

OWN_LOG = "log.jsonl"


class LegacyStore(DayStore, ImportStore, Protocol):
    """What this export needs of a store."""


@dataclass(slots=True, kw_only=True)
class LegacyAccount:
    """What was written: ``days`` and ``files`` in all, ``changed`` whose bytes were not there."""

    days: int = 0
    files: int = 0
    changed: int = 0
    skipped: list[str] = field(default_factory=list)


async def export_legacy(
    store: LegacyStore,
    root: Path,
    *,
    first: date | None = None,
    last: date | None = None,
    feed_ids: Iterable[int] | None = None,
) -> LegacyAccount:
    """Write the days from ``first`` to ``last`` (None: all); private feeds are left out.

    Raises :class:`~newsreel.errors.ArchiveError` where ``root`` holds Newsreel's own archive.
    """
    if (root / OWN_LOG).exists():
        raise ArchiveError(
            f"{root} holds Newsreel's own archive ({OWN_LOG})",
            hint="name another directory with --archive for the old form",
        )
    wanted = None if feed_ids is None else frozenset(feed_ids)
    account = LegacyAccount()
    days = {count.day for count in await store.days(first=first, last=last)}
    days |= {
        day
        for day in await store.legacy_days()
        if (first is None or first <= day) and (last is None or day <= last)
    }
    for day in sorted(days):
        imported = await store.legacy_files(day)
        pages = await store.pages(day, is_private=False, feed_ids=wanted)
        files = _files_of(day, imported, pages, wanted, account)
        if files:
            account.days += day != NO_DAY
            account.files += len(files)
            account.changed += await asyncio.to_thread(_write_all, root, files)
    return account


_Imported = list[tuple[LegacyFile, list[StoredLegacyRow]]]


def _files_of(
    day: date,
    imported: _Imported,
    pages: Iterable[DayPage],
    wanted: frozenset[int] | None,
    account: LegacyAccount,
) -> list[DayFile]:
    """Return the files of a day: imported ones, joined by what was polled, then polled ones."""
    further: dict[int, DayPage] = {page.feed.id: page for page in pages if page.entries}
    joined: set[int] = set()
    files = []
    for file, rows in imported:
        if is_sources(file):
            if wanted is None:
                files.append(DayFile(_path_of_sources(file), write_sources(file.form)))
            continue
        shown = [row for row in rows if _is_shown(row.feed, wanted)]
        if rows and not shown:
            continue
        owner = _owner_of(rows)
        page = further.get(owner.id) if owner else None
        if owner:
            joined.add(owner.id)
        if not is_harmless(file.name):
            account.skipped.append(f"{file.day} {file.name!r:.80}: no name a file can have")
            continue
        new = [(page.feed, entry) for entry in page.entries if _is_polled(entry)] if page else []
        pairs = [(row.content, row.leftover) for row in shown]
        if new:
            body = joined_file(file.kind, file.form, pairs, new)
        else:
            body = legacy_archive.write(file.kind, file.form, pairs)
        files.append(DayFile(path_of(file), body))
    taken = {file.path.lower() for file in files}
    for feed_id, page in further.items():
        if feed_id not in joined and not page.feed.is_crawled:
            files += _polled_files(day, page, taken)
    return files


def _polled_files(day: date, page: DayPage, taken: set[str]) -> Iterator[DayFile]:
    start = f"{directory_of(day)}/"

    def path(name: str, kind: LegacyKind) -> str:
        return f"{start}{name}{SUFFIX}.{kind}"

    url = page.feed.first_url
    name = safe_name(url, day)
    if any(path(name, kind).lower() in taken for kind in LegacyKind):
        name = safe_name(url, day, is_taken=True)
    for kind in LegacyKind:
        taken.add(path(name, kind).lower())
        yield DayFile(path(name, kind), polled_file(page, kind))


def _path_of_sources(file: LegacyFile) -> str:
    return NAME if file.day == NO_DAY else f"{directory_of(file.day)}/{NAME}"


def _is_shown(feed: Feed, wanted: frozenset[int] | None) -> bool:
    return not feed.is_private and (wanted is None or feed.id in wanted)


def _owner_of(rows: Iterable[StoredLegacyRow]) -> Feed | None:
    """Return the one feed whose file this is; None where there are several."""
    feeds = {row.feed.id: row.feed for row in rows}
    return next(iter(feeds.values())) if len(feeds) == 1 else None


def _is_polled(entry: Entry) -> bool:
    return Doubt.IMPORTED not in entry.revisions[0].doubts


def _write_all(root: Path, files: Iterable[DayFile]) -> int:
    """Put files in place, each whole or not at all; return how many had other bytes."""
    changed = 0
    with archive_trouble(root):
        for file in files:
            path = root / file.path
            try:
                if path.read_bytes() == file.body:
                    continue
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.parent / f".{os.getpid()}.tmp"
            temporary.write_bytes(file.body)
            temporary.replace(path)
            changed += 1
    return changed
