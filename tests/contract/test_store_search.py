"""What every store must find."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

import pytest

from newsreel.app.search import Answer, search
from newsreel.core.normalize import DIGEST_VERSION
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, Enclosure, Entry, Revision
from newsreel.model.feed import Feed, NewFeed
from newsreel.model.query import Order
from newsreel.store import Store
from search_cases import CASE_IDS, CASES, ENTRIES, FEEDS, NOW, SearchCase, SearchEntry, Wording

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


def names_of(answer: Answer) -> list[str]:
    return [NAMES[hit.public_id] for hit in answer.page.hits]


async def test_search_finds_what_the_table_says(store: Store) -> None:
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
