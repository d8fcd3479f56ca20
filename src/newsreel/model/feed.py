"""A feed: what is polled, and the state of its polling."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from newsreel.model.capture import Validators
from newsreel.model.entry import NOTHING, Json


class FeedStatus(StrEnum):
    """Whether a feed is polled, and why not."""

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"
    REMOVED = "removed"
    ARCHIVED = "archived"  # came with an import; polled only once it is activated


class IdentityPolicy(IntEnum):
    """What makes an entry's identity in a feed; sticky, so that no entry becomes another."""

    GUID = 1
    LINK = 2  # the feed was seen to use one guid for different articles
    DIGEST = 3  # and one link too, or has neither: each wording is an entry of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """How a feed is asked for, where that differs from the settings.

    ``headers`` are names and values; ``proxy`` is an address; ``user`` and ``password`` are for
    basic authentication (RFC 7617). All of it is secret.
    """

    user_agent: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def has_credential(self) -> bool:
        """Tell whether the publisher is told what others must not know: headers, or a user."""
        return bool(self.headers) or self.user is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """How a page is read as a feed: CSS selectors.

    ``entries`` selects one element for each entry, the others what belongs to it within that
    element; None: found by what pages usually do.
    """

    entries: str
    title: str | None = None
    link: str | None = None
    date: str | None = None
    summary: str | None = None

    @classmethod
    def of(cls, selectors: Mapping[str, object]) -> "PageRules | None":
        """Return the rules of :attr:`selectors`; None where there is none for the entries."""
        names = {one.name for one in fields(cls)} & set(selectors)
        found = {name: css for name in names if isinstance(css := selectors[name], str)}
        return cls(**found) if "entries" in found else None

    @property
    def selectors(self) -> dict[str, str]:
        """The selectors that are given, by name."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: selector for name, selector in named.items() if selector is not None}


AS_SET = RequestOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeed:
    """A feed to be added. What is None is found out at the first poll."""

    url: str
    title: str | None = None
    site_url: str | None = None
    language: str | None = None
    folder: str | None = None
    tags: tuple[str, ...] = ()
    interval: timedelta | None = None
    is_private: bool = False
    is_crawled: bool = False
    status: FeedStatus = FeedStatus.ACTIVE
    request_options: RequestOptions = AS_SET
    page_rules: PageRules | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What is polled, and its polling state.

    ``first_url`` never changes (public ids hang on it); ``file_name`` neither: day files bear it.
    ``title`` is the publisher's, unless the operator gave one (``has_own_title``). ``interval`` is
    the operator's wish, None for the schedule's choice. ``host`` is what politeness counts by.
    ``moved_to`` is an address that permanent redirects named ``moved_count`` times in a row.
    ``hints`` is what its last body, and its rhythm so far, tell the schedule. ``pushed_until`` is
    how long a hub that has kept its word will push what is new.
    """

    id: int
    url: str
    first_url: str
    file_name: str
    host: str
    title: str | None = None
    has_own_title: bool = False
    site_url: str | None = None
    language: str | None = None
    folder: str | None = None
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    is_private: bool = False
    is_crawled: bool = False
    status: FeedStatus = FeedStatus.ACTIVE
    identity_policy: IdentityPolicy = IdentityPolicy.GUID
    interval: timedelta | None = None
    validators: Validators = Validators()
    body_digest: bytes | None = None
    added_at: datetime
    last_poll_at: datetime | None = None
    last_ok_at: datetime | None = None
    last_change_at: datetime | None = None
    next_poll_at: datetime | None = None
    failures: int = 0
    fault: str | None = None
    moved_to: str | None = None
    moved_count: int = 0
    hints: Mapping[str, Json] = field(default_factory=lambda: NOTHING)
    entry_count: int = 0
    request_options: RequestOptions = AS_SET
    page_rules: PageRules | None = None
    last_push_at: datetime | None = None
    pushed_until: datetime | None = None

    @property
    def display_title(self) -> str:
        """The title, else the address without its scheme."""
        return self.title or self.url.partition("://")[2] or self.url

    @property
    def is_read_anew(self) -> bool:
        """Whether it is read by other rules than its last body was."""
        rules = self.page_rules.selectors if self.page_rules is not None else None
        return self.body_digest is not None and self.hints.get("page_rules") != rules
