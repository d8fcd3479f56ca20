"""What follows from the old archive's files: records become sightings, changes and rows.

Twins (the JSON and the Markdown of one feed's day) are one import: their records are entries
once, and both files refer to the same wordings. A file's rows are kept only if, with the wordings
as they will be stored, they give its bytes again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from newsreel.core.normalize import sighting_of
from newsreel.core.revise import revise_import
from newsreel.formats.languages import tag_of
from newsreel.formats.legacy_archive import LegacyDocument, is_storable, paired, with_tags_of
from newsreel.formats.legacy_names import SOURCELESS, safe_name
from newsreel.formats.legacy_records import LegacyRecord, seen_at_of
from newsreel.formats.sources import address_of, is_private
from newsreel.model.entry import Content, Doubt, Json, Sighting
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.model.legacy import FeedChanges, Import, LegacyFile, LegacyKind, LegacyRow
from newsreel.model.poll import Known, KnownEntry

UNKEPT = "its text form can't be kept; what it says is"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not imported, or not wholly, and why."""

    path: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Account:
    """What an import brought.

    ``read`` counts records, twins once; each is ``new``, ``known``, ``revised`` (a further wording
    of its entry) or ``erased`` (taken out for good by the operator). ``doubts`` counts records by
    doubt, ``doubtful`` those that have any. ``failed`` are named paths that can't be read at all.
    """

    files: int = 0
    read: int = 0
    new: int = 0
    known: int = 0
    revised: int = 0
    erased: int = 0
    doubtful: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    feeds_named: int = 0
    feeds_new: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    failed: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Placed:
    """A document, and where it belongs."""

    path: str
    day: date
    name: str
    document: LegacyDocument


