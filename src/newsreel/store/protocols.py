"""What every store can do, by topic. One method is one atomic unit that returns after its commit.

Times go in and out aware and in UTC; days are :class:`datetime.date`. Every method may raise
:class:`~newsreel.errors.StoreError`. The contract suite in ``tests/contract`` is the fine print.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from newsreel.model.day import DayCount, DayFeed, DayPage, DirtyPage, WriteReason
from newsreel.model.entry import Entry, Sighting
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.host import HostState
from newsreel.model.hub import HubSubscription
from newsreel.model.legacy import Import, LegacyFile, LegacyKind, StoredLegacyRow
from newsreel.model.poll import Changes, Gap, Known, Poll, PollRecord, Tombstone
from newsreel.model.query import Candidate, Facets, Order, Query, SavedSearch
from newsreel.model.site import Icon, Robots
from newsreel.model.tables import RowChoice, Values

HOST_SHARE = 16
"""How many feeds of one host are leased at once: the rest are not held up for whoever comes."""


@dataclass(frozen=True, slots=True)
class AddedFeed:
    """A feed as it stands in the store, and whether this call added it."""

    feed: Feed
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A day file or manifest as it was last written; ``version`` counts from 1."""

    path: str
    version: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCounts:
    """The whole archive in numbers; ``size_bytes`` of the database is 0 where it can't be told.

    Beyond some ten million, ``revisions`` and ``polls`` may be what they are about.
    """

    feeds: int
    active: int
    failing: int
    due: int
    entries: int
    revisions: int
    dirty_days: int
    open_gaps: int
    polls: int
    schema: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TombstoneRecord:
    """That an entry was taken out, when and why.

    ``ids`` are all the public ids it might come back under: of its identity, and of its permalinks
    where no other entry of the feed had them (else links don't tell its articles apart).
    """

    public_id: str
    ids: tuple[str, ...]
    kind: Tombstone
    at: datetime
    reason: str
    is_private: bool


