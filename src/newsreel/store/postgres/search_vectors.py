"""What a row of the index holds in PostgreSQL: our tokens and where they stand, as a tsvector.

Theory of operation. A tsvector is made as a literal, which no parser or dictionary of PostgreSQL
looks at. Positions count the tokens of title, author with categories, and body, with one left out
between two fields, so that no phrase goes across; the letters A to D say in which a token stands.
GIN knows of neither positions nor letters, and has to look at each row for them. So what is asked
most stands there as tokens of its own: words of a title (``^``) or an author (``@``), categories
(``#``), what filters ask for (``=``), and the spans of time that a row is in.

A tsvector has 16,383 positions, 255 of a token, and a megabyte. Words that stand further down
share the last position: they are found as words, but not as phrases. What is larger than a
megabyte goes into several rows.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache

from newsreel.core.searchable import Searchable
from newsreel.core.terms import index_text
from newsreel.store.postgres.search_places import time_marks

EVERYTHING = "=a"
LAST_TOLD, BEYOND = 16_381, 16_383
"""The last position that is one token's, and that of all that stand further down."""
MOST_BYTES = 900_000
SURELY_SHORT = 140_000
"""Characters that never take more bytes than that."""
LONGEST_HOST = 255


def vectors_of(found: Searchable, marks: Collection[str]) -> list[str]:
    """Return the literals of a wording: one, or several where it is very long."""
    if len(found.title) + len(found.author) + len(found.body) <= SURELY_SHORT:
        places: dict[str, str] = dict.fromkeys(marks, "")
        for token, place in _places(found):
            known = places.get(token)
            places[token] = f"{known},{place}" if known else place
        return [_literal(places)]
    return [_literal(part) for part in _parts(found, marks)]


def _places(found: Searchable) -> Iterator[tuple[str, str]]:
    """Yield each token of a text with its position and letter, and those that have none."""
    first = 1
    for text, letter, sign in ((found.title, "A", "^"), (found.author, "B", "@")):
        tokens = text.split()
        for place, token in enumerate(tokens, first):
            at = place if place <= LAST_TOLD else BEYOND
            if token[0] == "#":
                yield token, f"{at}C"
            else:
                yield token, f"{at}{letter}"
                yield sign + token, ""
        first += len(tokens) + 1
    for at, token in enumerate(found.body.split(), first):
        yield token, str(at) if at <= LAST_TOLD else str(BEYOND)


def _parts(found: Searchable, marks: Collection[str]) -> Iterator[dict[str, str]]:
    places: dict[str, str] = dict.fromkeys(marks, "")
    size = start = sum(len(mark.encode()) + 4 for mark in marks)
    for token, place in _places(found):
        known = places.get(token)
        size += (2 if place else 0) + (0 if known is not None else len(token.encode()) + 4)
        if size > MOST_BYTES:
            yield places
            places, known, size = dict.fromkeys(marks, ""), None, start
            size += len(token.encode()) + 6
        if known and known.endswith(f"{BEYOND}"):
            continue
        places[token] = f"{known},{place}" if known else place
    yield places


def _literal(places: dict[str, str]) -> str:
    return " ".join([f"{quoted(token)}:{at}" if at else quoted(token)
                     for token, at in places.items()])  # fmt: skip


def quoted(token: str) -> str:
    """Return a token as it stands in the literal of a tsvector or a tsquery."""
    if "'" in token or "\\" in token:
        token = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{token}'"


def marks_of(row_id: int, feed_id: int, found: Searchable, *, is_revised: bool) -> list[str]:
    """Return the tokens of filters, and those of the time."""
    marks = [EVERYTHING, feed_mark(feed_id), *time_marks(row_id), *_host_marks(found)]
    if found.language:
        marks += language_marks(found.language)
    marks += map(has_mark, found.has)
    if is_revised:
        marks.append(has_mark("revision"))
    return marks


def _host_marks(found: Searchable) -> Iterator[str]:
    """Yield the tokens of its site, of the domains above it, and of hosts that links lead to."""
    host = cut_host(found.site)
    labels = host.split(".")
    for start in range(len(labels)):
        yield site_mark(".".join(labels[start:]))
    yield link_mark(host)
    for other in found.linked:
        yield link_mark(cut_host(other))


def cut_host(host: str) -> str:
    """Return a host as it is indexed: a text that PostgreSQL takes, and no longer than that."""
    return host.replace("\0", "")[:LONGEST_HOST].encode(errors="replace").decode()


def feed_mark(feed_id: int) -> str:
    """Return the token of a feed's rows."""
    return f"=f{feed_id}"


def site_mark(host: str) -> str:
    """Return the token of rows of a site, or of a domain."""
    return f"=s{host}"


def link_mark(host: str) -> str:
    """Return the token of rows one of whose links is to a host."""
    return f"=k{host}"


def has_mark(what: str) -> str:
    """Return the token of rows whose entry has something."""
    return f"=h{what}"


@lru_cache(1000)
def language_marks(language: str) -> tuple[str, ...]:
    """Return the tokens of a language tag and of the wider ones: ``pt-br``, ``pt``."""
    parts = language.split("-")
    return tuple(language_mark("-".join(parts[:end])) for end in range(1, len(parts) + 1))


def language_mark(language: str) -> str:
    """Return the token of a language's rows."""
    return "=l" + "=".join(index_text(part).replace(" ", "") for part in language.split("-"))
