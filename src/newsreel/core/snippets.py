"""What is shown of a hit: its title and the passages that answer the question, with marks.

Marks are places in the text that is shown, not markup; whoever shows it escapes the text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from newsreel.core.ranking import terms_of
from newsreel.core.spans import Span, spans_of
from newsreel.model.query import (
    UNNAMED_FIELDS,
    Candidate,
    Form,
    Hit,
    Inflections,
    Phrase,
    Query,
    Snippet,
    TextField,
    Word,
)

MOST_CHARS = 200
"""Characters of a passage."""
MOST_PASSAGES = 2
_LEAD = 50  # characters before the first mark
_MOST_READ = 30_000  # characters of a body in which passages are looked for
_MOST_MARKS = 400
_LINE = re.compile("[\n\r\t\v\f\u2028\u2029\x85]")
_EXTENDING = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place where a term matches; ``term`` is its ordinal in the query."""

    start: int
    end: int
    term: int


def hit_of(query: Query, candidate: Candidate, score: float = 0.0) -> Hit:
    """Return a candidate of a prepared query as a hit, with its title and passages marked.

    The body's best passages come first, then an author or categories that match. Where only the
    title matches, the passage is the body's beginning, without marks.
    """
    terms = terms_of(query.root)
    title = _whole(TextField.TITLE, candidate.title, terms, candidate.language)
    snippets = _passages(candidate.body[:_MOST_READ], terms, candidate)
    for place, text in (
        (TextField.AUTHOR, candidate.author),
        (TextField.CATEGORY, ", ".join(candidate.categories)),
    ):
        found = _whole(place, text, terms, candidate.language)
        if found.marks:
            snippets.append(found)
    return Hit(
        entry_id=candidate.entry_id,
        public_id=candidate.public_id,
        feed_id=candidate.feed_id,
        revision=candidate.revision,
        is_current=candidate.is_current,
        day=candidate.day,
        moment=candidate.moment,
        score=score,
        title=title,
        snippets=tuple(snippets),
    )


def _whole(
    place: TextField, text: str, terms: list[Word | Phrase], language: str | None
) -> Snippet:
    text = _LINE.sub(" ", text)
    return Snippet(place, text, _merged(_marks(place, text, terms, language)))


def _passages(body: str, terms: list[Word | Phrase], candidate: Candidate) -> list[Snippet]:
    body = _LINE.sub(" ", body)
    marks = _marks(TextField.BODY, body, terms, candidate.language)
    goes_on = len(candidate.body) > _MOST_READ
    if not marks:
        return [_passage(body, 0, [], goes_on=goes_on)] if body.strip() else []
    found: list[Snippet] = []
    shown: set[int] = set()
    while len(found) < MOST_PASSAGES:
        best = _best(marks, shown)
        if best is None:
            break
        found.append(_passage(body, best.start, marks, goes_on=goes_on))
        shown |= {mark.term for mark in marks if _is_within(mark, best)}
    return found


def _best(marks: list[_Mark], shown: set[int]) -> _Mark | None:
    """Return where a passage should begin that holds most of the terms not shown yet."""
    best, most = None, 0
    for at, mark in enumerate(marks):
        new = {other.term for other in marks[at : at + 40] if _is_within(other, mark)} - shown
        if len(new) > most:
            best, most = mark, len(new)
    return best


def _is_within(mark: _Mark, first: _Mark) -> bool:
    return first.start <= mark.start and mark.end <= first.start + MOST_CHARS - _LEAD


def _passage(body: str, anchor: int, marks: list[_Mark], *, goes_on: bool) -> Snippet:
    """Return the passage around a place, cut between words, or where none end between signs."""
    start = max(0, anchor - _LEAD)
    if start:
        space = body.find(" ", start, anchor)
        start = space + 1 if space >= 0 else _between(body, start)
    end = min(len(body), start + MOST_CHARS)
    if end < len(body):
        space = body.rfind(" ", max(start, end - 40, anchor + 1), end)
        end = space if space >= 0 else _between(body, end)
    within = [mark for mark in marks if start <= mark.start and mark.end <= end]
    text = body[start:end]
    stripped = text.strip()
    offset = start + len(text) - len(text.lstrip())
    moved = [_Mark(mark.start - offset, mark.end - offset, mark.term) for mark in within]
    return Snippet(
        TextField.BODY,
        stripped,
        _merged(moved),
        is_cut_before=bool(body[:start].strip()),
        is_cut_after=goes_on or bool(body[end:].strip()),
    )


