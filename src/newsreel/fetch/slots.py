"""How many exchanges go on at once.

Slots keep the quick ones from crowding each other out. One that is still waiting after ``SLOW``
makes room: a hundred hosts that never answer must not hold up the thousand that do.
"""

import asyncio
from types import TracebackType

SLOW = 2.0
"""Seconds."""


class Slots:
    """So many exchanges at once, those that take long not counted: ``async with slots.one()``."""

    def __init__(self, count: int) -> None:
        self._semaphore = asyncio.Semaphore(count)

    def one(self) -> "Slot":
        """Return a slot to wait for."""
        return Slot(self._semaphore)


class Slot:
    """One slot, given back at the end or after ``SLOW``, whatever is sooner."""

    __slots__ = ("_semaphore", "_timer")

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self._semaphore = semaphore
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        await self._semaphore.acquire()
        self._timer = asyncio.get_running_loop().call_later(SLOW, self._give)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._give()

    def _give(self) -> None:
        self._timer = None
        self._semaphore.release()
