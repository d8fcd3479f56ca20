"""Broken XML written anew, tag by tag, as a browser reads it.

The writer knows the skeleton of feeds, so that a fault stays inside its entry: an entry begins
where its tag stands, whatever is still open before it. It runs in linear time: what it looks for
ahead (the next entry, the end of CDATA) is looked for once, and depth is bounded.
"""

import re
from collections import Counter
from dataclasses import dataclass

from newsreel.formats.names import URI_OF
from newsreel.formats.repair import Counts, mended
from newsreel.model.entry import Forgiven

_TOKEN = re.compile(r"<(?:(!--)|(!\[CDATA\[)|([!?])|(/?)([A-Za-z_][\w.:-]{0,100}))")
_TIDY = re.compile(r"""((?:\s+[\w.:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*)\s*(/?)>""")
_ATTRIBUTE = re.compile(
    r"""([^\s=>/"'<]+)(?:\s*=\s*(?:"([^"<]*)"|'([^'<]*)'|"?([^\s"'<>]*[^\s"'<>/])))?"""
)
_NEXT_ENTRY = re.compile(
    r"<(?=[A-Za-z])(?:[A-Za-z][\w.-]{0,40}:)?(?:item|entry|url)(?=[\s>/])", re.IGNORECASE
)
_GOOD_NAME = re.compile(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?\Z")

_ROOTS = frozenset({"rss", "feed", "rdf", "urlset"})
_ENTRIES = frozenset({"item", "entry"})
_HOLDERS = frozenset({"channel", "items", "entries"})
_LEAVES = frozenset(
    [
        "title",
        "link",
        "guid",
        "pubdate",
        "comments",
        "id",
        "updated",
        "published",
        "language",
        "lastbuilddate",
        "ttl",
        "generator",
        "copyright",
        "name",
        "uri",
        "email",
        "category",
        "issued",
        "modified",
        "created",
        "dc:creator",
        "dc:date",
        "dc:subject",
        "dc:title",
        "itunes:author",
        "itunes:duration",
        "itunes:title",
        "itunes:explicit",
        "wfw:commentrss",
        "slash:comments",
    ]
)
_FIELDS = _LEAVES | frozenset(
    [
        "description",
        "summary",
        "content",
        "content:encoded",
        "author",
        "enclosure",
        "source",
        "image",
        "media:content",
        "media:thumbnail",
        "media:group",
        "itunes:image",
        "itunes:summary",
        "itunes:subtitle",
        "channel",
        "item",
        "entry",
    ]
)
_BODIES = frozenset(
    [
        "description",
        "summary",
        "content",
        "content:encoded",
        "itunes:summary",
        "tagline",
        "subtitle",
    ]
)
_NOT_HTML = frozenset(
    [
        "guid",
        "pubdate",
        "enclosure",
        "category",
        "comments",
        "author",
        "updated",
        "published",
        "id",
        "content:encoded",
        "dc:creator",
        "dc:date",
        "dc:subject",
        "itunes:author",
        "itunes:duration",
        "itunes:summary",
        "media:content",
        "media:thumbnail",
        "wfw:commentrss",
        "slash:comments",
        "description",
    ]
)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "meta", "param", "track", "wbr"]
)
_DEEPEST = 200
_UNKNOWN = "http://unknown.invalid/"


@dataclass(frozen=True, slots=True)
class Soup:
    """A document written anew; ``truncated`` where it ended early or was cut."""

    text: str
    forgiven: tuple[Forgiven, ...] = ()
    truncated: bool = False


def rewritten(text: str) -> Soup:
    """Return a broken document as a well-formed one with the same words."""
    writer = _Writer(text)
    writer.run()
    return writer.soup()


