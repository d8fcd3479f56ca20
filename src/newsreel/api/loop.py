"""An event loop that runs beside the caller."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from newsreel.errors import UsageError

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.is_open = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="newsreel-api", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns."""
        if not self.is_open:
            work.close()
            raise UsageError("the archive is closed", hint="open it again with newsreel.open()")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def close(self) -> None:
        """End the thread, and those that it began."""
        self.run(self._loop.shutdown_default_executor())
        self.is_open = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
