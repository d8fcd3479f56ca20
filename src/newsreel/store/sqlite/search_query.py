"""A query as SQLite can ask it: an expression of FTS5, a span of ids, and what is checked after.

Words, phrases and most filters are tokens of the index. Days are a span of ids where all of the
query is bound by them. The rest (beginnings of links, days inside of alternatives, a filter that
means very many feeds or sites) can't be asked of the index alone: it finds too much then, and each
row is checked by a condition.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, assert_never

from newsreel.core.matching import bare_address, begins_link, host_of, is_feed_meant, is_tag_meant
from newsreel.model.query import (
    And,
    Days,
    Filter,
    FilterKind,
    Form,
    Inflections,
    Node,
    Not,
    Or,
    Phrase,
    TextField,
    Word,
)
from newsreel.store.rows import dumps
from newsreel.store.sqlite.search_index import (
    EVERYTHING,
    day_bounds,
    feed_mark,
    has_mark,
    language_mark,
    link_mark,
    site_mark,
)

MOST_ALTERNATIVES = 1000
"""Feeds or sites that the index is asked for by name."""
NOTHING = "=0"
LINK = """
    EXISTS (SELECT 1 FROM revisions v WHERE v.id = r.revision_id AND (begins_link(?, v.permalink)
            OR begins_link(?, v.link) OR begins_link(?, v.canonical_link)))
"""
MEMBERS = {
    FilterKind.FEED: "r.feed_id IN (SELECT value FROM json_each(?))",
    FilterKind.TAG: "r.feed_id IN (SELECT value FROM json_each(?))",
    FilterKind.SITE: "r.site_id IN (SELECT value FROM json_each(?))",
}
FEEDS = """
    SELECT f.id, f.url, f.first_url, f.site_url, f.title, f.folder, f.tags,
           (SELECT json_group_array(a.url) FROM feed_aliases a WHERE a.feed_id = f.id)
    FROM feeds f
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on ``search_rows r``, with its values."""

    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: rows that match in the index, whose ids are in a span, and that pass."""

    match: str
    least: int
    greatest: int
    condition: Condition | None = None


def words_in(node: Node) -> list[Word]:
    """Return the words that a query looks for, in their order; not what it excludes."""
    match node:
        case Word():
            return [node]
        case And(parts) | Or(parts):
            return [word for part in parts for word in words_in(part)]
        case _:
            return []


def any_form(field: TextField | None, found: Inflections) -> str:
    """Return an expression that finds other forms of a word, in entries of any language."""
    return _any_of([_form(field, Form((token,))) for token in found.tokens])


def quoted(tokens: Iterable[str]) -> str:
    """Return tokens as a string of FTS5: they stand one after the other."""
    text = " ".join(tokens).replace('"', '""')
    return f'"{text}"'


class _Feed(NamedTuple):
    """What a feed can be meant by."""

    id: int
    url: str
    first_url: str
    site_url: str | None
    title: str | None
    folder: str | None
    tags: tuple[str, ...]
    aliases: tuple[str, ...]


