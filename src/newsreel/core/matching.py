"""What a query looks for: the tokens of its words, and what its filters mean."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Protocol

from newsreel.core.stems import inflections_of
from newsreel.core.terms import index_text, query_tokens
from newsreel.formats.query import shown
from newsreel.model.query import (
    And,
    Days,
    Filter,
    FilterKind,
    Form,
    Node,
    Not,
    Or,
    Phrase,
    Query,
    Word,
)

MOST_INFLECTED = 64
"""Words times languages of a query that get their other forms; each costs about a millisecond."""
MOST_LANGUAGES = 16
"""Languages in which a word gets its other forms."""

_JOINED = re.compile(r"[^\W_]+(?:[-\u2010\u2011'’\u02bc][^\W_]{2,})+")
_GROUPED = re.compile(r"\d{1,3}(?:([.,'’ \u00a0\u202f])\d{3})(?:\1\d{3})*")
_POSSESSIVE = re.compile(r"(.*[^\W\d_]{3})['’]s", re.IGNORECASE)
_DOTTED = re.compile(r"[A-Za-z](?:\.[A-Za-z])+\.?")
_CAPITALS = re.compile(r"[A-Z]{2,4}")  # U.S. is written US, too
_DIGITS = re.compile(r"\d{5,15}")  # four are mostly a year


def prepare_query(query: Query, languages: Iterable[str] = ()) -> Query:
    """Return a query with the tokens that its words become; what holds none is left out.

    ``languages`` are those of the archive as primary subtags of RFC 5646, the most frequent
    first: words get their other forms in them, or in the languages that the query filters by.
    A query in which nothing is left to look for finds nothing.
    """
    notes: list[str] = []
    named = [value.partition("-")[0] for value in _named_languages(query.root)]
    words = _Words(tuple(dict.fromkeys(named or languages)), notes)
    root = words.prepared(query.root)
    if root is None:
        root = Or(())
    return replace(query, root=root, notes=query.notes + tuple(dict.fromkeys(notes)))


def _named_languages(node: Node) -> list[str]:
    """Return the languages that all hits must have, one of them each; none: any."""
    match node:
        case Filter(FilterKind.LANGUAGE, value):
            return [value]
        case And(parts):
            return [value for part in parts for value in _named_languages(part)]
        case Or(parts) if parts and all(map(_named_languages, parts)):
            return [value for part in parts for value in _named_languages(part)]
        case _:
            return []


class _Words:
    """The words of one query, on their way to tokens."""

    def __init__(self, languages: tuple[str, ...], notes: list[str]) -> None:
        self._languages = languages
        self._notes = notes
        self._left = MOST_INFLECTED

    def prepared(self, node: Node, *, is_inflected: bool = True) -> Node | None:
        """Return a node with its tokens; None: nothing is left. What is excluded stays exact."""
        match node:
            case And(parts) | Or(parts):
                found = [self.prepared(part, is_inflected=is_inflected) for part in parts]
                kept = tuple(part for part in found if part is not None)
                if len(kept) == 1:
                    return kept[0]
                return type(node)(kept) if kept or not parts else None
            case Not(part):
                done = self.prepared(part, is_inflected=False)
                return None if done is None else Not(done)
            case Phrase(text, _, is_prefix):
                form = self._form(text, is_prefix=is_prefix)
                return replace(node, forms=(form,)) if form else None
            case Word():
                return self._word(node, is_inflected=is_inflected)
            case Filter() | Days():
                return node

    def _form(self, text: str, *, is_prefix: bool) -> Form | None:
        tokens, goes_on = query_tokens(text, is_prefix=is_prefix)
        if not tokens:
            self._notes.append(f"{shown(text)} holds no letters or digits and was left out")
            return None
        return Form(tokens, goes_on)

    def _word(self, word: Word, *, is_inflected: bool) -> Word | None:
        form = self._form(word.text, is_prefix=word.is_prefix)
        if form is None:
            return None
        if not is_inflected:
            return replace(word, forms=(form,))
        forms = tuple(dict.fromkeys((form, *_other_spellings(word.text, form))))
        if form.is_prefix or len(form.tokens) > 1:
            return replace(word, forms=forms)
        most = min(MOST_LANGUAGES, self._left)
        inflections = tuple(islice(inflections_of(word.text, self._languages), most))
        self._left -= len(inflections)
        return replace(word, forms=forms, inflections=inflections)


def _other_spellings(text: str, form: Form) -> Iterable[Form]:
    """Yield the word without its hyphens, dots, owner's ``'s``, groups of digits, or with some."""
    if _DIGITS.fullmatch(text) and not form.is_prefix:
        head = len(text) % 3 or 3
        groups = (text[:head], *(text[at : at + 3] for at in range(head, len(text), 3)))
        yield Form(tuple(index_text(group) for group in groups))
    elif _GROUPED.fullmatch(text) or _JOINED.fullmatch(text):
        yield Form(("".join(form.tokens),), form.is_prefix)
    elif owner := _POSSESSIVE.fullmatch(text):
        yield Form(tuple(index_text(owner[1]).split()))
    elif _DOTTED.fullmatch(text):
        yield Form(("".join(form.tokens),), form.is_prefix)
    elif _CAPITALS.fullmatch(text) and not form.is_prefix:
        yield Form(tuple(text.lower()))


class NamedFeed(Protocol):
    """What a feed can be meant by."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def first_url(self) -> str:
        """The address it was added by."""

    @property
    def site_url(self) -> str | None:
        """Its site's address."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other addresses it had."""

    @property
    def title(self) -> str | None:
        """What it is called."""

    @property
    def folder(self) -> str | None:
        """Where it was put."""

    @property
    def tags(self) -> tuple[str, ...]:
        """What it was marked with."""


