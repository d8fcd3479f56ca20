"""The old archive's ``sources.json`` as a file: a table of values, written again byte for byte.

Which feeds it names is read by :mod:`newsreel.formats.sources`; here is only what brings the file
back: ``keys`` in their order, ``rows`` of values under them, and the text form.
"""

import json
from collections.abc import Mapping
from datetime import date

from newsreel.formats.sources import is_private
from newsreel.model.entry import Json
from newsreel.model.legacy import LegacyFile, LegacyKind

NO_DAY = date(1970, 1, 1)
"""The day of files that stand beside the days, at the archive's root."""

NAME = "sources.json"
_CONTAINER = "sources"


def file_of(body: bytes, value: Json, day: date | None) -> LegacyFile | None:
    """Return the file; None where its form can't be kept: rows with different keys, odd texts."""
    if not isinstance(value, list) or not value or not all(isinstance(r, dict) for r in value):
        return None
    records = [record for record in value if isinstance(record, dict)]
    keys = list(records[0])
    if any(list(record) != keys for record in records):
        return None
    form: dict[str, Json] = {
        "container": _CONTAINER,
        "keys": [*keys],
        "rows": [list(record.values()) for record in records],
    }
    if body[1:2] == b"\n":
        line = body[2:].split(b"\n", 1)[0]
        form["indent"] = len(line) - len(line.lstrip(b" "))
    if not body.isascii():
        form["utf8"] = True
    if body.endswith(b"\n"):
        form["final_newline"] = True
    file = LegacyFile(day=day or NO_DAY, name=NAME, kind=LegacyKind.JSON, form=form)
    return file if _written(form, hides_private=False) == body else None


def is_sources(file: LegacyFile) -> bool:
    """Tell whether a file is a list of sources, and not one of entries."""
    return file.form.get("container") == _CONTAINER


def write_sources(form: Mapping[str, Json]) -> bytes:
    """Return the list without feeds that are private by their address."""
    return _written(form, hides_private=True)


def _written(form: Mapping[str, Json], *, hides_private: bool) -> bytes:
    keys, rows, indent = form["keys"], form["rows"], form.get("indent")
    assert isinstance(keys, list)
    assert isinstance(rows, list)
    records = [
        dict(zip(map(str, keys), row, strict=True)) for row in rows if isinstance(row, list)
    ]
    if hides_private:
        records = [record for record in records if not is_private(str(record.get("url")))]
    text = json.dumps(
        records,
        indent=indent if isinstance(indent, int) else None,
        ensure_ascii=not form.get("utf8"),
    )
    return (text + ("\n" if form.get("final_newline") else "")).encode("utf-8", "surrogatepass")
