"""Where the tokens of a text stand in it: folding changes lengths, and marks must not slip."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from newsreel.core.terms import LONGEST, SIGN, fold, index_text, pieces_of

_CHUNK = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
# What belongs to the character before it: conjoining jamo, half-width voicing marks, skin tones.
_JOINING = re.compile("[\u1160-\u11ff\uff9e\uff9f\U0001f3fb-\U0001f3ff\u200d]")


class Span(NamedTuple):
    """A token and the characters it was made of: ``text[start:end]``. There are very many."""

    token: str
    start: int
    end: int


def spans_of(text: str, wanted: Collection[str] | None = None) -> list[Span]:
    """Return the tokens of a text with their places; the tokens are those of the index.

    ``wanted`` leaves out most that are not among them, which takes less time.

    Where one can't say which characters a token came from, its place is that of all that stands
    around it up to the next ASCII separator.
    """
    found: list[Span] = []
    at = 0
    for sign in SIGN.finditer(text):
        found.extend(_spans_between(text, at, sign.start(), wanted))
        at = sign.end()
        found.append(Span(index_text(sign[0]), sign.start(), at))
    found.extend(_spans_between(text, at, len(text), wanted))
    return found


def _spans_between(text: str, start: int, end: int, wanted: Collection[str] | None) -> list[Span]:
    found = []
    for match in _CHUNK.finditer(text, start, end):
        chunk = match[0]
        first = match.start()
        if chunk.isascii():
            token = chunk.lower()[:LONGEST]
            if wanted is None or token in wanted:
                found.append(Span(token, first, first + len(chunk)))
        else:
            spans = _chunk_spans(chunk) if len(chunk) <= 24 else _spans_in(chunk)
            found += [Span(token, first + at, first + to) for token, at, to in spans]
    return found


@lru_cache(10_000)
def _chunk_spans(chunk: str) -> list[Span]:
    """Return what is in a chunk, remembered: most words have been seen before."""
    return _spans_in(chunk)


def _spans_in(chunk: str) -> list[Span]:
    tokens = index_text(chunk).split()
    if len(tokens) == 1 and chunk.isalpha():
        return [Span(tokens[0], 0, len(chunk))]
    spans = [Span(token[:LONGEST], first, last) for token, first, last in _aligned(chunk)]
    if [span.token for span in spans] == tokens:
        return spans
    return [Span(token, 0, len(chunk)) for token in tokens]


def _aligned(chunk: str) -> list[tuple[str, int, int]]:
    """Fold a chunk character by character, and return its tokens with their places in it."""
    folded: list[str] = []
    places: list[tuple[int, int]] = []
    for first, last in _clusters(chunk):
        piece = _fold_one(chunk[first:last])
        folded.append(piece)
        places.extend([(first, last)] * len(piece))
    return [
        (token, places[word.start() + first][0], places[word.start() + last - 1][1])
        for word in re.finditer(r"[^ ]+", "".join(folded))
        for token, first, last in pieces_of(word[0])
    ]


@lru_cache(10_000)
def _fold_one(cluster: str) -> str:
    return fold(cluster.lower())


def _clusters(chunk: str) -> list[tuple[int, int]]:
    """Return where each character begins and ends, together with the marks on it."""
    starts = [
        at
        for at, char in enumerate(chunk)
        if at == 0 or not (unicodedata.category(char)[0] == "M" or _JOINING.match(char))
    ]
    return list(zip(starts, [*starts[1:], len(chunk)], strict=True))
