"""Take an entry out of the archive: sealed (withheld) or gone for ever (erased)."""

from newsreel.app.clock import Clock
from newsreel.app.export import ExportAccount, Notify, Roots, export_days, silent
from newsreel.errors import UsageError
from newsreel.model.poll import Tombstone
from newsreel.store.protocols import Store


async def withdraw(
    store: Store,
    roots: Roots,
    public_id: str,
    kind: Tombstone,
    *,
    reason: str,
    clock: Clock,
    notify: Notify = silent,
) -> ExportAccount:
    """Take the entry out of the database, then write the days that changed; return what was done.

    Raises :class:`~newsreel.errors.UsageError` where there is no such entry.
    """
    if not await store.tombstone(public_id, kind, reason=reason, now=clock()):
        raise UsageError(
            f"no such entry: {public_id!r}",
            hint="'newsreel show FEED' lists entries with their ids",
        )
    return await export_days(store, roots, clock=clock, notify=notify)
