"""Writing what the old system wrote: imported files as they came, and days of our own in its form.

It goes to a directory of its own: in a tree that holds Newsreel's archive the files would take the
place of others with the same names.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol

from newsreel.app.export import Selection, silent
from newsreel.archive.trouble import archive_trouble
from newsreel.errors import ArchiveError
from newsreel.formats import legacy_archive
from newsreel.formats.legacy_day import joined_file, polled_file
from newsreel.formats.legacy_names import SUFFIX, directory_of, is_harmless, path_of, safe_name
from newsreel.formats.legacy_sources import NAME, NO_DAY, is_sources, write_sources
from newsreel.model.day import DayFile, DayPage
from newsreel.model.entry import Doubt, Entry
from newsreel.model.legacy import LegacyFile, LegacyKind, StoredLegacyRow
from newsreel.store.protocols import DayStore, ImportStore

OWN_LOG = "log.jsonl"


class LegacyStore(DayStore, ImportStore, Protocol):
    """What this export needs of a store."""


async def export_legacy(
    store: LegacyStore,
    root: Path,
    selection: Selection,
    *,
    progress: Callable[[int, int], None] = silent,
    notify: Callable[[str], None] = silent,
) -> int:
    """Write the selected days (all, where none are named) and return how many files they have.

    Private feeds are left out. Raises :class:`~newsreel.errors.ArchiveError` where ``root`` holds
    Newsreel's own archive.
    """
    if (root / OWN_LOG).exists():
        raise ArchiveError(
            f"{root} holds Newsreel's own archive ({OWN_LOG})",
            hint="name another directory with --archive for the old form",
        )
    wanted = None if selection.feed_id is None else frozenset({selection.feed_id})
    days = await _days(store, selection)
    count = 0
    for done, day in enumerate(days):
        progress(done, len(days))
        imported = await store.legacy_files(day)
        pages = await store.pages(day, is_private=False, feed_ids=wanted)
        files = list(_files_of(day, imported, pages, wanted, notify))
        await asyncio.to_thread(_write_all, root, files)
        count += len(files)
    return count


async def _days(store: LegacyStore, selection: Selection) -> list[date]:
    counts = await store.days(first=selection.first, last=selection.last)
    imported = await store.legacy_days()
    return sorted({count.day for count in counts} | set(filter(selection.holds, imported)))


_Imported = list[tuple[LegacyFile, list[StoredLegacyRow]]]


def _files_of(
    day: date,
    imported: _Imported,
    pages: Iterable[DayPage],
    wanted: frozenset[int] | None,
    notify: Callable[[str], None],
) -> Iterator[DayFile]:
    """Yield the files of a day: imported ones, joined by what was polled, then polled ones."""
    further: dict[int, DayPage] = {page.feed.id: page for page in pages if page.entries}
    taken: set[str] = set()
    joined: set[int] = set()
    shared: set[int] = set()
    for file, rows in imported:
        if is_sources(file):
            if wanted is None:
                yield DayFile(_path_of_sources(file), write_sources(file.form))
            continue
        shown = [row for row in rows if not row.feed.is_private]
        if rows and not any(wanted is None or row.feed.id in wanted for row in shown):
            continue
        if not is_harmless(file.name):
            notify(f"{file.day}: left out, no name that a file can have: {file.name!r:.80}")
            continue
        owner = _owner_of(rows)
        joined.update({owner} if owner else ())
        shared.update(row.feed.id for row in rows)
        path = path_of(file)
        taken.add(path.lower())
        yield DayFile(path, _imported_body(file, shown, further.get(owner) if owner else None))
    for feed_id, page in further.items():
        if feed_id in joined or page.feed.is_crawled:
            continue
        entries = tuple(e for e in page.entries if feed_id not in shared or _is_polled(e))
        if entries:
            yield from _polled_files(day, replace(page, entries=entries), taken)


def _imported_body(
    file: LegacyFile, rows: Iterable[StoredLegacyRow], page: DayPage | None
) -> bytes:
    pairs = [(row.content, row.leftover) for row in rows]
    polled = [(page.feed, entry) for entry in page.entries if _is_polled(entry)] if page else []
    if polled:
        return joined_file(file.kind, file.form, pairs, polled)
    return legacy_archive.write(file.kind, file.form, pairs)


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


def _owner_of(rows: Iterable[StoredLegacyRow]) -> int | None:
    """Return the one feed whose file this is; None where there are several."""
    feeds = {row.feed.id for row in rows}
    return feeds.pop() if len(feeds) == 1 else None


def _is_polled(entry: Entry) -> bool:
    return Doubt.IMPORTED not in entry.revisions[0].doubts


def _write_all(root: Path, files: Iterable[DayFile]) -> None:
    """Put files in place, each whole or not at all; those that are there already stay."""
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
