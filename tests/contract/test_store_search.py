"""What every store must find."""

from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsreel.app.saved_searches import counted_searches, save_search
from newsreel.app.search import Answer, search, similar
from newsreel.app.search_index import reindex
from newsreel.core.matching import prepare_query
from newsreel.core.normalize import DIGEST_VERSION
from newsreel.errors import UsageError
from newsreel.formats.document import PARSER_VERSION
from newsreel.formats.query import parse_query
from newsreel.model.entry import Content, Enclosure, Entry, Revision
from newsreel.model.feed import Feed, NewFeed
from newsreel.model.poll import Tombstone
from newsreel.model.query import Order
from newsreel.store import Store
from newsreel.store.protocols import IndexState
from newsreel.store.sqlite.search_index import BACKLOG
from polled_world import World, item, with_title
from search_cases import CASES, ENTRIES, FEEDS, NOW, SearchEntry, Wording

HOUR = timedelta(hours=1)


def content_of(entry: SearchEntry, wording: Wording) -> Content:
    return Content(
        title=wording.title,
        link=entry.permalink,
        permalink=entry.permalink,
        summary=wording.summary or None,
        body=wording.body or None,
        author=entry.author or None,
        categories=entry.categories,
        enclosures=(Enclosure("https://files.example/a", entry.enclosure),)
        if entry.enclosure
        else (),
        thumbnail=entry.thumbnail,
        language=entry.language,
    )


def entry_of(entry: SearchEntry) -> Entry:
    seen_at = datetime.combine(entry.day, time(12), UTC)
    return Entry(
        id=0,
        public_id=sha256(entry.name.encode()).hexdigest()[:20],
        feed_id=0,
        identity=entry.name,
        guid=entry.name,
        day=entry.day,
        first_seen_at=seen_at,
        revisions=tuple(
            Revision(
                number=number,
                seen_at=seen_at + number * HOUR,
                absent_at=None,
                content=content_of(entry, wording),
                digest=sha256(wording.title.encode()).digest(),
                digest_version=DIGEST_VERSION,
                parser_version=PARSER_VERSION,
            )
            for number, wording in enumerate(entry.wordings, 1)
        ),
    )


NAMES = {entry_of(entry).public_id: entry.name for entry in ENTRIES}


async def fill(store: Store) -> dict[str, Feed]:
    """Store the small archive."""
    feeds = {}
    for name, told in FEEDS.items():
        new = NewFeed(
            url=told.url,
            title=told.title,
            language=told.language,
            folder=told.folder,
            tags=told.tags,
        )
        feeds[name] = (await store.add_feeds([new], now=NOW))[0].feed
        entries = [entry_of(entry) for entry in ENTRIES if entry.feed == name]
        await store.restore_entries(feeds[name], entries)
    return feeds


async def ask(store: Store, text: str, **told: object) -> Answer:
    return await search(store, text, clock=lambda: NOW, **{"limit": 100, **told})  # type: ignore[arg-type]


@pytest.fixture
async def filled(store: Store) -> Store:
    await fill(store)
    return store


def names_of(answer: Answer) -> list[str]:
    return [NAMES[hit.public_id] for hit in answer.page.hits]


SMALL_STEPS = {
    "sqlite.search_ids": {"FEW": 0},
    "postgres.search_ids": {
        "SMALL": 0,
        "LEAST_ROWS": 1,
        "ROWS_FOR_A_HIT": 0,
        "FASTEST_GROWTH": 2,
    },
}
"""What lets stores go the ways that they go in large archives."""


