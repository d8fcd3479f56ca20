"""Polling: in this process, and in others beside it that share nothing but the store.

A worker that dies is replaced: what it held is free at once, and nothing it stored is lost. One
that fails (a full disk, a locked database) ends the round with its error. Workers end when their
pipe to this process is closed, however that comes about.
"""

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from newsreel.cli.context import Context
from newsreel.cli.tally import Told, told_of
from newsreel.config import Settings
from newsreel.errors import NewsreelError
from newsreel.store import Store

if TYPE_CHECKING:
    from newsreel.app.poll import Wanted
    from newsreel.model.poll import Poll

MOST_DEATHS = 3
"""In a row, without a single poll."""

Tell = Callable[[str], None]
See = Callable[["Poll"], None]


def nobody(poll: "Poll") -> None:
    """Look at a poll, and do nothing."""


async def polls(
    context: Context, store: Store, wanted: "Wanted", *, tell: Tell, see: See = nobody
) -> AsyncGenerator[Told, None]:
    """Poll what is wanted with as many workers as the settings say; yield what each poll brought.

    ``see`` is shown each poll in the process that made it, and ``tell`` is told there what went
    amiss beside polling: both must be functions of a module.
    """
    if context.settings.workers == 1:
        async with aclosing(_own_polls(context, store, wanted, tell, see)) as own:
            async for told in own:
                yield told
        return
    mark = await store.poll_mark()
    task = _Task(context.settings, replace(wanted, since=mark, stop=None), wanted.stop is not None)
    workers = _Workers(task, tell, see)
    workers.start(context.settings.workers - 1)
    workers.join(_own_polls(context, store, replace(wanted, since=mark), tell, see))
    stopping = asyncio.create_task(workers.stop_after(wanted.stop)) if wanted.stop else None
    try:
        while (done := await workers.next()) is not None:
            yield done
    finally:
        if stopping is not None:
            stopping.cancel()
        await workers.close()


async def _own_polls(
    context: Context, store: Store, wanted: "Wanted", tell: Tell, see: See
) -> AsyncGenerator[Told, None]:
    from newsreel.app.poll import poll_feeds

    async with (
        context.client(store) as client,
        context.captures(tell) as keep,
        aclosing(poll_feeds(store, client, clock=store.clock, wanted=wanted, keep=keep)) as polls,
    ):
        async for poll in polls:
            see(poll)
            yield told_of(poll)


@dataclass(frozen=True, slots=True)
class _Task:
    """What workers are to do; ``is_service``: until they are told to stop."""

    settings: Settings
    wanted: "Wanted"
    is_service: bool


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection


class _Workers:
    """This process and its workers, and what they have told."""

    def __init__(self, task: _Task, tell: Tell, see: See) -> None:
        self._task, self._tell, self._see = task, tell, see
        self._loop = asyncio.get_running_loop()
        self._own: asyncio.Task[None] | None = None
        self._workers: set[_Worker] = set()
        self._told: asyncio.Queue[Told | Exception | None] = asyncio.Queue()
        self._deaths = 0
        self._is_closing = False

    def start(self, count: int) -> None:
        """Start so many more."""
        spawning = multiprocessing.get_context("spawn")
        for _ in range(count):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(
                target=work, args=(self._task, theirs, self._tell, self._see), daemon=True
            )
            process.start()
            theirs.close()
            worker = _Worker(process, ours)
            self._workers.add(worker)
            threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def join(self, polls: AsyncGenerator[Told, None]) -> None:
        """Poll in this process too."""
        self._own = asyncio.create_task(self._poll(polls))

    async def _poll(self, polls: AsyncGenerator[Told, None]) -> None:
        try:
            async with aclosing(polls):
                async for told in polls:
                    self._told.put_nowait(told)
        except Exception as error:  # noqa: BLE001 - raised where the polls are waited for
            self._told.put_nowait(error)
        finally:
            self._own = None
            self._told.put_nowait(None)

    async def next(self) -> Told | None:
        """Wait for a poll; None once all workers are done.

        Raises what a worker did.
        """
        while (told := await self._told.get()) is None:
            if self._own is None and not self._workers:
                return None
        if isinstance(told, Exception):
            raise told
        return told

    async def stop_after(self, stop: asyncio.Event) -> None:
        """Tell the workers to stop once that is wanted."""
        await stop.wait()
        self._stop()

    async def close(self) -> None:
        """Let the workers end, and wait for it."""
        self._stop()
        if self._own is not None:
            self._own.cancel()
        while self._own or self._workers:
            await self._told.get()

    def _stop(self) -> None:
        self._is_closing = True
        for worker in self._workers:
            with suppress(OSError):
                worker.pipe.send(None)

    def _listen(self, worker: _Worker) -> None:
        """Hand on what a worker tells, in a thread of its own."""
        with suppress(EOFError, OSError):
            while True:
                self._hand_on(self._take, worker.pipe.recv())
        worker.process.join()
        worker.pipe.close()
        self._hand_on(self._mourn, worker)

    def _hand_on(self, take: Callable[[Any], None], value: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(take, value)

    def _take(self, told: Told | NewsreelError) -> None:
        self._deaths = 0
        self._told.put_nowait(told)

    def _mourn(self, worker: _Worker) -> None:
        """Replace a worker that was killed, unless all of them are."""
        self._workers.remove(worker)
        exit_code = worker.process.exitcode or 0
        if self._is_closing or exit_code == 0:
            self._told.put_nowait(None)
            return
        how = _name_of(exit_code)
        self._deaths += 1
        if exit_code > 0 or self._deaths > MOST_DEATHS:
            error = f"a worker ended before its work was done: {how}"
            hint = "poll with --workers 1 to see why; what was stored is safe"
            self._told.put_nowait(NewsreelError(error, hint=hint))
            return
        self._tell(f"a worker died ({how}); another takes its place")
        self.start(1)


def _name_of(exit_code: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"


def work(task: _Task, pipe: Connection, tell: Tell, see: See) -> None:
    """Poll in a process of its own, and tell the one at the other end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    try:
        is_terminated = Context(task.settings).run(_work(task, pipe, tell, see))
        if is_terminated:  # what ended us is told, now that all is stored
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
    except NewsreelError as error:
        with suppress(OSError):
            pipe.send(error)
    except BrokenPipeError:
        return


async def _work(task: _Task, pipe: Connection, tell: Tell, see: See) -> bool:
    """Poll until the work is done or ends; return whether SIGTERM ended it."""
    stop, this, loop = asyncio.Event(), asyncio.current_task(), asyncio.get_running_loop()
    assert this is not None
    end = stop.set if task.is_service else this.cancel
    threading.Thread(target=_hear, args=(pipe, loop, end), daemon=True).start()
    terminated = asyncio.Event()

    def terminate() -> None:
        terminated.set()
        end()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    wanted = replace(task.wanted, stop=stop) if task.is_service else task.wanted
    context = Context(task.settings)
    with suppress(asyncio.CancelledError):
        async with (
            context.open_store() as store,
            aclosing(_own_polls(context, store, wanted, tell, see)) as polls,
        ):
            async for told in polls:
                pipe.send(told)
    return terminated.is_set()


def _hear(pipe: Connection, loop: asyncio.AbstractEventLoop, end: Callable[[], object]) -> None:
    """End the work once that is asked for, or whoever might ask is gone."""
    with suppress(EOFError, OSError):
        pipe.recv()
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(end)
