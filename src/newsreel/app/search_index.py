"""Make the search index: anew, or where entries are not in it yet."""

from collections.abc import Callable

from newsreel.store.protocols import Store

BATCH = 500

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tell nobody."""


async def reindex(store: Store, *, is_anew: bool = False, progress: Progress = silent) -> int:
    """Index what is not indexed yet, in batches between which others write; return how many.

    ``is_anew`` forgets the index first. What is searched meanwhile finds what is there already.
    Whoever stops it may go on later.
    """
    if is_anew or not (await store.index_state()).is_current:
        await store.empty_index()
    total = (await store.index_state()).pending
    done = 0
    while count := await store.index_some(BATCH):
        done += count
        progress(done, max(total, done))
    await store.tidy_index()
    return done
