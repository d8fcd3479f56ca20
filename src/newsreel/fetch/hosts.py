"""Politeness towards hosts: one request at a time, a gap between two, none while it said no.

A host that does not want to be asked yet is not waited for: its turn says so, and the caller comes
back later. Who waits for a turn holds no connection slot, so that one busy host delays no other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsreel.core.schedule import host_after
from newsreel.fetch.guard import is_own
from newsreel.fetch.policy import FetchPolicy
from newsreel.model.capture import Capture
from newsreel.model.host import HostState


@dataclass(slots=True)
class _Place:
    """One host, while this process runs. ``free_at`` is on the loop's clock."""

    state: HostState
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0
    visitors: int = 0


@dataclass(slots=True)
class Turn:
    """Leave to ask a host. If ``closed_until`` is set there is none: not before that moment."""

    host: str
    closed_until: datetime | None = None


class HostGate:
    """Lets one request at a time through to each host.

    ``states`` are what is remembered from earlier runs; :meth:`changed` gives what is to be
    remembered, once each.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        clock: Callable[[], datetime],
        states: Iterable[HostState] = (),
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._known = {state.host: state for state in states}
        self._places: dict[str, _Place] = {}
        self._changed: dict[str, HostState] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[Turn]:
        """Wait until the host may be asked, and keep others from it meanwhile."""
        place = self._places.get(host)
        if place is None:
            place = self._places[host] = _Place(self.state(host))
        place.visitors += 1
        try:
            async with place.lock:
                turn = Turn(host, self.closed_until(host))
                if turn.closed_until is None:
                    await self._keep_gap(place)
                try:
                    yield turn
                finally:
                    if turn.closed_until is None:
                        place.free_at = asyncio.get_running_loop().time() + self._gap(host)
        finally:
            place.visitors -= 1
            if not place.visitors and not self._gap(host):
                del self._places[host]  # so that memory does not grow with the number of hosts

    def learn(self, host: str, capture: Capture) -> HostState:
        """Take from an answer how the host wants to be treated from now on."""
        before = self.state(host)
        after = host_after(before, capture, now=self._clock(), least=self._least(host))
        if after != before:
            self._known[host] = self._changed[host] = after
        return after

    def state(self, host: str) -> HostState:
        """Return what is known of a host."""
        return self._known.get(host) or HostState(host)

    def closed_until(self, host: str) -> datetime | None:
        """Return the moment before which the host must not be asked, None if it may be now."""
        until = self.state(host).not_before
        return until if until is not None and until > self._clock() else None

    def changed(self) -> list[HostState]:
        """Return the states that changed since the last call."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    async def _keep_gap(self, place: _Place) -> None:
        wait = place.free_at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    def _gap(self, host: str) -> float:
        return max(self.state(host).gap, self._least(host)).total_seconds()

    def _least(self, host: str) -> timedelta:
        return timedelta() if is_own(host, self._policy.allow_private) else self._policy.host_gap
