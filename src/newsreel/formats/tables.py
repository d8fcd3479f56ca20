"""Rows of tables as text: lines of JSON, and CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from newsreel.model.tables import Values


def json_lines(names: Sequence[str], rows: Iterable[Values]) -> bytes:
    """Return a JSON object a row and line: names in the table's order, times with ``Z``.

    The same rows give the same bytes; a citation's digest is theirs.
    """
    encode = _ENCODER.encode
    return b"".join([encode(dict(zip(names, row, strict=True))) + b"\n" for row in rows])


def csv_lines(rows: Iterable[Values]) -> bytes:
    """Return rows of CSV: times as in JSON, lists as JSON, nothing where there is no value."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows(
        [value if value.__class__ in _PLAIN else _cell(value) for value in row] for row in rows
    )
    return out.getvalue().encode()


def _cell(value: object) -> object:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return _moment(value)
        case tuple() | list() | dict():
            return _ENCODER.encode(value).decode()
        case bytes():
            return value.hex()
        case _:
            return value


def _moment(at: datetime) -> str:
    if at.tzinfo is None:
        return at.isoformat()
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_PLAIN = {str, int, float, type(None)}
_ENCODER = msgspec.json.Encoder(enc_hook=str)