class _Writer:
    """Reads tags from left to right and keeps what is open on a stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.out: list[str] = []
        self.open: list[str] = []  # as written; lower case in `keys`
        self.keys: list[str] = []
        self.marks: list[int] = []  # where in `out` each begins
        self.prefixes: dict[str, str | None] = {}
        self.root_tag = ""
        self.faults: Counter[tuple[str, str, str]] = Counter()
        self.counts: Counts = Counter()
        self.cdata_end = text.find("]]>")
        self.next_entry = -1
        self.has_ended = False
        self.truncated = False

    def run(self) -> None:
        while (match := _TOKEN.search(self.text, self.at)) is not None:
            if match.start() > self.at:
                self._write_text(self.text[self.at : match.start()])
            self.at = match.end()
            if match[5] is not None:
                (self._end_tag if match[4] else self._start_tag)(match[5])
            elif match[2]:
                self._cdata()
            else:
                self._other(match)
        tail = self.text[self.at :]
        self._write_text(tail if ">" in tail else tail.partition("<")[0])

    def soup(self) -> Soup:
        if not self.root_tag:
            return Soup("<none/>")
        is_short = len(self.open) > 1 or not self.has_ended
        self._cut()
        while len(self.open) > 1:
            self._pop()
        declared = "".join(
            f' xmlns:{p}="{_quoted(uri or URI_OF.get(p.lower(), _UNKNOWN + p))}"'
            for p, uri in self.prefixes.items()
            if p not in {"xml", "xmlns"}
        )
        parts = [self.root_tag, declared, ">", *self.out, f"</{self.open[0]}>"]
        notes = [
            Forgiven(f"{n} × {what}" if n > 1 else what, where, how)
            for (what, where, how), n in self.faults.items()
        ]
        notes += [
            Forgiven(f"{count} × {what}", "", how) for (what, how), count in self.counts.items()
        ]
        notes += [
            Forgiven("undeclared prefix", p, URI_OF.get(p.lower(), "unknown"))
            for p, uri in self.prefixes.items()
            if uri is None and p not in {"xml", "xmlns"}
        ]
        return Soup("".join(parts), tuple(notes), is_short or self.truncated)

    def _cut(self) -> None:
        """Mark the entry at which the document breaks off; half a link or title is none."""
        for index, key in enumerate(self.keys):
            if key.rpartition(":")[2] in _ENTRIES:
                for inner in range(index + 1, len(self.keys)):
                    if self.keys[inner] in _LEAVES:
                        self._pop_through(inner + 1)
                        del self.out[self.marks[inner] :], self.marks[inner:]
                        self.open.pop()
                        self.keys.pop()
                        break
                self._pop_through(index + 1)
                self.out.append("<newsreel-cut/>")
                return

    # what is written

    def _write_text(self, text: str) -> None:
        if not self.open or not text:
            return
        if "<" in text:
            text = text.replace("<", "&lt;")
        if "]]>" in text:
            text = text.replace("]]>", "")
        self.out.append(mended(text, self.counts, {}))

    def _pop(self) -> None:
        self.out.append(f"</{self.open.pop()}>")
        self.keys.pop()
        self.marks.pop()

    def _pop_through(self, index: int) -> None:
        while len(self.open) > max(index, 1):
            self._pop()

    def _fault(self, what: str, where: str, how: str) -> None:
        if len(self.faults) < 100:
            self.faults[what, where[:60], how] += 1

    # what is read

    def _start_tag(self, name: str) -> None:
        name = _tidy_name(name)
        key = name.lower()
        attributes, is_empty = self._attributes()
        if not self.open:
            self._begin(name, attributes)
            return
        local = key.rpartition(":")[2]
        if key in self.keys[:1] or (local in _ROOTS and self.keys[0].rpartition(":")[2] in _ROOTS):
            self._fault("a second root", name, "read on")
            self._pop_through(1)
            return
        self._make_room(key, local)
        if len(self.open) > _DEEPEST:
            self._skip()
            return
        prefix, colon, _ = name.partition(":")
        if colon:
            self.prefixes.setdefault(prefix, None)
        is_void = key in _VOID and any(k in _BODIES for k in self.keys)
        if is_empty or is_void:
            self.out.append(f"<{name}{attributes}/>")
            return
        self.marks.append(len(self.out))
        self.out.append(f"<{name}{attributes}>")
        self.open.append(name)
        self.keys.append(key)

    def _begin(self, name: str, attributes: str) -> None:
        prefix, colon, _ = name.partition(":")
        if colon:
            self.prefixes.setdefault(prefix, None)
        if name.lower().rpartition(":")[2] in _ENTRIES:
            self.root_tag, self.has_ended = "<rss", True
            self.out.append(f"<{name}{attributes}>")
            self.open, self.keys, self.marks = ["rss", name], ["rss", name.lower()], [0, 0]
            return
        self.root_tag = f"<{name}{attributes}"
        self.open.append(name)
        self.keys.append(name.lower())
        self.marks.append(0)

    def _make_room(self, key: str, local: str) -> None:
        """Close what can't hold a tag: an entry holds no entry, a title no link."""
        keys = self.keys
        if local in _ENTRIES:
            for index in range(1, len(keys)):
                if keys[index].rpartition(":")[2] in _ENTRIES:
                    self._fault("an entry that isn't closed", self.open[index], "closed")
                    self._pop_through(index)
                    return
            while len(keys) > 1 and keys[-1].rpartition(":")[2] not in _HOLDERS:
                self._fault("an element that isn't closed", self.open[-1], "closed")
                self._pop()
            return
        if len(keys) > 1 and keys[-1] in _LEAVES and key in _FIELDS and keys[-1] != "author":
            self._fault("an element that isn't closed", self.open[-1], "closed")
            self._pop()
            return
        if key in _NOT_HTML and key not in keys[-1:]:
            for index in range(len(keys) - 1, 0, -1):
                if keys[index] in _BODIES:
                    self._fault("an element that isn't closed", self.open[index], "closed")
                    self._pop_through(index)
                    return
                if keys[index] in _ENTRIES:
                    return

    def _end_tag(self, name: str) -> None:
        close = self.text.find(">", self.at, self.at + 200)
        following = self.text.find("<", self.at, self.at + 200)
        if close >= 0 and (following < 0 or close < following):
            self.at = close + 1
        else:
            self._fault("a tag without >", name, "ended")
            self.at = following if following >= 0 else self.at
        key = _tidy_name(name).lower()
        keys = self.keys
        if not keys:
            return
        if key == keys[0]:
            self.has_ended = True
            self._pop_through(1)
            return
        is_skeleton = key.rpartition(":")[2] in _ENTRIES or key == "channel"
        for index in range(len(keys) - 1, 0, -1):
            if keys[index] == key:
                if self.open[index] != name or index < len(keys) - 1:
                    self._fault("tags that overlap", name, "closed inside out")
                self._pop_through(index)
                return
            if not is_skeleton and keys[index].rpartition(":")[2] in _ENTRIES:
                break
        self._fault("an end tag without a start", name, "dropped")

    def _attributes(self) -> tuple[str, bool]:
        """Read a start tag's attributes; namespaces with a prefix are declared at the root."""
        match = _TIDY.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            if not match[1]:
                return "", bool(match[2])
            return self._write_attributes(match[1]), bool(match[2])
        end = self._tag_end()
        inside = self.text[self.at : end]
        self.at = min(end + 1, len(self.text)) if self.text[end : end + 1] == ">" else end
        self._fault("a tag that is not well-formed", inside[:40], "read as HTML is")
        is_empty = inside.rstrip().endswith("/")
        return self._write_attributes(inside), is_empty

    def _tag_end(self) -> int:
        """Return where a tag ends: at the next ``>``, or before the next ``<``."""
        following = self.text.find("<", self.at)
        if following < 0:
            following = len(self.text)
        close = self.text.find(">", self.at, following)
        return close if close >= 0 else following

    def _write_attributes(self, inside: str) -> str:
        written: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(inside):
            name = match[1]
            value = (
                match[2]
                if match[2] is not None
                else match[3]
                if match[3] is not None
                else match[4] or ""
            )
            if name.startswith("xmlns:"):
                prefix = name[6:]
                if (
                    _GOOD_NAME.match(prefix)
                    and ":" not in prefix
                    and value
                    and len(self.prefixes) < 1000
                ):
                    self.prefixes[prefix] = self.prefixes.get(prefix) or value
                continue
            if not _GOOD_NAME.match(name):
                continue
            if name in written:
                self._fault("an attribute twice", name, "the first one")
                continue
            prefix, colon, _ = name.partition(":")
            if colon:
                self.prefixes.setdefault(prefix, None)
            written[name] = _quoted(mended(value, self.counts, {}))
        return "".join(f' {name}="{value}"' for name, value in written.items())

    def _cdata(self) -> None:
        text = self.text
        if 0 <= self.cdata_end < self.at:
            self.cdata_end = text.find("]]>", self.at)
        end = self.cdata_end
        if end < 0 or (text.find("<![CDATA[", self.at, end) >= 0 and self._entry_after() < end):
            self._fault(
                "CDATA that isn't closed",
                self.open[-1] if self.open else "",
                "ended before the end tag",
            )
            end = self._unclosed_end()
            inside, self.at = text[self.at : end], end
        else:
            inside, self.at = text[self.at : end], end + 3
        if self.open:
            inside = inside.replace("<![CDATA[", "")
            self.out.append(f"<![CDATA[{inside}]]>")

    def _unclosed_end(self) -> int:
        """Return where CDATA should have ended: before the end tag of what holds it."""
        following = self._entry_after()
        if self.open:
            end = self.text.find(f"</{self.open[-1]}", self.at, following)
            if end >= 0:
                return end
        return following

    def _entry_after(self) -> int:
        """Return where the next entry begins; looked for once."""
        if self.next_entry < self.at:
            following = _NEXT_ENTRY.search(self.text, self.at)
            self.next_entry = following.start() if following else len(self.text)
        return self.next_entry

    def _other(self, match: re.Match[str]) -> None:
        """Skip comments, declarations and instructions, or beginnings of them that never end."""
        end_mark = "-->" if match[1] else ">"
        reach = len(self.text) if match[1] else self.at + 4000
        end = self.text.find(end_mark, self.at, reach)
        if end >= 0:
            self.at = end + len(end_mark)
        elif match[1]:
            self._fault("a comment that isn't closed", "", "read on")
            self.text = self.text[self.at :].replace("<!--", "")
            self.at, self.next_entry, self.cdata_end = 0, -1, self.text.find("]]>")

    def _skip(self) -> None:
        """Leave what is nested too deep, up to the next entry."""
        self.truncated = True
        self._fault("elements nested too deep", "", "left out")
        self.at = self._entry_after()


def _tidy_name(name: str) -> str:
    if _GOOD_NAME.match(name):
        return name
    return next((part for part in reversed(name.split(":")) if _GOOD_NAME.match(part)), "x")


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;")
