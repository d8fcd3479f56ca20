"""Rows of tables as Arrow. Needs pyarrow, of the extra ``data``."""

from collections.abc import Sequence
from typing import Any

from newsreel.model.tables import Column, ColumnType, Values

Arrow = Any
"""A thing of pyarrow's, which has no types."""


def arrow_schema(columns: Sequence[Column], *, has_zone: bool = True) -> Arrow:
    """Return the schema of some columns; without a zone, times are plain ones, in UTC."""
    import pyarrow

    types = {
        ColumnType.TEXT: pyarrow.string(),
        ColumnType.INTEGER: pyarrow.int64(),
        ColumnType.BOOLEAN: pyarrow.bool_(),
        ColumnType.DAY: pyarrow.date32(),
        ColumnType.TIME: pyarrow.timestamp("us", tz="UTC" if has_zone else None),
        ColumnType.TEXTS: pyarrow.list_(pyarrow.string()),
    }
    return pyarrow.schema(
        [
            pyarrow.field(column.name, types[column.type], nullable=column.is_optional)
            for column in columns
        ]
    )


def record_batch(schema: Arrow, names: Sequence[str], rows: Sequence[Values]) -> Arrow:
    """Return a batch of rows that hold the columns ``names``; the others of the schema are null.

    Raises nothing for a column that may not be null: whoever leaves it out doesn't read it.
    """
    import pyarrow

    found = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    arrays = [
        pyarrow.array(found[field.name], field.type)
        if field.name in found
        else pyarrow.nulls(len(rows), field.type)
        for field in schema
    ]
    return pyarrow.record_batch(arrays, schema=schema)


def rows_of(batch: Arrow) -> list[Values]:
    """Return the rows of a batch; whole decimals (sums of integers, in SQL) are integers."""
    return list(zip(*map(_values_of, batch.columns), strict=True))


def _values_of(array: Arrow) -> list[Any]:
    found: list[Any] = array.to_pylist()
    if _is_whole(array.type):
        return [None if value is None else int(value) for value in found]
    return found


def with_integers(table: Arrow) -> Arrow:
    """Return a table whose whole decimals are 64-bit integers, where they fit."""
    import pyarrow

    for index, field in enumerate(table.schema):
        if _is_whole(field.type):
            try:
                column = table.column(index).cast(pyarrow.int64())
            except pyarrow.ArrowInvalid:
                continue
            table = table.set_column(index, field.name, column)
    return table


def _is_whole(found: Arrow) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_decimal(found)) and found.scale == 0
