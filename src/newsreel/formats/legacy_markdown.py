"""The old archive's Markdown, both templates: read, and written again byte for byte.

Nothing in it is escaped: a description may hold blank lines and ``## `` lines, a title may hold
newlines. What can be relied on are the lines that follow each title, so that entries are found by
these and read backwards to the title.

The form is a small object of choices:

* ``template``: ``line`` (2023-02 on) ends each item with a blank line; ``joined`` (until then)
puts one between them * ``header``: ``title``, ``url``, ``language`` as far as they are named, each
as written * ``feed``: what most rows have behind ``RSS feed:``; ``$source`` is the slip of 2024-09
on * ``user``, ``tags``: that rows have such a line * ``end``: the end of the file, where it isn't
the template's

A row keeps what its wording and the form don't tell, by the names of the JSON and ``feed``; None
under ``user`` or ``tags`` says that it has no such line.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from newsreel.formats.legacy_records import legacy_of
from newsreel.model.entry import Content, Json

SLIP = "$source"

_HEAD = re.compile(
    r"^ - \[(?P<link>.*)\]\((?P=link)\)\n"
    r" - RSS feed: (?P<feed>.*)\n"
    r" - date published: (?P<date>.*)\n"
    r"(?: - user: (?P<user>.*)\n)?"
    r"(?: - tags: (?P<tags>.*)\n)?"
    r"(?P<ours> - first seen: .*\n)?",
    re.MULTILINE,
)
_LINE = re.compile(
    r"# Source:(?P<title>.*), URL:(?P<url>.*), language:(?P<language>.*)", re.DOTALL
)
_JOINED = re.compile(
    r"# Source(?: (?P<title>.*),)? Source URL:(?P<url>.*?)"
    r"(?:, Source language: (?P<language>.*))?",
    re.DOTALL,
)
_NONE = "None"
_TAILS = {"line": "\n\n", "joined": "\n"}

Row = tuple[Content, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class MarkdownDocument:
    """The records of a file, with values as printed (``None`` undone), and its form."""

    records: tuple[Mapping[str, Json], ...]
    form: Mapping[str, Json]

    @property
    def url(self) -> str | None:
        """The address of the source: the header's, else what most rows have, if not the slip."""
        named = _mapping(self.form.get("header")).get("url") or self.form.get("feed")
        return named if isinstance(named, str) and named not in {SLIP, "", _NONE} else None

    @property
    def title(self) -> str | None:
        """The source's title on that day."""
        named = _mapping(self.form.get("header")).get("title")
        return named if isinstance(named, str) and named not in {"", _NONE} else None

    @property
    def language(self) -> str | None:
        """The source's language as the header names it."""
        named = _mapping(self.form.get("header")).get("language")
        return named if isinstance(named, str) and named not in {"", _NONE} else None


def is_ours(text: str) -> bool:
    """Tell whether a day file of ours is at hand: its entries say when they were first seen."""
    match = _HEAD.search(text)
    return match is not None and match["ours"] is not None


def read(text: str) -> MarkdownDocument | None:
    """Return the records of a day's Markdown; None where it isn't the old archive's."""
    heads = list(_HEAD.finditer(text))
    if not heads:
        return None
    starts = _title_starts(text, heads)
    if starts is None:
        return None
    form: dict[str, Json] = {"template": "line"}
    if starts[0]:
        header = _header(text[: starts[0]])
        if header is None:
            return None
        form |= header
    elif not text.endswith("\n\n"):
        form["template"] = "joined"
    usual = _TAILS[str(form["template"])]
    room = text[heads[-1].end() + 1 :]
    tail = next(tail for tail in (usual, "\n", "") if room.endswith(tail))
    if tail != usual:
        form["end"] = tail
    ends = [start - 2 for start in starts[1:]] + [len(text) - len(tail)]
    records = []
    for head, start, end in zip(heads, starts, ends, strict=True):
        if text[head.end() : head.end() + 1] != "\n" or end < head.end() + 1:
            return None
        records.append(_record(text, head, start, end))
    return MarkdownDocument(tuple(records), form | _row_form(records))