def set_in_hits(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    """Set bounds of what is counted, in every store."""
    for kind in ("sqlite", "postgres"):
        for name, value in values.items():
            monkeypatch.setattr(f"newsreel.store.{kind}.search_hits.{name}", value)


@pytest.mark.parametrize("is_large", [True, False], ids=["as in a large archive", "at once"])
@pytest.mark.parametrize("counted", [10_000, 2], ids=["all are counted", "few are counted"])
async def test_search_finds_what_the_table_says(
    store: Store, *, is_large: bool, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, values in SMALL_STEPS.items() if is_large else ():
        for name, value in values.items():
            monkeypatch.setattr(f"newsreel.store.{module}.{name}", value)
    set_in_hits(monkeypatch, COUNTED=counted, rows_for=lambda wanted: wanted + 1)
    await fill(store)
    wrong = []
    for case in CASES:
        answer = await ask(store, case.query, order=case.order or Order.NEWEST)
        found = names_of(answer)
        older = {
            NAMES[hit.public_id]: hit.revision for hit in answer.page.hits if not hit.is_current
        }
        told = (sorted(found) if case.order is None else found, older)
        expected = sorted(case.found) if case.order is None else list(case.found)
        if told != (expected, dict(case.revisions)):
            wrong.append((case.query, told, expected))

    assert wrong == []


async def found(store: Store, text: str, **told: object) -> list[str | None]:
    """The titles of what is found, in its order."""
    return [hit.title.text for hit in (await ask(store, text, **told)).page.hits]


async def test_an_entry_is_found_as_soon_as_it_is_polled(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a", title="Otters in the weir", summary="Three of them."))

    assert await found(world.store, "otters three") == ["Otters in the weir"]
    assert await found(world.store, "otters four") == []


async def test_a_former_title_finds_the_entry_once_and_says_so(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a", title="Mayor resigns", summary="A letter."))
    world.later()
    await world.poll(feed, item("a", title="Mayor on holiday", summary="A letter."))

    former = (await ask(world.store, "resigns")).page
    todays = (await ask(world.store, "holiday")).page
    both = (await ask(world.store, "mayor")).page

    assert [(hit.revision, hit.is_current) for hit in former.hits] == [(1, False)]
    assert [(hit.revision, hit.is_current) for hit in todays.hits] == [(2, True)]
    assert [(hit.revision, hit.is_current) for hit in both.hits] == [(2, True)]
    assert both.count == 1
    assert await found(world.store, "resigns holiday") == []


async def test_a_revision_is_a_filter_for_all_wordings(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a", title="First words"), item("b", title="Other first words"))
    world.later()
    await world.poll(feed, item("a", title="Second words"))

    assert await found(world.store, "first has:revision") == ["First words"]


@pytest.mark.parametrize("kind", Tombstone)
async def test_what_was_taken_out_is_not_found(world: World, kind: Tombstone) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a", title="Otters"), item("b", title="Otters too"))
    world.later()
    await world.poll(feed, item("a", title="Otters, corrected"), item("b", title="Otters too"))
    gone = await world.entry(feed, "press-a")

    await world.store.tombstone(gone.public_id, kind, reason="", now=world.now)

    page = (await ask(world.store, "otters", has_facets=True)).page
    assert [hit.title.text for hit in page.hits] == ["Otters too"]
    assert page.count == 1
    assert [found.count for found in page.facets.feeds] == [1]


async def test_a_purged_feed_is_not_found_and_others_are(world: World) -> None:
    feed = await world.feed()
    other = await world.feed("https://other.example/feed")
    await world.poll(feed, *(item(f"n{number}", title="Otters here") for number in range(30)))
    await world.poll(other, item("b", title="Otters there"))

    await world.store.purge_feed(feed.id)

    assert await found(world.store, "otters") == ["Otters there"]


async def test_private_feeds_are_the_operators_to_search(world: World) -> None:
    feed = await world.feed("https://me:secret@paid.example/feed")
    await world.poll(feed, item("a", title="Paid otters"))

    assert feed.is_private
    assert await found(world.store, "otters") == ["Paid otters"]


async def test_an_import_of_old_years_lies_under_what_is_of_today(world: World) -> None:
    feed = await world.feed()
    for day in (4, 2, 1, 3):
        world.later()
        date = f"Sun, 0{day} Mar 2015 07:00:00 +0000" if day < 4 else "Wed, 04 Mar 2026 07:00 GMT"
        await world.poll(feed, item(f"n{day}", title=f"Otters {day}", date=date))

    assert await found(world.store, "otters") == ["Otters 4", "Otters 3", "Otters 2", "Otters 1"]


@pytest.mark.parametrize("order", Order)
async def test_pages_show_every_hit_once(world: World, order: Order) -> None:
    feed = await world.feed()
    minutes = range(40)
    await world.poll(
        feed,
        *(
            item(f"n{minute}", title=f"Otters {minute}",
                 date=f"Wed, 04 Mar 2026 05:{minute:02d}:00 GMT")
            for minute in minutes
        ),
    )  # fmt: skip
    world.later()
    await world.poll(
        feed, *(item(f"n{minute}", title=f"Otters {minute} again") for minute in (3, 7))
    )

    seen, key = [], None
    while True:
        page = (await ask(world.store, "otters", order=order, limit=7, after=key)).page
        seen += [hit.public_id for hit in page.hits]
        assert page.count == 40
        if page.next_key is None:
            break
        key = page.next_key
        world.later()
        await world.poll(feed, item(f"new {len(seen)}", title="Newer stoats"))

    assert len(seen) == len(set(seen)) == 40


async def test_what_comes_meanwhile_moves_no_page(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, *(item(f"n{number}", title=f"Otters {number}") for number in range(9)))
    first = (await ask(world.store, "otters", limit=5)).page
    world.later()
    await world.poll(feed, item("late", title="Otters of now", date="Wed, 04 Mar 2026 09:00 GMT"))

    second = (await ask(world.store, "otters", limit=5, after=first.next_key)).page

    shown = {hit.public_id for hit in (*first.hits, *second.hits)}
    assert len(shown) == 9


async def test_a_key_that_no_page_had_is_refused(store: Store) -> None:
    for key in ("", "x", "n", "r5", "n5.x", "n" + "9" * 30):
        with pytest.raises(UsageError, match="key"):
            await ask(store, "otters", after=key)


async def test_facets_divide_all_hits(world: World) -> None:
    papers = await world.feed(folder="Papers", language="en")
    blogs = await world.feed("https://blog.example/feed", folder="Blogs", language="de")
    await world.poll(
        papers,
        item("a", title="Otters"),
        item("b", title="Otters", date="Tue, 03 Mar 2026 07:00:00 GMT"),
    )
    await world.poll(blogs, item("c", title="Otters", link="https://www.blog.example/c"))
    await world.poll(blogs, item("c", title="Otters, again", link="https://www.blog.example/c"))

    page = (await ask(world.store, "otters", has_facets=True, limit=1)).page

    facets = {
        name: [(found.value, found.count) for found in getattr(page.facets, name)]
        for name in ("feeds", "folders", "languages", "sites", "days")
    }
    assert (page.count, page.is_count_exact, page.facets.is_whole) == (3, True, True)
    assert facets == {
        "feeds": [(str(papers.id), 2), (str(blogs.id), 1)],
        "folders": [("Papers", 2), ("Blogs", 1)],
        "languages": [("en", 2), ("de", 1)],
        "sites": [("press.example", 2), ("blog.example", 1)],
        "days": [("2026-03-03", 1), ("2026-03-04", 2)],
    }


async def test_ranking_puts_titles_before_texts_however_common_the_word(world: World) -> None:
    feed = await world.feed()
    items = [item(f"n{n}", title=f"News {n}", summary="The otters said so.") for n in range(300)]
    await world.poll(
        feed, item("best", title="Otters", date="Tue, 03 Mar 2026 07:00:00 GMT"), *items
    )

    titles = await found(world.store, "otters", order=Order.RELEVANCE, limit=3)

    assert titles[0] == "Otters"


async def test_similar_entries_share_what_few_have(world: World) -> None:
    feed = await world.feed()
    await world.poll(
        feed,
        item("a", title="Beaver dam floods Quellstett", summary="The river Marl rose."),
        item("b", title="Quellstett beaver dam removed", summary="The river is lower."),
        item("c", title="Choir sings", summary="The choir sang on the river."),
        *(
            item(f"n{number}", title=f"Nothing {number}", summary="The day.")
            for number in range(20)
        ),
    )
    entry = await world.entry(feed, "press-a")

    hits = await similar(world.store, entry.public_id)

    assert hits[0].title.text == "Quellstett beaver dam removed"
    assert entry.public_id not in [hit.public_id for hit in hits]
    assert all(hit.score > 0 for hit in hits)


async def test_saved_searches_are_counted_now(world: World) -> None:
    feed = await world.feed()
    assert await save_search(world.store, "  Otters ", "otters OR otter", clock=world.clock)
    await world.poll(feed, item("a", title="Otters"), item("b", title="An otter"))

    (counted,) = await counted_searches(world.store, clock=world.clock)

    assert (counted.search.name, counted.count, counted.is_count_exact) == ("Otters", 2, True)
    assert not await save_search(world.store, "OTTERS", "stoats", clock=world.clock)
    assert [search.text for search in await world.store.saved_searches()] == ["stoats"]
    assert await world.store.remove_search("otters")
    assert not await world.store.remove_search("otters")


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\x00b"])
async def test_a_search_needs_a_name_to_be_saved(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        await save_search(store, name, "otters", clock=lambda: NOW)


async def test_the_index_can_be_made_anew_and_finds_the_same(store: Store) -> None:
    await fill(store)
    before = [names_of(await ask(store, case.query)) for case in CASES]
    seen: list[tuple[int, int]] = []

    count = await reindex(
        store, is_anew=True, progress=lambda done, all_: seen.append((done, all_))
    )

    assert count == len(ENTRIES)
    assert seen[-1] == (count, count)
    assert [sorted(names_of(await ask(store, case.query))) for case in CASES] == [
        sorted(names) for names in before
    ]


async def test_search_says_how_much_it_could_not_look_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store)
    await store.empty_index()
    monkeypatch.setattr("newsreel.app.search.INDEXED_AT_ONCE", 10)
    await store.index_some(20)

    answer = await ask(store, "")

    assert answer.page.count == 20
    assert f"{len(ENTRIES) - 20} entries are not in the index" in answer.notes[-1]


async def test_what_is_polled_meanwhile_is_found_before_the_index_is_whole(world: World) -> None:
    await fill(world.store)
    await world.store.empty_index()
    feed = await world.feed()

    await world.poll(feed, item("a", title="Otters of today"))

    assert await world.store.index_state() == IndexState(
        pending=max(len(ENTRIES) - BACKLOG, 0), is_current=True
    )
    assert await found(world.store, "otters today") == ["Otters of today"]


async def test_a_day_with_more_than_it_has_room_for_is_searched_all_the_same(
    world: World,
) -> None:
    feed = await world.feed()
    count = 2300
    names = range(count)
    date = "Wed, 04 Mar 2026 05:00:00 GMT"
    for start in range(0, count, 100):
        items = [item(f"n{n}", title=f"Otters {n}", date=date) for n in names[start : start + 100]]
        await world.poll(feed, *items)
        world.later(timedelta(seconds=1))

    page = (await ask(world.store, "otters", limit=1)).page

    assert (page.count, page.is_count_exact) == (count, True)


PIECES = (
    'bridge harbour 東京 東 a the * - " ( ) OR AND NOT title: feed: site: lang: has: link: after: '
    "before: day: tag: category: 2026-01 today example https:// =a #x NEAR( { } ^ + \x00 ' ;-- % "
    "\\ rowid search *a a* e* title:a* \U0001f9a6 \ud800"
)
WORDS = st.sampled_from(PIECES.split())
QUERIES = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=40).map(" ".join),
    st.lists(WORDS, max_size=12).map("".join),
)


@given(texts=st.lists(QUERIES, min_size=20, max_size=20), order=st.sampled_from(Order))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_is_a_query_and_none_takes_long(
    filled: Store, texts: list[str], order: Order
) -> None:
    for text in texts:
        start = process_time()
        answer = await ask(filled, text, order=order, has_facets=True, limit=5)
        assert process_time() - start < 1
        assert answer.page.count >= len(answer.page.hits)


async def test_counts_are_exact_up_to_a_bound_whatever_was_revised(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await world.feed()
    items = [item(f"n{number}", title=f"Otters {number}") for number in range(20)]
    await world.poll(feed, *items)
    world.later()
    await world.poll(feed, *(with_title(found, f"{found.title}, again") for found in items))
    counts = {}
    for bound in (19, 20, 30):
        set_in_hits(monkeypatch, COUNTED=bound, rows_for=lambda wanted: wanted)
        page = (await ask(world.store, "title:ott*", limit=4, has_facets=True)).page
        counts[bound] = (page.count, page.is_count_exact, page.facets.is_whole)

    assert counts == {19: (19, False, False), 20: (20, True, True), 30: (20, True, True)}


async def test_pages_go_deeper_than_what_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_in_hits(monkeypatch, COUNTED=10)
    feed = await world.feed()
    for hour in range(30):
        date = f"Tue, 03 Mar 2026 {hour % 24:02d}:{hour}:00 GMT"
        await world.poll(feed, item(f"n{hour}", title=f"Otters {hour}", date=date))
        world.later(timedelta(minutes=1))

    seen, key = [], None
    while True:
        page = (await ask(world.store, "otter*", limit=4, after=key)).page
        seen += [hit.public_id for hit in page.hits]
        if page.next_key is None:
            break
        key = page.next_key

    assert len(seen) == len(set(seen)) == 30


async def test_a_search_that_takes_too_long_gives_what_it_has(world: World) -> None:
    feed = await world.feed()
    await world.poll(
        feed, *(item(f"n{number}", title=f"Otters {number}") for number in range(500))
    )
    query = prepare_query(parse_query("otters", NOW))

    result = await world.store.search(
        query, order=Order.NEWEST, limit=5, seconds=-1.0, has_facets=True
    )

    assert (result.is_whole, result.is_count_exact, result.facets.is_whole) == (False,) * 3
    assert len(result.candidates) <= result.count < 500
