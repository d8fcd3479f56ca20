"""Copy a whole archive from one database into another: rows → batches → read back → compare.

Tables are read in the order of their keys, and each batch goes into the target together with the
mark of how far it is, so that a copy that was stopped goes on where it was. At the end every row
of both sides is read again and compared. Until then no store opens the target.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from newsreel.errors import StoreError, UsageError
from newsreel.store.contents import ARCHIVE, Row, Table, in_batches
from newsreel.store.transfer import Reader, Writer, open_reader, open_writer

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many rows of it are, and of how many."""

MOST_NAMED = 3
TOLD_EVERY = 1_000
ANEW = "empty the target and copy again; what differs once more is a fault of ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAccount:
    """What a copy did: rows of all tables, and how many an earlier run had copied.

    ``source`` and ``target`` are addresses without passwords. ``digest`` is the SHA-256 of all
    rows but those of the search index; ``has_index`` says whether that was copied too, or is to be
    made.
    """

    source: str
    target: str
    rows: int
    rows_before: int
    entries: int
    digest: str
    has_index: bool


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def copy_archive(source: str, target: str, *, progress: Progress = silent) -> CopyAccount:
    """Copy the archive at one address to another, compare all that came, and say what was done.

    Raises :class:`~newsreel.errors.UsageError` where one of them is in use or the target holds
    something else, :class:`~newsreel.errors.StoreError` where rows differ at the end.
    """
    with open_reader(source) as reader:
        _check_alone(reader)
        with open_writer(target) as writer:
            _check_alone(writer)
            has_index = reader.kind == writer.kind
            tables = (*ARCHIVE, *reader.index) if has_index else ARCHIVE
            counts = _counts(reader, tables)
            total, state = sum(counts.values()), _state_of(reader, counts)
            _begin(writer, state)
            before = sum(writer.reached(table)[1] for table in tables)
            _copy(reader, writer, tables, progress, total=total)
            with open_reader(target, is_copy=True) as copy:
                digest = _compare(reader, copy, tables, progress, total=total)
            _check_unchanged(source, state, tables)
            writer.finish(has_index=has_index)
    return CopyAccount(
        source=reader.name,
        target=writer.name,
        rows=total,
        rows_before=before,
        entries=counts["entries"],
        digest=digest,
        has_index=has_index,
    )


def _check_alone(database: Reader | Writer) -> None:
    if writers := database.writers():
        raise UsageError(
            f"the database is in use: {database.name}, by {', '.join(writers)}",
            hint="stop what polls or writes; it would be missing in the copy, or in its way",
        )


def _counts(reader: Reader, tables: Iterable[Table]) -> dict[str, int]:
    return {table.name: reader.count(table) for table in tables}


def _begin(writer: Writer, state: bytes) -> None:
    """Let a copy begin, or go on."""
    begun = writer.source()
    if begun is None:
        if not writer.is_empty():
            raise UsageError(
                f"the database holds an archive already: {writer.name}",
                hint="name a new one; archives are not mixed",
            )
        writer.begin(state)
    elif begun != state:
        raise UsageError(
            f"the copy in {writer.name} was begun from another archive, or from this one before "
            "it changed",
            hint="delete that database, or name a new one",
        )


def _state_of(reader: Reader, counts: Mapping[str, int]) -> bytes:
    """Return what tells whether an archive is the same, and as it was."""
    first = "SELECT first_url, added_at FROM feeds ORDER BY id LIMIT 1"
    times = "SELECT max(last_poll_at), max(next_poll_at) FROM feed_state"
    told = [reader.kind, sorted(counts.items()), *reader.query(first), *reader.query(times)]
    return hashlib.sha256(msgspec.msgpack.encode(told)).digest()


def _copy(
    reader: Reader, writer: Writer, tables: Sequence[Table], progress: Progress, *, total: int
) -> None:
    done = 0
    for table in tables:
        after, before = writer.reached(table)
        done += before
        progress("copying", done, total)
        for rows in in_batches(reader.rows(table, after=after)):
            writer.write(table, rows, before=before)
            before += len(rows)
            done += len(rows)
            progress("copying", done, total)


def _compare(
    reader: Reader, copy: Reader, tables: Sequence[Table], progress: Progress, *, total: int
) -> str:
    """Return the digest of the archive's rows, which are the same on both sides."""
    comparison = _Comparison(progress, total)
    for table in tables:
        comparison.compare(table, reader.rows(table), copy.rows(table))
    if comparison.found:
        raise StoreError(
            f"the copy is not what was copied: {'; '.join(comparison.found)}", hint=ANEW
        )
    return comparison.digest


@dataclass(slots=True)
class _Comparison:
    """Two databases, row by row."""

    progress: Progress
    total: int
    found: list[str] = field(default_factory=list)
    _done: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def compare(self, table: Table, rows: Iterable[Row], others: Iterator[Row]) -> None:
        """Compare the rows of a table; what differs joins ``found``."""
        encode = msgspec.msgpack.Encoder().encode
        is_archive = table in ARCHIVE
        self._digest.update(encode(table.name) if is_archive else b"")
        keys = _Keys()
        other = next(others, None)
        for row in rows:
            if is_archive:
                self._digest.update(encode(row))
            self._step()
            while other is not None and other != row and table.key_of(other) < table.key_of(row):
                keys.add(table.key_of(other))
                other = next(others, None)
            if other == row:
                other = next(others, None)
                continue
            keys.add(table.key_of(row))
            if other is not None and table.key_of(other) == table.key_of(row):
                other = next(others, None)
        while other is not None:
            keys.add(table.key_of(other))
            other = next(others, None)
        if keys.count:
            self.found.append(f"{table.name} in {keys.count} rows, such as {keys.named}")

    def _step(self) -> None:
        self._done += 1
        if self._done % TOLD_EVERY == 0 or self._done == self.total:
            self.progress("comparing", self._done, self.total)


@dataclass(slots=True)
class _Keys:
    count: int = 0
    _first: list[Row] = field(default_factory=list)

    def add(self, key: Row) -> None:
        self.count += 1
        if len(self._first) < MOST_NAMED:
            self._first.append(key)

    @property
    def named(self) -> str:
        return ", ".join(" ".join(map(str, key)) for key in self._first)


def _check_unchanged(source: str, state: bytes, tables: Sequence[Table]) -> None:
    """Raise where the source is another one by now: what it learned is not in the copy."""
    with open_reader(source) as reader:
        if _state_of(reader, _counts(reader, tables)) != state:
            raise StoreError(
                f"the archive was written to while it was copied: {reader.name}",
                hint="stop what writes there, empty the target and copy again",
            )
