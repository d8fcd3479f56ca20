"""What makes entries similar: words that few others have."""

from newsreel.core.similar import MOST_TERMS, score_shared, telling_terms, terms_of_entry


def test_terms_are_folded_and_stand_once_the_title_first() -> None:
    assert terms_of_entry("Żółw, żółw!", "A turtle of 1999 in x") == [
        "zolw",
        "turtle",
        "of",
        "in",
    ]


def test_what_all_have_and_what_nobody_else_has_tells_nothing() -> None:
    weights = telling_terms({"the": 900, "beaver": 4, "dam": 20, "quellstett": 1}, 1000)

    assert list(weights) == ["beaver", "dam"]
    assert weights["beaver"] > weights["dam"] > 0


def test_only_the_rarest_terms_are_looked_at() -> None:
    counts = {f"w{number}": number + 2 for number in range(2 * MOST_TERMS)}

    assert list(telling_terms(counts, 10_000)) == [f"w{number}" for number in range(MOST_TERMS)]


def test_rows_that_share_more_of_the_weight_come_first() -> None:
    weights = {"a": 4.0, "b": 2.0, "c": 2.0}

    scored = score_shared(weights, {"a": [1, 2], "b": [1, 3], "c": [2, 3, 1, 4]})

    assert scored == [(1, 1.0), (2, 0.75), (3, 0.5)]


def test_a_single_shared_word_counts_where_nothing_shares_more() -> None:
    assert score_shared({"a": 4.0, "b": 4.0}, {"a": [1], "b": [2]}) == [(2, 0.5), (1, 0.5)]
    assert score_shared({}, {}) == []
