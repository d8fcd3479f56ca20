"""One SELECT over the archive's tables, run by DuckDB. Needs the extra ``data``.

Theory of operation. Each table is a view of an Arrow stream, which is opened anew by every scan
and fed page by page: a table of any size passes through, only what the query gathers is held. The
plan says which columns the scans want, and no others are read; where it says it in words that are
not known here, all are. The database lives in memory and is locked before the query is seen: no
file, no network, no extension, no variable of Python.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from newsreel.app.extras import extra
from newsreel.errors import NewsreelError, UsageError
from newsreel.formats.arrow import Arrow, arrow_schema, record_batch
from newsreel.model.tables import TABLES, Column, Table, Values

Read = Callable[[Table[object], Sequence[Column]], Iterator[list[Values]]]

CONFIG = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}
LOCK = ("SET enable_external_access = false", "SET lock_configuration = true")
SCAN = "PYTHON_ARROW_SCAN"
KNOWN_OF_SCANS = {"Function", "Projections", "Estimated Cardinality"}


@contextmanager
def sql_relation(query: str, read: Read) -> Iterator[Any]:
    """Yield a query as a relation of DuckDB's, which runs when its rows are asked for.

    Raises :class:`~newsreel.errors.UsageError` for what is no SELECT, or a wrong one.
    """
    duckdb = extra("duckdb", wanted_for="SQL")
    extra("pyarrow", wanted_for="SQL")
    streams = [_Stream(table, read) for table in TABLES]
    with closing(duckdb.connect(":memory:", config=CONFIG)) as connection:
        for stream in streams:
            connection.register(stream.name, stream)
        for setting in LOCK:
            connection.execute(setting)
        try:
            _check(duckdb, connection, query)
            needed = _needed(duckdb, connection, query)
            for stream in streams:
                stream.needed = needed
            relation = connection.sql(query)
            _check_names(relation.columns)
            yield relation
        except duckdb.Error as error:
            raise _told(error, streams) from None


def _check(duckdb: Any, connection: Any, query: str) -> None:  # noqa: ANN401 - loaded by name
    types = [statement.type for statement in connection.extract_statements(query)]
    if types != [duckdb.StatementType.SELECT]:
        raise UsageError("not one SELECT", hint="the archive is read only, a question at a time")


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two columns are called {name!r}", hint="name them apart with AS")


def _needed(duckdb: Any, connection: Any, query: str) -> frozenset[str] | None:  # noqa: ANN401 - loaded by name
    """Return the columns that any scan wants, None where that can't be told."""
    try:
        explained = connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
        scans = [info for node in json.loads(explained[0][1]) for info in _scans(node)]
    except (duckdb.Error, ValueError, LookupError, TypeError):
        return None
    if not scans or any(info.keys() != KNOWN_OF_SCANS for info in scans):
        return None
    names: set[str] = set()
    for info in scans:
        found = info["Projections"]
        names.update([found] if isinstance(found, str) else found)
    return frozenset(names)


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["name"] == SCAN:
        yield node["extra_info"]
    for child in node["children"]:
        yield from _scans(child)


def _told(error: Exception, streams: Sequence["_Stream"]) -> NewsreelError:
    for stream in streams:
        if stream.error is not None:
            return stream.error
    lines = [line for line in str(error).splitlines() if line.strip()]
    names = ", ".join(stream.name for stream in streams)
    return UsageError("\n".join(lines), hint=f"the tables are {names}; DESCRIBE lists columns")


class _Stream:
    """A table as DuckDB sees it."""

    def __init__(self, table: Table[object], read: Read) -> None:
        self.name = table.name
        self.needed: frozenset[str] | None = None
        self.error: NewsreelError | None = None
        self._table = table
        self._read = read
        self._schema = arrow_schema(table.columns, has_zone=False)

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow

        reader = pyarrow.RecordBatchReader.from_batches(self._schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[Arrow]:
        columns = [
            column
            for column in self._table.columns
            if self.needed is None or column.name in self.needed
        ]
        names = [column.name for column in columns]
        try:
            for rows in self._read(self._table, columns):
                yield record_batch(self._schema, names, rows)
        except NewsreelError as error:
            self.error = error
            raise
