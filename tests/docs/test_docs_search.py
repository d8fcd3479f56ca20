"""The page on the search language names all of it, and what it says is so."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsreel.core.matching import prepare_query
from newsreel.core.ranking import terms_of
from newsreel.core.stems import LANGUAGES
from newsreel.formats.query import MOST_CHARS, MOST_TERM_CHARS, MOST_TERMS, parse_query
from newsreel.formats.query_fields import FIELDS, OLD_FIELDS
from newsreel.model.query import Has, Word

PAGE = (Path(__file__).parents[2] / "docs/reference/search.md").read_text("utf-8")
NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(name for name in FIELDS if name.isalpha()))
def test_each_field_is_documented(name: str) -> None:
    assert f"{name}:" in PAGE or f"{name}=" in PAGE


@pytest.mark.parametrize("name", sorted(OLD_FIELDS))
def test_each_old_field_is_documented(name: str) -> None:
    assert f"`{name}=`" in PAGE or f"`{name}>`" in PAGE


@pytest.mark.parametrize("what", list(Has))
def test_all_that_entries_can_have_is_documented(what: Has) -> None:
    assert f"`has:{what}`" in PAGE


def test_limits_are_documented() -> None:
    assert f"{MOST_CHARS:,} characters, {MOST_TERMS} words" in PAGE
    assert f"of {MOST_TERM_CHARS} characters each" in PAGE


def test_number_of_languages_with_other_forms_is_documented() -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith("This is so for Arabic"))

    assert line.partition(";")[0].count(",") + 2 == len(LANGUAGES - {"iw", "nb", "nn"})


@pytest.mark.parametrize(
    ("typed", "language", "found"),
    [
        ("election", "en", "elections"),
        ("wybory", "pl", "wyborow"),
        ("Haus", "de", "hauser"),
        ("حكومة", "ar", "والحكومه"),
        ("e-mail", "en", "email"),
        ("O'Neill", "en", "oneill"),
        ("Anna's", "en", "anna"),
        ("1,250,000", "en", "1250000"),
    ],
)
def test_words_find_what_the_page_says(typed: str, language: str, found: str) -> None:
    (word,) = terms_of(prepare_query(parse_query(typed, NOW), (language,)).root)

    assert isinstance(word, Word)
    forms = {form.tokens for form in word.forms}
    assert (found,) in forms or found in word.inflections[0].tokens
