"""A query as PostgreSQL can ask it: a tsquery, a span of numbers, and what is checked after.

Words, phrases and most filters are tokens of the index; days are a span of numbers where all of
the query is bound by them. The rest (beginnings of links, days inside of alternatives, a filter
that means many feeds) can't be asked of the index alone: it finds too much then, and each row is
checked by a condition.

GIN tells by itself which rows have some tokens. Where a phrase is asked for, or a word of the body
alone, PostgreSQL looks at each row that has the words.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, assert_never

from newsreel.core.matching import bare_address, host_of, is_feed_meant, is_tag_meant
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
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.search_places import DAY_BITS, day_bounds
from newsreel.store.postgres.search_vectors import (
    EVERYTHING,
    cut_host,
    feed_mark,
    has_mark,
    language_mark,
    link_mark,
    quoted,
    site_mark,
)

MOST_ALTERNATIVES = 64
"""Feeds that the index is asked for by name; more of them are checked faster in each row."""
SIGNS = {TextField.TITLE: "^", TextField.AUTHOR: "@", TextField.CATEGORY: "#"}
LETTERS = {
    TextField.TITLE: "A",
    TextField.AUTHOR: "B",
    TextField.CATEGORY: "C",
    TextField.BODY: "D",
}
NOTHING = quoted("=0")
# As bare_address has it: in lower case, without scheme and "www.".
BEGINS = """
    starts_with(regexp_replace(regexp_replace(lower(btrim(coalesce(v.{}, ''))),
                '^[a-z0-9]+://', ''), '^www[.]', ''), %s)
"""
LINK = f"""
    EXISTS (SELECT FROM revisions v WHERE v.entry_id = r.entry_id AND v.id = r.revision_id
            AND v.day = to_char(date '1970-01-01' + (r.id >> {DAY_BITS})::integer, 'YYYY-MM-DD')
            AND ({" OR ".join(map(BEGINS.format, ("permalink", "link", "canonical_link")))}))
"""
FEEDS = """
    SELECT f.id, f.url, f.first_url, f.site_url, f.title, f.folder, f.tags,
           ARRAY(SELECT a.url FROM feed_aliases a WHERE a.feed_id = f.id)
    FROM feeds f
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on ``search_rows r``, with its values."""

    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: rows that match in the index, whose numbers are in a span, and that pass.

    ``match`` is empty where the index has nothing to say: all rows match. It finds too much where
    ``check`` is not empty: that is what is meant. ``end`` is the number behind the greatest.
    """

    match: str
    least: int
    end: int
    condition: Condition | None = None
    check: str = ""


def other_forms(node: Node) -> set[str]:
    """Return the tokens of all other forms of words, as the index is asked for them."""
    match node:
        case And(parts) | Or(parts):
            return {token for part in parts for token in other_forms(part)}
        case Word(field=field, inflections=inflections):
            found = {token for other in inflections for token in other.tokens}
            return {indexed(field, token) for token in found}
        case _:
            return set()


def with_forms(node: Node, known: Collection[str]) -> Node:
    """Return a query with those other forms of words alone that are known to the index."""
    match node:
        case And(parts) | Or(parts):
            return type(node)(tuple(with_forms(part, known) for part in parts))
        case Word(field=field, inflections=inflections) if inflections:
            kept = (
                (other.language, tuple(t for t in other.tokens if indexed(field, t) in known))
                for other in inflections
            )
            there = tuple(Inflections(language, tokens) for language, tokens in kept if tokens)
            return replace(node, inflections=there)
        case _:
            return node


