"""What is to be written of a day: what there should be, against what is known and on disk."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from newsreel.model.day import (
    DayFeed,
    DayPage,
    DirtyPage,
    FileVersion,
    WriteReason,
    Writing,
)
from newsreel.model.entry import Doubt

GONE = ""
"""The digest of a file that is not there."""

_WEIGHTS = {reason: weight for weight, reason in enumerate(WriteReason)}
_REMOVALS = (WriteReason.ERASED, WriteReason.WITHHELD)


def directory_of(day: date) -> str:
    """Return a day's directory below the archive's root: ``2026/01/2026-01-05``."""
    return f"{day.year:04}/{day.month:02}/{day.isoformat()}"


def day_of_path(path: str) -> date | None:
    """Return the day in whose directory a path of an archive lies; None: in none."""
    directory, _, _ = path.rpartition("/")
    try:
        day = date.fromisoformat(directory[-10:])
    except ValueError:
        return None
    return day if directory == directory_of(day) else None


def writing_of(
    path: str,
    body: bytes | None,
    *,
    reason: WriteReason | None,
    written: FileVersion | None,
    logged: FileVersion | None,
    on_disk: str,
    is_imported: bool = False,
) -> Writing | None:
    """Return what has to be done about one file; None: nothing.

    ``body`` None: the file has to go. ``written`` is what the store remembers, ``logged`` the
    newest version in the log, ``on_disk`` the digest of what lies there (:data:`GONE`: nothing).
    Only what the store remembers to have written is replaced or removed; all else moves aside.
    """
    sha256 = GONE if body is None else hashlib.sha256(body).hexdigest()
    remembered = written.sha256 if written else GONE
    if on_disk == sha256 == remembered:
        return None
    is_logged = logged is None or logged.sha256 != sha256
    if is_logged and logged is None and body is None:
        return None
    version = (logged.version if logged else 0) + is_logged
    return Writing(
        path=path,
        body=body,
        version=version,
        sha256=sha256,
        reason=_word(reason, version=version, is_imported=is_imported),
        is_logged=is_logged,
        touches_disk=on_disk != sha256,
        moves_aside=on_disk not in {GONE, sha256, remembered},
    )


def _word(reason: WriteReason | None, *, version: int, is_imported: bool) -> WriteReason:
    """A file's first version is new or imported, whatever made the page dirty."""
    if version == 1:
        return WriteReason.IMPORTED if is_imported else WriteReason.NEW
    return reason or WriteReason.REREAD


def weightiest(reasons: Iterable[WriteReason]) -> WriteReason | None:
    """Return the reason that counts most; None: there is none."""
    return min(reasons, key=_WEIGHTS.__getitem__, default=None)


def reasons_by_feed(dirty: Iterable[DirtyPage]) -> dict[int, WriteReason]:
    """Return why each feed's page is dirty."""
    return {page.feed_id: page.reason for page in dirty}


def removal_reason(dirty: Iterable[DirtyPage], present: Iterable[int]) -> WriteReason:
    """Return why files go whose feed has no entries on the day any more."""
    kept = set(present)
    found = [page.reason for page in dirty if page.feed_id not in kept]
    return weightiest(reason for reason in found if reason in _REMOVALS) or WriteReason.WITHHELD


def is_imported(page: DayPage) -> bool:
    """Tell whether all that a page shows came with an import."""
    return all(Doubt.IMPORTED in entry.doubts for entry in page.entries)


def with_files(feeds: Iterable[DayFeed], digests: Mapping[str, tuple[str, str]]) -> list[DayFeed]:
    """Return the lines of a manifest with the digests (JSON, Markdown) of the files beside it.

    Without files a feed has no entries in it, and without polls or gaps no line.
    """
    found = []
    for feed in feeds:
        json_digest, md_digest = digests.get(feed.feed.file_name, ("", ""))
        if json_digest and md_digest:
            found.append(replace(feed, json_digest=json_digest, md_digest=md_digest))
        elif feed.polls_expected or feed.polls_made or feed.gaps:
            found.append(replace(feed, entries=0, revisions=0, json_digest=None, md_digest=None))
    return found
