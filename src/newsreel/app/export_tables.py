"""Write rows to a file, as they come: the memory it takes is that of a few pages."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from newsreel import __version__
from newsreel.app.extras import extra
from newsreel.errors import ArchiveError
from newsreel.formats.arrow import arrow_schema, record_batch
from newsreel.formats.tables import csv_lines, json_lines
from newsreel.model.tables import TABLES_VERSION, Column, Values

ROW_GROUP = 20_000


class RowFormat(StrEnum):
    """What rows are written as."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


class RowPages(Protocol):
    """Rows, some at a time."""

    columns: tuple[Column, ...]

    async def next(self) -> list[Values] | None:
        """Return the next rows, None where there are no more."""


class Writer(Protocol):
    """Takes rows, and at the end is told so."""

    def write(self, rows: Sequence[Values]) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what is held back, and what ends the file."""


async def write_rows(
    pages: RowPages,
    row_format: RowFormat,
    file: BinaryIO,
    *,
    progress: Callable[[int], None],
) -> int:
    """Write all rows to a file and return how many; ``progress`` is told how many are written."""
    writer = WRITERS[row_format](file, pages.columns)
    count = 0
    while (rows := await pages.next()) is not None:
        await asyncio.to_thread(writer.write, rows)
        count += len(rows)
        progress(count)
    await asyncio.to_thread(writer.close)
    return count


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that stands under its name once it is whole, and never before.

    Raises :class:`~newsreel.errors.ArchiveError` where the disk refuses.
    """
    part = path.parent / f"{path.name}.part"
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ArchiveError(
            f"the file can't be written: {path}: {error.strerror or error}",
            hint="name a file in a directory of yours, with space left",
        ) from error
    finally:
        part.unlink(missing_ok=True)


class _JsonLines:
    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._file = file
        self._names = [column.name for column in columns]

    def write(self, rows: Sequence[Values]) -> None:
        self._file.write(json_lines(self._names, rows))

    def close(self) -> None:
        """A line ends itself."""


class _Csv:
    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._file = file
        file.write(csv_lines([tuple(column.name for column in columns)]))

    def write(self, rows: Sequence[Values]) -> None:
        self._file.write(csv_lines(rows))

    def close(self) -> None:
        """A row ends itself."""


class _Parquet:
    """Row groups of some size are what makes a file quick to read in part."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        parquet = extra("pyarrow.parquet", wanted_for="Parquet")
        self._names = [column.name for column in columns]
        self._schema = arrow_schema(columns).with_metadata(
            {"newsreel": __version__, "newsreel.tables": str(TABLES_VERSION)}
        )
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Values] = []

    def write(self, rows: Sequence[Values]) -> None:
        self._rows += rows
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_batch(record_batch(self._schema, self._names, self._rows))
        self._rows = []


WRITERS: dict[RowFormat, Callable[[BinaryIO, Sequence[Column]], Writer]] = {
    RowFormat.PARQUET: _Parquet,
    RowFormat.CSV: _Csv,
    RowFormat.JSONL: _JsonLines,
}
