"""An old capture read again: what today's parser finds that the one of that day did not.

Entries that it missed are new, with the capture's time as their first sight. A stored wording that
came from this very capture and reads otherwise today is a reread. Nothing here is a publisher's
edit, but for the later wordings of entries that were missed.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from newsreel.core.revise import revise
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, Known, NewRevision, Reread


def reread(
    feed: Feed,
    sightings: Iterable[Sighting],
    known: Known,
    *,
    seen_at: datetime,
    missed: Collection[str] = (),
) -> Changes:
    """Return what a capture adds, read today.

    ``feed.last_ok_at`` is the last poll before it, ``missed`` the identities of the entries that
    earlier captures have brought to light.
    """
    changes = revise(feed, sightings, known, seen_at=seen_at)
    newest = {
        entry.entry_id: entry
        for entry in (*known.by_identity.values(), *known.by_permalink.values())
    }
    rereads = [
        replace(found, seen_at=seen_at)
        for found in changes.rereads
        if newest[found.entry_id].seen_at == seen_at
    ]
    revised: list[NewRevision] = []
    for found in changes.revised:
        entry = newest[found.entry_id]
        if entry.seen_at == seen_at:
            rereads.append(
                Reread(
                    entry_id=entry.entry_id,
                    number=entry.number,
                    reread=entry.reread + 1,
                    sighting=found.sighting,
                    seen_at=seen_at,
                    is_same=False,
                )
            )
        elif found.sighting.identity in missed and entry.seen_at < seen_at:
            revised.append(found)
    return Changes(new=changes.new, revised=tuple(revised), rereads=tuple(rereads))
