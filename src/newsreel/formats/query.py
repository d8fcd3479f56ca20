"""The search language: any text to a query, and a query back to text.

Words are joined by AND; ``OR`` binds what stands beside it. What is wrong in what was typed is
searched as words, and said in the query's notes. Reading takes time in proportion to the text,
which is cut at :data:`MOST_CHARS`.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime

from newsreel.formats.query_fields import FIELDS, OLD_FIELDS, PUNCTUATION
from newsreel.formats.query_groups import Group, negated
from newsreel.model.query import (
    And,
    Days,
    Filter,
    FilterKind,
    Node,
    Not,
    Or,
    Phrase,
    Query,
    TextField,
    Word,
)

MOST_CHARS = 8000
MOST_TERMS = 32
"""Words, phrases and filters of a query."""
MOST_TERM_CHARS = 200
MOST_DEPTH = 8
"""Parentheses within parentheses."""

_QUOTES = dict.fromkeys(map(ord, "“”„‟«»「」『』＂〝〞"), '"')
_SIGNS = {ord("（"): "(", ord("）"): ")", ord("："): ":", ord("－"): "-", ord("＊"): "*"}
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_SPACE = re.compile(r"\s+")
_OPERATOR = re.compile(r'(OR|AND|NOT|\|\|?|&&?)(?=[\s()"]|$)')
_ADDRESS = re.compile(r'https?://[^\s"<>]+', re.IGNORECASE)
_MINUS = re.compile(r"[-–−](?=[^\s\-–−])")
_JUNK = re.compile(r"[!#$%&'*+,./:;<=>?@\[\\\]^_`{|}~]+|[-–−]+")
_NAME = re.compile(r"([A-Za-z]+):([ ]{0,3})(?=[^\s)])")
_OLD_NAME = re.compile(r"([a-z_]+)[ ]?(==|=|>=|<=|>|<)[ ]?(?=[^\s)=<>])")
_QUOTED = re.compile(r'"((?:[^"]|(?<=[\u0590-\u05ff])"(?=[\u0590-\u05ff]))*)("?)(\*?)')
_WORD = re.compile(r'(?:[^\s()"]|(?<=[\u0590-\u05ff])"(?=[\u0590-\u05ff])|\([^\s()]*\))+')
_SIGNED = re.compile(r".*(?<![^\W_])[A-Za-z](?:\+\+|#)")
_SEPARATORS = str.maketrans(":=<>", "////")
_INNER = str.maketrans({'"': "'", "(": "/", ")": "/"})


def parse_query(text: str, now: datetime) -> Query:
    """Return what a text asks for; any text is valid. Relative dates count from ``now``."""
    notes = _Notes()
    text = _CONTROLS.sub(" ", text[: MOST_CHARS + 1])
    if len(text) > MOST_CHARS:
        text = text[:MOST_CHARS].rpartition(" ")[0] or text[:MOST_CHARS]
        notes.add(f"only the first {MOST_CHARS} characters were read")
    root = _Reader(text.translate(_QUOTES | _SIGNS), now, notes).root()
    return Query(root, tuple(notes.texts), text)


def text_of(query: Query) -> str:
    """Return a text that means the same, with its dates resolved."""
    return _printed(query.root) if not isinstance(query.root, And) else _joined(query.root)


def shown(text: str) -> str:
    """Return a piece of what was typed, fit to be shown in a note: in quotes, short, printable."""
    text = "".join(char if char.isprintable() else " " for char in text[:41]).strip()
    return f"“{text}”" if len(text) <= 40 else f"“{text[:40]}…”"


def _plain(word: str) -> str:
    """Return a word that nobody takes for anything else: the same in tokens."""
    if word in {"OR", "AND", "NOT"}:
        return word.lower()
    if _NAME.match(word) or _OLD_NAME.match(word) or _ADDRESS.match(word):
        return word.translate(_SEPARATORS)
    return word


def _is_sign_of_words(char: str) -> bool:
    """Tell whether a character may be part of a word: a letter, a digit, a mark, a picture."""
    return char.isalnum() or (char > "\x7f" and unicodedata.category(char)[0] not in "PZC")


class _Notes:
    """What is said about a query, each thing once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        if text not in self.texts and len(self.texts) < 20:
            self.texts.append(text)