def _between(text: str, at: int) -> int:
    """Return a place at or after another where no sign is taken apart from its marks."""
    while at < len(text) and (
        unicodedata.category(text[at])[0] == "M"
        or _EXTENDING.match(text[at])
        or text[at - 1] == "\u200d"
    ):
        at += 1
    return at


def _merged(marks: list[_Mark]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, mark.end)):
        if found and mark.start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], mark.end))
        else:
            found.append((mark.start, mark.end))
    return tuple(found)


# --- marks ------------------------------------------------------------------------------------


def _marks(
    place: TextField, text: str, terms: list[Word | Phrase], language: str | None
) -> list[_Mark]:
    """Return where terms match in a field's text, in its order."""
    asked = [
        (ordinal, term)
        for ordinal, term in enumerate(terms)
        if term.field is place or (term.field is None and place in UNNAMED_FIELDS)
    ]
    if not asked or not text:
        return []
    tokens = _Tokens(spans_of(text, _tokens_of([term for _, term in asked], language)))
    found = {
        _Mark(start, end, ordinal)
        for ordinal, term in asked
        for start, end in _matches(term, tokens, language)
    }
    return sorted(found, key=lambda mark: (mark.start, mark.end, mark.term))[:_MOST_MARKS]


def _tokens_of(terms: Iterable[Word | Phrase], language: str | None) -> set[str] | None:
    """Return all tokens that terms are looked for by; None where they stand beside others."""
    found: set[str] = set()
    for term in terms:
        if any(form.is_prefix or len(form.tokens) > 1 for form in term.forms):
            return None
        found.update(form.tokens[0] for form in term.forms)
        if isinstance(term, Word):
            found.update(*(inflections.tokens for inflections in _spoken(term, language)))
    return found


class _Tokens:
    """The tokens of a text, and where each stands among them."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans = spans
        self._places: dict[str, list[int]] = {}
        for at, span in enumerate(spans):
            self._places.setdefault(span.token, []).append(at)

    def places(self, token: str, *, is_prefix: bool = False) -> Iterable[int]:
        """Return where a token stands, or all tokens that begin so."""
        if not is_prefix:
            return self._places.get(token, ())
        begun = (places for known, places in self._places.items() if known.startswith(token))
        return chain.from_iterable(begun)


def _matches(
    term: Word | Phrase, tokens: _Tokens, language: str | None
) -> Iterator[tuple[int, int]]:
    for form in term.forms:
        yield from _form_matches(form, tokens)
    if isinstance(term, Word):
        for inflections in _spoken(term, language):
            for token in filter(tokens.places, inflections.tokens):
                yield from _form_matches(Form((token,)), tokens)


def _spoken(term: Word, language: str | None) -> list[Inflections]:
    spoken = (language or "").lower().partition("-")[0]
    return [inflections for inflections in term.inflections if inflections.language == spoken]


def _form_matches(form: Form, tokens: _Tokens) -> Iterator[tuple[int, int]]:
    *heads, last = form.tokens
    spans = tokens.spans
    for at in tokens.places(last, is_prefix=form.is_prefix):
        first = at - len(heads)
        if first >= 0 and all(
            spans[first + step].token == head for step, head in enumerate(heads)
        ):
            yield spans[first].start, _end_of(spans, at, last)


def _end_of(spans: list[Span], at: int, token: str) -> int:
    """Return where a match ends: of a pair of which one character was asked for, after that."""
    overlaps = at + 1 < len(spans) and spans[at].start < spans[at + 1].start < spans[at].end
    return spans[at + 1].start if overlaps and spans[at].token != token else spans[at].end
