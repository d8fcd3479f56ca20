"""What a poll or an import changes, written in one transaction with it.

Theory of operation. What was worked out before the transaction began may be old by now, so it is
looked at again, under locks that last until the commit: a save holds its feed's row of
``feed_state``, and so does who erases or withholds an entry of the feed; who brings tombstones
back locks their table, which every save that adds something has locked the other way.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

from newsreel.core.searchable import Searchable, searchable_of
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes
from newsreel.store.postgres.additions import note_added
from newsreel.store.postgres.change_writer import ChangeWriter
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.search_index import index_entries, index_new

NOTHING_READ: Mapping[str, Searchable] = MappingProxyType({})


def searchable_in(feed: Feed, changes: Changes) -> dict[str, Searchable]:
    """Return what is searched of new entries: it takes longer to find out than to store."""
    return {
        new.sighting.identity: searchable_of(
            new.sighting.content, url=feed.url, language=feed.language
        )
        for new in changes.new
    }


def save_changes(
    connection: Connection,
    feed: Feed,
    changes: Changes,
    *,
    capture: bytes | None,
    is_import: bool = False,
    is_poll: bool = True,
    is_push: bool = False,
    searchable: Mapping[str, Searchable] = NOTHING_READ,
) -> None:
    """Write what changed; ``searchable`` is what is searched of new entries, by identity.

    The caller has locked the feed's row of ``feed_state``. A poll leaves a new window and makes
    days dirty; an import does neither, a capture that is read again (``is_poll`` False) leaves the
    window alone, and what is new in a push joins it.
    """
    added: list[int] = []
    if changes.is_any:
        writer = ChangeWriter(connection, feed, capture, is_import=is_import)
        writer.look_up(changes)
        for revision in changes.revised:
            writer.revise(revision)
        for reread in changes.rereads:
            writer.reread(reread)
        for observation in changes.observations:
            writer.observe(observation.entry_id, observation.sighting)
        writer.write(changes.adoptions)
        index_new(connection, writer.found(searchable))
        index_entries(connection, {*writer.ids.values(), *writer.reworded} - writer.indexed)
        added = list(writer.ids.values())
        if not is_import:
            writer.mark()
    window = None
    if is_poll and not is_import:  # of a push, what it does not name may have left long ago
        window = [*added, *(_window(connection, feed) if is_push else changes.seen)]
    note_added(connection, feed.id, len(added), window=window)


def _window(connection: Connection, feed: Feed) -> list[int]:
    query = 'SELECT "window" FROM feed_state WHERE feed_id = %s'
    row = connection.execute(query, (feed.id,)).fetchone()
    return json.loads(row[0]) if row else []
