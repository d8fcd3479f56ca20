"""Blocking calls with a limit, each in a thread of its own that is left behind where it hangs.

A call into a network mount that hangs can't be ended. The event loop's own threads are no place
for it: they are few, and the interpreter waits for them when it ends.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from threading import Thread
from typing import TypeVar

MOST_HANGING = 16
"""Threads that may be left behind; while they all hang, nothing else is tried."""

R = TypeVar("R")
_hanging: dict[str, Thread] = {}


async def done_within(limit: timedelta, call: Callable[[], R], *, name: str) -> R:
    """Return what a call returns, and raise what it raises.

    Raises:
        TimeoutError: it took longer, or it was not made because an earlier one of that ``name``
            has not come back yet, or too many others have not.
    """
    for other in [other for other, thread in _hanging.items() if not thread.is_alive()]:
        del _hanging[other]
    if name in _hanging or len(_hanging) >= MOST_HANGING:
        raise TimeoutError("an earlier attempt still hangs")
    result: Future[R] = Future()
    thread = Thread(target=_run, args=(call, result), name="newsreel-blocking", daemon=True)
    waited_for = asyncio.wrap_future(result)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            thread.start()
            return await waited_for
    except TimeoutError:
        if not waited_for.cancelled():  # the call's own
            raise
        raise TimeoutError(f"not done within {limit.total_seconds():g} s") from None
    finally:
        if waited_for.cancelled():
            _hanging[name] = thread


def _run(call: Callable[[], R], result: Future[R]) -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        found = call()
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        result.set_exception(error)
    else:
        result.set_result(found)
