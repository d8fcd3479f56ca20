"""The old archive's JSON, of every period: read, and written again byte for byte.

The form is a small object of choices:

* ``keys``: the name of a period of :data:`LAYOUTS`, or the keys in their order where no period has
them * ``without``: keys of that layout that most rows lack * ``source``: what most rows have under
``source`` or ``source_url`` * ``empty``: how a value that isn't known is written, where not
``null`` * ``container``: ``list``, or ``entries`` with what stands ``after`` them (and
``before``), as
  pairs of key and value; an object among these as a list of such pairs
* ``nested``: the order of the keys of objects in rows (comments), where they aren't sorted: a
  store keeps no order in objects
* ``indent``, ``utf8``, ``final_newline``: the text, where it isn't one line of ASCII

A row keeps what its wording and the form don't tell, under the keys of the record; ``-`` names the
keys it lacks where they aren't the form's, ``order`` its keys where they stand in another order.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from newsreel.formats.legacy_records import USUAL, legacy_of, sorted_json
from newsreel.model.entry import Content, Json

_2024_09 = (
    *("age", "album", "artist", "bookmarked", "comments", "date_published", "description"),
    *("id", "language", "link", "manual_status_code", "page_rating", "page_rating_contents"),
    *("page_rating_visits", "page_rating_votes", "permanent", "source__id", "source_url"),
    *("status_code", "tags", "thumbnail", "title", "vote"),
)
_2024_03 = tuple(
    sorted({*_2024_09, "dead", "source", "source_obj__id", "user"} - {"source__id", "source_url"})
)
_2024_11 = tuple(sorted({*_2024_09, "author"} - {"artist"}))
_2024_12 = tuple(sorted({*_2024_11, "date_dead_since"}))

LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "2022-09-05": (
        *("source", "link", "title", "date_published", "description", "persistent"),
        *("language", "user"),
    ),
    "2020": (
        *("source", "title", "description", "link", "date_published", "persistent"),
        *("user", "language", "tags"),
    ),
    "2024-03-28": _2024_03,
    "2024-09-19": _2024_09,
    "2024-11-25": _2024_11,
    "2024-12-09": _2024_12,
    "2025-04-14": tuple(sorted({*_2024_12, "date_created"})),
}
"""The keys of periods with a certain order, by the first day; others are kept as found."""

_PINNED = ("title", "description", "link", "author", "artist")
_LOOSE = ("date_published", "language", "thumbnail")
_SOURCES = ("source", "source_url")
_PLAIN_KEYS = frozenset(
    {*_PINNED, *_LOOSE, *_SOURCES, "age", "date_created", "date_dead_since", "source__id", "tags"}
    | {key for key, usual in USUAL.items() if not isinstance(usual, list)}
)


class _Missing:
    """Stands for no value at all, which null is not."""


_MISSING = _Missing()

Row = tuple[Content, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """The records of a file as they stand, and its form."""

    records: tuple[Mapping[str, Json], ...]
    form: Mapping[str, Json]


def read(body: bytes, value: Json) -> JsonDocument | None:
    """Return the records of a file whose JSON is ``value``; None where they aren't entries."""
    form: dict[str, Json] = _text_form(body)
    entries: Json = value
    if isinstance(value, dict):
        if not isinstance(value.get("entries"), list):
            return None
        entries = value["entries"]
        names = list(value)
        at = names.index("entries")
        form["container"] = "entries"
        if at:
            form["before"] = [_pair(name, value[name]) for name in names[:at]]
        if names[at + 1 :]:
            form["after"] = [_pair(name, value[name]) for name in names[at + 1 :]]
    if not isinstance(entries, list) or not all(_is_record(entry) for entry in entries):
        return None
    records = tuple(entry for entry in entries if isinstance(entry, dict))
    stored = sorted_json(form | _row_form(records))
    assert isinstance(stored, dict)
    return JsonDocument(records, stored)


