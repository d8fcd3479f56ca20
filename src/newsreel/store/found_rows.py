"""What is found as every database gives it: candidates of rows, and what they divide into."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from newsreel.core.ranking import terms_of
from newsreel.core.searchable import body_text, moment_of
from newsreel.model.query import And, Candidate, FacetCount, Node, Or, Phrase, TextField
from newsreel.store.rows import content_of, known_moment


def rows_for(entries: int) -> int:
    """Return how many rows to read for some entries: a tenth of them may have several."""
    return entries + entries // 5 + 100


def titled(root: Node) -> tuple[Node, ...]:
    """Return what titles are asked for: all the words that name no field, and one of them."""
    words = tuple(
        Phrase(term.text, TextField.TITLE, term.is_prefix, term.forms[:1])
        for term in terms_of(root)
        if term.field is None
    )
    return (And(words), Or(words)) if len(words) > 1 else words


def candidate_of(row: tuple[Any, ...]) -> Candidate:
    """Return the candidate of a row of WORDINGS: ids, numbers, days, then CONTENT_COLUMNS."""
    content, day = content_of(row[10:]), date.fromisoformat(row[6])
    return Candidate(
        entry_id=row[1],
        public_id=row[2],
        feed_id=row[3],
        revision=row[4],
        is_current=row[4] == row[5],
        day=day,
        moment=moment_of(
            day, published_at=content.published_at, first_seen_at=known_moment(row[7])
        ),
        language=row[8],
        title=content.title or "",
        author=content.author or "",
        body=body_text(content),
        categories=content.categories,
    )


def summed(pairs: Iterable[tuple[str | None, int]]) -> Counter[str]:
    """Add up the numbers of each value; what has none is left out."""
    found: Counter[str] = Counter()
    for value, count in pairs:
        if value:
            found[value] += count
    return found


def counts_of(counted: Counter[str]) -> tuple[FacetCount, ...]:
    """Return the most frequent first."""
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(FacetCount(value, count) for value, count in ordered)
