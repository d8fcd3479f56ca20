"""Every exception that Newsreel raises on purpose.

    NewsreelError            base; carries a ``hint``, the way out
    ├── FeedError            the publisher's: what was sent can't be used
    │   ├── NotAFeed         no feed stands in these bytes
    │   └── NoEntries        the rules of a page find no entry on it
    ├── UsageError           the operator's: exit code 2
    ├── ArchiveError         the archive's files can't be read or written: exit code 1
    └── StoreError           the database is in trouble: exit code 1
        ├── StoreBusy        another process holds it
        ├── LeaseLost        another worker polls this feed now
        ├── SchemaTooNew     a newer Newsreel wrote it
        └── SchemaTooOld     an older one did, and it is opened for reading only

Expected trouble of the outside world (a time-out, a 500) is no exception but a
:class:`newsreel.model.capture.Fault`.
"""


class NewsreelError(Exception):
    """What was found, with the value, in lower case; ``hint`` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FeedError(NewsreelError):
    """A publisher sent what can't be used."""


class NotAFeed(FeedError):
    """The bytes hold no feed of any known format."""


class NoEntries(FeedError):
    """The rules by which a page is read find no entry on it."""


class UsageError(NewsreelError):
    """The operator asked for what can't be done as asked."""


class ArchiveError(NewsreelError):
    """A file of the archive can't be read, or can't be written."""


class StoreError(NewsreelError):
    """The database can't be read, or can't be written."""


class StoreBusy(StoreError):
    """Another process holds the database for longer than we wait."""


class SchemaTooNew(StoreError):
    """The database was written by a newer Newsreel."""


class SchemaTooOld(StoreError):
    """The database must be brought up to date first, and was opened for reading only."""


class LeaseLost(StoreError):
    """The feed's lease ran out, and it is another worker's now."""
