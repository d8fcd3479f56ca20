"""The old archive's files, understood: what stands in them, and in which of its text forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from newsreel.model.entry import Content, Json
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes


class LegacyKind(StrEnum):
    """What a legacy file was written as."""

    JSON = "json"
    MARKDOWN = "md"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyFile:
    """One imported file: where it stood, and its text form.

    ``name`` is without ``_entries.*``. ``form`` is a small object of named choices (container,
    key order, indent, template, header values): enough to write the file again from its rows,
    never serialised output.
    """

    day: date
    name: str
    kind: LegacyKind
    form: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyRow:
    """One record of an imported file: which wording (``digest``) of which entry.

    ``leftover`` is what no field of ours holds. Rows stand in the order of the file.
    """

    feed_id: int
    identity: str
    digest: bytes
    leftover: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLegacyRow:
    """A record of an imported file, read back: the wording it showed, and what is left over."""

    feed: Feed
    content: Content
    leftover: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanges:
    """What an import changes in one feed; ``title`` is what it was called on the file's day."""

    feed: Feed
    title: str | None = None
    changes: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One file of an import with all its consequences: what one transaction stores.

    ``file`` is None where its text form can't be kept (or there is none, as in a rebuild).
    """

    groups: tuple[FeedChanges, ...]
    file: LegacyFile | None = None
    rows: tuple[LegacyRow, ...] = ()
