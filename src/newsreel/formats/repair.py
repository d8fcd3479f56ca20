"""Broken XML made well-formed, in two steps, each linear in the length of the document.

`repaired` mends what stands in the text: control characters, references that XML doesn't know, bare ampersands. It expands no entity but short literal ones. `rewritten` is for what is still no XML: it reads
tag by tag, as a browser does, and writes a well-formed document with the same words. It knows the skeleton of feeds,
so that a fault stays inside its entry: an entry begins where its tag stands, whatever is still open before it.
"""

import html.entities
import re
from collections import Counter
from dataclasses import dataclass

from newsreel.formats.names import URI_OF
from newsreel.model.entry import Forgiven

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]+")
_ROOT = re.compile(r"<(?:[A-Za-z][\w.-]{0,40}:)?(?:rss|feed|rdf|urlset)(?=[\s>/])", re.IGNORECASE)
_FEEDISH = frozenset({"rss", "feed", "rdf", "urlset", "channel", "sitemapindex", "entry", "item"})
_PROLOG = re.compile(r"\s*(?:<\?[^>]{0,2000}>|<!--|<!DOCTYPE\b)?", re.IGNORECASE)
_NAME = re.compile(r"<([A-Za-z_][\w.:-]{0,100})")
_ENTITY = re.compile(r"""<!ENTITY\s+([\w.-]{1,40})\s+(?:"([^"<%]{0,200})"|'([^'<%]{0,200})')\s*>""")
_MOST_ENTITIES = 300


def rooted(text: str) -> tuple[str, str, list[Forgiven]]:
    """Return a document from its root on, its DOCTYPE, and whether something else stood before."""
    start, doctype = _root_of(text)
    if start and text[:start].strip() and not _is_prolog(text, start):
        return text[start:], doctype, [Forgiven("something before the root", "line 1", "dropped")]
    return text[start:], doctype, []


def repaired(text: str, doctype: str) -> tuple[str, list[Forgiven]]:
    """Return a document with its characters and references mended, and what was mended."""
    notes: list[Forgiven] = []
    if _CONTROLS.search(text):
        text, count = _CONTROLS.subn("", text)
        notes.append(Forgiven(f"{count} × control characters", "", "dropped"))
    known = _literals(doctype)
    text, counts = _references_mended(text, known)
    notes += [Forgiven(f"{count} × {what}", "", how) for (what, how), count in counts.items()]
    return text, notes


def _is_prolog(text: str, start: int) -> bool:
    return text[:start].lstrip("\ufeff \t\r\n")[:2] in {"<?", "<!"} and not text[:start].lstrip().startswith("<!- ")


def _root_of(text: str) -> tuple[int, str]:
    """Return where the root's tag begins, and the DOCTYPE before it."""
    at, doctype = 0, ""
    length = len(text)
    text_start = len(text) - len(text.lstrip("\ufeff \t\r\n\0"))
    at = text_start
    while at < length:
        match = _PROLOG.match(text, at)
        assert match is not None
        if match.end() == at:
            break
        found = match[0].strip()
        at = match.end()
        if found == "<!--":
            end = text.find("-->", at)
            at = end + 3 if end >= 0 else length
        elif found[:2] == "<!":
            end = _doctype_end(text, at)
            doctype, at = text[match.end() : end], end
    name = _NAME.match(text, at)
    if name and name[1].rpartition(":")[2].lower() in _FEEDISH:
        return at, doctype
    root = _ROOT.search(text, text_start)
    return (root.start() if root else text_start), doctype


def _doctype_end(text: str, at: int) -> int:
    """Return where a DOCTYPE ends, its internal subset skipped."""
    close = text.find(">", at)
    bracket = text.find("[", at, close if close >= 0 else len(text))
    if bracket >= 0:
        end = text.find("]", bracket)
        close = text.find(">", end) if end >= 0 else -1
    if close < 0:
        root = _ROOT.search(text, at)
        return root.start() if root else len(text)
    return close + 1


def _literals(doctype: str) -> dict[str, str]:
    """Return a DOCTYPE's entities that stand for a few characters and nothing else."""
    known: dict[str, str] = {}
    for count, match in enumerate(_ENTITY.finditer(doctype[:100_000])):
        if count >= _MOST_ENTITIES:
            break
        value = html.unescape(match[2] if match[2] is not None else match[3])
        if "&" not in value or value in {"&", "&#38;"}:
            known.setdefault(match[1], value)
    return known


# --- references -------------------------------------------------------------------------------

