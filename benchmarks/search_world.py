"""A large archive to be searched: the entries of the samples, told again with other words.

The samples lie beside the checkout (``../shared/data``) and are not part of the project. Each
entry is drawn from them; a third of its words are exchanged for others of the same corpus, as
often as they occur there, and some get endings that no other has. So common words stay common,
and the number of different words grows with the archive, as it does in real ones.
"""

import asyncio
import bisect
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from world import SHARED

from newsreel.archive.containers import Containers
from newsreel.core.normalize import DIGEST_VERSION
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, Entry, Revision
from newsreel.model.feed import Feed, NewFeed
from newsreel.store import open_store

SAMPLES = (
    "archive-2021-06.zip", "archive-2022-03.zip", "archive-2026-01-01-to-07.tar.xz",
)  # fmt: skip
FIRST_DAY = date(2022, 1, 1)
DAYS = 1500
FEEDS = 1000
BLOCK = 30_000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Text:
    """An entry as it is searched."""

    title: str
    summary: str
    language: str | None


class Corpus:
    """The samples' entries and words, and new entries made of them."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._texts = list(_sampled())
        if not self._texts:
            raise SystemExit("the shared data is absent")
        counts = Counter(
            word for text in self._texts for word in _WORD.findall(f"{text.title} {text.summary}")
        )
        self._words = list(counts)
        self._sums = list(itertools.accumulate(counts.values()))

    def text(self) -> Text:
        """Return a new entry."""
        found = self._texts[int(self._random.random() * len(self._texts))]
        return Text(self._retold(found.title), self._retold(found.summary), found.language)

    def _retold(self, text: str) -> str:
        return _WORD.sub(self._other, text)

    def _other(self, match: re.Match[str]) -> str:
        drawn = self._random.random()
        if drawn < 0.35:
            index = bisect.bisect(self._sums, self._random.random() * self._sums[-1])
            return self._words[index]
        if drawn < 0.37:
            return match[0] + self._random.choice("bdfgklmnprst") + self._random.choice("aeiou")
        return match[0]


def _sampled() -> Iterator[Text]:
    with Containers() as containers:
        for name in SAMPLES:
            if not (SHARED / "data" / name).exists():
                continue
            for member in containers.members(SHARED / "data" / name):
                if member.place.endswith("_entries.json"):
                    rows = json.loads(member.read())
                    yield from map(_text, rows if isinstance(rows, list) else rows["entries"])


def _text(row: dict[str, str]) -> Text:
    summary = re.sub(r"<[^>]*>?", " ", row.get("description") or "")
    return Text(row.get("title") or "", summary, (row.get("language") or "").lower() or None)


async def build(path: Path, count: int, *, seed: int = 1) -> int:
    """Fill a new database with entries of 1,500 days, the oldest third last.

    Return how many bytes of text (titles and summaries, in UTF-8) there are to be found.
    """
    chance = random.Random(seed)
    maker = _Maker(Corpus(seed), chance, count)
    store = open_store(str(path))
    new = [
        NewFeed(
            url=f"https://feed{number}.press{number % 600}.example/rss",
            title=f"Feed {number}",
            folder=f"Folder {number % 20}",
        )
        for number in range(FEEDS)
    ]
    added = await store.add_feeds(new, now=datetime(2026, 3, 1, tzinfo=UTC))
    numbers = [*range(count // 3, count), *range(count // 3)]
    for start in range(0, count, BLOCK):
        of_feed: dict[int, list[Entry]] = {}
        for number in numbers[start : start + BLOCK]:
            index = int(chance.random() ** 2 * FEEDS)
            of_feed.setdefault(index, []).append(maker.entry(added[index].feed, number))
        await asyncio.gather(
            *(store.restore_entries(added[index].feed, found) for index, found in of_feed.items())
        )
    await store.close()
    return maker.text_bytes


class _Maker:
    """Makes entries; one in fourteen has a second wording."""

    def __init__(self, corpus: Corpus, chance: random.Random, count: int) -> None:
        self._corpus, self._chance, self._count = corpus, chance, count
        self.text_bytes = 0

    def entry(self, feed: Feed, number: int) -> Entry:
        share = number / self._count
        start = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
        at = start + timedelta(days=DAYS * share)
        text = self._corpus.text()
        wordings = [self._revision(text, number, at, 1)]
        if self._chance.random() < 1 / 14:
            changed = Text(f"{text.title} updated", text.summary, text.language)
            wordings.append(self._revision(changed, number, at, 2))
        return Entry(
            id=0,
            public_id=sha256(str(number).encode()).hexdigest()[:20],
            feed_id=feed.id,
            identity=f"entry-{number}",
            guid=f"entry-{number}",
            day=at.date(),
            first_seen_at=at,
            revisions=tuple(wordings),
        )

    def _revision(self, text: Text, number: int, at: datetime, count: int) -> Revision:
        self.text_bytes += len(text.title.encode()) + len(text.summary.encode())
        link = f"https://www.press{number % 600}.example/{at:%Y/%m/%d}/story-{number}"
        has_image = self._chance.random() < 0.4
        content = Content(
            title=text.title,
            link=link,
            permalink=link,
            canonical_link=link,
            summary=text.summary,
            language=text.language,
            thumbnail=f"{link}.jpg" if has_image else None,
            published_at=at,
        )
        return Revision(
            number=count,
            seen_at=at + timedelta(hours=count),
            absent_at=None,
            content=content,
            digest=sha256(f"{number} {count}".encode()).digest(),
            digest_version=DIGEST_VERSION,
            parser_version=PARSER_VERSION,
        )