Key = tuple[Any, ...]
"""Where a page of rows ended: the store's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """Some rows of a table, and where to go on (None: these were the last)."""

    rows: list[Values]
    last: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """Who works on the database, and what it holds; None: this kind of database does not tell.

    ``polls`` counts since ``started_at``, ``rate`` those of the last minute. ``tasks`` are done by
    one worker at a time.
    """

    name: str
    machine: str | None
    pid: int
    started_at: datetime | None
    beat_at: datetime | None
    feeds: int
    hosts: tuple[str, ...]
    polls: int | None
    rate: int | None
    tasks: tuple[str, ...]


class FeedStore(Protocol):
    """The feeds, and what the operator may change of them."""

    async def add_feeds(self, feeds: Iterable[NewFeed], *, now: datetime) -> list[AddedFeed]:
        """Add what is not there yet; an address that is an alias of a feed finds that feed.

        Adding a removed or archived feed activates it again. A value that is None never overwrites
        one that is known. File names are chosen here, collisions resolved (``~`` and 8 hex digits
        of the address's digest).
        """

    async def restore_feeds(self, feeds: Iterable[Feed]) -> list[Feed]:
        """Add feeds as they were written out; ids are given anew, all else is kept."""

    async def feeds(self, *, statuses: Iterable[FeedStatus] | None = None) -> list[Feed]:
        """Return the feeds by folder, then title; None: all but the removed."""

    async def active_ids(self) -> list[int]:
        """Return the ids of the feeds that are polled, longest due first."""

    async def feed(self, feed_id: int) -> Feed | None:
        """Return one feed."""

    async def find_feed(self, address: str) -> Feed | None:
        """Return the feed that has or had this address."""

    async def save_feed(self, feed: Feed) -> Feed:
        """Store the operator's choices: title, folder, tags, interval, is_private, status.

        Its days become dirty where their files change (a feed that turns private leaves the
        public archive).
        """

    async def purge_feed(self, feed_id: int) -> int:
        """Delete a feed with all its entries and return how many; its days become dirty."""


class PollStore(Protocol):
    """Known-then-save under a lease, and the log of it."""

    async def lease(
        self,
        *,
        now: datetime,
        term: timedelta,
        limit: int,
        feed_ids: Sequence[int] | None = None,
        is_forced: bool = False,
        since: int | None = None,
        after: int = 0,
        but_hosts: Iterable[str] = (),
    ) -> list[Feed]:
        """Lease active, unleased feeds that are due, longest due first.

        ``is_forced``: whatever their time, by number, those behind ``after``; ``since``, a mark of
        the poll log, leaves out what was polled after it. At most ``HOST_SHARE`` feeds of one
        host, where none are named; none of ``but_hosts``, or of a host that another store holds
        feeds of. Never a feed, or a feed of a host, that asked to be left alone until later. The
        lease is this store's; it ends with the poll's save, with its term, or when this process
        dies.
        """

    async def release(self, feed_ids: Iterable[int]) -> None:
        """Give leases back unpolled."""

    async def known(
        self, feed: Feed, sightings: Sequence[Sighting], *, has_wordings: bool = False
    ) -> Known:
        """Return what is known of these sightings' keys, and nothing else."""

    async def save(self, poll: Poll) -> None:
        """Store a poll and end its lease, wholly or not at all. Days that change become dirty.

        Raises :class:`~newsreel.errors.LeaseLost`, and stores nothing, where the lease is no
        longer this store's.
        """

    async def polls(self, *, feed_id: int | None = None, limit: int = 100) -> list[PollRecord]:
        """Return the newest lines of the poll log, newest first."""

    async def poll_mark(self) -> int:
        """Return the mark of the newest line of the poll log, 0 where there is none."""

    async def gaps(self, *, feed_id: int | None = None, limit: int = 1000) -> list[Gap]:
        """Return gaps, newest first."""

    async def hosts(self, names: Iterable[str] | None = None) -> list[HostState]:
        """Return what politeness remembers: of all hosts, or of these and when they were asked.

        A host counts as asked when a lease of a feed of it was freed: whoever died may have been
        asking.
        """

    async def save_hosts(self, hosts: Iterable[HostState]) -> None:
        """Remember hosts; the later ``not_before`` wins."""


class FleetStore(Protocol):
    """Several workers on one database, on one machine or many."""

    def clock(self) -> datetime:
        """Return what time it is for all who share the database, in UTC, to the second."""

    def holding(self, feed: Feed, seconds: float) -> AbstractAsyncContextManager[None]:
        """Run a block only as long as a lease is certain, and so many seconds at most.

        Raises :class:`~newsreel.errors.LeaseLost` where it is not, or no longer: the block is
        cancelled then, and nobody else can have asked the feed's host while it ran.
        """

    def assure(self) -> None:
        """Raise :class:`~newsreel.errors.LeaseLost` unless leases are certain at this moment.

        For the moment before something is sent: whoever was stopped goes on where it was.
        """

    async def take_task(self, name: str) -> bool:
        """Take what one worker at a time does for all, or keep it; False: another one has it.

        It is free when this store is closed, or its process dead.
        """

    async def workers(self) -> list[WorkerState]:
        """Return who works on the database, by name."""


class HubStore(Protocol):
    """Subscriptions at hubs, and what they push."""

    async def hub_subscriptions(self) -> list[HubSubscription]:
        """Return what we asked hubs for, by feed."""

    async def hub_subscription(self, token: str) -> HubSubscription | None:
        """Return the subscription whose callback ends in a token."""

    async def hub_feeds(self) -> list[tuple[Feed, HubSubscription | None]]:
        """Return the active feeds that announce a hub, and all feeds with a subscription."""

    async def change_hub(
        self, feed_id: int, change: Callable[[HubSubscription | None], HubSubscription | None]
    ) -> HubSubscription | None:
        """Replace a feed's subscription by what ``change``, pure, makes of it; None deletes it.

        A feed that is no longer pushed is due as if it never had been.
        """

    async def lease_pushed(self, feed_id: int, *, now: datetime, term: timedelta) -> Feed | None:
        """Lease an active feed to store what a hub pushed; None while it is leased already.

        Nobody is asked, so it does not matter whether its host wants to be left alone.
        """


class EntryStore(Protocol):
    """Entries and their wordings."""

    async def entry(self, public_id: str) -> Entry | None:
        """Return one entry by its public id, or an unambiguous beginning of 6 digits or more."""

    async def entries_of(self, feed_id: int, *, limit: int = 50) -> list[Entry]:
        """Return a feed's newest entries, newest first."""

    async def last_seen_at(self, entry: Entry) -> datetime | None:
        """Return the last poll at which the entry stood in its feed; None: no poll ever saw it."""

    async def tombstone(
        self, public_id: str, kind: Tombstone, *, reason: str, now: datetime
    ) -> bool:
        """Withhold or erase an entry, everywhere; its day becomes dirty. False: no such entry."""

    async def tombstones(self) -> list[TombstoneRecord]:
        """Return what was taken out, oldest first."""

    async def restore_tombstones(self, records: Iterable[TombstoneRecord]) -> None:
        """Merge tombstones that were written out; entries they name go, or are sealed."""


class DayStore(Protocol):
    """Days: what they hold, and which files of theirs are to be written."""

    async def days(self, *, first: date | None = None, last: date | None = None) -> list[DayCount]:
        """Return the days that hold entries, polls or gaps, oldest first, in numbers."""

    async def dirty(self) -> list[DirtyPage]:
        """Return what changed since it was written, by day and feed; private feeds included."""

    async def pages(
        self, day: date, *, is_private: bool, feed_ids: Iterable[int] | None = None
    ) -> list[DayPage]:
        """Return a day's pages, public or private, by file name; withheld entries are left out.

        A feed that was asked for by id and has no entries that day gives an empty page.
        """

    async def day_feeds(self, day: date, *, is_private: bool) -> list[DayFeed]:
        """Return the lines of a day's manifest, by file name; digests are None (the archive's)."""

    async def written(self, day: date, *, is_private: bool) -> dict[str, WrittenFile]:
        """Return the day's files as last written, by path."""

    async def save_written(
        self,
        files: Iterable[WrittenFile],
        *,
        day: date,
        is_private: bool,
        done: Iterable[DirtyPage] = (),
    ) -> None:
        """Remember what was written; ``done`` are clean now, unless they changed again since."""

    async def make_dirty(self, day: date, feed_id: int, reason: WriteReason) -> None:
        """Ask for a page to be written again."""

    async def restore_day_feeds(self, day: date, feeds: Iterable[DayFeed]) -> None:
        """Take over polls, gaps and titles of a day from its manifest."""


class ImportStore(Protocol):
    """What came in from files."""

    async def save_import(self, imported: Import) -> None:
        """Store one file's entries with its text form, wholly or not at all; no day gets dirty."""

    async def save_reading(self, feed: Feed, changes: Changes, *, capture: bytes | None) -> None:
        """Store what a capture says that was read again: no poll is noted. Days become dirty."""

    async def restore_entries(self, feed: Feed, entries: Iterable[Entry]) -> int:
        """Add entries as they were written out and return how many were new.

        Public id, wordings and day are kept, ids given anew; an entry that is there already
        stays; one that was erased does not come back. Makes no day dirty.
        """

    async def legacy_days(self) -> list[date]:
        """Return the days of which imported files are kept."""

    async def legacy_files(self, day: date) -> list[tuple[LegacyFile, list[StoredLegacyRow]]]:
        """Return the imported files of a day by name and kind, with their rows in order."""

    async def has_legacy_file(self, day: date, name: str, kind: LegacyKind) -> bool:
        """Tell whether such a file was imported."""


class SiteStore(Protocol):
    """What is remembered of sites."""

    async def icon(self, site_url: str) -> Icon | None:
        """Return what is known of a site's icon."""

    async def icon_times(self) -> dict[str, datetime]:
        """Return the sites whose icons were asked for, and when each may be asked again."""

    async def save_icon(self, icon: Icon) -> None:
        """Remember an icon, or that there is none, in place of what was known."""

    async def robots(self, origin: str) -> Robots | None:
        """Return the robots.txt of an origin as it was last seen."""

    async def save_robots(self, robots: Robots) -> None:
        """Remember a robots.txt, in place of what was known."""


class TableStore(Protocol):
    """The archive as tables (:mod:`newsreel.model.tables`)."""

    async def page(
        self,
        table: str,
        columns: Sequence[str],
        chosen: RowChoice,
        *,
        after: Key | None = None,
        limit: int = 1000,
    ) -> RowPage:
        """Return some rows of a table, with the columns that are named, in the table's order.

        Entries, revisions and changes come by day, feed and entry, polls as they were made, feeds
        by number, coverage day by day. ``limit`` counts entries, feeds or polls.
        """

    async def entry_rows(
        self, columns: Sequence[str], chosen: RowChoice, entry_ids: Sequence[int]
    ) -> list[Values]:
        """Return rows of ``entries`` in the order of these ids, those of them that are chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found: some candidates, and how many entries there are.

    In the order of age the candidates are a page; ``last`` continues it (None: the end). In that
    of relevance they are what is worth ranking among the newest hits; ``top`` is where the newest
    stands. ``is_count_exact`` False: there are ``count`` at least. ``is_whole`` False: the time
    was up before all was looked through.
    """

    candidates: tuple[Candidate, ...]
    count: int
    is_count_exact: bool
    facets: Facets
    top: int | None
    last: int | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class IndexState:
    """How many entries can't be found yet; ``is_current`` False: the others by older rules."""

    pending: int
    is_current: bool


class SearchStore(Protocol):
    """What is found by its words. Withheld entries are not; private feeds are the operator's."""

    async def search(
        self,
        query: Query,
        *,
        order: Order,
        limit: int,
        after: int | None = None,
        has_facets: bool = False,
        seconds: float = 0.5,
    ) -> Found:
        """Return what a prepared query finds; each entry once, by its newest wording that matches.

        The newest come first: by day, then time. ``after`` is the ``last`` of the page before; in
        the order of relevance the ``top`` of the first page, so that pages don't shift.
        ``seconds`` is how long the index is read at most.
        """

    async def search_languages(self) -> list[str]:
        """Return the languages of what is searched as primary subtags, the most frequent first."""

    async def similar(self, public_id: str, *, limit: int) -> list[tuple[Candidate, float]]:
        """Return what shares rare words with an entry, with scores, the most similar first."""

    async def index_state(self) -> IndexState:
        """Return how much of the archive can't be searched."""

    async def empty_index(self) -> None:
        """Forget the index; all entries are to be indexed anew."""

    async def index_some(self, limit: int) -> int:
        """Index some of the entries that are not yet, and return how many; 0: all are."""

    async def tidy_index(self) -> None:
        """Make the index as small and as fast as it can be."""

    async def save_search(self, search: SavedSearch) -> bool:
        """Keep a search under its name; False: it took another's place."""

    async def saved_searches(self) -> list[SavedSearch]:
        """Return the searches that were given a name, by name."""

    async def remove_search(self, name: str) -> bool:
        """Forget a saved search; False: there was none."""


class Store(
    FeedStore,
    PollStore,
    FleetStore,
    HubStore,
    EntryStore,
    DayStore,
    ImportStore,
    SiteStore,
    TableStore,
    SearchStore,
    Protocol,
):
    """A whole store."""

    async def counts(self, *, now: datetime) -> StoreCounts:
        """Return the archive in numbers."""

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
