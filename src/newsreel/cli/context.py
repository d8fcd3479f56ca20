"""What every command is given: the settings, and the ways to the store and the network."""

import asyncio
import ctypes
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from newsreel.config import Settings
from newsreel.store import Store, open_store

if TYPE_CHECKING:
    from newsreel.app.captures import Keep
    from newsreel.app.export import ExportAccount
    from newsreel.fetch.client import Client

T = TypeVar("T")


SWITCH_SECONDS = 0.0005
"""A writer that waits its usual 5 ms for each statement keeps the other processes out for long."""
M_MMAP_THRESHOLD = -3  # mallopt(3)
LARGE_BLOCK = 1 << 19


@dataclass(frozen=True, slots=True)
class Context:
    """The settings, and what follows from them."""

    settings: Settings

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a use case to its end; on uvloop, where it is installed.

        Python looks for cycles of garbage rarely then: values by the hundred thousand have none.
        """
        gc.set_threshold(100_000, 20, 50)
        sys.setswitchinterval(SWITCH_SECONDS)
        _return_large_blocks()
        try:
            import uvloop
        except ImportError:
            return asyncio.run(work)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)

    @asynccontextmanager
    async def open_store(self, *, is_reading: bool = False) -> AsyncIterator[Store]:
        """Open the database for the length of a block.

        ``is_reading``: nothing is written, so that it may be the copy that the settings name.
        """
        copy = self.settings.read_db if is_reading else ""
        store = open_store(copy or self.settings.db, is_read_only=bool(copy))
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def client(self, store: Store | None = None) -> AsyncIterator["Client"]:
        """Open the outbound client for the length of a block; on a store's clock, if given."""
        from newsreel.app.clock import utc_now
        from newsreel.fetch.client import Client, FetchPolicy

        chosen = self.settings
        policy = FetchPolicy(
            user_agent=chosen.user_agent,
            contact=chosen.contact,
            allow_private=chosen.allow_private,
            concurrency=chosen.concurrency,
            timeout=chosen.timeout,
            host_gap=chosen.host_gap,
            max_bytes=chosen.max_bytes,
            proxy=chosen.proxy,
        )
        async with Client(policy, clock=store.clock if store else utc_now) as client:
            yield client

    @asynccontextmanager
    async def captures(self, notify: Callable[[str], None]) -> AsyncIterator["Keep"]:
        """Keep raw captures for the length of a block, where the settings say so."""
        from newsreel.app.captures import Captures, nowhere
        from newsreel.app.clock import utc_now

        root, budget = self.settings.captures, self.settings.captures_budget
        if root is None:
            yield nowhere
            return
        captures = Captures(root, budget=budget, clock=utc_now, notify=notify)
        try:
            yield captures.keep
        finally:
            await captures.close()

    async def export(self, store: Store) -> "ExportAccount":
        """Write the days that changed, say what was written, and return it."""
        from newsreel.app.clock import utc_now
        from newsreel.app.export import Roots, export_days
        from newsreel.cli.accounts import told
        from newsreel.cli.listing import note

        roots = Roots(self.settings.archive, self.settings.private_archive)
        account = await export_days(store, roots, clock=utc_now, notify=note)
        if account.written or account.removed:
            note(told(account, roots))
        return account


def _return_large_blocks() -> None:
    """Let large bodies go back to the system as soon as they are let go.

    Once one was freed, glibc keeps blocks of its size, up to 32 MB, for the next.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
