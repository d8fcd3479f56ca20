"""A file of the old archive, JSON or Markdown, recognised by what stands in it.

bytes → :class:`LegacyDocument` (records and form) → rows → the same bytes. What a row keeps beside
its wording depends on the wording that is stored, which is why rows are made from a document and
contents.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from newsreel.formats import legacy_json, legacy_markdown
from newsreel.formats.languages import tag_of
from newsreel.formats.legacy_records import LegacyRecord, doubted, legacy_of, record_of, storable
from newsreel.model.entry import Content, Doubt, Json
from newsreel.model.legacy import LegacyKind

Row = tuple[Content, Mapping[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyDocument:
    """What stands in a file, and its text form.

    ``url``, ``title`` and ``language`` are those of the source, as far as the file names them.
    """

    kind: LegacyKind
    body: bytes
    form: Mapping[str, Json]
    records: tuple[LegacyRecord, ...]
    url: str | None = None
    title: str | None = None
    language: str | None = None

    @property
    def writer(self) -> legacy_json.Layout | legacy_markdown.Template:
        """What tells leftovers and writes rows in this form."""
        return writer_of(self.kind, self.form)


def writer_of(
    kind: LegacyKind, form: Mapping[str, Json]
) -> legacy_json.Layout | legacy_markdown.Template:
    """Return what writes rows in a form."""
    if kind is LegacyKind.JSON:
        return legacy_json.Layout(form)
    return legacy_markdown.Template(form)


def write(kind: LegacyKind, form: Mapping[str, Json], rows: Iterable[Row]) -> bytes:
    """Return the file that a form and its rows give."""
    return writer_of(kind, form).write(rows)


def read_json(body: bytes, value: Json) -> LegacyDocument | None:
    """Return the document whose JSON is ``value``; None where it holds no entries."""
    found = legacy_json.read(body, value)
    if found is None:
        return None
    url, title = legacy_json.header_of(found.form)
    records = doubted(map(record_of, found.records))
    return LegacyDocument(
        kind=LegacyKind.JSON, body=body, form=found.form, records=records, url=url, title=title
    )


def read_markdown(body: bytes) -> LegacyDocument | None:
    """Return a day's Markdown; None where it isn't the old archive's."""
    try:
        text, doubts = body.decode(), frozenset[Doubt]()
    except UnicodeDecodeError:
        text, doubts = body.decode("utf-8", "replace"), frozenset({Doubt.RECODED})
    found = legacy_markdown.read(text)
    if found is None:  # as an editor or a checkout may have left it
        found = legacy_markdown.read(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if found is None:
        return None
    language = tag_of(found.language)
    records = [_of_markdown(values, found.url, language, doubts) for values in found.records]
    return LegacyDocument(
        kind=LegacyKind.MARKDOWN,
        body=body,
        form=found.form,
        records=doubted(records),
        url=found.url,
        title=found.title,
        language=found.language,
    )


def _of_markdown(
    values: Mapping[str, Json], url: str | None, language: str | None, doubts: frozenset[Doubt]
) -> LegacyRecord:
    feed = values["feed"]
    is_named = isinstance(feed, str) and feed not in {legacy_markdown.SLIP, "", "None"}
    source: Json = feed if is_named else url
    told = {key: value for key, value in values.items() if (key, value) != ("user", "None")}
    record = record_of({**told, "source": source}, doubts=doubts)
    content = replace(record.content, language=language)
    return replace(record, values=values, content=content)


def with_tags_of(document: LegacyDocument, markdown: LegacyDocument) -> LegacyDocument:
    """Return a JSON document with the tags that stand only in the Markdown of the same day."""
    tags = {
        record.content.permalink: found
        for record in markdown.records
        if isinstance(found := legacy_of(record.content).get("tags"), list)
    }
    if not tags:
        return document
    records = tuple(_tagged(record, tags) for record in document.records)
    return replace(document, records=records)


def _tagged(record: LegacyRecord, tags: Mapping[str | None, list[Json]]) -> LegacyRecord:
    found = tags.get(record.content.permalink)
    legacy = legacy_of(record.content)
    if not found or "tags" in legacy:
        return record
    extras = {**record.content.extras, "legacy": {**legacy, "tags": found}}
    return replace(record, content=replace(record.content, extras=extras))


def paired(markdown: LegacyDocument, document: LegacyDocument) -> list[LegacyRecord | None]:
    """Return for each row of the Markdown the JSON's record it shows; None: another wording.

    The same link with the same words, ends of lines aside, is the same wording.
    """
    by_words: dict[tuple[str | None, str, str], LegacyRecord] = {}
    for record in document.records:
        by_words.setdefault(_words(record.content), record)
    return [by_words.get(_words(record.content)) for record in markdown.records]


def _words(content: Content) -> tuple[str | None, str, str]:
    return (
        content.permalink,
        _printed(content.title),
        _printed(content.summary),
    )


def _printed(text: str | None) -> str:
    return "" if text is None or text == "None" else text.strip()


def is_storable(leftovers: Sequence[Mapping[str, Json]]) -> bool:
    """Tell whether every text in these rows can be stored as it is."""
    return all(_is_storable(value) for leftover in leftovers for value in leftover.values())


def _is_storable(value: Json) -> bool:
    match value:
        case str():
            return value.isascii() or storable(value) == value
        case list():
            return all(map(_is_storable, value))
        case dict():
            return all(map(_is_storable, value.values()))
        case _:
            return True