class Layout:
    """A form, ready to be used for many rows."""

    def __init__(self, form: Mapping[str, Json]) -> None:
        named = form.get("keys")
        self._form = form
        self._keys = LAYOUTS[named] if isinstance(named, str) else _names(named)
        without = _names(form.get("without"))
        self._usual_keys = tuple(key for key in self._keys if key not in without)
        self._usual: dict[str, Json] = {key: USUAL.get(key) for key in self._keys}
        for key in _SOURCES:
            self._usual[key] = form.get("source")
        self._nested = {key: _names(names) for key, names in _mapping(form.get("nested")).items()}
        self._empty = _mapping(form.get("empty"))
        self._shapes: dict[tuple[str, ...], dict[str, Json]] = {}

    def leftover_of(
        self, record: Mapping[str, Json], content: Content, *, is_pinned_only: bool = False
    ) -> dict[str, Json]:
        """Return what a row must keep beside its wording and the form.

        ``is_pinned_only``: the stored wording shares its digest with ``content`` and perhaps no
        more.
        """
        told = self._told(content)
        if is_pinned_only:
            told = {key: told[key] for key in (*_PINNED, *_SOURCES)}
        kept = {
            key: sorted_json(value) if value and isinstance(value, list | dict) else value
            for key, value in record.items()
            if (implied := told.get(key, _MISSING)) != value or type(implied) is not type(value)
        }
        shape = tuple(record)
        found = self._shapes.get(shape)
        if found is None:
            found = self._shapes[shape] = self._shape_of(shape)
        kept.update(found)
        return kept

    def write(self, rows: Iterable[Row]) -> bytes:
        """Return the file that the form and these rows give."""
        form = self._form
        indent = form.get("indent")
        is_ascii = not form.get("utf8")
        step = indent if isinstance(indent, int) else None
        is_list = form.get("container", "list") == "list"
        depth = 1 if is_list else 2
        encode = _encoder(is_ascii=is_ascii, indent=step, depth=depth + 1)
        objects = [_object(self._members(row, encode), step, depth) for row in rows]
        text = _sequence(objects, step, depth - 1)
        if not is_list:
            outer = _encoder(is_ascii=is_ascii, indent=step, depth=1)
            pairs = [(key, outer(value)) for key, value in _unpaired(form.get("before")).items()]
            pairs.append(("entries", text))
            pairs += [(key, outer(value)) for key, value in _unpaired(form.get("after")).items()]
            text = _object([_PREFIXES[key] + told for key, told in pairs], step, 0)
        if form.get("final_newline"):
            text += "\n"
        return text.encode("utf-8", "surrogatepass")

    def _shape_of(self, shape: tuple[str, ...]) -> dict[str, Json]:
        """Return what says which keys a record has, and in which order, where the form doesn't."""
        if shape != _kept(self._keys, shape):
            return {"order": list(shape)}
        if shape != self._usual_keys:
            return {"-": [key for key in self._keys if key not in shape]}
        return {}

    def _told(self, content: Content) -> dict[str, Json]:
        told: dict[str, Json] = {
            **self._usual,
            **legacy_of(content),
            "title": content.title,
            "description": content.summary,
            "link": content.permalink,
            "author": content.author,
            "artist": content.author,
            "date_published": content.published_raw,
            "language": content.extras.get("language_raw", content.language),
            "thumbnail": content.thumbnail,
        }
        for key, blank in self._empty.items():
            if told.get(key) is None:
                told[key] = blank
        return told

    def _members(self, row: Row, encode: "_Encode") -> list[str]:
        """Return a row's keys and values in their order, as they are written."""
        content, leftover = row
        values = self._told(content)
        keys: Sequence[str] = self._usual_keys
        if leftover:
            values.update(leftover)
            if "order" in leftover:
                keys = _names(leftover["order"])
            elif "-" in leftover:
                lacking = _names(leftover["-"])
                keys = [key for key in self._keys if key not in lacking]
        for key, names in self._nested.items():
            values[key] = _ordered(values.get(key), names)
        prefixes = _PREFIXES
        return [
            prefixes[key] + ("null" if (value := values.get(key)) is None else encode(value))
            for key in keys
        ]


def header_of(form: Mapping[str, Json]) -> tuple[str | None, str | None]:
    """Return the address and title of the source that a container of 2022 names."""
    around = {**_unpaired(form.get("before")), **_unpaired(form.get("after"))}
    named = _mapping(around.get("source"))
    url, title = (
        (named.get("url"), named.get("title"))
        if named
        else (around.get("source url"), around.get("source title"))
    )
    return (url if isinstance(url, str) else None), (title if isinstance(title, str) else None)


def _is_record(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and "link" in value
        and ("title" in value or "date_published" in value)
    )


def _text_form(body: bytes) -> dict[str, Json]:
    form: dict[str, Json] = {}
    second = body[1:2]
    if second == b"\n":
        line = body[2:].split(b"\n", 1)[0]
        form["indent"] = len(line) - len(line.lstrip(b" "))
    if not body.isascii():
        form["utf8"] = True
    if body.endswith(b"\n"):
        form["final_newline"] = True
    return form