_BARE = re.compile(r"&(?![A-Za-z#])")
_REFERENCE = re.compile(
    r"&(?!(?:lt|gt|amp|quot|apos);)(?:(#[0-9]{1,10}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{0,31})(;)?|)"
)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_Counts = Counter[tuple[str, str]]


def _references_mended(text: str, known: dict[str, str]) -> tuple[str, _Counts]:
    """Mend the references outside of CDATA sections and comments."""
    counts: _Counts = Counter()
    parts: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0:
        end = text.find("]]>", start)
        if end < 0:
            break
        parts += (mended(text[at:start], counts, known), text[start : end + 3])
        at = end + 3
    if start >= 0:
        parts += (mended(text[at:start], counts, known), text[start:])
    else:
        parts.append(mended(text[at:], counts, known))
    return "".join(parts), counts


def mended(text: str, counts: _Counts, known: dict[str, str]) -> str:
    """Return text in which every reference is one that XML knows."""
    if "&" not in text:
        return text
    text, count = _BARE.subn("&amp;", text)
    if count:
        counts["bare &", "&amp;"] += count

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            counts["bare &", "&amp;"] += 1
            return "&amp;"
        if name[0] == "#":
            return _numbered(match[0], name, counts)
        char = known.get(name) if match[2] else None
        if char is None and match[2]:
            char = html.entities.html5.get(name + ";")
        if char is None:
            counts["bare &", "&amp;"] += 1
            return "&amp;" + match[0][1:]
        counts["entities of HTML or of a DOCTYPE", "characters"] += 1
        return "".join(_ESCAPES.get(c, c) for c in char)

    return _REFERENCE.sub(one, text)


def _numbered(written: str, name: str, counts: _Counts) -> str:
    """Return a character reference as XML allows it; Windows-1252 positions as browsers read them."""
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    if 0x80 <= code <= 0x9F:
        counts["references to control characters", "windows-1252"] += 1
        return bytes([code]).decode("cp1252", "ignore")
    if code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF:
        if written.endswith(";") and name[1] != "X":
            return written
        return f"&#{code};"
    counts["references to no character", "dropped"] += 1
    return ""


# --- tag by tag -------------------------------------------------------------------------------