def is_feed_meant(value: str, feed: NamedFeed) -> bool:
    """Tell whether ``feed:value`` means a feed: id, part of its address, words of title, folder.

    Addresses are compared in lower case, without scheme and ``www.``.
    """
    if value.isdecimal() and len(value) < 19:
        return feed.id == int(value)
    tokens, is_prefix = _name_query(value)
    if any(_has_tokens(text, tokens, is_prefix=is_prefix) for text in (feed.title, feed.folder)):
        return True
    address = bare_address(value)
    urls = (feed.url, feed.first_url, feed.site_url, *feed.aliases)
    return bool(address) and any(address in _feed_address(url) for url in urls if url)


def is_tag_meant(value: str, feed: NamedFeed) -> bool:
    """Tell whether ``tag:value`` means a feed: one of its tags, but for case and marks."""
    return index_text(value) in {index_text(tag) for tag in feed.tags}


def _has_tokens(text: str | None, tokens: tuple[str, ...], *, is_prefix: bool) -> bool:
    if not text or not tokens:
        return False
    return f" {' '.join(tokens)}{'' if is_prefix else ' '}" in _name_tokens(text)


@lru_cache(100)
def _name_query(value: str) -> tuple[tuple[str, ...], bool]:
    return query_tokens(value)


@lru_cache(10_000)
def _feed_address(url: str) -> str:
    return bare_address(url)


@lru_cache(10_000)
def _name_tokens(text: str) -> str:
    """Return the tokens of a name, remembered: those of all feeds are looked through."""
    return f" {index_text(text)} "


def begins_link(value: str, url: str | None) -> bool:
    """Tell whether ``link:value`` means an address: its beginning, without scheme, ``www.``."""
    address = bare_address(value)
    return bool(address) and bool(url) and bare_address(url).startswith(address)


def bare_address(url: str | None) -> str:
    """Return an address in lower case without scheme and ``www.``."""
    address = (url or "").strip().lower()
    head, separator, rest = address.partition("://")
    if separator and head.isalnum():
        address = rest
    return address.removeprefix("www.")


def host_of(url: str | None) -> str:
    """Return the host of an address in lower case, without user, port and ``www.``."""
    authority = re.split(r"[/?#\\]", bare_address(url), maxsplit=1)[0].rpartition("@")[2]
    return authority.partition(":")[0].removeprefix("www.").strip(".")
