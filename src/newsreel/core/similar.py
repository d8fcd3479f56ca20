"""Which entries are alike: those that share words which few others have."""

import math
from collections.abc import Iterable, Mapping

from newsreel.core.terms import index_text

MOST_TERMS = 24
"""Words of an entry by which others are looked for."""
_SHORTEST = 2


def terms_of_entry(title: str, body: str) -> list[str]:
    """Return the different tokens of an entry, those of its title first; no numbers alone."""
    tokens = f"{index_text(title)} {index_text(body[:20_000])}".split()
    return [
        token
        for token in dict.fromkeys(tokens)
        if len(token) >= _SHORTEST and not token.isdecimal()
    ]


def telling_terms(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """Return the rarest terms that others have too, with what each weighs.

    ``counts`` says how many of ``total`` entries have a term; one that only this entry has, or
    more than a tenth of all, tells nothing.
    """
    kept = [(count, term) for term, count in counts.items() if 1 < count <= max(total / 10, 3)]
    return {term: math.log2(total / count) for count, term in sorted(kept)[:MOST_TERMS]}


def score_shared(
    weights: Mapping[str, float], found: Mapping[str, Iterable[int]]
) -> list[tuple[int, float]]:
    """Return rows with the share of the weights that they have, the most similar first.

    ``found`` holds the rows of each term. Rows that share a single term are no more than chance:
    they are returned only where none shares more.
    """
    earned: dict[int, list[float]] = {}
    for term, rows in found.items():
        for row in rows:
            earned.setdefault(row, []).append(weights[term])
    alike = {row: shares for row, shares in earned.items() if len(shares) > 1} or earned
    whole = sum(weights.values()) or 1.0
    scored = [(row, round(sum(shares) / whole, 4)) for row, shares in alike.items()]
    return sorted(scored, key=lambda pair: (-pair[1], -pair[0]))