class Asking:
    """Turns queries into what is asked of a database; what filters mean is looked up once."""

    def __init__(self, connection: sqlite3.Connection, *, bits: int) -> None:
        connection.create_function("begins_link", 2, begins_link, deterministic=True)
        self._connection = connection
        self._bits = bits
        self._spoken: frozenset[str] | None = None
        self._feeds: list[_Feed] | None = None
        self._meant: dict[Filter, list[int]] = {}

    def loosely(self, root: Node, languages: Iterable[str]) -> Asked:
        """Return what is asked where other forms count in these languages, and in any entry.

        That finds too much, but takes a tenth of the time: a token that most rows have is slow
        to follow.
        """
        self._spoken = frozenset(languages)
        try:
            return self.asked(root)
        finally:
            self._spoken = None

    def asked(self, root: Node) -> Asked:
        """Return a prepared query as it is asked."""
        parts = root.parts if isinstance(root, And) else (root,)
        least, greatest = day_bounds(None, None, self._bits)
        for part in parts:
            if isinstance(part, Days):
                bounds = day_bounds(part.first, part.last, self._bits)
                least, greatest = max(least, bounds[0]), min(greatest, bounds[1])
        rest = [part for part in parts if not isinstance(part, Days)]
        checked = [self._condition(part) for part in rest if not self._is_told_by_index(part)]
        return Asked(
            match=self._match(And(tuple(rest))),
            least=least,
            greatest=greatest,
            condition=_joined(checked, " AND ") if checked else None,
        )

    def _is_told_by_index(self, node: Node) -> bool:
        match node:
            case And(parts) | Or(parts):
                return all(map(self._is_told_by_index, parts))
            case Not(part):
                return self._is_told_by_index(part)
            case Filter(FilterKind.LINK) | Days():
                return False
            case Filter(kind):
                return kind not in MEMBERS or len(self._members(node)) <= MOST_ALTERNATIVES
            case _:
                return True

    def _match(self, node: Node) -> str:
        """Return an expression that finds all that a node means, and no more where it can."""
        match node:
            case And(parts):
                return self._all_of(parts)
            case Or(parts):
                return _any_of([self._match(part) for part in parts])
            case Not():
                return self._all_of((node,))
            case Days():
                return quoted([EVERYTHING])
            case Word(field=field, forms=forms, inflections=inflections):
                weaker = [self._weaker(field, found) for found in inflections]
                return _any_of([*(_form(field, form) for form in forms), *filter(None, weaker)])
            case Phrase(field=field, forms=forms):
                return _any_of([_form(field, form) for form in forms])
            case Filter():
                return self._filter(node)
            case _:
                assert_never(node)

    def _weaker(self, field: TextField | None, found: Inflections) -> str:
        """Return an expression for other forms of a word in a language; empty: not asked for."""
        if self._spoken is not None and found.language not in self._spoken:
            return ""
        forms = any_form(field, found)
        mark = quoted([language_mark(found.language)])
        return forms if self._spoken is not None else f"{forms} AND {mark}"

    def _all_of(self, parts: tuple[Node, ...]) -> str:
        wanted = [self._match(part) for part in parts if not isinstance(part, Not)]
        unwanted = [
            self._match(part.part)
            for part in parts
            if isinstance(part, Not) and self._is_told_by_index(part)
        ]
        found = " AND ".join(f"({part})" for part in wanted) or quoted([EVERYTHING])
        return f"({found}) NOT {_any_of(unwanted)}" if unwanted else found

    def _filter(self, node: Filter) -> str:
        match node.kind:
            case FilterKind.LANGUAGE:
                return quoted([language_mark(node.value)])
            case FilterKind.HAS:
                return quoted([has_mark(node.value)])
            case FilterKind.FEED | FilterKind.TAG:
                return self._alternatives(node, feed_mark)
            case FilterKind.SITE:
                return self._alternatives(node, site_mark)
            case FilterKind.LINK:
                sites = self._alternatives(node, site_mark)
                return f"{sites} OR {self._alternatives(node, link_mark)}"
            case _:
                assert_never(node.kind)

    def _alternatives(self, node: Filter, mark: Callable[[int], str]) -> str:
        found = self._members(node)
        if len(found) > MOST_ALTERNATIVES:
            return quoted([EVERYTHING])
        return _any_of([quoted([mark(member)]) for member in found])

    def _members(self, node: Filter) -> list[int]:
        """Return the feeds or sites that a filter means."""
        if node not in self._meant:
            self._meant[node] = self._looked_up(node.kind, node.value)
        return self._meant[node]

    def _looked_up(self, kind: FilterKind, value: str) -> list[int]:
        match kind:
            case FilterKind.FEED:
                if value.isdecimal() and len(value) < 19:
                    return [int(value)]
                return [feed.id for feed in self._all_feeds() if is_feed_meant(value, feed)]
            case FilterKind.TAG:
                return [feed.id for feed in self._all_feeds() if is_tag_meant(value, feed)]
            case FilterKind.SITE:
                query = "SELECT id FROM search_sites WHERE host = ? OR host LIKE ? ESCAPE '\\'"
                host = host_of(value)
                found = self._connection.execute(query, (host, "%." + _escaped(host)))
            case _:
                address = bare_address(value)
                host = host_of(address)
                query = "SELECT id FROM search_sites WHERE host LIKE ? ESCAPE '\\'"
                is_whole = len(address) > len(host)
                found = self._connection.execute(
                    query, (_escaped(host) + ("" if is_whole else "%"),)
                )
        return [row[0] for row in found] if host else []

    def _all_feeds(self) -> list[_Feed]:
        if self._feeds is None:
            self._feeds = [
                _Feed._make((*row[:6], _texts(row[6]), _texts(row[7])))
                for row in self._connection.execute(FEEDS)
            ]
        return self._feeds

    def _condition(self, node: Node) -> Condition:
        """Return what a row must fulfil that the index can't tell alone."""
        if self._is_told_by_index(node):
            sql = "r.id IN (SELECT rowid FROM search WHERE search MATCH ?)"
            return Condition(sql, (self._match(node),))
        match node:
            case And(parts):
                return _joined([self._condition(part) for part in parts], " AND ")
            case Or(parts):
                return _joined([self._condition(part) for part in parts], " OR ")
            case Not(part):
                found = self._condition(part)
                return Condition(f"NOT ({found.sql})", found.values)
            case Days(first, last):
                return Condition("r.id BETWEEN ? AND ?", day_bounds(first, last, self._bits))
            case Filter(FilterKind.LINK, value):
                return Condition(LINK, (value, value, value))
            case Filter(kind):
                return Condition(MEMBERS[kind], (dumps(self._members(node)),))
            case _:
                raise ValueError(node)


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text != "[]" else ()


def _joined(conditions: list[Condition], word: str) -> Condition:
    sql = word.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(value for found in conditions for value in found.values))


def _any_of(expressions: list[str]) -> str:
    if not expressions:
        return quoted([NOTHING])
    return "(" + " OR ".join(dict.fromkeys(expressions)) + ")"


def _form(field: TextField | None, form: Form) -> str:
    tokens = form.tokens
    if field is TextField.CATEGORY:
        tokens = tuple(f"#{token}" for token in tokens)
    text = quoted(tokens) + (" *" if form.is_prefix else "")
    return text if field in {None, TextField.CATEGORY} else f"{field} : {text}"


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\%_" else char for char in text)