class Template:
    """A form, ready to be used for many rows."""

    def __init__(self, form: Mapping[str, Json]) -> None:
        self._form = form
        self._tail = str(form.get("end", _TAILS[str(form["template"])]))

    def leftover_of(
        self, record: Mapping[str, Json], content: Content, *, is_pinned_only: bool = False
    ) -> dict[str, Json]:
        """Return what a row must keep beside its wording and the form.

        ``is_pinned_only``: the stored wording shares its digest with ``content`` and perhaps no
        more.
        """
        told = self._told(content)
        kept = {
            key: value for key, value in record.items() if key != "tags" and told.get(key) != value
        }
        if is_pinned_only:
            kept["date_published"] = record["date_published"]
            if "user" in self._form:
                kept["user"] = record["user"]
        tags = record.get("tags")
        if _joined(tags) != told["tags"] or (is_pinned_only and "tags" in self._form):
            kept["tags"] = _joined(tags)
        return kept

    def write(self, rows: Iterable[Row]) -> bytes:
        """Return the file that the form and these rows give."""
        items = [self._item(content, leftover) for content, leftover in rows]
        text = self._header() + "\n\n".join(items) + self._tail
        return text.encode("utf-8", "surrogatepass")

    def _item(self, content: Content, leftover: Mapping[str, Json]) -> str:
        values = {**self._told(content), **leftover}
        link = _printed(values["link"])
        lines = [
            f"## {_printed(values['title'])}",
            f" - [{link}]({link})",
            f" - RSS feed: {_printed(values['feed'])}",
            f" - date published: {_printed(values['date_published'])}",
        ]
        lines += [
            f" - {name}: {values[name]}" for name in ("user", "tags") if values[name] is not None
        ]
        return "\n".join([*lines, "", _printed(values["description"])])

    def _header(self) -> str:
        header = self._form.get("header")
        if not isinstance(header, dict):
            return ""
        if self._form.get("template") == "line":
            named = [str(header.get(key, "")) for key in ("title", "url", "language")]
            return "# Source:{}, URL:{}, language:{}\n\n".format(*named)
        title = f" {header['title']}," if "title" in header else ""
        language = f", Source language: {header['language']}" if "language" in header else ""
        return f"# Source{title} Source URL:{header.get('url', '')}{language}\n\n"

    def _told(self, content: Content) -> dict[str, Json]:
        legacy = legacy_of(content)
        return {
            "title": content.title,
            "link": content.permalink,
            "feed": self._form.get("feed"),
            "date_published": content.published_raw,
            "user": legacy.get("user", _NONE) if "user" in self._form else None,
            "tags": _joined(legacy.get("tags")) if "tags" in self._form else None,
            "description": content.summary,
        }


def _title_starts(text: str, heads: Sequence[re.Match[str]]) -> list[int] | None:
    """Return where each ``## `` stands: the first behind the header, others behind a blank."""
    first = 0
    if not text.startswith("## "):
        first = text.find("\n\n## ", 0, heads[0].start()) + 2
        if first < 2:
            return None
    starts = [first]
    for before, head in pairwise(heads):
        start = text.rfind("\n\n## ", before.end(), head.start())
        if start < 0:
            return None
        starts.append(start + 2)
    return starts


def _header(text: str) -> dict[str, Json] | None:
    line = text.removesuffix("\n\n")
    for template, pattern in (("line", _LINE), ("joined", _JOINED)):
        match = pattern.fullmatch(line)
        if match:
            named = {key: value for key, value in match.groupdict().items() if value is not None}
            return {"template": template, "header": dict(named)}
    return None


def _record(text: str, head: re.Match[str], start: int, end: int) -> dict[str, Json]:
    record: dict[str, Json] = {
        "title": _undone(text[start + 3 : head.start() - 1]),
        "link": _undone(head["link"]),
        "feed": head["feed"],
        "date_published": _undone(head["date"]),
        "user": head["user"],
        "description": _undone(text[head.end() + 1 : end]),
    }
    if head["tags"] is not None:
        record["tags"] = list(head["tags"].split(","))
    return record


def _row_form(records: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    form: dict[str, Json] = {"feed": _most(records, "feed")}
    if _most(records, "user") is not None:
        form["user"] = True
    if any("tags" in record for record in records):
        form["tags"] = True
    return form


def _most(records: Iterable[Mapping[str, Json]], key: str) -> str | None:
    found = Counter(str(record[key]) for record in records if record[key] is not None)
    return max(found, key=lambda value: found[value]) if found else None


def _joined(tags: Json) -> str | None:
    return ",".join(map(str, tags)) if tags and isinstance(tags, list) else None


def _undone(printed: str) -> str | None:
    return None if printed == _NONE else printed


def _printed(value: Json) -> str:
    return _NONE if value is None else str(value)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
