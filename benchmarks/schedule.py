"""Polling by rhythm against polling by the clock, over seven real days.

    .venv/bin/python benchmarks/schedule.py [--archive DIRECTORY] [--first DAY] [--days 7]
        [--windows 30,20,10] [--patience 30,24,6]

Each source of the sample is one feed that shows its newest entries, as many as its window is wide.
Nothing is fetched: what stands in a feed at a moment is handed to `core.conclude`, which learns
and plans as it does after a real poll. Feeds start empty and unknown, somewhere in the sample's
first hour; the days in which their rhythm is learned count like the others.

When an entry stood in its feed is not written anywhere, only two clocks: `date_created`, when the
old system found it (it asked about every 66 minutes), and `date_published`, the publisher's claim.
An entry came after the old system's poll before the one that found it; within that span the claim
is believed where it lies in it, else any moment is as likely (taken from a digest of the link).
The schedule itself sees the claims alone, right or wrong. Archives without `date_created` (before
2023) have the claims only.
"""

import argparse
import contextlib
import json
import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path

from world import unpacked

from newsreel.core.conclude import conclude
from newsreel.model.capture import Capture
from newsreel.model.entry import Content, Sighting
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, NewEntry, Outcome, Reading

OLD_INTERVAL = timedelta(minutes=66).total_seconds()
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """A feed of the sample: when its entries came (in order), and what they claim."""

    number: int
    url: str
    came: tuple[float, ...]
    entries: tuple[NewEntry, ...]


@dataclass(slots=True)
class Result:
    """What one way of polling gave."""

    entries: int = 0
    missed: int = 0
    requests: int = 0
    delays: list[float] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        self.entries += other.entries
        self.missed += other.missed
        self.requests += other.requests
        self.delays += other.delays


