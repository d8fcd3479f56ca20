"""The order of what was found: by relevance and freshness, or the newest first.

A store hands over the newest of its hits; how many of them are ranked bounds the time. For each
word or phrase that is asked for, the best of its spellings counts, in each field by the field's
weight: in full where it stands as it was typed, less for another spelling, half for another form
of the word. Words that most candidates lack weigh more (which tells only where words are
alternatives). Words beside one another, in the order they were typed, count again. An entry of
today counts up to twice as much as an old one. Nothing depends on the order in which candidates
come, nor on ids that differ between stores.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from newsreel.core.terms import index_text
from newsreel.model.query import (
    UNNAMED_FIELDS,
    And,
    Candidate,
    Form,
    Node,
    Or,
    Order,
    Phrase,
    Query,
    TextField,
    Word,
)

_WEIGHTS = {
    TextField.TITLE: 4.0,
    TextField.AUTHOR: 2.0,
    TextField.BODY: 1.0,
    TextField.CATEGORY: 1.5,
}
_OTHER_SPELLING = 0.8
_OTHER_FORM = 0.5
_NEAR = 60  # characters of folded text, about ten words
_HALF_LIFE = timedelta(days=14)
_OLD_WORDING = 0.8
_MOST_READ = 10_000  # characters of a body; what only stands further down counts for nothing

Texts = Mapping[TextField, str]
"""What is indexed of a candidate, with a blank at both ends of each field."""


def rank(
    query: Query, candidates: Iterable[Candidate], *, order: Order = Order.RELEVANCE, now: datetime
) -> list[tuple[Candidate, float]]:
    """Return candidates of a prepared query with their scores, the best first.

    Where the newest come first, and where a query asks for no words, each score is 0. What is
    equal is ordered by day, moment and public id.
    """
    terms = terms_of(query.root)
    found = list(candidates)
    if order is Order.NEWEST or not terms:
        return [(candidate, 0.0) for candidate in sorted(found, key=_newest)]
    texts = [_texts_of(candidate) for candidate in found]
    strengths = [
        [_strength(term, candidate, text) for term in terms]
        for candidate, text in zip(found, texts, strict=True)
    ]
    rarity = [_rarity(column) for column in zip(*strengths, strict=True)]
    scored = []
    for candidate, text, row in zip(found, texts, strengths, strict=True):
        weighed = sum(strength * rare for strength, rare in zip(row, rarity, strict=True))
        score = (weighed + _closeness(terms, text)) * _freshness(candidate, now)
        scored.append((candidate, round(score, 6)))
    return sorted(scored, key=lambda pair: (-pair[1], *_newest(pair[0])))


def terms_of(node: Node) -> list[Word | Phrase]:
    """Return the words and phrases that are asked for, in their order; not what is excluded."""
    match node:
        case Word() | Phrase():
            return [node]
        case And(parts) | Or(parts):
            return [term for part in parts for term in terms_of(part)]
        case _:
            return []


def _newest(candidate: Candidate) -> tuple[int, float, str]:
    return -candidate.day.toordinal(), -candidate.moment.timestamp(), candidate.public_id


def _texts_of(candidate: Candidate) -> Texts:
    return {
        TextField.TITLE: f" {index_text(candidate.title)} ",
        TextField.AUTHOR: f" {index_text(candidate.author)} ",
        TextField.BODY: f" {index_text(candidate.body[:_MOST_READ])} ",
        TextField.CATEGORY: f" {index_text(' '.join(candidate.categories))} ",
    }


def _strength(term: Word | Phrase, candidate: Candidate, texts: Texts) -> float:
    return sum(
        _WEIGHTS[place] * _strength_in(term, candidate, texts[place])
        for place in ((term.field,) if term.field else UNNAMED_FIELDS)
    )


def _strength_in(term: Word | Phrase, candidate: Candidate, text: str) -> float:
    """Return how strongly one field speaks of a term: from 0 to 1.5, by form and frequency."""
    for factor, needle in _needles(term, candidate.language):
        if needle in text:
            return factor * (1 + 0.1 * min(text.count(needle) - 1, 5))
    return 0.0


def _needles(term: Word | Phrase, language: str | None) -> Iterator[tuple[float, str]]:
    """Yield what to look for in a field's text, the strongest first."""
    for index, form in enumerate(term.forms):
        yield (_OTHER_SPELLING if index else 1.0), _needle(form)
    if isinstance(term, Word):
        spoken = (language or "").lower().partition("-")[0]
        for inflections in term.inflections:
            if inflections.language == spoken:
                yield from ((_OTHER_FORM, f" {token} ") for token in inflections.tokens)


def _needle(form: Form) -> str:
    return f" {' '.join(form.tokens)}{'' if form.is_prefix else ' '}"


def _rarity(strengths: Iterable[float]) -> float:
    column = list(strengths)
    return math.log2(1 + len(column) / max(1, sum(map(bool, column))))


def _closeness(terms: list[Word | Phrase], texts: Texts) -> float:
    """Return what pairs of neighbouring words earn by standing together in a field."""
    earned = 0.0
    for one, other in pairwise(terms):
        if one.forms and other.forms and one.field == other.field:
            first, second = _needle(one.forms[0]), _needle(other.forms[0])
            for place in (one.field,) if one.field else UNNAMED_FIELDS:
                earned += _WEIGHTS[place] * _nearness(texts[place], first, second)
    return earned


def _nearness(text: str, first: str, second: str) -> float:
    if first.rstrip() + second in text:
        return 1.0
    one, other = text.find(first), text.find(second)
    if one < 0 or other < 0:
        return 0.0
    return 0.5 / (1 + abs(one - other) / _NEAR)


def _freshness(candidate: Candidate, now: datetime) -> float:
    age = max(now - candidate.moment, timedelta())
    fresh = 1 + math.exp2(-(age / _HALF_LIFE))
    return fresh if candidate.is_current else fresh * _OLD_WORDING