_TOKEN = re.compile(r"<(?:(!--)|(!\[CDATA\[)|([!?])|(/?)([A-Za-z_][\w.:-]{0,100}))")
_TIDY = re.compile(r"""((?:\s+[\w.:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*)\s*(/?)>""")
_ATTRIBUTE = re.compile(r"""([^\s=>/"'<]+)(?:\s*=\s*(?:"([^"<]*)"|'([^'<]*)'|"?([^\s"'<>]*[^\s"'<>/])))?""")
_NEXT_ENTRY = re.compile(r"<(?:[A-Za-z][\w.-]{0,40}:)?(?:item|entry|url)(?=[\s>/])", re.IGNORECASE)
_GOOD_NAME = re.compile(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?\Z")

_ROOTS = frozenset({"rss", "feed", "rdf", "urlset"})
_ENTRIES = frozenset({"item", "entry"})
_HOLDERS = frozenset({"channel", "items", "entries"})
_LEAVES = frozenset(
    "title link guid pubdate comments id updated published language lastbuilddate ttl generator copyright name uri email "
    "category issued modified created dc:creator dc:date dc:subject dc:title itunes:author itunes:duration itunes:title "
    "itunes:explicit wfw:commentrss slash:comments".split()
)
_FIELDS = _LEAVES | frozenset(
    "description summary content content:encoded author enclosure source image media:content media:thumbnail media:group "
    "itunes:image itunes:summary itunes:subtitle channel item entry".split()
)
_BODIES = frozenset("description summary content content:encoded itunes:summary tagline subtitle".split())
_NOT_HTML = frozenset(
    "guid pubdate enclosure category comments author updated published id content:encoded dc:creator dc:date dc:subject "
    "itunes:author itunes:duration itunes:summary media:content media:thumbnail wfw:commentrss slash:comments description".split()
)
_VOID = frozenset("area base br col embed hr img input meta param track wbr".split())
_DEEPEST = 200


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
        self.prefixes: dict[str, str | None] = {}
        self.root_tag = ""
        self.faults: Counter[tuple[str, str, str]] = Counter()
        self.counts: _Counts = Counter()
        self.cdata_end = text.find("]]>")
        self.next_entry = -1
        self.has_ended = False
        self.truncated = False

    def run(self) -> None:
        while (match := _TOKEN.search(self.text, self.at)) is not None:
            if match.start() > self.at:
                self.write_text(self.text[self.at : match.start()])
            self.at = match.end()
            if match[5] is not None:
                (self.end_tag if match[4] else self.start_tag)(match[5])
            elif match[2]:
                self.cdata()
            else:
                self.other(match)
        self.write_text(self.text[self.at :])

    def soup(self) -> Soup:
        if not self.root_tag:
            return Soup("<none/>")
        is_short = len(self.open) > 1 or not self.has_ended
        if any(key in _ENTRIES for key in self.keys):
            self.out.append("<newsreel-cut/>")
        while len(self.open) > 1:
            self.pop()
        declared = "".join(
            f' xmlns:{p}="{_quoted(uri or URI_OF.get(p.lower()) or "http://unknown.invalid/" + p)}"'
            for p, uri in self.prefixes.items()
            if p not in {"xml", "xmlns"}
        )
        parts = [self.root_tag, declared, ">", *self.out, f"</{self.open[0]}>"]
        notes = [Forgiven(f"{n} × {what}" if n > 1 else what, where, how) for (what, where, how), n in self.faults.items()]
        notes += [Forgiven(f"{count} × {what}", "", how) for (what, how), count in self.counts.items()]
        notes += [
            Forgiven("undeclared prefix", p, URI_OF.get(p.lower(), "unknown"))
            for p, uri in self.prefixes.items()
            if uri is None and p not in {"xml", "xmlns"}
        ]
        return Soup("".join(parts), tuple(notes), is_short or self.truncated)

    # what is written

    def write_text(self, text: str) -> None:
        if not self.open or not text:
            return
        if "<" in text:
            text = text.replace("<", "&lt;")
        if "]]>" in text:
            text = text.replace("]]>", "")
        self.out.append(mended(text, self.counts, {}))

    def pop(self) -> None:
        self.out.append(f"</{self.open.pop()}>")
        self.keys.pop()

    def pop_through(self, index: int) -> None:
        while len(self.open) > max(index, 1):
            self.pop()

    def fault(self, what: str, where: str, how: str) -> None:
        if len(self.faults) < 100:
            self.faults[what, where[:60], how] += 1

    # what is read

    def start_tag(self, name: str) -> None:
        name = _tidy_name(name)
        key = name.lower()
        attributes, is_empty = self.attributes()
        if not self.open:
            self.begin(name, attributes)
            return
        local = key.rpartition(":")[2]
        if key in self.keys[:1] or (local in _ROOTS and self.keys[0].rpartition(":")[2] in _ROOTS):
            self.fault("a second root", name, "read on")
            self.pop_through(1)
            return
        self.make_room(key, local)
        if len(self.open) > _DEEPEST:
            self.skip()
            return
        prefix, colon, _ = name.partition(":")
        if colon:
            self.prefixes.setdefault(prefix, None)
        is_void = key in _VOID and any(k in _BODIES for k in self.keys)
        if is_empty or is_void:
            self.out.append(f"<{name}{attributes}/>")
            return
        self.out.append(f"<{name}{attributes}>")
        self.open.append(name)
        self.keys.append(key)

    def begin(self, name: str, attributes: str) -> None:
        prefix, colon, _ = name.partition(":")
        if colon:
            self.prefixes.setdefault(prefix, None)
        self.root_tag = f"<{name}{attributes}"
        self.open.append(name)
        self.keys.append(name.lower())

    def make_room(self, key: str, local: str) -> None:
        """Close what can't hold a tag: an entry holds no entry, a title no link."""
        keys = self.keys
        if local in _ENTRIES:
            for index in range(1, len(keys)):
                if keys[index].rpartition(":")[2] in _ENTRIES:
                    self.fault("an entry that isn't closed", self.open[index], "closed")
                    self.pop_through(index)
                    return
            while len(keys) > 1 and keys[-1].rpartition(":")[2] not in _HOLDERS:
                self.fault("an element that isn't closed", self.open[-1], "closed")
                self.pop()
            return
        if keys[-1] in _LEAVES and key in _FIELDS and not (keys[-1] == "author"):
            self.fault("an element that isn't closed", self.open[-1], "closed")
            self.pop()
            return
        if key in _NOT_HTML and key not in keys[-1:]:
            for index in range(len(keys) - 1, 0, -1):
                if keys[index] in _BODIES:
                    self.fault("an element that isn't closed", self.open[index], "closed")
                    self.pop_through(index)
                    return
                if keys[index] in _ENTRIES:
                    return

    def end_tag(self, name: str) -> None:
        close = self.text.find(">", self.at, self.at + 200)
        following = self.text.find("<", self.at, self.at + 200)
        if close >= 0 and (following < 0 or close < following):
            self.at = close + 1
        else:
            self.fault("a tag without >", name, "ended")
            self.at = following if following >= 0 else self.at
        key = _tidy_name(name).lower()
        keys = self.keys
        if not keys:
            return
        if key == keys[0]:
            self.has_ended = True
            self.pop_through(1)
            return
        is_skeleton = key.rpartition(":")[2] in _ENTRIES or key == "channel"
        for index in range(len(keys) - 1, 0, -1):
            if keys[index] == key:
                if self.open[index] != name or index < len(keys) - 1:
                    self.fault("tags that overlap", name, "closed inside out")
                self.pop_through(index)
                return
            if not is_skeleton and keys[index].rpartition(":")[2] in _ENTRIES:
                break
        self.fault("an end tag without a start", name, "dropped")

    def attributes(self) -> tuple[str, bool]:
        """Read a start tag's attributes; namespaces with a prefix are declared at the root."""
        match = _TIDY.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            if not match[1]:
                return "", bool(match[2])
            return self.write_attributes(match[1]), bool(match[2])
        end = self.tag_end()
        inside = self.text[self.at : end]
        self.at = min(end + 1, len(self.text)) if self.text[end : end + 1] == ">" else end
        self.fault("a tag that is not well-formed", inside[:40], "read as HTML is")
        is_empty = inside.rstrip().endswith("/")
        return self.write_attributes(inside), is_empty

    def tag_end(self) -> int:
        """Return where a tag ends: at the next ``>``, or before the next ``<`` where that is missing."""
        following = self.text.find("<", self.at)
        if following < 0:
            following = len(self.text)
        close = self.text.find(">", self.at, following)
        return close if close >= 0 else following

    def write_attributes(self, inside: str) -> str:
        written: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(inside):
            name = match[1]
            value = match[2] if match[2] is not None else match[3] if match[3] is not None else match[4] or ""
            if name.startswith("xmlns:"):
                prefix = name[6:]
                if _GOOD_NAME.match(prefix) and ":" not in prefix and value and len(self.prefixes) < 1000:
                    self.prefixes[prefix] = self.prefixes.get(prefix) or value
                continue
            if not _GOOD_NAME.match(name):
                continue
            if name in written:
                self.fault("an attribute twice", name, "the first one")
                continue
            prefix, colon, _ = name.partition(":")
            if colon:
                self.prefixes.setdefault(prefix, None)
            written[name] = _quoted(mended(value, self.counts, {}))
        return "".join(f' {name}="{value}"' for name, value in written.items())

    def cdata(self) -> None:
        text = self.text
        if 0 <= self.cdata_end < self.at:
            self.cdata_end = text.find("]]>", self.at)
        end = self.cdata_end
        if end < 0 or (text.find("<![CDATA[", self.at, end) >= 0 and self.entry_after() < end):
            self.fault("CDATA that isn't closed", self.open[-1] if self.open else "", "ended before the end tag")
            end = self.unclosed_end()
            inside, self.at = text[self.at : end], end
        else:
            inside, self.at = text[self.at : end], end + 3
        if self.open:
            inside = inside.replace("<![CDATA[", "")
            self.out.append(f"<![CDATA[{inside}]]>")

    def unclosed_end(self) -> int:
        """Return where CDATA without an end should have ended: before the end tag of what holds it."""
        following = self.entry_after()
        if self.open:
            end = self.text.find(f"</{self.open[-1]}", self.at, following)
            if end >= 0:
                return end
        return following

    def entry_after(self) -> int:
        """Return where the next entry begins; looked for once."""
        if self.next_entry < self.at:
            following = _NEXT_ENTRY.search(self.text, self.at)
            self.next_entry = following.start() if following else len(self.text)
        return self.next_entry

    def other(self, match: re.Match[str]) -> None:
        """Skip comments, declarations and processing instructions, or their beginnings that never end."""
        end_mark = "-->" if match[1] else ">"
        reach = len(self.text) if match[1] else self.at + 4000
        end = self.text.find(end_mark, self.at, reach)
        if end >= 0:
            self.at = end + len(end_mark)
        elif match[1]:
            self.fault("a comment that isn't closed", "", "read on")
            self.text = self.text[self.at :].replace("<!--", "")
            self.at, self.next_entry, self.cdata_end = 0, -1, self.text.find("]]>")

    def skip(self) -> None:
        """Leave what is nested too deep, up to the next entry."""
        self.truncated = True
        self.fault("elements nested too deep", "", "left out")
        self.at = self.entry_after()


def _tidy_name(name: str) -> str:
    if _GOOD_NAME.match(name):
        return name
    return next((part for part in reversed(name.split(":")) if _GOOD_NAME.match(part)), "x")


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;")
