"""The search index of PostgreSQL: what its rows hold, and that many may write it at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.app.search import search
from newsreel.app.search_index import reindex
from newsreel.core.normalize import DIGEST_VERSION
from newsreel.core.searchable import searchable_of
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, Entry, Revision
from newsreel.model.feed import NewFeed
from newsreel.model.poll import Tombstone
from newsreel.model.query import Order
from newsreel.store import Store, open_store
from newsreel.store.postgres.search_places import (
    LENGTHS,
    MOST_TOKENS,
    PLACES,
    Spread,
    base_of,
    day_bounds,
    day_of,
    stretch,
    time_marks,
)
from newsreel.store.postgres.search_vectors import vectors_of

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
WORDS = 40_000
LONG = " ".join(f"w{number}" for number in range(WORDS))
VERY_LONG = " ".join(f"word{number:07}{'x' * 20}" for number in range(60_000))


def entry_of(name: str, *titles: str, body: str | None = None, at: datetime = NOW) -> Entry:
    return Entry(
        id=0,
        public_id=sha256(name.encode()).hexdigest()[:20],
        feed_id=0,
        identity=name,
        guid=name,
        day=at.date(),
        first_seen_at=at,
        revisions=tuple(
            Revision(
                number=number,
                seen_at=at + timedelta(hours=number),
                absent_at=None,
                content=Content(title=title, link=f"https://a.example/{name}", body=body),
                digest=sha256(f"{name} {title}".encode()).digest(),
                digest_version=DIGEST_VERSION,
                parser_version=PARSER_VERSION,
            )
            for number, title in enumerate(titles, 1)
        ),
    )


async def fill(store: Store, entries: Sequence[Entry], *, feed: str = "a") -> None:
    new = NewFeed(url=f"https://{feed}.example/feed")
    added = await store.add_feeds([new], now=NOW)
    await store.restore_entries(added[0].feed, entries)


async def titles(store: Store, text: str, **told: object) -> list[str]:
    answer = await search(store, text, clock=lambda: NOW, limit=1000, **told)  # type: ignore[arg-type]
    return [hit.title.text for hit in answer.page.hits]


def rows(address: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
async def store(postgres_address: str) -> AsyncIterator[Store]:
    store = open_store(postgres_address)
    yield store
    await store.close()


async def test_words_far_down_are_found_though_not_as_phrases(store: Store) -> None:
    await fill(store, [entry_of("a", "Otters", body=f"<p>{LONG}</p>")])

    assert await titles(store, f"w{WORDS - 1} w1") == ["Otters"]
    assert await titles(store, f"body:w{WORDS - 1}") == ["Otters"]
    assert await titles(store, '"w1000 w1001"') == ["Otters"]
    assert await titles(store, '"w1001 w1000"') == []
    assert await titles(store, f'"w{WORDS - 2} w3"') == []
    assert await titles(store, '"w16300 w39000"') == []


async def test_what_is_larger_than_a_tsvector_is_found_once_by_any_of_its_words(
    store: Store, postgres_address: str
) -> None:
    await fill(store, [entry_of("a", "Otters", body=f"<p>{VERY_LONG} otters</p>")])

    assert rows(postgres_address, "SELECT count(*) > 1 FROM search_rows") == [(True,)]
    for text in (
        "otters",
        "word0000000*",
        "word0059999*",
        "word*",
        "word0030000* OR word0000001*",
    ):
        answer = await search(store, text, clock=lambda: NOW, order=Order.RELEVANCE)
        assert (answer.page.count, len(answer.page.hits)) == (1, 1)

    assert await store.tombstone(entry_of("a").public_id, Tombstone.WITHHELD, reason="", now=NOW)
    assert rows(postgres_address, "SELECT count(*) FROM search_rows") == [(0,)]


@given(
    words=st.lists(st.sampled_from(["a", "b", "東京", "ł'x", "\\", "zz"]), max_size=40),
    title=st.text(max_size=20),
)
def test_a_literal_is_one_word_after_the_other(words: list[str], title: str) -> None:
    content = Content(title=title, summary=" ".join(words), link="https://a.example/a")
    found = searchable_of(content, url="https://a.example/", language=None)

    (literal,) = vectors_of(found, ["=it's", "=\\"])

    assert literal.startswith("'=it''s' '=\\\\'")
    assert literal.count("\x00") == 0


async def test_a_word_that_is_everywhere_is_no_trouble(store: Store) -> None:
    await fill(store, [entry_of("a", "the " * 400, body="<p>" + "the " * 20_000 + "end</p>")])

    assert len(await titles(store, '"the the"')) == 1
    assert len(await titles(store, "end title:the")) == 1


async def test_many_write_at_once_while_the_index_is_made_anew(
    store: Store, postgres_address: str
) -> None:
    start = [entry_of(f"old {n}", f"Otters {n}", at=NOW - timedelta(days=n)) for n in range(900)]
    await fill(store, start, feed="old")
    others = [open_store(postgres_address) for _ in range(3)]

    async def write(number: int, other: Store) -> None:
        for part in range(10):
            entries = [
                entry_of(f"{number} {part} {n}", f"Stoats {n}", "Weasels") for n in range(5)
            ]
            await fill(other, entries, feed=f"f{number}")

    async def withhold(other: Store) -> None:
        for entry in start[::30]:
            await other.tombstone(entry.public_id, Tombstone.WITHHELD, reason="", now=NOW)

    try:
        await asyncio.gather(
            reindex(others[0], is_anew=True),
            *(write(number, other) for number, other in enumerate(others)),
            withhold(others[1]),
        )
        while await store.index_some(500):
            pass
    finally:
        for other in others:
            await other.close()

    assert (await store.index_state()).pending == 0
    wrong = """
        SELECT r.entry_id, count(*) FROM search_rows r GROUP BY r.entry_id
        HAVING count(*) != (SELECT count(*) FROM revisions v WHERE v.entry_id = r.entry_id)
    """
    assert rows(postgres_address, wrong) == []
    missing = """
        SELECT public_id FROM entries e
        WHERE (withheld_at IS NULL) != EXISTS (SELECT FROM search_rows r WHERE r.entry_id = e.id)
    """
    assert rows(postgres_address, missing) == []
    twice = "SELECT entry_id, revision_id FROM search_rows GROUP BY 1, 2 HAVING count(*) > 1"
    assert rows(postgres_address, twice) == []
    assert len(await titles(store, "otters")) == 900 - 30
    assert len(await titles(store, "weasels")) == 150


async def test_who_searches_while_the_index_is_emptied_sees_it_before_or_after(
    store: Store, postgres_address: str
) -> None:
    await fill(store, [entry_of(str(n), f"Otters {n}") for n in range(100)])
    other = open_store(postgres_address)
    counts = set()

    async def look() -> None:
        for _ in range(30):
            query = await search(other, "otters", clock=lambda: NOW, limit=1)
            counts.add(query.page.count)

    try:
        await asyncio.gather(look(), store.empty_index())
    finally:
        await other.close()

    assert counts <= {0, 100}


async def test_numbers_that_are_taken_are_passed_over(store: Store, postgres_address: str) -> None:
    await fill(store, [entry_of(f"a{n}", "Otters") for n in range(20)])
    rows(
        postgres_address,
        "SELECT setval('search_places', min((id >> 1) % 67108864)) FROM search_rows",
    )

    await fill(store, [entry_of(f"b{n}", "Otters") for n in range(20)], feed="b")

    assert len(await titles(store, "otters")) == 40


async def test_what_is_erased_leaves_no_row(store: Store, postgres_address: str) -> None:
    await fill(store, [entry_of("a", "Otters"), entry_of("b", "Stoats")])

    await store.tombstone(entry_of("a").public_id, Tombstone.ERASED, reason="", now=NOW)

    assert rows(postgres_address, "SELECT count(*) FROM search_rows") == [(1,)]
    words = "SELECT word FROM ts_stat('SELECT terms FROM search_rows') WHERE word = 'otters'"
    assert rows(postgres_address, words) == []


DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 31))
TIMES = st.times()


@given(day=DAYS, at=TIMES, other=DAYS, later=TIMES)
def test_numbers_rise_with_day_and_time(day: date, at: time, other: date, later: time) -> None:
    one, two = datetime.combine(day, at), datetime.combine(other, later)
    first, second = base_of(day, one), base_of(other, two)

    assert day_of(first + 2 * PLACES - 1) == day
    least, end = day_bounds(day, day)
    assert least <= first < end
    assert abs(first) < 10**18
    if one.replace(second=0, microsecond=0) < two.replace(second=0, microsecond=0):
        assert first + 2 * PLACES <= second


@given(data=st.data(), day=DAYS, span=st.integers(1, 1 << 50))
def test_tokens_cover_a_stretch_and_nothing_before_it(
    data: st.DataObject, day: date, span: int
) -> None:
    end = base_of(day, datetime.combine(day, time())) + 1
    least, tokens = stretch(end - span, end)
    inside = data.draw(st.integers(least, end - 1))
    before = data.draw(st.integers(least - (1 << 50), least - 1))

    assert least < end
    assert 1 <= len(tokens) <= MOST_TOKENS
    assert not set(tokens).isdisjoint(time_marks(inside))
    assert set(tokens).isdisjoint(time_marks(before))
    assert {token[1] for token in tokens} <= set(LENGTHS)


@given(
    bounds=st.lists(st.integers(-(1 << 50), 1 << 55), min_size=2, max_size=30).map(sorted),
    count=st.integers(0, 10**9),
    end=st.integers(-(1 << 50), 1 << 56),
    wanted=st.integers(0, 10**9),
)
def test_a_spread_leads_on_and_counts_no_more_than_there_is(
    bounds: list[int], count: int, end: int, wanted: int
) -> None:
    spread = Spread(count, bounds)

    assert spread.place_before(end, wanted) < end
    assert 0 <= spread.rows_between(bounds[0] - 1, end) <= count
    assert spread.rows_between(bounds[0], bounds[-1] + 1) == count
    assert replace(spread, count=0).rows_between(bounds[0], end) == 0
