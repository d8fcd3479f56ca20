"""The JSON of a day file (``newsreel-day/1``, docs/format.md), written and read.

An entry's object shows its newest wording. Each older wording lists only the former values of what
the next one changed, so reading goes backwards: the newest state, then what was different before.

Law: reading what was written gives back the same entries, apart from their local ids.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import cast

from newsreel.errors import ArchiveError
from newsreel.formats.json_values import (
    UNREADABLE,
    JsonObject,
    json_bytes,
    list_of,
    moment_of,
    needed_text,
    number_of,
    object_in,
    objects_in,
    text_of,
    texts_of,
)
from newsreel.model.day import DayPage
from newsreel.model.entry import NOTHING, Content, Doubt, Enclosure, Entry, Json, Revision

State = JsonObject
"""What a wording says under the names of the format; what is not known has no name in it."""

_TEXTS = {
    "author": "author",
    "content": "body",
    "date_published_raw": "published_raw",
    "date_updated_raw": "updated_raw",
    "description": "summary",
    "language": "language",
    "link": "link",
    "link_canonical": "canonical_link",
    "link_permalink": "permalink",
    "thumbnail": "thumbnail",
    "title": "title",
}
_TIMES = {"date_published": "published_at", "date_updated": "updated_at"}
_STATE_NAMES = (*_TEXTS, *_TIMES, "categories", "doubts", "enclosures", "extras", "legacy")


def json_of(page: DayPage) -> bytes:
    """Return the JSON file of a page."""
    source_url = page.feed.first_url
    return json_bytes([_object_of(entry, source_url) for entry in in_order(page.entries)])


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries as files list them: newest date first, then title by code point, then id.

    An entry without a date stands where it was first seen.
    """
    by_title = sorted(entries, key=lambda entry: (entry.content.title or "", entry.public_id))
    return sorted(
        by_title,
        key=lambda entry: entry.content.published_at or entry.first_seen_at,
        reverse=True,
    )


def _object_of(entry: Entry, source_url: str) -> State:
    states = [_state_of(revision) for revision in entry.revisions]
    newest = states[-1]
    found = _as_shown(newest)
    found |= {
        "date_first_seen": entry.first_seen_at.isoformat(),
        "doubts": _words(entry.doubts),
        "id": entry.public_id,
        "revisions": _revisions_of(entry.revisions, states),
        "source_url": source_url,
        "tags": _tags_of(newest),
    }
    if entry.guid is not None:
        found["guid"] = entry.guid
    if entry.identity != _usual_identity(entry.guid, entry.content.permalink):
        found["identity"] = entry.identity
    return found


def _usual_identity(guid: str | None, permalink: str | None) -> str | None:
    return permalink if guid is None else guid


def _tags_of(state: State) -> Json:
    """People's tags; so far only those that came with an old archive."""
    legacy = state.get("legacy")
    tags = legacy.get("tags") if isinstance(legacy, dict) else None
    return tags if isinstance(tags, list) else []


def _state_of(revision: Revision) -> State:
    content = revision.content
    state: State = {
        name: value
        for name, field in _TEXTS.items()
        if (value := getattr(content, field)) is not None
    }
    for name, field in _TIMES.items():
        if (at := getattr(content, field)) is not None:
            state[name] = at.isoformat()
    state["categories"] = list(content.categories)
    state["doubts"] = _words(revision.doubts)
    state["enclosures"] = [_enclosure(enclosure) for enclosure in content.enclosures]
    if extras := dict(content.extras):
        if isinstance(extras.get("legacy"), dict):
            state["legacy"] = extras.pop("legacy")
        if extras:
            state["extras"] = extras
    return state


def _enclosure(enclosure: Enclosure) -> State:
    found: State = {"url": enclosure.url}
    if enclosure.type is not None:
        found["type"] = enclosure.type
    if enclosure.length is not None:
        found["length"] = enclosure.length
    return found


def _words(doubts: Iterable[Doubt]) -> Json:
    return [str(doubt) for doubt in sorted(doubts)]


def _as_shown(state: State) -> State:
    """Leave the permalink out where it is the link itself; null: the link leads nowhere."""
    shown = dict(state)
    link, permalink = state.get("link"), state.get("link_permalink")
    if link == permalink:
        shown.pop("link_permalink", None)
    else:
        shown["link_permalink"] = permalink
    return shown


def _revisions_of(revisions: Sequence[Revision], states: Sequence[State]) -> Json:
    items: list[Json] = []
    for index, revision in enumerate(revisions):
        item = _observation_of(revision)
        if index:
            item["changed"] = _changed(states[index - 1], states[index])
        if index + 1 < len(revisions):
            item |= _former(states[index], states[index + 1])
        items.append(item)
    return items


