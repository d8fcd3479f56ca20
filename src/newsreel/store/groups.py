"""Writes in groups: a thread that stores together what is queued, and answers when it is stored.

Theory of operation. Every write is a function of a connection. The writer takes all that are
queued and has them stored in one transaction; only after its commit do their callers go on. If one
of them fails, nothing of the group is stored, and each is run again in a transaction of its own,
so that a failure stays its caller's. Functions must therefore be repeatable: they change nothing
but the database.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from newsreel.errors import StoreBusy

GROUP_SIZE = 256
C = TypeVar("C")
T = TypeVar("T")


@dataclass(slots=True)
class Job(Generic[C]):
    """A write on its way: what it does, who waits for it, and what came of it."""

    work: Callable[[C], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None


class Groups(Generic[C]):
    """A thread that writes in groups; ``store`` runs jobs in one transaction and sets results.

    What ``store`` raises goes to the callers; nothing may be stored then.
    """

    def __init__(self, store: Callable[[Sequence[Job[C]]], None]) -> None:
        self._store = store
        self._jobs: queue.SimpleQueue[Job[C] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="newsreel-write", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[C], T]) -> T:
        """Run ``work`` in the next transaction and return after its commit."""
        loop = asyncio.get_running_loop()
        job = Job(work, loop, loop.create_future())
        self._jobs.put(job)
        return await job.future  # type: ignore[no-any-return]

    def close(self) -> None:
        """Finish what is queued."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            jobs = []
            job = self._jobs.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) >= GROUP_SIZE or self._jobs.empty():
                    break
                job = self._jobs.get()
            is_open = job is not None
            if jobs:
                self._store_group(jobs)
                _answer(jobs)

    def _store_group(self, jobs: list[Job[C]]) -> None:
        try:
            self._store(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to its caller
            if len(jobs) == 1 or isinstance(error, StoreBusy):  # no use in waiting for each
                for job in jobs:
                    job.error = error
                return
            for job in jobs:
                self._store_group([job])


def _answer(jobs: Sequence[Job[C]]) -> None:
    """Wake the callers, once for each event loop."""

    def wake(group: Sequence[Job[C]]) -> None:
        for job in group:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    loops = {id(job.loop): job.loop for job in jobs}
    for key, loop in loops.items():
        with suppress(RuntimeError):  # the loop was closed, and nobody waits any more
            loop.call_soon_threadsafe(wake, [job for job in jobs if id(job.loop) == key])
