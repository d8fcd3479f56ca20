"""Searches that were given a name, and how much each finds."""

from dataclasses import dataclass

from newsreel.app.clock import Clock
from newsreel.app.search import inflected_languages
from newsreel.core.matching import prepare_query
from newsreel.errors import UsageError
from newsreel.formats.query import parse_query
from newsreel.model.query import Order, SavedSearch
from newsreel.store.protocols import Store

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class CountedSearch:
    """A saved search, how many entries it finds, and the newest of them."""

    search: SavedSearch
    count: int
    is_count_exact: bool
    newest_id: str | None


async def save_search(store: Store, name: str, text: str, *, clock: Clock) -> bool:
    """Keep a search under a name; return False where it took another's place.

    Raises :class:`~newsreel.errors.UsageError` for a name that is empty or long.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(
            f"no name for a search: {name[:LONGEST_NAME]!r}",
            hint=f"give 1 to {LONGEST_NAME} characters",
        )
    return await store.save_search(SavedSearch(name, text, clock()))


async def counted_searches(store: Store, *, clock: Clock) -> list[CountedSearch]:
    """Return the saved searches by name, each with what it finds now."""
    languages = await inflected_languages(store)
    found = []
    for search in await store.saved_searches():
        query = prepare_query(parse_query(search.text, clock()), languages)
        result = await store.search(query, order=Order.NEWEST, limit=1)
        newest = result.candidates[0].public_id if result.candidates else None
        found.append(CountedSearch(search, result.count, result.is_count_exact, newest))
    return found