def _observation_of(revision: Revision) -> State:
    item: State = {
        "digest": revision.digest.hex(),
        "digest_version": revision.digest_version,
        "number": revision.number,
        "parser_version": revision.parser_version,
        "seen": revision.seen_at.isoformat(),
    }
    if revision.reread:
        item["reread"] = revision.reread
    if revision.absent_at is not None:
        item["absent"] = revision.absent_at.isoformat()
    if revision.capture is not None:
        item["capture"] = revision.capture.hex()
    return item


def _different(older: State, newer: State) -> list[str]:
    names = sorted(older.keys() | newer.keys())
    return [name for name in names if older.get(name) != newer.get(name)]


def _changed(older: State, newer: State) -> Json:
    return [name for name in _different(older, newer) if name != "doubts"]


def _former(older: State, newer: State) -> State:
    """What was different before; null: nothing. A link and its permalink stand together."""
    names = _different(older, newer)
    former = {name: older.get(name) for name in names}
    if "link" in former or "link_permalink" in former:
        former |= {name: older.get(name) for name in ("link", "link_permalink")}
        if former["link"] == former["link_permalink"]:
            del former["link_permalink"]
    return former


# --- read -------------------------------------------------------------------------------------


def read_json(body: bytes, *, day: date, feed_id: int) -> list[Entry]:
    """Return the entries of a JSON day file, with local ids 0.

    Raises :class:`~newsreel.errors.ArchiveError` where it isn't one; nothing of it is used then.
    """
    try:
        rows = json.loads(body)
        return [_entry_of(row, day=day, feed_id=feed_id) for row in objects_in(rows)]
    except UNREADABLE as error:
        raise ArchiveError(f"not a day file: {type(error).__name__}: {error}") from error


def _entry_of(row: State, *, day: date, feed_id: int) -> Entry:
    guid = text_of(row, "guid")
    revisions = _read_revisions(row)
    permalink = revisions[-1].content.permalink
    identity = text_of(row, "identity") if "identity" in row else _usual_identity(guid, permalink)
    if identity is None:
        raise ValueError("an entry has neither guid, link nor identity")
    return Entry(
        id=0,
        public_id=needed_text(row, "id"),
        feed_id=feed_id,
        identity=identity,
        guid=guid,
        day=day,
        first_seen_at=moment_of(needed_text(row, "date_first_seen")),
        revisions=revisions,
    )


def _read_revisions(row: State) -> tuple[Revision, ...]:
    items = objects_in(row["revisions"])
    if not items:
        raise ValueError("an entry has no revisions")
    state = {name: row[name] for name in _STATE_NAMES if name in row}
    _restore_permalink(state, row)
    if items[-1].get("reread"):
        state["doubts"] = [word for word in list_of(row, "doubts") if word != Doubt.REREAD]
    found = []
    for item in reversed(items):
        _go_back(state, item)
        found.append(_revision_of(item, state))
    return tuple(reversed(found))


def _go_back(state: State, item: State) -> None:
    for name in _STATE_NAMES:
        if name not in item:
            continue
        if item[name] is None:
            state.pop(name, None)
        else:
            state[name] = item[name]
    if "link" in item:
        _restore_permalink(state, item)


def _restore_permalink(state: State, row: State) -> None:
    permalink = row.get("link_permalink", row.get("link"))
    if permalink is None:
        state.pop("link_permalink", None)
    else:
        state["link_permalink"] = permalink


def _revision_of(item: State, state: State) -> Revision:
    absent, capture = text_of(item, "absent"), text_of(item, "capture")
    return Revision(
        number=number_of(item, "number"),
        reread=number_of(item, "reread") if "reread" in item else 0,
        seen_at=moment_of(needed_text(item, "seen")),
        absent_at=moment_of(absent) if absent is not None else None,
        content=_content_of(state),
        digest=bytes.fromhex(needed_text(item, "digest")),
        digest_version=number_of(item, "digest_version"),
        parser_version=number_of(item, "parser_version"),
        capture=bytes.fromhex(capture) if capture is not None else None,
        doubts=frozenset(Doubt(word) for word in texts_of(state, "doubts")),
    )


def _content_of(state: State) -> Content:
    texts = {field: text_of(state, name) for name, field in _TEXTS.items()}
    times = {
        field: moment_of(told) if (told := text_of(state, name)) is not None else None
        for name, field in _TIMES.items()
    }
    extras = dict(object_in(state["extras"])) if "extras" in state else {}
    if "legacy" in state:
        extras["legacy"] = object_in(state["legacy"])
    return Content(
        **texts,
        published_at=times["published_at"],
        updated_at=times["updated_at"],
        categories=tuple(texts_of(state, "categories")),
        enclosures=tuple(_enclosure_of(item) for item in objects_in(state.get("enclosures", []))),
        extras=cast("Mapping[str, Json]", extras) or NOTHING,
    )


def _enclosure_of(item: State) -> Enclosure:
    length = number_of(item, "length") if "length" in item else None
    return Enclosure(needed_text(item, "url"), text_of(item, "type"), length)
