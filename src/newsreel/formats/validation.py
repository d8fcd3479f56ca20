"""A validator's view of a feed: what its publisher left out, or wrote so that nobody trusts it."""

from collections import Counter
from collections.abc import Iterator

from newsreel.formats.dates import read_date
from newsreel.formats.languages import tag_of
from newsreel.formats.urls import absolute
from newsreel.model.entry import Forgiven, ParsedEntry, ParsedFeed


def faults_of(feed: ParsedFeed) -> tuple[Forgiven, ...]:
    """Return what was forgiven while reading, then what the values lack, each fault once."""
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    guids = Counter(entry.guid for entry in feed.entries if entry.guid)
    for number, entry in enumerate(feed.entries, start=1):
        for fault in _of_entry(entry, guids):
            counts[fault] += 1
            first.setdefault(fault, f"entry {number}")
    found = [
        Forgiven(f"{count} × {what}" if count > 1 else what, first[what, read_as], read_as)
        for (what, read_as), count in counts.items()
    ]
    return (*feed.forgiven, *_of_feed(feed), *found)


def _of_feed(feed: ParsedFeed) -> Iterator[Forgiven]:
    if not feed.title:
        yield Forgiven("a feed without a title", "", "no title")
    if feed.language and not tag_of(feed.language):
        yield Forgiven(f"a language that is none: {feed.language[:40]}", "", "no language")
    for name, text in (("published", feed.published), ("updated", feed.updated)):
        if text and read_date(text) is None:
            yield Forgiven(f"a date that can't be read: {text[:60]}", name, "no date")


def _of_entry(entry: ParsedEntry, guids: Counter[str]) -> Iterator[tuple[str, str]]:
    if entry.extras.get("truncated"):
        yield "an entry that breaks off", "kept as far as it goes"
    if not entry.guid:
        yield "an entry without guid", "known by its link"
    elif guids[entry.guid] > 1:
        yield "a guid that several entries bear", "the first entry has it"
    if not (entry.title or entry.summary or entry.body):
        yield "an entry without title and text", "empty"
    if entry.link and absolute(entry.link, entry.base_url) is None:
        yield "a link that leads nowhere", "no permalink"
    if not (entry.published or entry.updated):
        yield "an entry without date", "dated by when it was first seen"
    for text in (entry.published, entry.updated):
        found = read_date(text)
        if text and found is None:
            yield "a date that can't be read", "no date"
        elif found is not None and not found.has_zone:
            yield "a date without zone", "UTC"
