"""Search the archive: what is typed to a page of hits, and what there is to say about it."""

import asyncio
import re
from dataclasses import dataclass

from newsreel.app.clock import Clock
from newsreel.core.matching import prepare_query
from newsreel.core.ranking import rank
from newsreel.core.snippets import hit_of
from newsreel.core.stems import LANGUAGES
from newsreel.errors import StoreError, UsageError
from newsreel.formats.query import parse_query
from newsreel.model.query import Hit, Order, Page, Query
from newsreel.store.protocols import Found, IndexState, Store

INDEXED_AT_ONCE = 2_000
"""Entries that are indexed before a search, within a second or so; more are left to others."""
_KEY = re.compile(r"([nr])(-?\d{1,18})(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of hits, how the query was understood, and what there is to say about both."""

    page: Page
    query: Query
    notes: tuple[str, ...]


async def search(
    store: Store,
    text: str,
    *,
    clock: Clock,
    order: Order = Order.NEWEST,
    limit: int = 20,
    after: str | None = None,
    has_facets: bool = False,
) -> Answer:
    """Return what a text asks for; any text is a query.

    ``after`` is the ``next_key`` of the page before. Private feeds are searched like all others:
    whoever asks owns them. Raises :class:`~newsreel.errors.UsageError` for a key that no page had.
    """
    place, offset = _place(after, order)
    state, languages = await asyncio.gather(index_state(store), inflected_languages(store))
    now = clock()
    query = prepare_query(parse_query(text, now), languages)
    found = await store.search(query, order=order, limit=limit, after=place, has_facets=has_facets)
    ranked = rank(query, found.candidates, order=order, now=now)
    shown = ranked[offset : offset + limit]
    page = Page(
        hits=tuple(hit_of(query, candidate, score) for candidate, score in shown),
        count=found.count,
        is_count_exact=found.is_count_exact,
        facets=found.facets,
        next_key=_next_key(found, order, place, offset + limit, len(ranked)),
    )
    return Answer(page, query, (*query.notes, *_notes(found, state, order, page)))


async def inflected_languages(store: Store) -> list[str]:
    """Return the languages of the archive whose words have other forms that are found too."""
    return [tag for tag in await store.search_languages() if tag in LANGUAGES]


async def similar(store: Store, public_id: str, *, limit: int = 10) -> list[Hit]:
    """Return the entries that share rare words with one, the most similar first.

    Raises :class:`~newsreel.errors.UsageError` where there is no such entry.
    """
    entry = await store.entry(public_id)
    if entry is None:
        raise UsageError(
            f"no such entry: {public_id!r}",
            hint="'newsreel search' and 'newsreel show FEED' list entries with their ids",
        )
    query = prepare_query(parse_query("", entry.first_seen_at))
    found = await store.similar(entry.public_id, limit=limit)
    return [hit_of(query, candidate, score) for candidate, score in found]


async def index_state(store: Store) -> IndexState:
    """Return how much can be searched, once what takes no time to index is indexed."""
    state = await store.index_state()
    if 0 < state.pending <= INDEXED_AT_ONCE and state.is_current:
        try:
            while await store.index_some(INDEXED_AT_ONCE):
                pass
        except StoreError:
            return state  # it is busy, or may only be read: what is there is searched
        return await store.index_state()
    return state


def _place(after: str | None, order: Order) -> tuple[int | None, int]:
    if after is None:
        return None, 0
    match = _KEY.fullmatch(after)
    if match is None or (match[1] == "r") is not (order is Order.RELEVANCE):
        raise UsageError(
            f"no page has this key: {after!r}",
            hint="take the 'next_key' that the page before gave, with the same query and order",
        )
    return int(match[2]), int(match[3] or 0)


def _next_key(
    found: Found, order: Order, place: int | None, offset: int, ranked: int
) -> str | None:
    if order is Order.NEWEST:
        return None if found.last is None else f"n{found.last}"
    top = found.top if place is None else place
    return f"r{top}.{offset}" if offset < ranked else None


def _notes(found: Found, state: IndexState, order: Order, page: Page) -> list[str]:
    notes = []
    if state.pending:
        notes.append(
            f"{state.pending} entries are not in the index yet and can't be found; "
            "'newsreel reindex' adds them"
        )
    if not state.is_current:
        notes.append(
            "the index was made by other rules than this Newsreel's, and what it finds may be "
            "wrong; 'newsreel reindex' makes it anew"
        )
    if not found.is_whole:
        notes.append(
            "the search took too long and was stopped: there may be more; "
            "rarer words, or longer beginnings of words, take less"
        )
    if order is Order.RELEVANCE and len(found.candidates) < found.count and not page.next_key:
        notes.append(
            f"the {len(found.candidates)} most promising hits were ranked; "
            "the order of age goes through all"
        )
    return notes
