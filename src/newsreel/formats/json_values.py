"""JSON of the archive's files: one text form when written, nothing taken on trust when read.

What is read raises TypeError, KeyError or ValueError where it isn't what it must be; the module of
each format turns that into an :class:`~newsreel.errors.ArchiveError`.
"""

import json
import math
from datetime import UTC, datetime
from typing import cast

from newsreel.model.entry import Json

JsonObject = dict[str, Json]

UNREADABLE = (ValueError, TypeError, KeyError, OverflowError, RecursionError)
"""What reading raises."""


def json_bytes(value: Json) -> bytes:
    """Return a value as our JSON files have it: keys sorted, indent 1, UTF-8, final newline."""
    try:
        text = _dumped(value)
    except ValueError:
        text = _dumped(_finite(value))
    # The only thing UTF-8 can't hold is a lone surrogate, whose escape in JSON is Python's.
    return (text + "\n").encode("utf-8", "backslashreplace")


def _dumped(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)


def _finite(value: Json) -> Json:
    """Replace numbers that JSON has no form for by their names."""
    match value:
        case float() if not math.isfinite(value):
            return repr(value)
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {name: _finite(item) for name, item in value.items()}
        case _:
            return value


def moment_of(text: str) -> datetime:
    """Return a time of the format as an aware UTC time."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"a time without its zone: {text!r}")
    return at.astimezone(UTC)


def object_in(value: Json) -> JsonObject:
    """Return the object that this must be."""
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {value!r:.60}")
    return value


def objects_in(value: Json) -> list[JsonObject]:
    """Return the list of objects that this must be."""
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {value!r:.60}")
    return [object_in(item) for item in value]


def list_of(row: JsonObject, name: str) -> list[Json]:
    """Return the list under a name; empty where there is none."""
    value = row.get(name, [])
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list: {value!r:.60}")
    return value


def texts_of(row: JsonObject, name: str) -> list[str]:
    """Return the list of texts under a name; empty where there is none."""
    found = list_of(row, name)
    if not all(isinstance(item, str) for item in found):
        raise TypeError(f"{name} is no list of texts: {found!r:.60}")
    return cast("list[str]", found)


def text_of(row: JsonObject, name: str) -> str | None:
    """Return the text under a name, None where there is none."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is no text: {value!r:.60}")
    return value


def needed_text(row: JsonObject, name: str) -> str:
    """Return the text under a name that must be there."""
    value = text_of(row, name)
    if value is None:
        raise KeyError(name)
    return value


def number_of(row: JsonObject, name: str) -> int:
    """Return the whole number under a name that must be there."""
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is no number: {value!r:.60}")
    return value