def _row_form(records: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    shapes = Counter(tuple(record) for record in records)
    form: dict[str, Json] = {}
    name, keys = _layout_of(shapes)
    form["keys"] = name or list(keys)
    lacking = Counter(
        tuple(key for key in keys if key not in shape)
        for shape, n in shapes.items()
        for _ in range(n)
    )
    if lacking and (without := min(lacking, key=lambda names: (-lacking[names], names))):
        form["without"] = list(without)
    source = _most(records)
    if source is not None:
        form["source"] = source
    if nested := _nested_orders(records, (key for key in keys if key not in _PLAIN_KEYS)):
        form["nested"] = nested
    empty = {key: _usual_blank(records, key) for key in (*_PINNED, *_LOOSE)}
    empty = {key: blank for key, blank in empty.items() if blank is not None}
    if empty:
        form["empty"] = empty
    return form


def _layout_of(shapes: Mapping[tuple[str, ...], int]) -> tuple[str | None, tuple[str, ...]]:
    present = {key for shape in shapes for key in shape}
    for name, keys in LAYOUTS.items():
        if present <= set(keys) and all(shape == _kept(keys, shape) for shape in shapes):
            return name, keys
    merged: list[str] = []
    for shape in sorted(shapes, key=len, reverse=True):
        at = 0
        for key in shape:
            if key in merged:
                at = merged.index(key) + 1
            else:
                merged.insert(at, key)
                at += 1
    return None, tuple(merged)


def _kept(keys: Iterable[str], shape: Iterable[str]) -> tuple[str, ...]:
    present = set(shape)
    return tuple(key for key in keys if key in present)


def _most(records: Iterable[Mapping[str, Json]]) -> Json:
    """Return the source most records name."""
    found = Counter(
        value
        for record in records
        for key in _SOURCES
        if isinstance(value := record.get(key), str)
    )
    return max(found, key=lambda value: found[value]) if found else None


def _usual_blank(records: Iterable[Mapping[str, Json]], key: str) -> Json:
    """Return how most records write that a value isn't known: ``""``, or (as None) ``null``."""
    found = [record.get(key, _MISSING) for record in records]
    return "" if found.count("") > found.count(None) else None


def _pair(key: str, value: Json) -> Json:
    if isinstance(value, dict):
        return [key, [[name, inner] for name, inner in value.items()]]
    return [key, value]


def _unpaired(pairs: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        assert isinstance(pair, list)
        key, value = pair
        found[str(key)] = _unpaired(value) if isinstance(value, list) else value
    return found


def _nested_orders(records: Sequence[Mapping[str, Json]], keys: Iterable[str]) -> dict[str, Json]:
    """Return the keys of objects in rows' lists, in their order, where that isn't sorted."""
    found: dict[str, Json] = {}
    for key in keys:
        for record in records:
            value = record.get(key)
            if value and isinstance(value, list) and isinstance(value[0], dict):
                names = list(value[0])
                if names != sorted(names):
                    found.setdefault(key, [*names])
    return found


def _ordered(value: Json, names: tuple[str, ...]) -> Json:
    if isinstance(value, list):
        return [_ordered(item, names) for item in value]
    if isinstance(value, dict):
        first = {name: value[name] for name in names if name in value}
        return first | value
    return value


def _names(value: Json) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list) else ()


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


_Encode = Callable[[Json], str]
_ESCAPED = json.encoder.encode_basestring_ascii
_PLAIN = json.encoder.encode_basestring


def _encoder(*, is_ascii: bool, indent: int | None, depth: int) -> _Encode:
    """Return what writes a value as the standard library does, but fast where it is plain."""
    quoted: Callable[[str], str] = _ESCAPED if is_ascii else _PLAIN
    margin = "\n" + " " * ((indent or 0) * depth)

    def encode(value: Json) -> str:
        if type(value) is str:
            return quoted(value)
        if value is None:
            return "null"
        if value is True:
            return "true"
        if value is False:
            return "false"
        if isinstance(value, int):
            return int.__repr__(value)
        if value == []:
            return "[]"
        text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
        return text.replace("\n", margin) if indent is not None else text

    return encode


class _Prefixes(dict[str, str]):
    """Keys as they are written, with their colon."""

    def __missing__(self, key: str) -> str:
        text = f"{_ESCAPED(key)}: "
        if len(self) < 1000:
            self[key] = text
        return text


_PREFIXES = _Prefixes()


def _object(members: Sequence[str], indent: int | None, depth: int) -> str:
    if not members:
        return "{}"
    if indent is None:
        return "{" + ", ".join(members) + "}"
    inner = "\n" + " " * (indent * (depth + 1))
    return "{" + inner + ("," + inner).join(members) + "\n" + " " * (indent * depth) + "}"


def _sequence(members: Sequence[str], indent: int | None, depth: int) -> str:
    if not members:
        return "[]"
    if indent is None:
        return "[" + ", ".join(members) + "]"
    inner = "\n" + " " * (indent * (depth + 1))
    return "[" + inner + ("," + inner).join(members) + "\n" + " " * (indent * depth) + "]"


def decode(body: bytes) -> Json:
    """Return what JSON says; raises ValueError where it isn't any."""
    try:
        try:
            return msgspec.json.decode(body)  # type: ignore[no-any-return]
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Lone surrogates and NaN are read by the standard library.
            return json.loads(body)  # type: ignore[no-any-return]
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
