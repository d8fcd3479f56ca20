"""Days of the archive, and the files that hold them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.poll import Gap


class WriteReason(StrEnum):
    """Why a file was written again, in the words of the log; the weightier stand first."""

    ERASED = "erased"
    WITHHELD = "withheld"
    REVISION = "revision"
    LATE_ENTRIES = "late-entries"
    REREAD = "reread"
    IMPORTED = "imported"
    NEW = "new"
    POLLS = "polls"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPage:
    """What one day file shows: a feed's entries of a day, under its title of that day."""

    day: date
    feed: Feed
    title: str | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFeed:
    """One feed's line in the manifest of a day: its files (None: no entries), polls and gaps."""

    feed: Feed
    title: str | None
    entries: int
    revisions: int
    md_digest: str | None
    json_digest: str | None
    polls_expected: int
    polls_made: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """A feed's line in a manifest; ``file_name`` and digests are None where it has no files."""

    url: str
    title: str | None
    file_name: str | None
    entries: int
    revisions: int
    md_digest: str | None
    json_digest: str | None
    polls_expected: int
    polls_made: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of a file; ``sha256`` is empty where the file was removed."""

    version: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What is to be done to one file of the archive.

    ``body`` None removes it. ``is_logged``: the log gets a line; ``touches_disk``: the file has
    to be put in place; ``moves_aside``: what lies there is not ours and keeps its bytes under
    another name.
    """

    path: str
    body: bytes | None
    version: int
    sha256: str
    reason: WriteReason
    is_logged: bool = True
    touches_disk: bool = True
    moves_aside: bool = False


@dataclass(frozen=True, slots=True)
class DayFile:
    """A file of the archive: its path below the archive's root, with ``/``, and its bytes."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyPage:
    """A feed's day that has changed since it was written; ``mark`` tells later changes apart.

    ``feed_id`` 0 stands for the day's manifest alone.
    """

    day: date
    feed_id: int
    reason: WriteReason
    mark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """One day in numbers."""

    day: date
    feeds: int
    entries: int
    revised: int
    gaps: int
    is_dirty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One version of one file, as the archive's log keeps it."""

    at: datetime
    path: str
    version: int
    sha256: str
    reason: WriteReason
    previous: str