def indexed(field: TextField | None, token: str) -> str:
    """Return the token of the index that tells of a token in a field, or in any."""
    return SIGNS.get(field, "") + token if field else token


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

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_strict = True
        self._feeds: list[_Feed] | None = None
        self._meant: dict[Filter, list[int]] = {}

    def asked(self, root: Node) -> Asked:
        """Return a prepared query as it is asked."""
        parts = root.parts if isinstance(root, And) else (root,)
        least, end = day_bounds(None, None)
        for part in parts:
            if isinstance(part, Days):
                bounds = day_bounds(part.first, part.last)
                least, end = max(least, bounds[0]), min(end, bounds[1])
        rest = [part for part in parts if not isinstance(part, Days)]
        checked = [self._condition(part) for part in rest if not self._is_told_by_index(part)]
        strict = self._match(And(tuple(rest)))
        match = self._loosely(And(tuple(rest)))
        return Asked(
            match="" if match == quoted(EVERYTHING) else match,
            least=least,
            end=end,
            condition=_joined(checked, " AND ") if checked else None,
            check=strict if strict != match else "",
        )

    def _loosely(self, node: Node) -> str:
        """Return an expression in which other forms of words count in any language.

        GIN is slow to follow a token that most rows have; to look at what it finds is fast.
        """
        self._is_strict = False
        try:
            return self._match(node)
        finally:
            self._is_strict = True

    def _is_told_by_index(self, node: Node) -> bool:
        match node:
            case And(parts) | Or(parts):
                return all(map(self._is_told_by_index, parts))
            case Not(part):
                return self._is_told_by_index(part)
            case Filter(FilterKind.LINK) | Days():
                return False
            case Filter(FilterKind.FEED | FilterKind.TAG):
                return len(self._members(node)) <= MOST_ALTERNATIVES
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
                return quoted(EVERYTHING)
            case Word(field=field, forms=forms, inflections=inflections):
                found = [_form(field, form) for form in forms]
                for other in inflections:
                    tokens = _any_of([_form(field, Form((token,))) for token in other.tokens])
                    mark = f" & {quoted(language_mark(other.language))}" if self._is_strict else ""
                    found.append(f"{tokens}{mark}")
                return _any_of(found)
            case Phrase(field=field, forms=forms):
                return _any_of([_form(field, form) for form in forms])
            case Filter():
                return self._filter(node)
            case _:
                assert_never(node)

    def _all_of(self, parts: tuple[Node, ...]) -> str:
        wanted = [self._match(part) for part in parts if not isinstance(part, Not)]
        wanted = [part for part in wanted if part != quoted(EVERYTHING)] or [quoted(EVERYTHING)]
        unwanted = [
            f"!({self._match(part.part)})"
            for part in parts
            if isinstance(part, Not) and self._is_told_by_index(part)
        ]
        if len(wanted) == 1 and not unwanted:
            return wanted[0]
        return " & ".join([*(f"({part})" for part in wanted), *unwanted])

    def _filter(self, node: Filter) -> str:
        match node.kind:
            case FilterKind.LANGUAGE:
                return quoted(language_mark(node.value))
            case FilterKind.HAS:
                return quoted(has_mark(node.value))
            case FilterKind.FEED | FilterKind.TAG:
                found = self._members(node)
                if len(found) > MOST_ALTERNATIVES:
                    return quoted(EVERYTHING)
                return _any_of([quoted(feed_mark(member)) for member in found])
            case FilterKind.SITE:
                host = cut_host(host_of(node.value))
                return quoted(site_mark(host)) if host else NOTHING
            case FilterKind.LINK:
                return _linked(node.value)
            case _:
                assert_never(node.kind)

    def _members(self, node: Filter) -> list[int]:
        """Return the feeds that a filter means."""
        if node not in self._meant:
            value = node.value
            if node.kind is FilterKind.TAG:
                found = [feed.id for feed in self._all_feeds() if is_tag_meant(value, feed)]
            elif value.isdecimal() and len(value) < 19:
                found = [int(value)]
            else:
                found = [feed.id for feed in self._all_feeds() if is_feed_meant(value, feed)]
            self._meant[node] = found
        return self._meant[node]

    def _all_feeds(self) -> list[_Feed]:
        if self._feeds is None:
            self._feeds = [
                _Feed._make((*row[:6], _texts(row[6]), tuple(row[7])))
                for row in self._connection.execute(FEEDS)
            ]
        return self._feeds

    def _condition(self, node: Node) -> Condition:
        """Return what a row must fulfil that the index can't tell alone."""
        if self._is_told_by_index(node):
            return Condition("r.terms @@ %s::tsquery", (self._match(node),))
        match node:
            case And(parts):
                return _joined([self._condition(part) for part in parts], " AND ")
            case Or(parts):
                return _joined([self._condition(part) for part in parts], " OR ")
            case Not(part):
                found = self._condition(part)
                return Condition(f"NOT ({found.sql})", found.values)
            case Days(first, last):
                return Condition("r.id >= %s AND r.id < %s", day_bounds(first, last))
            case Filter(FilterKind.LINK, value):
                address = bare_address(value)
                return Condition(LINK, (address,) * 3) if address else Condition("false")
            case Filter():
                return Condition("r.feed_id = ANY(%s)", (self._members(node),))
            case _:
                raise ValueError(node)


def _linked(value: str) -> str:
    """Return an expression for links to a host; a host that nothing follows may go on."""
    address = bare_address(value)
    host = host_of(address)
    if not host:
        return NOTHING
    mark = quoted(link_mark(cut_host(host)))
    return mark if len(address) > len(host) else f"{mark}:*"


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text != "[]" else ()


def _joined(conditions: Iterable[Condition], word: str) -> Condition:
    found = list(conditions)
    sql = word.join(f"({condition.sql})" for condition in found)
    return Condition(sql, tuple(value for condition in found for value in condition.values))


def _any_of(expressions: Iterable[str]) -> str:
    found = list(dict.fromkeys(expressions)) or [NOTHING]
    return found[0] if len(found) == 1 else "(" + " | ".join(f"({part})" for part in found) + ")"


def _form(field: TextField | None, form: Form) -> str:
    """Return an expression for tokens one after the other, in a field or any that is not named."""
    if len(form.tokens) > 1:
        return _phrase(field, form)
    token, ending = form.tokens[0], ":*" if form.is_prefix else ""
    if field is TextField.BODY:
        return quoted(token) + (ending + "D" if ending else ":D")
    return quoted(indexed(field, token)) + ending


def _phrase(field: TextField | None, form: Form) -> str:
    sign = "#" if field is TextField.CATEGORY else ""
    letter = LETTERS[field] if field else ""
    endings = [f":{letter}" if letter else ""] * len(form.tokens)
    if form.is_prefix:
        endings[-1] = f":*{letter}"
    places = " <-> ".join(
        quoted(sign + token) + ending for token, ending in zip(form.tokens, endings, strict=True)
    )
    if field not in {TextField.TITLE, TextField.AUTHOR}:
        return f"({places})"
    whole = form.tokens[:-1] if form.is_prefix else form.tokens
    there = " & ".join(quoted(SIGNS[field] + token) for token in whole)
    return f"({there} & ({places}))"
