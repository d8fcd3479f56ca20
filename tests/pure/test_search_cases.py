"""The table of searches, through parser and analyser, against a plain matcher."""

import pytest

from newsreel.core.matching import prepare_query
from newsreel.core.ranking import rank
from newsreel.formats.query import parse_query, text_of
from newsreel.model.query import Query
from plain_search import LANGUAGES, answer
from search_cases import CASE_IDS, CASES, ENTRIES, NOW, SearchCase


def asked(text: str) -> Query:
    return prepare_query(parse_query(text, NOW), LANGUAGES)


@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_search_finds_what_the_table_says(case: SearchCase) -> None:
    found = answer(asked(case.query))

    assert sorted(hit.public_id for hit in found) == sorted(case.found)
    older = dict(case.revisions)
    for hit in found:
        assert hit.is_current == (hit.public_id not in older)
        assert hit.revision == older.get(hit.public_id, hit.revision)


@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_query_as_text_finds_the_same(case: SearchCase) -> None:
    again = answer(asked(text_of(parse_query(case.query, NOW))))

    assert sorted(hit.public_id for hit in again) == sorted(case.found)


ORDERED = [case for case in CASES if case.order]


@pytest.mark.parametrize("case", ORDERED, ids=lambda case: f"{case.query}-{case.order}")
def test_search_orders_what_it_finds(case: SearchCase) -> None:
    query = asked(case.query)
    assert case.order

    ranked = rank(query, answer(query), order=case.order, now=NOW)

    assert tuple(candidate.public_id for candidate, _ in ranked) == case.found


def test_table_is_wide() -> None:
    assert len(CASES) >= 150
    assert len(LANGUAGES) >= 20
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    named = {name for case in CASES for name in case.found}
    assert named == {entry.name for entry in ENTRIES}