class _Reader:
    """Reads a text from its beginning to its end, once."""

    def __init__(self, text: str, now: datetime, notes: _Notes) -> None:
        self._text = text
        self._now = now
        self._notes = notes
        self._at = 0
        self._terms = 0
        self._groups = [Group()]
        self._ignored = 0  # parentheses that are open beyond MOST_DEPTH
        self._is_negated = False
        self._has_lost_words = False

    def root(self) -> Node:
        """Return the tree; words of which nothing is left find nothing."""
        while self._at < len(self._text):
            self._read_next()
        while len(self._groups) > 1:
            self._notes.add("a parenthesis is not closed")
            self._close()
        node = self._end(self._groups[0])
        if node is None:
            return Or(()) if self._has_lost_words else And(())
        return node

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match

    def _read_next(self) -> None:
        if self._match(_SPACE):
            return
        if operator := self._match(_OPERATOR):
            self._operate(operator[1])
        elif self._text[self._at] == "(":
            self._open(self._groups[-1].name)
        elif self._text[self._at] == ")":
            self._at += 1
            self._close()
        elif self._match(_MINUS):
            self._is_negated = not self._is_negated
        elif (address := self._match(_ADDRESS)) and self._groups[-1].name is None:
            self._add(self._link(address[0].rstrip(").,;")))
        elif address:
            self._add_term(self._groups[-1].name, address[0], is_quoted=False)
        elif junk := self._match(_JUNK):
            self._skip(junk[0])
        else:
            self._read_term()

    def _operate(self, word: str) -> None:
        group = self._groups[-1]
        if word == "NOT":
            self._is_negated = not self._is_negated
        elif word in {"OR", "|", "||"} and group.parts:
            group.is_or_pending = True
        elif not group.parts:
            self._notes.add(f"{shown(word)} has nothing before it and was left out")

    def _skip(self, junk: str) -> None:
        """Pass over punctuation; alone it is a word of which nothing is left."""
        before = self._text[self._at - len(junk) - 1 : self._at - len(junk)]
        if before.strip(' (-"') == "" and self._text[self._at : self._at + 1].strip() == "":
            self._lose(junk)

    def _lose(self, text: str) -> None:
        self._has_lost_words = True
        told = (
            f"{shown(text)} holds no letters or digits and" if text else "a phrase without words"
        )
        self._notes.add(f"{told} was left out")
        self._add(None)

    def _open(self, name: str | None) -> None:
        self._at += 1
        if len(self._groups) > MOST_DEPTH:
            self._ignored += 1
            self._notes.add(f"parentheses more than {MOST_DEPTH} deep were left out")
            return
        self._groups.append(Group(name, self._is_negated))
        self._is_negated = False

    def _close(self) -> None:
        self._is_negated = False
        if self._ignored:
            self._ignored -= 1
        elif len(self._groups) > 1:
            group = self._groups.pop()
            node = self._end(group)
            self._groups[-1].add(negated(node) if group.is_negated else node)
        else:
            self._notes.add("a parenthesis closes nothing")

    def _end(self, group: Group) -> Node | None:
        if group.is_or_pending:
            self._notes.add("“OR” has nothing after it and was left out")
        return group.node()

    def _read_term(self) -> None:
        """Read ``field:value``, a phrase or a word; the text here is neither blank nor junk."""
        start = self._at
        if name := self._match(_NAME):
            known = name[1] if name[2] else name[1].lower()
            if known in FIELDS:
                self._read_value(known)
                return
            if not name[2] and not self._text.startswith("//", name.end()):
                self._notes.add(f"{shown(name[0])} is no field and was searched as a word")
        elif (name := self._match(_OLD_NAME)) and name[1] in OLD_FIELDS:
            self._read_value(OLD_FIELDS[name[1]] + (name[2] if "date" in name[1] else ""))
            return
        self._at = start
        self._read_value(self._groups[-1].name)

    def _read_value(self, name: str | None) -> None:
        if self._text[self._at] == "(":
            self._open(name)
        elif quoted := self._match(_QUOTED):
            if not quoted[2] and quoted[1].strip():
                self._notes.add("a quotation mark is not closed: the phrase goes to the end")
            self._add_term(name, quoted[1] + quoted[3], is_quoted=True)
        elif word := self._match(_WORD):
            self._add_term(name, word[0], is_quoted=False)

    def _add_term(self, name: str | None, text: str, *, is_quoted: bool) -> None:
        text = self._cut(text)
        known = FIELDS.get(name or "")
        if known is None or isinstance(known, TextField):
            self._add(self._text_node(known, text, is_quoted=is_quoted))
            return
        value = " ".join(text.replace('"', "'").split())
        found = known(value, self._now)
        if isinstance(found, str):
            self._notes.add(f"{shown(f'{name}:{value}')} {found}")
            self._add(None)
        elif found is not None:
            self._add(found)
        else:
            self._notes.add(f"{shown(f'{name}:{value}')} was not understood: searched as words")
            self._add(self._text_node(None, text, is_quoted=is_quoted))

    def _text_node(self, place: TextField | None, text: str, *, is_quoted: bool) -> Node | None:
        text = " ".join(text.translate(_INNER).split())
        bare = text.rstrip(PUNCTUATION + " ")
        is_prefix = text[len(bare) : len(bare) + 1] == "*"
        if signed := _SIGNED.match(text):
            bare, is_prefix = signed[0], False
        if not is_quoted:
            bare = bare.lstrip(PUNCTUATION)
            bare = _plain(bare) if place is None else bare
        if not any(map(_is_sign_of_words, bare)):
            self._lose(text)
            return None
        return (Phrase if is_quoted else Word)(bare, place, is_prefix)

    def _link(self, address: str) -> Node:
        self._notes.add(f"{shown(address)} is searched as the beginning of an entry's link")
        return Filter(FilterKind.LINK, self._cut(address))

    def _cut(self, text: str) -> str:
        if len(text) > MOST_TERM_CHARS:
            text = text[:MOST_TERM_CHARS]
            self._notes.add(f"only the first {MOST_TERM_CHARS} characters of {shown(text)} count")
        return text

    def _add(self, node: Node | None) -> None:
        is_negated, self._is_negated = self._is_negated, False
        if node is not None:
            self._terms += 1
            if self._terms > MOST_TERMS:
                self._notes.add(f"only the first {MOST_TERMS} words, phrases and filters count")
                node = None
        self._groups[-1].add(negated(node) if is_negated else node)


# --- back to text -----------------------------------------------------------------------------


def _printed(node: Node) -> str:
    match node:
        case And(parts):
            return f"({_joined(node)})" if parts else ""
        case Or(parts):
            return " OR ".join(map(_printed, parts)) or "!"
        case Not(part):
            return f"-({_printed(part)})" if isinstance(part, Or) else f"-{_printed(part)}"
        case Word(text, place, is_prefix):
            return f"{_field_of(place)}{text}{'*' * is_prefix}"
        case Phrase(text, place, is_prefix):
            return f'{_field_of(place)}"{text}"{"*" * is_prefix}'
        case Filter(kind, value):
            return f'{kind}:"{value}"'
        case Days(first, last):
            return f"day:{first or ''}..{last or ''}"


def _joined(node: And) -> str:
    return " ".join(_parts(node))


def _parts(node: And) -> Iterator[str]:
    return map(_printed, node.parts)


def _field_of(place: TextField | None) -> str:
    return f"{place}:" if place else ""
