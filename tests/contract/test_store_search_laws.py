"""Whatever is asked, a store finds what a plain look through all entries finds."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_store_search import NAMES, SMALL_STEPS, fill

from newsreel.app.search import inflected_languages, search
from newsreel.core.matching import prepare_query
from newsreel.formats.query import parse_query
from newsreel.model.query import Order
from newsreel.store import open_store
from plain_search import answer
from search_cases import ENTRIES, FEEDS, NOW

TEXTS = [
    text
    for entry in ENTRIES
    for wording in entry.wordings
    for text in (wording.title, wording.summary, wording.body, entry.author, *entry.categories)
    if text
]
WORDS = sorted({word for text in TEXTS for word in text.split()})
FILTERS = sorted(
    {f"feed:{feed.title}" for feed in FEEDS.values() if " " not in feed.title}
    | {f'feed:"{feed.folder}"' for feed in FEEDS.values() if feed.folder}
    | {f"tag:{tag}" for feed in FEEDS.values() for tag in feed.tags}
    | {f"lang:{feed.language}" for feed in FEEDS.values() if feed.language}
    | {f"site:{entry.permalink}" for entry in ENTRIES}
    | {f"link:{entry.permalink[: 12 + at]}" for at, entry in enumerate(ENTRIES)}
    | {"lang:pt", "lang:en", "site:example", "feed:2", "link:https://"}
    | {"has:image", "has:enclosure", "has:revision", "has:fulltext"}
    | {f"after:{entry.day}" for entry in ENTRIES}
    | {f"before:{entry.day}" for entry in ENTRIES}
)
FIELDS = ("", "", "", "title:", "body:", "author:", "category:")


@st.composite
def phrases(draw: st.DrawFn) -> str:
    """Some words as they stand in a text, in quotes."""
    words = draw(st.sampled_from(TEXTS)).replace('"', " ").split() or ["a"]
    first = draw(st.integers(0, len(words) - 1))
    return '"' + " ".join(words[first : first + draw(st.integers(1, 4))]) + '"'


def beginning(word: str, length: int) -> str:
    return f"{word[:length]}*"


TERMS = st.one_of(
    st.sampled_from(WORDS),
    st.builds(beginning, st.sampled_from(WORDS), st.integers(1, 5)),
    phrases(),
)
LEAVES = st.one_of(
    st.builds("".join, st.tuples(st.sampled_from(FIELDS), TERMS)),
    st.sampled_from(FILTERS),
)
QUERIES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds("-({})".format, parts),
        st.builds("-{}".format, LEAVES),
        st.lists(parts, min_size=2, max_size=3).map(" ".join),
        st.lists(parts, min_size=2, max_size=3).map(lambda found: f"({' OR '.join(found)})"),
    ),
    max_leaves=6,
)


@pytest.fixture
def filled_address(address: str) -> str:
    asyncio.run(filled(address))
    return address


async def filled(address: str) -> None:
    store = open_store(address)
    await fill(store)
    await store.close()


@pytest.mark.parametrize("is_large", [True, False], ids=["as in a large archive", "at once"])
def test_a_store_finds_what_the_plain_matcher_finds(
    filled_address: str, *, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, values in SMALL_STEPS.items() if is_large else ():
        for name, value in values.items():
            monkeypatch.setattr(f"newsreel.store.{module}.{name}", value)

    @given(texts=st.lists(QUERIES, min_size=10, max_size=10))
    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    def law(texts: list[str]) -> None:
        asyncio.run(compare(filled_address, texts))

    law()


async def compare(address: str, texts: list[str]) -> None:
    store = open_store(address)
    try:
        languages = await inflected_languages(store)
        for text in texts:
            query = prepare_query(parse_query(text, NOW), languages)
            expected = {(hit.public_id, hit.revision) for hit in answer(query)}
            for order in Order:
                found = await search(
                    store, text, clock=lambda: NOW, order=order, limit=200, has_facets=True
                )
                hits = {(NAMES[hit.public_id], hit.revision) for hit in found.page.hits}
                assert hits == expected, text
                assert (found.page.count, found.page.is_count_exact) == (len(expected), True)
    finally:
        await store.close()
