"""A plain matcher: what a query means, said by looking through all entries of the small archive.

Stores do the same with an index, and must find the same.
"""

from datetime import UTC, datetime, time

from filter_rules import is_language_meant, is_on_site
from newsreel.core.matching import begins_link, is_feed_meant, is_tag_meant
from newsreel.core.terms import index_text
from newsreel.model.feed import Feed
from newsreel.model.query import (
    UNNAMED_FIELDS,
    And,
    Candidate,
    Days,
    Filter,
    FilterKind,
    Form,
    Has,
    Node,
    Not,
    Or,
    Phrase,
    Query,
    TextField,
    Word,
)
from search_cases import ENTRIES, FEEDS, NOW, SearchEntry, Wording

LANGUAGES = tuple(
    dict.fromkeys(
        (entry.language or FEEDS[entry.feed].language or "").partition("-")[0] for entry in ENTRIES
    )
)
FEED_VALUES = {
    name: Feed(
        id=number,
        url=feed.url,
        first_url=feed.url,
        file_name=name,
        host="",
        title=feed.title,
        language=feed.language,
        folder=feed.folder,
        tags=feed.tags,
        added_at=NOW,
    )
    for number, (name, feed) in enumerate(FEEDS.items(), 1)
}


def fields_of(entry: SearchEntry, wording: Wording) -> dict[TextField, list[str]]:
    """Return the tokens of each field: all that a store may look at for words."""
    return {
        TextField.TITLE: index_text(wording.title).split(),
        TextField.AUTHOR: index_text(entry.author).split(),
        TextField.BODY: index_text(f"{wording.summary} {wording.body}").split(),
        TextField.CATEGORY: index_text(" ".join(entry.categories)).split(),
    }


def language_of(entry: SearchEntry) -> str | None:
    return entry.language or FEEDS[entry.feed].language


def matches(node: Node, entry: SearchEntry, wording: Wording) -> bool:
    match node:
        case And(parts):
            return all(matches(part, entry, wording) for part in parts)
        case Or(parts):
            return any(matches(part, entry, wording) for part in parts)
        case Not(part):
            return not matches(part, entry, wording)
        case Word() | Phrase():
            return speaks_of(node, entry, wording)
        case Days(first, last):
            return (first is None or first <= entry.day) and (last is None or entry.day <= last)
        case Filter(kind, value):
            return is_met(kind, value, entry)


def speaks_of(term: Word | Phrase, entry: SearchEntry, wording: Wording) -> bool:
    assert term.forms
    fields = fields_of(entry, wording)
    for place in (term.field,) if term.field else UNNAMED_FIELDS:
        if any(stands_in(form, fields[place]) for form in term.forms):
            return True
        if isinstance(term, Word) and any(
            is_language_meant(inflections.language, language_of(entry))
            and not set(inflections.tokens).isdisjoint(fields[place])
            for inflections in term.inflections
        ):
            return True
    return False


def stands_in(form: Form, tokens: list[str]) -> bool:
    size = len(form.tokens)
    *heads, last = form.tokens
    return any(
        tokens[at : at + size - 1] == heads
        and (tokens[at + size - 1] == last
             or (form.is_prefix and tokens[at + size - 1].startswith(last)))
        for at in range(len(tokens) - size + 1)
    )  # fmt: skip


def is_met(kind: FilterKind, value: str, entry: SearchEntry) -> bool:
    feed = FEED_VALUES[entry.feed]
    match kind:
        case FilterKind.FEED:
            return is_feed_meant(value, feed)
        case FilterKind.TAG:
            return is_tag_meant(value, feed)
        case FilterKind.SITE:
            return is_on_site(value, entry.permalink)
        case FilterKind.LINK:
            return begins_link(value, entry.permalink)
        case FilterKind.LANGUAGE:
            return is_language_meant(value, language_of(entry))
        case FilterKind.HAS:
            return has(Has(value), entry)


def has(what: Has, entry: SearchEntry) -> bool:
    match what:
        case Has.IMAGE:
            return bool(entry.thumbnail) or (entry.enclosure or "").startswith("image/")
        case Has.ENCLOSURE:
            return entry.enclosure is not None
        case Has.REVISION:
            return len(entry.wordings) > 1
        case Has.FULLTEXT:
            return bool(entry.wordings[-1].body)


def answer(query: Query) -> list[Candidate]:
    """Return what a query finds: of each entry the newest wording that matches."""
    found = []
    for number, entry in enumerate(ENTRIES, 1):
        for revision in range(len(entry.wordings), 0, -1):
            wording = entry.wordings[revision - 1]
            if matches(query.root, entry, wording):
                found.append(candidate_of(number, entry, wording, revision))
                break
    return found


def candidate_of(number: int, entry: SearchEntry, wording: Wording, revision: int) -> Candidate:
    return Candidate(
        entry_id=number,
        public_id=entry.name,
        feed_id=FEED_VALUES[entry.feed].id,
        revision=revision,
        is_current=revision == len(entry.wordings),
        day=entry.day,
        moment=datetime.combine(entry.day, time(12), UTC),
        language=language_of(entry),
        title=wording.title,
        author=entry.author,
        body=f"{wording.summary} {wording.body}".strip(),
        categories=entry.categories,
    )
