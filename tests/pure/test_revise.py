"""What is known + what was seen → what changes: the laws, over all that feeds get up to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from archive_values import feed_named
from newsreel.core.normalize import DIGEST_VERSION, public_id_of, sighting_of, sightings_of
from newsreel.core.revise import IMPORT_PARSER, revise, revise_import
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, FeedFormat, ParsedEntry, ParsedFeed, Sighting
from newsreel.model.feed import IdentityPolicy
from newsreel.model.poll import Changes, Known, KnownEntry

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
FEED = feed_named()
LINKS = [None, "https://a.example/1", "https://a.example/2", "https://a.example/3"]
GUIDS = [None, "one", "two", "three", "https://a.example/1", "https://a.example/2"]

parsed_entries = st.builds(
    ParsedEntry,
    guid=st.sampled_from(GUIDS),
    link=st.sampled_from(LINKS),
    title=st.sampled_from(["A", "B"]),
    published=st.sampled_from([None, "Mon, 05 Jan 2026 10:00:00 GMT"]),
)
parsed_feeds = st.builds(
    ParsedFeed,
    format=st.just(FeedFormat.RSS),
    entries=st.lists(parsed_entries, max_size=6).map(tuple),
)


@dataclass
class Shelf:
    """What a store keeps, as far as revising goes."""

    entries: dict[int, KnownEntry] = field(default_factory=dict)
    public_ids: dict[int, str] = field(default_factory=dict)
    window: tuple[int, ...] = ()

    def known(self, sightings: Sequence[Sighting]) -> Known:
        stored = {entry.identity: entry for entry in self.entries.values()}
        by_public_id = {self.public_ids[key]: entry for key, entry in self.entries.items()}
        former = {
            found.identity: by_public_id[public_id]
            for found in sightings
            if (public_id := public_id_of(FEED.first_url, found.identity)) in by_public_id
        }
        is_by_link = any(
            found.guid and found.identity == found.content.permalink != found.guid
            for found in sightings
        )
        return Known(
            by_identity=former | stored,
            by_permalink={
                entry.content.permalink: entry
                for entry in self.entries.values()
                if entry.content and entry.content.permalink and (entry.guid is None or is_by_link)
            },
            window=self.window,
        )

    def put(self, changes: Changes) -> None:
        added = []
        for new in changes.new:
            entry_id = len(self.entries) + 1
            assert new.public_id not in self.public_ids.values()
            assert new.sighting.identity not in {e.identity for e in self.entries.values()}
            self.public_ids[entry_id] = new.public_id
            self.entries[entry_id] = known_of(new.sighting, entry_id)
            added.append(entry_id)
        for revision in changes.revised:
            former = self.entries[revision.entry_id]
            self.entries[revision.entry_id] = replace(
                former,
                count=revision.number,
                number=revision.number,
                digest=revision.sighting.digest,
                observed=revision.sighting.observed,
                content=revision.sighting.content,
            )
        for seen in changes.observations:
            former = self.entries[seen.entry_id]
            self.entries[seen.entry_id] = replace(former, observed=seen.sighting.observed)
        for adoption in changes.adoptions:
            former = self.entries[adoption.entry_id]
            self.entries[adoption.entry_id] = replace(
                former, identity=adoption.identity, guid=adoption.guid
            )
        self.window = (*added, *changes.seen)


def known_of(sighting: Sighting, entry_id: int = 1, **fields: object) -> KnownEntry:
    entry = KnownEntry(
        entry_id=entry_id,
        identity=sighting.identity,
        guid=sighting.guid,
        count=1,
        number=1,
        reread=0,
        digest=sighting.digest,
        digest_version=DIGEST_VERSION,
        parser_version=PARSER_VERSION,
        observed=sighting.observed,
        seen_at=NOW,
        content=sighting.content,
    )
    return replace(entry, **fields)  # type: ignore[arg-type]


def known(*entries: KnownEntry, **fields: object) -> Known:
    found = Known(by_identity={entry.identity: entry for entry in entries}, by_permalink={})
    return replace(found, **fields)  # type: ignore[arg-type]


def polled(
    shelf: Shelf, parsed: ParsedFeed, policy: IdentityPolicy
) -> tuple[tuple[Sighting, ...], Changes, IdentityPolicy]:
    sightings, policy = sightings_of(parsed, url=FEED.url, fetched_at=NOW, policy=policy)
    changes = revise(FEED, sightings, shelf.known(sightings), seen_at=NOW)
    return sightings, changes, policy


@given(st.lists(parsed_feeds, min_size=1, max_size=4))
def test_revising_the_same_sightings_twice_changes_nothing(feeds: list[ParsedFeed]) -> None:
    shelf, policy = Shelf(), IdentityPolicy.GUID
    for parsed in feeds:
        sightings, changes, policy = polled(shelf, parsed, policy)
        shelf.put(changes)

        again = revise(FEED, sightings, shelf.known(sightings), seen_at=NOW)

        assert again == Changes(unchanged=len(again.seen), seen=again.seen, overlap=again.overlap)
        assert sorted(again.seen) == sorted(shelf.window)


@given(st.lists(parsed_feeds, min_size=1, max_size=4))
def test_nothing_that_was_seen_is_lost(feeds: list[ParsedFeed]) -> None:
    shelf, policy = Shelf(), IdentityPolicy.GUID
    for parsed in feeds:
        sightings, changes, policy = polled(shelf, parsed, policy)
        before = {entry.identity: entry.entry_id for entry in shelf.entries.values()}
        shelf.put(changes)

        stored = {entry.identity: entry for entry in shelf.entries.values()}
        for sighting in sightings:
            if sighting.identity in stored:
                assert stored[sighting.identity].digest == sighting.digest
            else:  # the feed shows an entry a second time, under an identity that it had
                assert public_id_of(FEED.first_url, sighting.identity) in (
                    shelf.public_ids.values()
                )
        assert len(before) <= len(stored)


@given(parsed_feeds, parsed_feeds, st.randoms(use_true_random=False))
def test_the_order_of_a_feed_changes_nothing_but_the_order(
    first: ParsedFeed, second: ParsedFeed, random: object
) -> None:
    shelf = Shelf()
    _, changes, policy = polled(shelf, first, IdentityPolicy.GUID)
    shelf.put(changes)
    sightings, changes, _ = polled(shelf, second, policy)
    shuffled = list(sightings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    other = revise(FEED, shuffled, shelf.known(shuffled), seen_at=NOW)

    assert sorted(other.seen) == sorted(changes.seen)
    assert (other.unchanged, other.overlap) == (changes.unchanged, changes.overlap)
    for name in ("new", "revised", "observations", "adoptions"):
        assert set_of(getattr(other, name)) == set_of(getattr(changes, name))


def set_of(found: Sequence[object]) -> set[str]:
    return {repr(item) for item in found}


def test_an_unknown_entry_is_new_and_was_absent_at_the_last_good_poll() -> None:
    feed = replace(FEED, last_ok_at=NOW - timedelta(hours=1))
    sighting = seen("one")

    changes = revise(feed, [sighting], known(), seen_at=NOW)

    (new,) = changes.new
    assert new.sighting == sighting
    assert (new.first_seen_at, new.absent_at) == (NOW, NOW - timedelta(hours=1))
    assert new.day == NOW.date()
    assert new.public_id == public_id_of(FEED.first_url, "one")
    assert changes.overlap is None


def test_an_edit_is_the_next_revision_after_all_that_there_are() -> None:
    entry = known_of(seen("one", "Before"), count=4, number=2)

    changes = revise(FEED, [seen("one", "After")], known(entry), seen_at=NOW)

    (revision,) = changes.revised
    assert (revision.entry_id, revision.number, revision.is_latest) == (1, 5, True)


def test_a_wording_read_by_another_version_is_never_an_edit() -> None:
    entry = known_of(seen("one", "As it was read"), parser_version=PARSER_VERSION + 1)

    changes = revise(FEED, [seen("one", "As it is read")], known(entry), seen_at=NOW)

    (reread,) = changes.rereads
    assert (reread.number, reread.reread, reread.is_same) == (1, 1, False)
    assert (changes.revised, changes.unchanged) == ((), 1)


def test_a_wording_read_by_other_selectors_is_never_an_edit() -> None:
    entry = known_of(seen("one", "As it was read"))
    feed = replace(FEED, body_digest=b"1", hints={"page_rules": {"entries": "li"}})

    changes = revise(feed, [seen("one", "As it is read")], known(entry), seen_at=NOW)

    assert [found.is_same for found in changes.rereads] == [False]
    assert (changes.revised, changes.unchanged) == ((), 1)


def test_a_title_of_the_old_system_that_differs_was_edited() -> None:
    imported = known_of(seen("one", "Before"), parser_version=IMPORT_PARSER)

    edited = revise(FEED, [seen("one", "After")], known(imported), seen_at=NOW)
    same = revise(FEED, [seen("one", " BEFORE ")], known(imported), seen_at=NOW)

    assert (len(edited.revised), len(edited.rereads)) == (1, 0)
    assert (len(same.revised), len(same.rereads)) == (0, 1)


def test_what_was_erased_is_passed_over() -> None:
    changes = revise(FEED, [seen("one")], known(erased=frozenset({"one"})), seen_at=NOW)

    assert changes == Changes(left_out=1)


def test_overlap_counts_what_stood_in_the_feed_before() -> None:
    entries = [known_of(seen(name), number) for number, name in enumerate(("a", "b", "c"), 1)]

    changes = revise(
        FEED,
        [seen("c"), seen("b"), seen("d")],
        known(*entries, window=(1, 2)),
        seen_at=NOW,
    )

    assert changes.seen == (3, 2)
    assert changes.overlap == 1


def test_an_imported_wording_that_the_entry_ever_had_is_nothing_new() -> None:
    old, newest = seen("one", "Old"), seen("one", "Newest")
    entry = known_of(newest, count=2, wordings=frozenset({old.digest, newest.digest}))

    changes = revise_import(FEED, [(old, NOW), (newest, NOW)], known(entry), day=NOW.date())

    assert changes == Changes(unchanged=2)


def test_one_link_with_two_wordings_in_an_imported_file_is_one_entry_of_two() -> None:
    changes = revise_import(
        FEED,
        [(seen("one", title), NOW) for title in ("A", "B", "A", "C")],
        known(),
        day=NOW.date(),
    )

    assert [new.sighting.content.title for new in changes.new] == ["A"]
    assert [(r.entry_id, r.number, r.sighting.content.title) for r in changes.revised] == [
        (0, 2, "B"),
        (0, 3, "C"),
    ]
    assert changes.unchanged == 1


def seen(identity: str, title: str = "A") -> Sighting:
    return sighting_of(Content(title=title), guid=identity)