@dataclass(slots=True)
class Group:
    """Files that are one import: a JSON document, its Markdown twin, or either alone."""

    files: list[Placed]
    current: Callable[[str], str]
    items: list["Item"] = field(default_factory=list)
    rows: dict[LegacyKind, list["Item"]] = field(default_factory=dict)
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A record of a file on its way into the store."""

    url: str
    record: LegacyRecord
    sighting: Sighting
    seen_at: datetime


def name_for(document: LegacyDocument, day: date) -> str:
    """Return the name the old system would have given a file of this content."""
    sources = Counter(record.source for record in document.records)
    source = document.url or max(sources, key=lambda found: sources[found])
    return safe_name(source, day) if source else SOURCELESS


def twins(placed: Iterable[Placed]) -> list[list[Placed]]:
    """Return the first JSON with the first Markdown of its day; each further file on its own."""
    groups: list[list[Placed]] = []
    for file in placed:
        is_twin = (
            groups
            and len(groups[-1]) == 1
            and groups[-1][0].document.kind is not file.document.kind
            and (groups[-1][0].day, groups[-1][0].name) == (file.day, file.name)
        )
        if is_twin:
            groups[-1].append(file)
        else:
            groups.append([file])
    return groups


def group_of(files: list[Placed], current: Callable[[str], str]) -> Group:
    """Return the records of twins, each once, and which of them stand in which file.

    ``current`` tells the address under which a feed is now.
    """
    by_kind = {file.document.kind: index for index, file in enumerate(files)}
    json_at, markdown_at = by_kind.get(LegacyKind.JSON), by_kind.get(LegacyKind.MARKDOWN)
    if json_at is not None and markdown_at is not None:
        twin = files[markdown_at].document
        tagged = with_tags_of(files[json_at].document, twin)
        files[json_at] = replace(files[json_at], document=tagged)
    group = Group(files, current)
    if json_at is not None:
        _add_rows(group, files[json_at], [None] * len(files[json_at].document.records), {})
    if markdown_at is not None:
        markdown = files[markdown_at]
        shown: list[LegacyRecord | None] = [None] * len(markdown.document.records)
        of_json: dict[int, Item] = {}
        if json_at is not None:
            shown = paired(markdown.document, files[json_at].document)
            of_json = {id(item.record): item for item in group.items}
        _add_rows(group, markdown, shown, of_json)
    return group


def _add_rows(
    group: Group,
    file: Placed,
    shown: Sequence[LegacyRecord | None],
    of_json: Mapping[int, Item],
) -> None:
    rows: list[Item] = []
    for record, twin in zip(file.document.records, shown, strict=True):
        known = of_json.get(id(twin)) if twin is not None else None
        if known is not None:
            rows.append(replace(known, record=record))
            continue
        url = address_of(record.source) or (f"https://{record.host}/" if record.host else None)
        if url is None:
            group.lost += 1
            continue
        item = Item(
            group.current(url),
            record,
            sighting_of(record.content, guid=None, doubts=record.doubts),
            seen_at_of(record, file.day),
        )
        rows.append(item)
        group.items.append(item)
    group.rows[file.document.kind] = rows


def by_url(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Return the items of each feed, in their order."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.url, []).append(item)
    return found


def titles_of(group: Group) -> dict[str, str]:
    """Return what the files call their feed on their day."""
    return {
        group.current(url): file.document.title
        for file in group.files
        if file.document.title
        and (url := address_of(file.document.url)) is not None
        and file.document.title != file.document.url
    }


def new_feed(item: Item, group: Group) -> NewFeed:
    """Return the feed of an item that no list has named: kept, not polled."""
    is_crawled = address_of(item.record.source) is None
    languages = [file.document.language for file in group.files if file.document.language]
    return NewFeed(
        url=item.url,
        title=titles_of(group).get(item.url),
        language=tag_of(languages[0]) if languages and not is_crawled else None,
        is_private=is_private(item.url),
        is_crawled=is_crawled,
        status=FeedStatus.ARCHIVED,
    )


def concluded(
    group: Group, feeds: Mapping[str, Feed], known: Mapping[str, Known], account: Account
) -> list[Import]:
    """Return the imports of a group: its entries with the first file, the forms of both."""
    day = group.files[0].day
    titles = titles_of(group)
    changes = []
    for url, items in by_url(group.items).items():
        feed = feeds[url]
        pairs = [(item.sighting, item.seen_at) for item in items]
        changed = revise_import(feed, pairs, known[url], day=day)
        changes.append(FeedChanges(feed=feed, changes=changed, title=titles.get(url)))
        account.new += len(changed.new)
        account.revised += len(changed.revised)
        account.known += changed.unchanged
        account.erased += sum(item.sighting.identity in known[url].erased for item in items)
    _count(group, account)
    stored = _stored_contents(group.items, known)
    imports = []
    for file in group.files:
        rows = _rows_of(file, group.rows[file.document.kind], feeds, stored, known)
        if rows is None or group.lost:
            account.skipped.append(Skipped(file.path, UNKEPT))
        kept = None if rows is None or group.lost else _file_of(file)
        imports.append(Import(groups=tuple(changes), file=kept, rows=rows or ()))
        changes = []
    return imports


def _count(group: Group, account: Account) -> None:
    account.files += len(group.files)
    account.read += len(group.items) + group.lost
    for item in group.items:
        doubts = item.sighting.doubts - {Doubt.IMPORTED}
        if doubts:
            account.doubtful += 1
            account.doubts.update(doubt.value for doubt in doubts)
    if group.lost:
        reason = f"{group.lost} records with neither source nor link"
        account.skipped.append(Skipped(group.files[0].path, reason))


_Key = tuple[str, str, bytes]


def _stored_contents(
    items: Iterable[Item], known: Mapping[str, Known]
) -> dict[_Key, Content | None]:
    """Return the content that each wording will have; None where it was stored before."""
    stored: dict[_Key, Content | None] = {}
    for item in items:
        sighting = item.sighting
        entry = _entry_of(known[item.url], sighting.identity)
        is_known = entry is not None and sighting.digest in entry.wordings
        key = (item.url, sighting.identity, sighting.digest)
        stored.setdefault(key, None if is_known else sighting.content)
    return stored


def _rows_of(
    file: Placed,
    items: Sequence[Item],
    feeds: Mapping[str, Feed],
    stored: Mapping[_Key, Content | None],
    known: Mapping[str, Known],
) -> tuple[LegacyRow, ...] | None:
    """Return a file's rows; None where they wouldn't give the file again, byte for byte."""
    writer = file.document.writer
    rows: list[tuple[Content, Mapping[str, Json]]] = []
    kept: list[LegacyRow] = []
    for item in items:
        sighting = item.sighting
        content = stored[item.url, sighting.identity, sighting.digest]
        base = content or _loosened(sighting.content)
        leftover = writer.leftover_of(item.record.values, base, is_pinned_only=content is None)
        rows.append((base, leftover))
        found = known[item.url]
        if sighting.identity in found.erased:
            continue
        entry = _entry_of(found, sighting.identity)
        kept.append(
            LegacyRow(
                feed_id=feeds[item.url].id,
                identity=entry.identity if entry else sighting.identity,
                digest=sighting.digest,
                leftover=leftover,
            )
        )
    if writer.write(rows) != file.document.body or not is_storable([row[1] for row in rows]):
        return None
    return tuple(kept)


def _entry_of(known: Known, identity: str) -> KnownEntry | None:
    return known.by_identity.get(identity) or known.by_permalink.get(identity)


def _loosened(content: Content) -> Content:
    """Return what the digest of a wording vouches for."""
    return Content(
        title=content.title,
        permalink=content.permalink,
        summary=content.summary,
        author=content.author,
    )


def _file_of(file: Placed) -> LegacyFile:
    return LegacyFile(
        day=file.day, name=file.name, kind=file.document.kind, form=file.document.form
    )