Ask = Callable[[Feed, Reading, Changes, Sequence[int], datetime], Feed]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 1, 1))
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--windows", default="30,20,10")
    parser.add_argument("--patience", default="30,24,6", help="in minutes")
    options = parser.parse_args()
    begin = datetime(options.first.year, options.first.month, options.first.day, tzinfo=UTC)
    end = begin + options.days * DAY
    with contextlib.ExitStack() as stack:
        sources = sources_of(options.archive or stack.enter_context(unpacked()), begin, end)
    entries = sum(len(source.came) for source in sources)
    print(f"{len(sources)} feeds, {entries:,} entries, {options.days} days from {options.first}\n")
    ways: dict[str, Ask] = {
        "every hour": partial(by_clock, timedelta(hours=1)),
        "every 2 hours": partial(by_clock, timedelta(hours=2)),
    }
    for minutes in map(int, options.patience.split(",")):
        ways[f"by rhythm, {minutes} min"] = partial(by_rhythm, timedelta(minutes=minutes))
    print("| window | polled | requests | of hourly | missed | captured | median | 95 % | mean |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for window in map(int, options.windows.split(",")):
        hourly = 0
        for name, ask in ways.items():
            result = Result()
            for source in sources:
                result.add(lived(source, ask, window, begin=begin, end=end))
            hourly = hourly or result.requests
            print(row(window, name, result, hourly), flush=True)


def row(window: int, name: str, result: Result, hourly: int) -> str:
    cuts = statistics.quantiles(result.delays, n=100)
    cells = (
        str(window),
        name,
        f"{result.requests:,}",
        f"{result.requests / hourly:.0%}",
        f"{result.missed:,}",
        f"{1 - result.missed / result.entries:.3%}",
        f"{cuts[49] / 60:.0f} min",
        f"{cuts[94] / 60:.0f} min",
        f"{statistics.fmean(result.delays) / 60:.0f} min",
    )
    return f"| {' | '.join(cells)} |"


def sources_of(archive: Path, begin: datetime, end: datetime) -> list[Source]:
    """Return the sample's feeds; a link that is repeated within a source counts once.

    Entries that name no source are left out: together they would make a feed that nobody
    publishes, and the busiest of all.
    """
    found: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for path in sorted(archive.rglob("*_entries.json")):
        for entry in json.loads(path.read_text()):
            claim = stamp_of(entry["date_published"])
            seen = stamp_of(entry["date_created"]) if entry.get("date_created") else claim
            links = found[entry.get("source_url") or entry.get("source") or ""]
            links[entry["link"]] = min(links.get(entry["link"], (seen, claim)), (seen, claim))
    polled = sorted(url for url in found if url.startswith("http"))
    return [source_of(n, url, found[url], begin, end) for n, url in enumerate(polled)]


def stamp_of(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def source_of(
    number: int,
    url: str,
    links: dict[str, tuple[float, float]],
    begin: datetime,
    end: datetime,
) -> Source:
    polls = sorted({seen for seen, _ in links.values()})
    rows = []
    for link, (seen, claim) in links.items():
        # what one poll of the old system found was stored within a minute
        earlier = bisect_right(polls, seen - 60) - 1
        after = max(polls[earlier] if earlier >= 0 else 0.0, seen - OLD_INTERVAL)
        came = claim if after < claim <= seen else after + (seen - after) * share_of(link)
        rows.append((max(came, begin.timestamp()), claim, link))
    rows = sorted(row for row in rows if row[0] < end.timestamp())
    return Source(
        number=number,
        url=url,
        came=tuple(came for came, _, _ in rows),
        entries=tuple(entry_of(link, claim) for _, claim, link in rows),
    )


def share_of(text: str) -> float:
    """Return a number from 0 to 1 that is always the same for a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


def entry_of(link: str, claim: float) -> NewEntry:
    at = datetime.fromtimestamp(claim, UTC)
    sighting = Sighting(
        identity=link, guid=None, content=Content(published_at=at), digest=b"", observed=b""
    )
    return NewEntry(
        sighting=sighting, public_id="", day=at.date(), first_seen_at=at, absent_at=None
    )


def lived(source: Source, ask: Ask, window: int, *, begin: datetime, end: datetime) -> Result:
    """Poll one feed until the end and once more, when it would be due.

    That last poll is no request of these days, but what it brings was captured, and how late.
    """
    result = Result(entries=len(source.came))
    feed = new_feed(source, begin)
    now = begin + timedelta(hours=share_of(source.url))
    low = high = 0
    while True:
        upto = bisect_right(source.came, now.timestamp())
        first = max(upto - window, 0)
        result.missed += max(first - high, 0)
        result.delays += [now.timestamp() - came for came in source.came[max(first, high) : upto]]
        if now >= end:
            return result
        result.requests += 1
        capture = Capture(url=source.url, final_url=source.url, fetched_at=now, status=200)
        if upto == high and feed.last_poll_at:
            changes, outcome = Changes(), Outcome.NOT_MODIFIED
        else:
            changes, outcome = changes_of(source, range(low, high), range(first, upto)), Outcome.OK
        sightings = tuple(entry.sighting for entry in source.entries[first:upto])
        reading = Reading(capture=capture, outcome=outcome, sightings=sightings)
        feed = ask(feed, reading, changes, range(low, high), now)
        assert feed.next_poll_at is not None
        assert len(json.dumps(dict(feed.hints))) < 1000
        now, low, high = feed.next_poll_at, first, upto


def changes_of(source: Source, before: range, shown: range) -> Changes:
    seen = range(max(shown.start, before.start), min(shown.stop, before.stop))
    new = source.entries[max(shown.start, before.stop) : shown.stop]
    return Changes(new=new, seen=tuple(seen), overlap=len(seen) if before else None)


def new_feed(source: Source, begin: datetime) -> Feed:
    return Feed(
        id=source.number,
        url=source.url,
        first_url=source.url,
        file_name=str(source.number),
        host=source.url,
        added_at=begin,
    )


def by_clock(
    interval: timedelta,
    feed: Feed,
    reading: Reading,  # noqa: ARG001
    changes: Changes,  # noqa: ARG001
    window: Sequence[int],  # noqa: ARG001
    now: datetime,
) -> Feed:
    return replace(feed, last_poll_at=now, next_poll_at=now + interval)


def by_rhythm(
    patience: timedelta,
    feed: Feed,
    reading: Reading,
    changes: Changes,
    window: Sequence[int],
    now: datetime,
) -> Feed:
    return conclude(feed, reading, changes, window=window, now=now, patience=patience).feed


if __name__ == "__main__":
    main()
