"""Where the tokens of a text stand in it: folding changes lengths, and marks must not slip."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from newsreel.core.terms import LONGEST, SIGN, fold, index_text, pieces_of

_CHUNK = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
_LOWER_CHUNK = re.compile("[0-9a-z\x80-\U0010ffff]+")
_BEYOND_ASCII = re.compile("[\x80-\U0010ffff][0-9A-Za-z\x80-\U0010ffff]*")
_KELVIN = "\u212a"  # the only character whose lower case is one of ASCII
# What belongs to the character before it: conjoining jamo, half-width voicing marks, skin tones.
_JOINING = re.compile("[\u1160-\u11ff\uff9e\uff9f\U0001f3fb-\U0001f3ff\u200d]")


class Span(NamedTuple):
    """A token and the characters it was made of: ``text[start:end]``. There are very many."""

    token: str
    start: int
    end: int


def spans_of(text: str, wanted: Collection[str] | None = None) -> list[Span]:
    """Return the tokens of a text with their places; the tokens are those of the index.

    ``wanted`` leaves out most that are not among them, which takes a fraction of the time.

    Where one can't say which characters a token came from, its place is that of all that stands
    around it up to the next ASCII separator.
    """
    has_signs = ("#" in text or "++" in text) and SIGN.search(text) is not None
    if wanted is not None and not has_signs and max(map(len, wanted), default=0) < LONGEST:
        lower = text.lower()
        if len(lower) == len(text) and _KELVIN not in text:
            return _spans_of_wanted(text, lower, wanted)
    found: list[Span] = []
    at = 0
    for sign in SIGN.finditer(text) if has_signs else ():
        found.extend(_spans_between(text, at, sign.start()))
        at = sign.end()
        found.append(Span(index_text(sign[0]), sign.start(), at))
    found.extend(_spans_between(text, at, len(text)))
    return found


def _spans_between(text: str, start: int, end: int) -> list[Span]:
    found = []
    for match in _CHUNK.finditer(text, start, end):
        chunk = match[0]
        first = match.start()
        if chunk.isascii():
            found.append(Span(chunk.lower()[:LONGEST], first, first + len(chunk)))
        else:
            found += _moved_spans(chunk, first)
    return found


def _spans_of_wanted(text: str, lower: str, wanted: Collection[str]) -> list[Span]:
    """Return tokens of ASCII chunks that are wanted, and all of the others."""
    found = [
        Span(token, at, at + len(token))
        for token in set(_LOWER_CHUNK.findall(lower)).intersection(wanted)
        if token.isascii()
        for at in _places_of(token, lower)
    ]
    if not text.isascii():
        for match in _BEYOND_ASCII.finditer(text):
            first = match.start()
            while first and _is_in_chunk(lower[first - 1]):
                first -= 1
            found += _moved_spans(text[first : match.end()], first)
    found.sort(key=itemgetter(1))
    return found


def _places_of(token: str, lower: str) -> Iterator[int]:
    """Yield where a token is a chunk of a text in lower case."""
    at = lower.find(token)
    while at >= 0:
        end = at + len(token)
        if not (at and _is_in_chunk(lower[at - 1])) and not _is_in_chunk(lower[end : end + 1]):
            yield at
        at = lower.find(token, end)


def _is_in_chunk(char: str) -> bool:
    return "0" <= char <= "9" or "a" <= char <= "z" or char >= "\x80"


def _moved_spans(chunk: str, first: int) -> list[Span]:
    spans = _chunk_spans(chunk) if len(chunk) <= 24 else _spans_in(chunk)
    return [Span(token, first + at, first + to) for token, at, to in spans]


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
